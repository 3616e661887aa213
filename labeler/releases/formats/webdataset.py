"""WebDataset: a zip of tar shards, shards/<split>-000000.tar, each sample a picture, its class and what is known of it.

A sample's key is the image's id, 000000000042, because everything behind the first dot of a name is its extension: .jpg
(or what the picture is), .cls with the class's index in classes.json, .json with names, state, source and metadata. In
projects of several classes there is no .cls; labels in .json is a list, [] a verified none. Only images with an answer
are samples, and one by a model's word alone has "source": "model"; left_out.csv names the others by where they stand.
With every judgement those are in .json too, with shares the shares of the votes. Where people draw there is no .cls,
and .json has `objects` as in REST, where they lie in the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import NotPossibleNow
from labeler.intake.formats.cells import timestamp
from labeler.releases.contents import Contents, Object
from labeler.releases.data_set import ALL, CONSENSUS, SOFT, DataSet
from labeler.releases.formats import class_folders, drawings
from labeler.releases.formats.answers import answer_of, image_marks, judgements_of, objects_of, split_of
from labeler.releases.formats.archives import TAR_END, ZipOut, compact_json, tar_member
from labeler.releases.formats.pictures import Preparing, pictures_of
from labeler.releases.places import public_metadata

FILE = ("application/zip", "zip")
TITLE = gettext_lazy("WebDataset")
TEXT = gettext_lazy("Tar shards with picture, class index and JSON of each image, for streaming into a training.")
IMAGES = (True,)
READINGS = (CONSENSUS, ALL, SOFT)
SHARD_BYTES = 1_000_000_000


def check(data: DataSet) -> None:
    """Raises NotPossibleNow where no image has an answer."""
    if data.draws:
        drawings.check_in_columns(data, TITLE)
    if not data.has_outcomes:
        raise NotPossibleNow(_("No image is labeled yet, so there would be no sample."))


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: one picture in memory at a time. One pass over the rows for each split."""
    archive = ZipOut()
    preparing = Preparing(data)
    place = {one.name: number for number, one in enumerate(data.classes)}
    missing: list[dict[str, object]] = []
    with data.held(), class_folders.LeftOut() as left_out:
        splits = sorted({split_of(contents, data) for contents in data.rows()})
        for split in splits:
            samples = _samples(data, split, place, left_out, missing, preparing)
            for number, pieces in enumerate(_shards(samples)):
                yield from archive.add_pieces(f"shards/{split or 'train'}-{number:06}.tar", pieces)
        classes = [{"index": place[one.name], "class": one.name} for one in data.classes]
        listed = {"classes": classes, "missing_files": missing}
        yield from class_folders.end(archive, listed, left_out, preparing)


def _shards(samples: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """Tars of whole samples, each until it is large enough: read one to its end before the next."""
    following = next(samples, None)

    def pieces() -> Iterator[bytes]:
        nonlocal following
        size = 0
        while following is not None and (not size or size + len(following) <= SHARD_BYTES):
            yield following
            size += len(following)
            following = next(samples, None)
        yield TAR_END

    while following is not None:
        yield pieces()


def _samples(
    data: DataSet, split: str, place: dict[str, int], left_out: class_folders.LeftOut, missing: list[dict[str, object]],
    preparing: Preparing,
) -> Iterator[bytes]:  # fmt: skip
    for contents in data.rows():
        if split_of(contents, data) != split:
            continue
        said = answer_of(contents)
        if said.names is None and not (data.wanted.labels == ALL and judgements_of(contents)):
            left_out.leave(contents)
            continue
        about = compact_json(_about(contents, data)).encode()
        n = 0
        for picture in pictures_of(contents, data):
            key = f"{contents.image.pk:012}" + (f"-copy{n}" if n else "")
            sample = tar_member(f"{key}.{picture.name.rpartition('.')[2]}", picture.content)
            if not data.is_multi and not data.draws and said.names and said.names[0] in place:
                sample += tar_member(f"{key}.cls", str(place[said.names[0]]).encode())
            yield sample + tar_member(f"{key}.json", about)
            preparing.add(key, picture, "|".join(said.names or ()), contents.split)
            n += 1
        if not n:
            missing.append({"image": contents.image.pk, "file_name": contents.image.name})


def _about(contents: Contents, data: DataSet) -> dict[str, Any]:
    image, said = contents.image, answer_of(contents)
    about: dict[str, Any] = {
        "image_id": image.pk, "file_name": image.name, "sha256": image.sha256, "width": image.width,
        "height": image.height, "source": said.source, "model": said.model, "confidence": said.confidence,
        "metadata": public_metadata(image.metadata, location=data.wanted.location),
    }  # fmt: skip
    about |= image_marks(contents, data)
    place = drawings.place_of(contents, data, pictures=True) if data.draws else None

    def lying(objects: tuple[Object, ...] | None) -> list[dict[str, Any]] | None:
        """Where they lie in the picture."""
        if objects is None or place is None:
            return objects_of(objects)
        return objects_of(drawings.in_place(objects, contents, data, place))

    if data.draws:
        about["objects"] = lying(contents.objects)
    else:
        about |= {"labels": said.names} if data.is_multi else {"label": said.names[0] if said.names else None}
    if place is not None:
        about |= {"width": place.width, "height": place.height}
    if data.wanted.labels == ALL:
        about["annotations"] = [
            {"annotator": one.annotator, "answer": one.answer,
             **({"objects": lying(one.objects)} if data.draws else {"labels": one.categories}),
             "created_at": timestamp(one.created_at)}
            for one in judgements_of(contents)
        ]  # fmt: skip
    return about
