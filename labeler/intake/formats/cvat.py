"""CVAT's XML 1.1, the tags of its images: `annotations.xml`, alone or in a zip with `images/`.

The file names nobody, so its tags are those of one source; a tag that CVAT marks as `auto` is a model's prediction.
Boxes and other shapes are counted as left out. Document types are refused, so no entity is ever expanded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import BinaryIO
from xml.parsers import expat

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.errors import NotPossibleNow
from labeler.intake.formats.item import Item, Names, Options, Predicted, Said, split_of
from labeler.intake.names import clean_name
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree, each, leads_out

STEP = 256 * 1024
MOST_TAGS = 1000
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
    names = Names(tree.images if tree.kind != "file" else ())
    for file_name in files:
        beside = file_name[: file_name.rfind("/") + 1]
        with tree.open(file_name) as file:
            for number, image in enumerate(_images(file), start=1):
                yield _item(number, image, tree, names, beside)


@dataclass(slots=True)
class _Image:
    name: str
    subset: str = ""
    tags: list[str] = field(default_factory=list)
    predicted: list[str] = field(default_factory=list)
    shapes: int = 0


def _item(number: int, image: _Image, tree: Tree, names: Names, beside: str) -> Item | Refusal:
    path = image.name.replace("\\", "/").strip()
    if not path:
        return Refusal("", _("An image without a name."), number)
    if leads_out(path):
        sentence = _("“%(name)s” leads out of the file: write where the image lies inside of it, or its name alone.")
        return Refusal(clean_name(path), sentence % {"name": clean_name(path)}, number)
    problems: list[str] = []
    if image.shapes:
        problems.append(
            ngettext(
                "%(n)s shape is left out: only tags are read.", "%(n)s shapes are left out: only tags are read.",
                image.shapes,
            ) % {"n": image.shapes}
        )  # fmt: skip
    split, _wrong = split_of(image.subset)  # CVAT's own subset is called default
    found = names.find(path, beside + "images/") or names.find(path, beside)
    return Item(
        found or clean_name(path), row=number, source=partial(tree.read, found) if found else None, split=split,
        judgements=(Said(None, tuple(dict.fromkeys(image.tags))),) if image.tags else (),
        predictions=(Predicted(MODEL, "", tuple(dict.fromkeys(image.predicted))),) if image.predicted else (),
        problems=tuple(problems),
    )  # fmt: skip


class _Reader:
    """Collects images as the parser meets them."""

    def __init__(self) -> None:
        self.done: list[_Image] = []
        self._now: _Image | None = None
        self.root = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or name
        if name == "image":
            self._now = _Image(attributes.get("name", ""), attributes.get("subset", ""))
        elif self._now is None:
            return
        elif name == "tag" and len(self._now.tags) + len(self._now.predicted) < MOST_TAGS:
            label = attributes.get("label", "").strip()
            if label:
                is_model = attributes.get("source", "").startswith("auto")
                (self._now.predicted if is_model else self._now.tags).append(label)
        elif name in SHAPES:
            self._now.shapes += 1

    def end(self, name: str) -> None:
        if name == "image" and self._now is not None:
            self.done.append(self._now)
            self._now = None


def _images(file: BinaryIO) -> Iterator[_Image]:
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = False
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        while step := file.read(STEP):
            parser.Parse(step, False)
            yield from reader.done
            reader.done = []
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        yield from reader.done
        raise NotPossibleNow(_("The XML is broken: %(error)s.") % {"error": str(error)[:200]}) from error
    except (ValueError, LookupError) as error:  # an encoding that nobody knows
        raise NotPossibleNow(_("The XML is broken: %(error)s.") % {"error": str(error)[:200]}) from error
    yield from reader.done
    if reader.root != "annotations":
        raise NotPossibleNow(_("This is no XML of CVAT: its first element is not <annotations>."))


def _refuse_doctype(*_names: object) -> None:
    raise NotPossibleNow(_("The XML declares a document type, which is not read here: take that line out."))
