"""COCO's JSON: images, categories and annotations, alone or in an archive with the images.

A project of boxes takes "bbox"; the others take "segmentation": rings, of which several mean their union and never a
hole, or a run-length code. Categories of one name are one class. What is marked as a crowd is a region to ignore, no
object. Ours beside the standard: an annotation may name its `annotator` and a `score`; an image its `split`, and the
`annotators` who answered it; further fields of an image are its metadata. Every image that is listed is answered.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.errors import NotPossibleNow
from labeler.geometry import codes, shapes, spans
from labeler.geometry.shapes import Malformed, Shape
from labeler.intake.check import Refused
from labeler.intake.formats import metadata, values
from labeler.intake.formats.item import Item, Names, Object, Options, Said, Unreadable
from labeler.intake.formats.json_items import members
from labeler.intake.names import clean_name
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree, each, leads_out
from labeler.models.project import Task

LARGEST = 2**30  # characters; they are kept as text until their image's turn comes
_OF_IMAGES = frozenset((
    "id", "file_name", "width", "height", "license", "flickr_url", "coco_url", "date_captured", "split", "annotators",
))  # fmt: skip


def recognises(tree: Tree, options: Options) -> bool:
    return bool(_files(tree))


def _files(tree: Tree) -> list[str]:
    names = tree.names if tree.kind == "file" else list(islice(each(tree, ".json"), 50))
    return [name for name in names if is_coco(tree, name)]


def is_coco(tree: Tree, name: str) -> bool:
    """Is this an object with a list of images, or of annotations of images?"""
    if not tree.start(name, 512).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    try:
        with tree.open(name) as file:
            for member, one, _raw in members(file, LARGEST):
                is_image = member == "images" and isinstance(one, dict) and "file_name" in one
                if is_image or (member == "annotations" and isinstance(one, dict) and "image_id" in one):
                    return True
                if member in ("images", "annotations"):
                    return False
    except (NotPossibleNow, Refused):
        pass
    return False


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    """Raises NotPossibleNow for a file that is no such document."""
    yield from tree.refused
    files = tree.names if tree.kind == "file" else _files(tree)
    if not files:
        raise NotPossibleNow(_("There is no JSON of COCO in the archive, with “images”, “annotations”, “categories”."))
    names = Names(tree.images)
    for name in files:
        document = _load(tree, name)
        split = _split_in(name) if tree.kind != "file" or len(files) > 1 else ""
        yield from _items(document, tree, names, options, split)


@dataclass(slots=True)
class _Document:
    images: list[dict[str, Any]] = field(default_factory=list)
    categories: dict[Any, str] = field(default_factory=dict)  # names by id
    annotations: dict[Any, list[str]] = field(default_factory=lambda: defaultdict(list))  # JSON, by the image's id
    people: dict[str, None] = field(default_factory=dict)
    broken: list[Refusal] = field(default_factory=list)


def _load(tree: Tree, name: str) -> _Document:
    """The whole document; annotations as the text they are, an eighth of what they would take as objects."""
    found = _Document()
    is_coco = False
    with tree.open(name) as file:
        for member, one, raw in members(file, LARGEST):
            if member not in ("images", "categories", "annotations"):
                continue
            is_coco = True
            if not isinstance(one, dict):
                found.broken.append(Refusal("", _("One of “%(name)s” is no object.") % {"name": member}))
            elif member == "images":
                found.images.append(one)
            elif member == "categories":
                if _is_key(one.get("id")) and isinstance(one.get("name"), str) and one["name"].strip():
                    found.categories[one["id"]] = values.class_name(one["name"])
            elif _is_key(one.get("image_id")):
                found.annotations[one["image_id"]].append(raw)
                if isinstance(person := one.get("annotator"), str | int) and not isinstance(person, bool):
                    found.people[str(person)] = None
            else:
                found.broken.append(Refusal("", _("An annotation names no image.")))
    if not is_coco:
        raise NotPossibleNow(_("This is no JSON of COCO: it has no list “images” or “annotations”."))
    return found


def _is_key(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _split_in(name: str) -> str:
    """instances_val2017.json is of validation."""
    last = name.rpartition("/")[2].rpartition(".")[0].casefold()
    parts = last.replace("-", "_").split("_") + name.casefold().split("/")[:-1]
    return next((values.SPLITS[bare] for part in parts if (bare := part.rstrip("0123456789")) in values.SPLITS), "")


def _items(document: _Document, tree: Tree, names: Names, options: Options, split: str) -> Iterator[Item | Refusal]:
    yield from document.broken
    for number, image in enumerate(document.images, start=1):
        raw = document.annotations.pop(image["id"], []) if _is_key(image.get("id")) else []
        yield _item(number, image, raw, document, tree, names, options, split)
    for key, lost in document.annotations.items():
        text = ngettext(
            "%(n)s annotation names the image %(id)s, which the file does not list.",
            "%(n)s annotations name the image %(id)s, which the file does not list.", len(lost),
        )  # fmt: skip
        yield Refusal("", text % {"n": len(lost), "id": metadata.shown_text(str(key))})


def _item(
    number: int, image: dict[str, Any], raw: list[str], document: _Document, tree: Tree, names: Names,
    options: Options, split: str,
) -> Item | Refusal:  # fmt: skip
    path = image.get("file_name")
    if not isinstance(path, str) or not path.strip():
        return Refusal("", _("An image without a file_name."), number)
    path = path.strip().replace("\\", "/")
    place: dict[str, Any] = {}
    if path.startswith(("http://", "https://")):
        place = {"name": clean_name(path.partition("?")[0].rpartition("/")[2]), "url": path}
    elif leads_out(path):
        return Refusal(clean_name(path), values.LEADS_OUT % {"name": clean_name(path)}, number)
    elif found := names.find(path, "images/"):
        place = {"name": found, "source": partial(tree.read, found)}
    else:
        place = {"name": clean_name(path)}
    problems: list[str] = []
    said_split, wrong = values.split_of(image["split"] if isinstance(image.get("split"), str) else "")
    fields = metadata.usable(metadata.plain(image, _OF_IMAGES), problems)
    annotations = [json.loads(text) for text in raw]
    drawn, unusable = values.readable(
        annotations if options.draws else (), partial(_object, document=document, options=options)
    )
    objects = {one.number - 1: one for one in drawn}  # by their place among the annotations
    return Item(
        **place, row=number, split=said_split or split or _split_in(path), metadata=fields,
        judgements=_said(image, annotations, objects, document, options), unusable=tuple(unusable),
        problems=(*problems, wrong) if wrong else tuple(problems), size=_size(image),
    )  # fmt: skip


def _size(image: dict[str, Any]) -> tuple[int, int] | None:
    width, height = image.get("width"), image.get("height")
    if type(width) is int and type(height) is int and width > 0 and height > 0:
        return width, height
    return None


# ---------------------------------------------------------------- objects


def _said(
    image: dict[str, Any], annotations: list[dict[str, Any]], objects: dict[int, Object], document: _Document,
    options: Options,
) -> tuple[Said, ...]:  # fmt: skip
    """One answer of each person, or of nobody in particular, where the file names none."""
    field_ = options.people or "annotator"
    by_person: dict[str | None, list[int]] = defaultdict(list)
    listed = image.get("annotators")
    for person in listed if isinstance(listed, list) else ():
        if isinstance(person, str) and person:
            by_person[person] = []
    for at, annotation in enumerate(annotations):
        person = annotation.get(field_)
        is_name = isinstance(person, str | int) and not isinstance(person, bool) and person != ""
        by_person[str(person) if is_name else None].append(at)
    if not by_person:
        # Looked at by all of them, and nothing was found.
        everybody = document.people if field_ == "annotator" else ()
        by_person = {person: [] for person in everybody} or {None: []}
    if options.draws:
        return tuple(
            Said(person, (), objects=tuple(objects[at] for at in places if at in objects))
            for person, places in by_person.items()
        )
    return tuple(
        Said(person, classes)
        for person, places in by_person.items()
        if (classes := _classes([annotations[at] for at in places], document)) or options.multi
    )


def _classes(annotations: list[dict[str, Any]], document: _Document) -> tuple[str, ...]:
    named = (document.categories.get(one.get("category_id")) for one in annotations if _is_key(one.get("category_id")))
    return tuple(dict.fromkeys(name for name in named if name))


def _object(number: int, annotation: dict[str, Any], document: _Document, options: Options) -> Object:
    key = annotation.get("category_id")
    category = document.categories.get(key) if _is_key(key) else None
    if category is None:
        text = _("It names the category %(id)s, which the file does not list.")
        raise Unreadable(text % {"id": metadata.shown_text(str(key))})
    if annotation.get("iscrowd") == 1:
        raise Unreadable(_("It marks a region to ignore (iscrowd), and no object."))
    said = annotation.get("attributes")
    return Object(
        category, _shape(annotation, options), number, said if isinstance(said, dict) else {},
        values.probability_of(annotation.get("score")),
    )  # fmt: skip


def _shape(annotation: dict[str, Any], options: Options) -> Shape:
    """Raises Unreadable."""
    from labeler.wording import shapes as words

    box = annotation.get("bbox")
    if options.task == Task.BOXES and isinstance(box, list) and box:
        return {"box": box}
    try:
        shape = codes.from_coco(annotation.get("segmentation"))
        if shape is None:
            raise Unreadable(
                _("It has no box.") if options.task == Task.BOXES else _("It has a box, but no outline or mask.")
            )
        if options.task == Task.BOXES:
            return {"box": _around(shape)}
        return _outlined(shape) if options.task == Task.POLYGONS and "mask" in shape else shape
    except Malformed as error:
        raise Unreadable(words.sentence(error.code)) from error


def _pixels(shape: Shape) -> spans.Spans:
    size = shape["mask"]["size"]
    if not isinstance(size, list) or len(size) != 2 or any(type(n) is not int or n < 1 for n in size):
        raise Malformed("bad_size")
    height, width = size
    found = spans.from_runs(spans.decode_counts(shape["mask"]["counts"], height * width), height)
    if not found.starts.size:
        raise Unreadable(_("It has no area."))
    return found


def _around(shape: Shape) -> list[float]:
    """The box around an outline or a mask."""
    if "polygon" in shape:
        x0, y0, x1, y1 = shapes.bounds_of(shape)
    else:
        x0, y0, x1, y1 = _pixels(shape).bounds()
    return [x0, y0, x1 - x0, y1 - y0]


def _outlined(shape: Shape) -> Shape:
    """The polygon along the edges of a mask's pixels: drawing it gives the same pixels."""
    from labeler.geometry import masks

    found = _pixels(shape)
    x0, y0, x1, y1 = found.bounds()
    return masks.outline(spans.to_bits(found, x0, y0, x1 - x0, y1 - y0), x0, y0)
