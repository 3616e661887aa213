"""Projects whose images have files that say where they were taken, with an image in each state there is."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from PIL import Image as Pixels

from labeler import releases
from labeler.intake.outcomes import Added
from labeler.labeling import claims, labels
from labeler.models import Acceptance, Guarantee, Image, Project
from labeler.releases import live
from labeler.releases.contents import Contents
from labeler.releases.data_set import DataSet, Wanted
from labeler.review import adjudication
from tests.helpers.factories import category, make_model, predict
from tests.helpers.importing import add_image
from tests.helpers.scenes import encode, scene

SIDEWAYS = 6
GPS = 0x8825
KINDS = ("agreed", "other", "tied", "unsure", "untouched", "undecidable", "accepted")


def photograph(number: int, image_format: str = "JPEG", orientation: int = SIDEWAYS) -> bytes:
    """A picture that lies on its side, by whom and where it was taken."""
    exif = Pixels.Exif()
    exif[0x0112], exif[0x013B], exif[0x010F] = orientation, "Jane Roe", "Camera works"
    exif.get_ifd(GPS).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    image = scene((64, 48))
    image.paste((number * 37 % 255, number * 91 % 255, 90), (20, 10, 40, 30))
    return encode(image, image_format, exif=exif)


def add_photographs(project: Project, n: int) -> list[Image]:
    """JPEG, PNG and WebP in turn; in folders, so that two have the same last part."""
    found = []
    for number in range(n):
        kind, extension = (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"))[number % 3]
        name = f"{'ab'[number % 2]}/leaf {number // 2}.{extension}"
        outcome = add_image(project=project, name=name, source=photograph(number, kind))
        assert isinstance(outcome, Added)
        found.append(outcome.image)
    return found


def answered(project: Project, people: Any, image: Image, *names: list[str] | None) -> None:
    """One answer of each person in turn: names of classes, or None: cannot tell."""
    for person, named in zip(people, names, strict=False):
        claims.claim(project=project, annotator=person, count=50)
        more = {"categories": named} if named is not None else {"answer": "cannot_tell"}
        labels.save_label(image_id=image.pk, annotator=person, seconds=1.5, **more)


def fill(project: Project, people: Any, reviewer: Any) -> dict[str, Image]:
    """An image of each of KINDS, and in projects of several classes `empty`, a verified none."""
    one, other = ([name] for name in project.categories.order_by("position").values_list("name", flat=True)[:2])
    kinds = (*KINDS, "empty") if project.is_multi else KINDS
    images = dict(zip(kinds, add_photographs(project, len(kinds)), strict=True))
    answered(project, people, images["agreed"], one, one)
    answered(project, people, images["other"], other, other)
    answered(project, people, images["tied"], one, other)
    answered(project, people, images["unsure"], None)
    adjudication.decide(image_id=images["undecidable"].pk, reviewer=reviewer, undecidable=True)
    if project.is_multi:
        answered(project, people, images["empty"], [], [])
        answered(project, people[2:], images["agreed"], one + other)
    run = make_model(project)
    prediction = predict(run, images["accepted"], other[0], 0.9)
    guarantee = Guarantee.objects.create(
        project=project, run=run, precision=0.95, confidence=0.9, audited_share=0.1, thresholds={}
    )
    Acceptance.objects.create(
        guarantee=guarantee, project=project, image=images["accepted"], prediction=prediction, probability=0.9,
        threshold=0.8, categories=[category(project, other[0])], is_audited=False,
    )  # fmt: skip
    return images


def data_set(project: Project, *, split: dict[int, str] | None = None, **wanted: Any) -> DataSet:
    """As of now, with what stands by a model's word; split: by image, as a release deals them out."""
    data = live.data_set(project, Wanted(**{"accepted": True, **wanted}))
    if split is None:
        return data

    def rows() -> Iterator[Contents]:
        for contents in data.rows():
            yield contents._replace(split=split.get(contents.image.pk, ""))

    return dataclasses.replace(data, rows=rows, is_split=True)


def written(data: DataSet, format_: str) -> bytes:
    """The whole file; twice, for the same data set gives the same bytes."""
    once, again = (b"".join(releases.as_file(data, format_).chunks) for _ in range(2))
    assert once == again
    return once


def unzipped(whole: bytes) -> dict[str, bytes]:
    """Members by name. Every date is the same, whenever it was written."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        return {name: archive.read(name) for name in archive.namelist()}


def with_labels(data: DataSet, labels_: str) -> DataSet:
    return replace(data, wanted=replace(data.wanted, labels=labels_))
