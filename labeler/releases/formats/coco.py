"""COCO: one JSON with images, categories and annotations; with pictures a zip of it and images/.

An outline without holes is its rings, of which several mean their union; one with holes, and a mask, is a compressed
run-length code of the whole image. Boxes have an empty segmentation. An image whose answer is that nothing is there has
no annotation; one without an answer is not listed. With all labels each annotation has its annotator and label_id, and
each image the annotators who answered it. Beside the standard: split and state of an image, attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy

from labeler.geometry import codes
from labeler.geometry.shapes import bounds_of
from labeler.releases.contents import Contents, Object
from labeler.releases.data_set import ALL, CONSENSUS, DataSet
from labeler.releases.formats import drawings
from labeler.releases.formats.archives import Notes, ZipOut, compact_json
from labeler.releases.formats.drawings import Drawing, Place
from labeler.releases.moved import area_of

FILE = ("application/json", "json")
WITH_IMAGES = ("application/zip", "zip")
TITLE = gettext_lazy("COCO")
TEXT = gettext_lazy("One JSON with every image and the boxes, outlines or run-length codes on it.")
IMAGES = (False, True)
READINGS = (CONSENSUS, ALL)
check = partial(drawings.check, title=TITLE)


def write(data: DataSet) -> Iterator[bytes]:
    """The document, or the zip, in pieces: one picture in memory at a time."""
    archive = ZipOut()
    with Notes() as images, Notes() as annotations:
        for contents, drawn, place in drawings.answered(data, pictures=bool(data.wanted.images)):
            if place.content is not None:
                yield from archive.add(f"images/{place.name}", place.content)
            _add(images, _image(contents, drawn, data, place))
            for one in drawn:
                for thing in drawings.in_place(one.objects, contents, data, place):
                    _add(annotations, _annotation(annotations.n + 1, thing, one, contents, data, place))
        document = _document(data, images, annotations)
        if not data.wanted.images:
            yield from document
            return
        yield from archive.add_pieces("annotations.json", document)
    yield from archive.end()


def _add(notes: Notes, values: dict[str, Any]) -> None:
    notes.add((",\n" if notes.n else "\n").encode() + compact_json(values).encode())


def _document(data: DataSet, images: Notes, annotations: Notes) -> Iterator[bytes]:
    head = {
        "info": {"description": data.title, **({"version": str(data.release["number"])} if data.release else {})},
        "licenses": [],
        "categories": [{"id": one.id, "name": one.name, "supercategory": ""} for one in data.classes],
    }
    yield compact_json(head)[:-1].encode() + b',"images":['
    yield from images.pieces()
    yield b'\n],"annotations":['
    yield from annotations.pieces()
    yield b"\n]}\n"


def _image(contents: Contents, drawn: list[Drawing], data: DataSet, place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": contents.image.pk, "file_name": place.name, "width": place.width, "height": place.height,
    }  # fmt: skip
    if data.is_split:
        found["split"] = contents.split
    if data.wanted.labels == ALL:
        found["annotators"] = [one.annotator for one in drawn]
    return found


def _annotation(
    number: int, one: Object, drawing: Drawing, contents: Contents, data: DataSet, place: Place
) -> dict[str, Any]:
    ids = {each.name: each.id for each in data.classes}
    x0, y0, x1, y1 = bounds_of(one.shape)
    box = one.shape.get("box") or [x0, y0, x1 - x0, y1 - y0]
    found: dict[str, Any] = {
        "id": number, "image_id": contents.image.pk, "category_id": ids[one.category], "bbox": list(box),
        "area": area_of(one.shape), "segmentation": codes.to_coco(one.shape, place.width, place.height), "iscrowd": 0,
    }  # fmt: skip
    if one.attributes:
        found["attributes"] = one.attributes
    if drawing.label is not None:
        found |= {"annotator": drawing.annotator, "label_id": drawing.label}
    elif one.n is not None:
        found |= {"n": one.n, "asked": one.asked}
    return found
