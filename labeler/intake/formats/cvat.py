"""CVAT's XML 1.1 for images: `annotations.xml`, alone or in a zip with `images/`.

Tags where answers are classes, boxes, polygons and masks where they are drawn; what does not fit is counted as left
out. The file names nobody, so all is one source's; what CVAT marks as `auto` is a model's prediction. Masks are runs
along the rows of a crop. Tracks are of videos and refused. Document types are refused, so no entity is ever expanded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, BinaryIO
from xml.parsers import expat

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.errors import NotPossibleNow
from labeler.geometry.shapes import Shape
from labeler.intake.formats import values
from labeler.intake.formats.item import Item, Names, Object, Options, Predicted, Said, Unreadable
from labeler.intake.names import clean_name
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree, each, leads_out

STEP = 256 * 1024
MOST_TAGS = 1000
MOST_SHAPES = 4000  # of an image; of more, more are refused where they are stored
MODEL = "cvat"
SHAPES = frozenset(("box", "polygon", "polyline", "points", "mask", "ellipse", "cuboid", "skeleton"))


def recognises(tree: Tree, options: Options) -> bool:
    return bool(_files(tree))


def _files(tree: Tree) -> list[str]:
    names = tree.names if tree.kind == "file" else islice(each(tree, ".xml"), 50)
    return [name for name in names if b"<annotations" in tree.start(name)]


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    """Raises NotPossibleNow where the XML is broken; what came before was yielded."""
    yield from tree.refused
    files = _files(tree)
    if not files:
        raise NotPossibleNow(_("There is no XML file of CVAT here: it begins with <annotations>."))
    names = Names(tree.images)
    for file_name in files:
        beside = file_name[: file_name.rfind("/") + 1]
        with tree.open(file_name) as file:
            for number, image in enumerate(_images(file), start=1):
                yield _item(number, image, tree, names, beside, options)


@dataclass(slots=True)
class _Image:
    name: str
    subset: str = ""
    tags: list[str] = field(default_factory=list)
    predicted: list[str] = field(default_factory=list)
    shapes: int = 0
    size: tuple[int, int] | None = None
    drawn: list[_Shape] = field(default_factory=list)


@dataclass(slots=True)
class _Shape:
    """An element as it stands there. attributes: of it; said: what its <attribute> elements say."""

    kind: str
    attributes: dict[str, str]
    said: dict[str, Any] = field(default_factory=dict)


def _item(number: int, image: _Image, tree: Tree, names: Names, beside: str, options: Options) -> Item | Refusal:
    path = image.name.replace("\\", "/").strip()
    if not path:
        return Refusal("", _("An image without a name."), number)
    if leads_out(path):
        return Refusal(clean_name(path), values.LEADS_OUT % {"name": clean_name(path)}, number)
    split, _wrong = values.split_of(image.subset)  # CVAT's own subset is called default
    found = names.find(path, beside + "images/") or names.find(path, beside)
    source = partial(tree.read, found) if found else None
    answers = _drawn(image) if options.draws else _tagged(image)
    return Item(found or clean_name(path), row=number, source=source, split=split, **answers)


def _tagged(image: _Image) -> dict[str, Any]:
    problems = []
    if n := image.shapes:
        text = ngettext(
            "%(n)s shape is left out: only tags are read.", "%(n)s shapes are left out: only tags are read.", n
        )
        problems.append(text % {"n": n})
    return {
        "judgements": (Said(None, tuple(dict.fromkeys(image.tags))),) if image.tags else (),
        "predictions": (Predicted(MODEL, "", tuple(dict.fromkeys(image.predicted))),) if image.predicted else (),
        "problems": tuple(problems),
    }


def _drawn(image: _Image) -> dict[str, Any]:
    of_people: list[Object] = []
    of_model: list[Object] = []
    unusable: list[tuple[int, str]] = []
    for at, one in enumerate(image.drawn, start=1):
        try:
            found = Object(_label(one), _shape(one), at, one.said)
        except Unreadable as error:
            unusable.append((at, str(error)))
            continue
        (of_model if one.attributes.get("source", "").startswith("auto") else of_people).append(found)
    problems = []
    if n := len(image.tags) + len(image.predicted):
        text = ngettext("%(n)s tag is left out: it has no place.", "%(n)s tags are left out: they have no place.", n)
        problems.append(text % {"n": n})
    is_answered = of_people or not (of_model or unusable)
    return {
        "judgements": (Said(None, (), objects=tuple(of_people)),) if is_answered else (),
        "predictions": (Predicted(MODEL, "", (), objects=tuple(of_model)),) if of_model else (),
        "problems": tuple(problems), "unusable": tuple(unusable), "size": image.size,
    }  # fmt: skip


def _label(one: _Shape) -> str:
    label = one.attributes.get("label", "").strip()
    if not label:
        raise Unreadable(_("It has no label."))
    return label


def _shape(one: _Shape) -> Shape | Callable[[int, int], Shape]:
    """Raises Unreadable."""
    said = one.attributes
    try:
        if one.kind == "box":
            x0, y0, x1, y1 = (float(said[side]) for side in ("xtl", "ytl", "xbr", "ybr"))
            turned = float(said.get("rotation") or 0) % 360
            if turned:
                return {"polygon": [turned_box(x0, y0, x1 - x0, y1 - y0, turned, ((x0 + x1) / 2, (y0 + y1) / 2))]}
            return {"box": [x0, y0, x1 - x0, y1 - y0]}
        if one.kind == "polygon":
            points = [float(cell) for point in said["points"].split(";") for cell in point.split(",")]
            return {"polygon": [points]}
        if one.kind == "mask":
            runs = [int(run) for run in said["rle"].split(",")]
            place = [int(float(said[side])) for side in ("left", "top", "width", "height")]
            return partial(_mask, runs, place)
    except (KeyError, ValueError) as error:
        raise Unreadable(_("Its coordinates cannot be read.")) from error
    raise Unreadable(_("A %(kind)s is no box, polygon or mask.") % {"kind": one.kind})


def _mask(runs: list[int], place: list[int], width: int, height: int) -> Shape:
    from labeler.geometry import codes

    left, top, columns, rows = place
    return codes.from_row_runs(runs, left, top, columns, rows, image_width=width, image_height=height)


def turned_box(
    x: float, y: float, width: float, height: float, degrees: float, around: tuple[float, float]
) -> list[float]:
    """The corners of a rectangle that was turned clockwise, as it is seen, around a point: [x1, y1, …]."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    found: list[float] = []
    for corner_x, corner_y in ((x, y), (x + width, y), (x + width, y + height), (x, y + height)):
        dx, dy = corner_x - around[0], corner_y - around[1]
        found += [around[0] + dx * cosine - dy * sine, around[1] + dx * sine + dy * cosine]
    return found


class _Reader:
    """Collects images as the parser meets them."""

    def __init__(self) -> None:
        self.done: list[_Image] = []
        self._now: _Image | None = None
        self._asked = ""  # the <attribute> that is open
        self.root = ""
        self.tracks = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or name
        if name == "image":
            size = values.size_of(attributes.get("width", ""), attributes.get("height", ""))
            self._now = _Image(attributes.get("name", ""), attributes.get("subset", ""), size=size)
        elif name == "track":
            self.tracks += 1
        elif self._now is None:
            return
        elif name == "attribute" and self._now.drawn:
            self._asked = attributes.get("name", "")
            self._now.drawn[-1].said[self._asked] = ""
        elif name == "tag" and len(self._now.tags) + len(self._now.predicted) < MOST_TAGS:
            label = attributes.get("label", "").strip()
            if label:
                is_model = attributes.get("source", "").startswith("auto")
                (self._now.predicted if is_model else self._now.tags).append(label)
        elif name in SHAPES:
            self._now.shapes += 1
            if len(self._now.drawn) < MOST_SHAPES:
                self._now.drawn.append(_Shape(name, attributes))

    def text(self, text: str) -> None:
        if self._asked and self._now is not None and self._now.drawn:
            self._now.drawn[-1].said[self._asked] += text

    def end(self, name: str) -> None:
        if name == "attribute" and self._asked and self._now is not None and self._now.drawn:
            said = self._now.drawn[-1].said
            said[self._asked] = _value(said[self._asked].strip())
            self._asked = ""
        if name == "image" and self._now is not None:
            self.done.append(self._now)
            self._now = None


def _value(text: str) -> Any:
    """What an attribute says: yes or no, a number, or a text."""
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _images(file: BinaryIO) -> Iterator[_Image]:
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = False
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        while step := file.read(STEP):
            parser.Parse(step, False)
            yield from reader.done
            reader.done = []
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last two: an encoding that nobody knows
        yield from reader.done
        raise NotPossibleNow(_("The XML is broken: %(error)s.") % {"error": str(error)[:200]}) from error
    yield from reader.done
    if reader.tracks:
        raise NotPossibleNow(_("The file has tracks, which are of videos: export the task as “CVAT for images”."))
    if reader.root != "annotations":
        raise NotPossibleNow(_("This is no XML of CVAT: its first element is not <annotations>."))


def _refuse_doctype(*_names: object) -> None:
    raise NotPossibleNow(_("The XML declares a document type, which is not read here: take that line out."))
