"""Masks as PNG, of the size of the picture: a number for each pixel.

Instances: instances/<split>/*.png of 16 bits, 0 is nothing, else the object's number, whose class stands in
objects.csv; where objects lie over each other the later one has the pixel, which notes.txt counts. Semantic:
semantic/<split>/*.png with a palette; classes.txt names 0, 1, 2 … line by line, 255 is void. A mask of zeros (or of
void) says that nothing is there; images without an answer are absent. With all labels each person has a folder with
theirs.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from numpy.typing import NDArray
from PIL import Image as Picture

from labeler.errors import NotPossibleNow
from labeler.geometry import masks
from labeler.intake.formats.cells import csv_line
from labeler.models.project import Task
from labeler.releases.contents import Object
from labeler.releases.data_set import ALL, CONSENSUS, DataSet
from labeler.releases.formats import drawings
from labeler.releases.formats.answers import split_of
from labeler.releases.formats.archives import Notes, ZipOut
from labeler.releases.formats.drawings import Place

FILE = ("application/zip", "zip")
TITLE = gettext_lazy("Mask PNG")
TEXT = gettext_lazy("A PNG for each image with a number for each pixel: of its object, or of its class.")
IMAGES = (True, False)
READINGS = (CONSENSUS, ALL)
VOID = 255


def check(data: DataSet) -> None:
    """Raises NotPossibleNow."""
    drawings.check(data, TITLE)
    if data.task == Task.BOXES:
        raise NotPossibleNow(_("Boxes have no masks. Take COCO, YOLO or Pascal VOC."))
    if data.task == Task.SEMANTIC and len(data.classes) >= VOID:
        raise NotPossibleNow(_("A semantic mask has at most %(most)s classes.") % {"most": VOID - 1})


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: never more than one picture in memory."""
    archive, people = ZipOut(), drawings.People()
    is_semantic = data.task == Task.SEMANTIC
    folder, covered = "semantic" if is_semantic else "instances", 0
    with Notes() as table:
        for contents, drawn, place in drawings.answered(data, pictures=data.wanted.images is not False):
            split = f"{split_of(contents, data)}/".lstrip("/")
            if place.content is not None:
                yield from archive.add(f"images/{split}{place.name}", place.content)
            for one in drawn:
                things = drawings.in_place(one.objects, contents, data, place)
                path = f"{people.prefix(one)}{folder}/{split}{drawings.stem_of(contents, place)}.png"
                if is_semantic:
                    yield from archive.add(path, _semantic(things, place, data))
                    continue
                content, lost = _instances(things, place)
                covered += lost
                yield from archive.add(path, content)
                for number, thing in enumerate(things, start=1):
                    table.add(csv_line((path, number, thing.category, contents.image.pk, one.label)))
        if is_semantic:
            yield from archive.add("classes.txt", "".join(f"{one.name}\n" for one in data.classes))
        else:
            head = csv_line(("file", "number", "category", "image_id", "label_id"))
            yield from archive.add_pieces("objects.csv", chain([head], table.pieces()))
    if covered:
        yield from archive.add("notes.txt", f"pixels of several objects, which the last of them has: {covered:,}\n")
    yield from archive.end()


def _instances(things: list[Object], place: Place) -> tuple[bytes, int]:
    """The PNG, and how many pixels were taken from an earlier object."""
    pixels = np.zeros((place.height, place.width), np.uint16)
    covered = 0
    for number, one in enumerate(things, start=1):
        covered += _paint(pixels, one, place, number, empty=0)
    return _png(Picture.fromarray(pixels)), covered


def _semantic(things: list[Object], place: Place, data: DataSet) -> bytes:
    numbers = {one.name: at for at, one in enumerate(data.classes)}
    empty = numbers.get(data.background, VOID)
    pixels = np.full((place.height, place.width), empty, np.uint8)
    for one in things:
        _paint(pixels, one, place, numbers[one.category], empty=empty)
    picture = Picture.fromarray(pixels, mode="P")
    picture.putpalette(_PALETTE)
    return _png(picture)


def _paint(
    pixels: NDArray[np.uint16] | NDArray[np.uint8], one: Object, place: Place, number: int, *, empty: int
) -> int:
    crop = masks.raster(one.shape, place.width, place.height)
    rows, columns = crop.bits.shape
    window = pixels[crop.y : crop.y + rows, crop.x : crop.x + columns]
    covered = int(((window != empty) & crop.bits).sum())
    window[crop.bits] = number
    return covered


def _png(picture: Picture.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=6)
    return out.getvalue()


def _palette() -> list[int]:
    """The colours of Pascal VOC: the bits of a number, spread over red, green and blue from the highest on."""
    return [
        sum((number >> (3 * shift + colour) & 1) << (7 - shift) for shift in range(8))
        for number in range(256)
        for colour in range(3)
    ]


_PALETTE = _palette()
