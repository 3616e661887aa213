"""Masks as PNG: each pixel has a number, of an object (instances) or of a class (semantic).

Instances: 8 or 16 bits, 0 is nothing. Their classes stand in objects.csv (file, number, category), else the folder
around the file is the class (instances/nucleus/a.png); of a project with one class it is that one. Semantic: 8 bits,
with a palette or grey; classes.txt names 0, 1, 2 … line by line, 255 is void. A mask is about the image of the same
name, without the suffix, and of the same size.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from django.conf import settings
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from PIL import Image as Picture

from labeler.errors import NotPossibleNow
from labeler.geometry import masks
from labeler.intake.check import Refused
from labeler.intake.formats import yolo
from labeler.intake.formats.item import Item, Object, Options, Said
from labeler.intake.formats.values import SPLITS, class_name, split_in_folders, stem_of
from labeler.intake.names import clean_name
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree, each
from labeler.models.project import Task

VOID = 255
FOLDERS = frozenset((
    "masks", "mask", "instances", "semantic", "segmentationobject", "segmentationclass", "annotations", "labels", "gt",
))  # fmt: skip
MOST = 3000  # objects of an image
LARGEST_TABLE = 64 * 2**20


def recognises(tree: Tree, options: Options) -> bool:
    return options.draws and options.task != Task.BOXES and tree.kind != "file" and bool(_masks(tree))


def _masks(tree: Tree) -> list[str]:
    """PNG files below a folder that is called like one of masks."""
    return [name for name in each(tree, ".png") if FOLDERS & set(name.casefold().split("/")[:-1])]


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    """Raises NotPossibleNow where there is no mask, or nothing names the classes of a semantic one."""
    yield from tree.refused
    if not options.draws or options.task == Task.BOXES:
        raise NotPossibleNow(_("Masks are areas: they come into projects of outlines, masks or semantic masks."))
    files = _masks(tree) if tree.kind != "file" else []
    if not files:
        raise NotPossibleNow(_("There is no PNG below a folder called masks, instances or semantic."))
    known = set(files)
    images = {stem_of(name): name for name in tree.images if name not in known}
    reader = _Reader(tree, options)
    about: dict[tuple[str, str | None], list[str]] = {}
    for name in files:
        about.setdefault((stem_of(name), reader.person(name)), []).append(name)
    with_masks = {stem for stem, _person in about}
    for (stem, person), names in about.items():
        image = images.get(stem)
        place: dict[str, Any] = {"name": clean_name(stem), "is_stem": True}
        if image:
            place = {"name": image, "source": partial(tree.read, image)}
        yield reader.item(place, names, person)
    for stem, image in images.items():
        if stem not in with_masks:
            yield Item(image, source=partial(tree.read, image), split=split_in_folders(image))


class _Reader:
    """Reads the masks of one image at a time; knows the classes of numbers."""

    def __init__(self, tree: Tree, options: Options) -> None:
        self.tree, self.options = tree, options
        self.classes = self._classes()
        self.table = self._table()
        if options.task == Task.SEMANTIC and not self.classes:
            raise NotPossibleNow(_("Nothing names the classes: a classes.txt with a line for each number is missing."))

    def _classes(self) -> dict[int, str]:
        lists = [name for name in each(self.tree, ".txt") if name.rpartition("/")[2].lower() in yolo.LISTS]
        if not lists:
            return {}
        with self.tree.open(min(lists, key=lambda name: (name.count("/"), name))) as file:
            text = file.read(LARGEST_TABLE).decode("utf-8-sig", "replace")
        return yolo.names_in(text, is_yaml=False)

    def _table(self) -> dict[tuple[str, int], str]:
        """The class of a number in a file, as objects.csv says."""
        found: dict[tuple[str, int], str] = {}
        for name in each(self.tree, "objects.csv"):
            folder = name[: name.rfind("/") + 1]
            with self.tree.open(name) as file:
                text = file.read(LARGEST_TABLE).decode("utf-8-sig", "replace")
            for row in csv.DictReader(io.StringIO(text)):
                number = (row.get("number") or "").strip()
                if number.isdigit() and row.get("file") and row.get("category"):
                    found[folder + row["file"], int(number)] = class_name(row["category"])
        return found

    def person(self, name: str) -> str | None:
        """Whose folder it is, as our own files have one for each person: zoe/instances/a.png."""
        parts = name.split("/")
        at = next((at for at, part in enumerate(parts[:-1]) if part.casefold() in FOLDERS), 0)
        return parts[at - 1] if self.options.people and at else None

    def item(self, place: dict[str, Any], files: list[str], person: str | None) -> Item | Refusal:
        objects: list[Object] = []
        unusable: list[tuple[int, str]] = []
        size: tuple[int, int] | None = None
        for name in files:
            try:
                pixels = _pixels(self.tree, name)
            except (Refused, ValueError) as error:
                return Refusal(name, str(error))
            height, width = pixels.shape
            if size not in (None, (width, height)):
                return Refusal(name, _("The masks of one image differ in size."))
            size = width, height
            read_ = self._semantic if self.options.task == Task.SEMANTIC else self._instances
            read_(name, pixels, objects, unusable)
        said = (Said(person, (), objects=tuple(objects)),) if objects or not unusable else ()
        return Item(**place, split=split_in_folders(files[0]), judgements=said, unusable=tuple(unusable), size=size)

    def _semantic(
        self, _name: str, pixels: NDArray[np.int64], objects: list[Object], unusable: list[tuple[int, str]]
    ) -> None:
        for value in np.unique(pixels).tolist():
            if value == VOID or (value in self.classes and self.classes[value] == self.options.background):
                continue  # what nobody painted
            number = len(objects) + len(unusable) + 1
            if value not in self.classes:
                text = _("The pixels of value %(value)s have no name in the list of classes.") % {"value": value}
                unusable.append((number, text))
            else:
                objects.append(Object(self.classes[value], masks.encode(pixels == value), number))

    def _instances(
        self, name: str, pixels: NDArray[np.int64], objects: list[Object], unusable: list[tuple[int, str]]
    ) -> None:
        for value, (rows, columns) in _windows(pixels)[:MOST]:
            number = len(objects) + len(unusable) + 1
            category = self.table.get((name, value)) or self._of_folder(name)
            if not category:
                text = _("Nothing names the class of number %(value)s: objects.csv, or a folder.") % {"value": value}
                unusable.append((number, text))
                continue
            bits = pixels[rows, columns] == value
            shape = (
                masks.outline(bits, columns.start, rows.start)
                if self.options.task == Task.POLYGONS
                else masks.encode(bits, columns.start, rows.start)
            )
            objects.append(Object(category, shape, number))

    def _of_folder(self, name: str) -> str:
        folder = name.split("/")[-2] if "/" in name else ""
        if folder and folder.casefold() not in FOLDERS and folder.casefold() not in SPLITS:
            return class_name(folder)
        return self.options.classes[0] if len(self.options.classes) == 1 else ""


def _windows(pixels: NDArray[np.int64]) -> list[tuple[int, tuple[slice, slice]]]:
    """Each number above 0 with the rows and columns that it lies in."""
    ys, xs = np.nonzero(pixels)
    if not ys.size:
        return []
    values = pixels[ys, xs]
    order = np.argsort(values, kind="stable")
    values, ys, xs = values[order], ys[order], xs[order]
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    low_y, high_y = np.minimum.reduceat(ys, starts), np.maximum.reduceat(ys, starts)
    low_x, high_x = np.minimum.reduceat(xs, starts), np.maximum.reduceat(xs, starts)
    return [
        (int(values[at]), (slice(int(y0), int(y1) + 1), slice(int(x0), int(x1) + 1)))
        for at, y0, y1, x0, x1 in zip(starts, low_y, high_y, low_x, high_x, strict=True)
    ]


def _pixels(tree: Tree, name: str) -> NDArray[np.int64]:
    """The numbers, shape (height, width). Raises Refused, and ValueError with a sentence."""
    content = tree.read(name)
    try:
        with Picture.open(io.BytesIO(content)) as opened:
            if opened.format != "PNG":
                raise ValueError(_("A mask is a PNG: other formats change the numbers."))
            if opened.width * opened.height > settings.MAX_IMAGE_PIXELS:
                raise ValueError(_("The mask has more pixels than an image may have."))
            if opened.mode not in ("L", "P", "1", "I", "I;16", "I;16B"):
                raise ValueError(_("A mask has one number for each pixel; this PNG has colours."))
            return np.asarray(opened).astype(np.int64)
    except (OSError, SyntaxError, Picture.DecompressionBombError, Picture.DecompressionBombWarning) as error:
        raise ValueError(_("The PNG cannot be read.")) from error
