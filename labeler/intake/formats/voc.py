"""Pascal VOC: an XML for each image, with boxes from the first to the last pixel that they hold.

By the standard the first pixel is number 1; many programs write 0, or edges: whoever imports says which (`origin`).
<path> and <folder> mean places on other computers and are not read. An XML without objects says that nothing is there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any
from xml.etree.ElementTree import Element

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.intake.check import Refused
from labeler.intake.formats.item import Item, Names, Object, Options, Said, Unreadable
from labeler.intake.formats.values import SPLITS, class_name, person_of_folder, readable, size_of, stem_of
from labeler.intake.formats.xml_tree import BrokenXml, parse, said
from labeler.intake.names import clean_name
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree, each

LARGEST = 16 * 2**20  # bytes of one file
FLAGS = ("truncated", "difficult", "occluded")


def recognises(tree: Tree, options: Options) -> bool:
    names = tree.names if tree.kind == "file" else islice(each(tree, ".xml"), 20)
    return any(is_voc(tree.start(name)) for name in names)


def is_voc(start: bytes) -> bool:
    return b"<annotation>" in start and b"<filename>" in start


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    """Raises NotPossibleNow where there is no such file."""
    yield from tree.refused
    if not options.draws:
        raise NotPossibleNow(_("Pascal VOC has boxes, and the answers of this project are classes."))
    files = tree.names if tree.kind == "file" else list(each(tree, ".xml"))
    if not files:
        raise NotPossibleNow(_("There is no XML of Pascal VOC here: it has an <annotation> for each image."))
    names = Names(tree.images)
    splits = _splits(tree)
    said_of: set[str] = set()
    for name in files:
        item = _item(tree, name, names, splits, options)
        if isinstance(item, Item) and item.source:
            said_of.add(item.name)
        yield item
    for name in tree.images:
        if name not in said_of:
            yield Item(name, source=partial(tree.read, name), split=splits.get(stem_of(name), ""))


def _splits(tree: Tree) -> dict[str, str]:
    """By the stem of the image, of ImageSets/Main/train.txt and the like."""
    found: dict[str, str] = {}
    for name in each(tree, ".txt"):
        split = SPLITS.get(stem_of(name).casefold())
        if split and "imagesets" in name.casefold():
            with tree.open(name) as file:
                for line in file.read(LARGEST).decode("utf-8", "replace").splitlines():
                    if stem := line.split()[:1]:
                        found.setdefault(stem[0], split)
    return found


def _item(tree: Tree, name: str, names: Names, splits: dict[str, str], options: Options) -> Item | Refusal:
    try:
        with tree.open(name) as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            return Refusal(name, _("The XML is larger than %(most)s MB.") % {"most": LARGEST // 2**20})
        root = parse(content)
    except (BrokenXml, Refused) as error:
        return Refusal(name, str(error))
    if root.tag != "annotation":
        return Refusal(name, _("This is no XML of Pascal VOC: its first element is not <annotation>."))
    file_name = said(root, "filename").replace("\\", "/").rpartition("/")[2]
    found = names.find(file_name, "JPEGImages/") if file_name else None
    place: dict[str, Any] = {"name": clean_name(file_name)} if file_name else {"name": stem_of(name), "is_stem": True}
    if found:
        place = {"name": found, "source": partial(tree.read, found)}
    objects, unusable = readable(root.findall("object"), partial(_object, origin=options.origin))
    person = person_of_folder(name, "Annotations", options)
    judged = (Said(person, (), objects=tuple(objects)),) if objects or not unusable else ()
    return Item(
        **place, split=splits.get(stem_of(name), ""), judgements=judged, unusable=tuple(unusable),
        size=size_of(said(root, "size/width"), said(root, "size/height")),
    )  # fmt: skip


def _object(number: int, element: Element, origin: int) -> Object:
    category = class_name(said(element, "name"))
    box = element.find("bndbox")
    if not category:
        raise Unreadable(_("It has no <name>."))
    if box is None:
        raise Unreadable(_("It has no <bndbox>."))
    try:
        x0, y0, x1, y1 = (float(said(box, side)) for side in ("xmin", "ymin", "xmax", "ymax"))
    except ValueError:
        raise Unreadable(_("xmin, ymin, xmax and ymax of a <bndbox> are numbers.")) from None
    if not all(math.isfinite(side) for side in (x0, y0, x1, y1)):
        raise Unreadable(_("A coordinate is not a finite number."))
    # 1: numbers of pixels from 1, the last one is in it. 0: edges, as LabelImg writes them.
    shape = {"box": [x0 - origin, y0 - origin, x1 - x0 + origin, y1 - y0 + origin]}
    flags = {flag: said(element, flag) == "1" for flag in FLAGS if said(element, flag) in ("0", "1")}
    pose = said(element, "pose")
    return Object(category, shape, number, {**flags, **({"pose": pose} if pose else {})})
