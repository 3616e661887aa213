"""What the formats of drawn objects share: whose objects a file has of an image, and where they lie in its picture.

A drawing is one answer: the outcome, or with `labels: "all"` one person's of the image's present round. Images that
nobody answered, or that have no outcome, have none; an answer that nothing is there has a drawing without objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.geometry.shapes import bounds_of
from labeler.models.label import Answer
from labeler.releases.contents import Contents, Object
from labeler.releases.data_set import ALL, SOFT, DataSet
from labeler.releases.formats.answers import objects_of, votes_of
from labeler.releases.formats.archives import compact_json
from labeler.releases.formats.pictures import Folders, file_name, picture_of
from labeler.releases.moved import moved


class Drawing(NamedTuple):
    """One answer. annotator: "" for the outcome. label: its id, None for the outcome."""

    annotator: str
    label: int | None
    objects: tuple[Object, ...]


class Place(NamedTuple):
    """The file of an image in a data set: its name, its size in px, and its bytes, where pictures go with it."""

    name: str
    width: int
    height: int
    content: bytes | None


def check(data: DataSet, title: str | Promise) -> None:
    """Raises NotPossibleNow where answers are classes, where there is none, and for copies of pictures."""
    if not data.draws:
        raise NotPossibleNow(
            _("%(format)s holds drawn objects, and the answers here are classes. Take csv, jsonl or imagefolder.")
            % {"format": title}
        )
    if not data.has_outcomes:
        raise NotPossibleNow(_("No image is labeled yet, so there would be no objects."))
    if data.wanted.preparation.copies or data.wanted.preparation.sampling:
        raise NotPossibleNow(
            _("Copies are turned by chance, and lists are drawn by class: neither goes along with drawn objects.")
        )


def check_in_columns(data: DataSet, title: str | Promise) -> None:
    """check(), for formats that hold classes too. Raises NotPossibleNow for shares of the votes."""
    check(data, title)
    if data.wanted.labels == SOFT:
        raise NotPossibleNow(_("Drawn objects have no shares of votes. Take the outcome, or every judgement."))


def drawings_of(contents: Contents, data: DataSet) -> list[Drawing]:
    """The answers of an image that a file of this data set has."""
    if data.wanted.labels == ALL:
        return [
            Drawing(vote.annotator, vote.id, vote.objects)
            for vote in votes_of(contents)
            if vote.answer == Answer.LABELED and vote.objects is not None
        ]
    return [] if contents.objects is None else [Drawing("", None, contents.objects)]


def place_of(contents: Contents, data: DataSet, *, pictures: bool) -> Place | None:
    """pictures: they go with the file. None where the picture is gone or cannot be read."""
    image = contents.image
    if not pictures:
        return Place(image.name, image.width, image.height, None)
    found = picture_of(contents, data)
    return found and Place(found.name, found.width, found.height, found.content)


def answered(data: DataSet, *, pictures: bool) -> Iterator[tuple[Contents, list[Drawing], Place]]:
    """Each image of a data set that has an answer and, where pictures go along, a picture that can be read."""
    for contents in data.rows():
        drawn = drawings_of(contents, data)
        if drawn and (place := place_of(contents, data, pictures=pictures)) is not None:
            yield contents, drawn, place


def in_place(objects: tuple[Object, ...], contents: Contents, data: DataSet, place: Place) -> list[Object]:
    """The objects where they lie in the picture that goes out; what was cut away is missing."""
    if place.content is None:
        return list(objects)
    return list(moved(objects, contents.image.width, contents.image.height, data.wanted.preparation))


def in_columns(objects: Sequence[Object] | None, index: Mapping[str, int]) -> dict[str, list[Any]] | None:
    """Objects as `datasets` has them, one list for each column: bbox [x, y, width, height], categories by their index.

    details has each object whole, as JSON: its outline or mask, attributes, how many drew it. None without an answer.
    """
    found = objects_of(objects)
    if objects is None or found is None:
        return None
    bounds = [bounds_of(one.shape) for one in objects]
    return {
        "bbox": [[b.x0, b.y0, b.x1 - b.x0, b.y1 - b.y0] for b in bounds],
        "categories": [index[one.category] for one in objects],
        "details": [compact_json(one) for one in found],
    }


def stem_of(contents: Contents, place: Place) -> str:
    """What files beside the image are called, without a suffix: as its picture, which makes it unique."""
    return (place.name if place.content is not None else file_name(contents)).rpartition(".")[0]


class People(Folders):
    """A folder for each person, where a file has everybody's answers; "" for the outcome."""

    def prefix(self, drawing: Drawing) -> str:
        return f"{self.folder_of(drawing.annotator)}/" if drawing.label is not None else ""
