"""YOLO. Where answers are classes: train, val and perhaps test, in each a folder per class.

Else a text file for each image, a line for each box or segment, in shares of the image:

    class cx cy width height          class x1 y1 x2 y2 x3 y3 …

The classes' names are those of data.yaml, or the lines of classes.txt, obj.names or _darknet.labels. A line of a box
may end with a probability. labels/train/a.txt is about images/train/a.jpg, train/labels/a.txt about train/images/a.jpg,
else about the image beside it. An empty file says that nothing is there; an image without a file was not looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.geometry.shapes import Shape
from labeler.intake.formats import imagefolder, values
from labeler.intake.formats.item import Item, Names, Object, Options, Said, Unreadable
from labeler.intake.names import clean_name
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree, each

LISTS = ("classes.txt", "obj.names", "_darknet.labels", "classes.names", "predefined_classes.txt")
BESIDE = frozenset((*LISTS, "readme.txt", "train.txt", "val.txt", "valid.txt", "test.txt", "notes.txt", "sampling.txt"))
LARGEST = 32 * 2**20  # bytes of a text
_NAME = re.compile(r"""^\s*(?:(?P<key>\d+)\s*:|-)\s*(?P<name>.+?)\s*$""")


def recognises(tree: Tree, options: Options) -> bool:
    """Of classes nothing tells it from an ImageFolder with splits, and what comes in is the same."""
    return options.draws and tree.kind != "file" and bool(_names_file(tree)) and any(True for _name in _texts(tree))


def _texts(tree: Tree) -> Iterator[str]:
    return (name for name in each(tree, ".txt") if name.rpartition("/")[2].lower() not in BESIDE)


def _names_file(tree: Tree) -> str:
    """Where the classes' names stand; "" where they stand nowhere."""
    yaml = [name for name in each(tree, ".yaml", ".yml") if b"names" in tree.start(name, 64 * 1024)]
    found = yaml or [name for name in tree.names if name.rpartition("/")[2].lower() in LISTS]
    return min(found, key=lambda name: (name.count("/"), name), default="")


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    """Raises NotPossibleNow where nothing names the classes of objects."""
    if not options.draws:
        yield from imagefolder.read(tree, options, needs_split=True)
        return
    yield from tree.refused
    if tree.kind == "file":
        raise NotPossibleNow(
            _("YOLO's objects are many files: send a zip with the labels and data.yaml or classes.txt.")
        )
    where = _names_file(tree)
    if not where:
        raise NotPossibleNow(_("Nothing names the classes: a data.yaml with “names”, or a classes.txt, is missing."))
    classes = names_in(_text(tree, where), is_yaml=where.lower().endswith((".yaml", ".yml")))
    if not classes:
        raise NotPossibleNow(_("“%(name)s” names no classes.") % {"name": where})
    images = {_stem(name): name for name in tree.images}
    names = Names(images)
    about: dict[str, list[str]] = {}
    alone: list[str] = []
    for text in _texts(tree):
        image = _image_of(text, images, names)
        if image:
            about.setdefault(image, []).append(text)
        else:
            alone.append(text)
    for image in tree.images:
        place: dict[str, Any] = {"name": image, "source": partial(tree.read, image)}
        if image not in about:
            yield Item(**place, split=values.split_in_folders(image))
        for text in about.get(image, ()):
            yield _item(tree, text, classes, options, place, values.split_in_folders(image))
    for text in alone:
        place = {"name": clean_name(_stem(text).rpartition("/")[2]), "is_stem": True}
        yield _item(tree, text, classes, options, place, values.split_in_folders(text))


def _stem(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return folder + slash + (last.rpartition(".")[0] or last)


def _image_of(text: str, images: dict[str, str], names: Names) -> str | None:
    """The image in the files that a text is about, by stems."""
    stem = _stem(text)
    parts = stem.split("/")
    for at in range(len(parts) - 1):
        if parts[at] == "labels" and (found := images.get("/".join([*parts[:at], "images", *parts[at + 1 :]]))):
            return found
    found = names.find(stem)
    return images[found] if found else None


def _text(tree: Tree, name: str) -> str:
    """Raises Refused where the file cannot be read."""
    with tree.open(name) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise NotPossibleNow(_("“%(name)s” is larger than %(most)s MB.") % {"name": name, "most": LARGEST // 2**20})
    return content.decode("utf-8-sig", "replace")


def names_in(text: str, *, is_yaml: bool) -> dict[int, str]:
    """Names by number: the lines of a list, or "names" of a YAML as a list or an object, in one line or several."""
    if not is_yaml:
        lines = [line.strip() for line in text.splitlines()]
        while lines and not lines[-1]:
            lines.pop()
        return {number: name for number, name in enumerate(lines) if name}
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        return {}
    first = lines[start].partition(":")[2].strip()
    found: dict[int, str] = {}
    if first.startswith(("[", "{")):
        whole = first
        for line in lines[start + 1 :]:
            if "]" in whole or "}" in whole:
                break
            whole += " " + line.strip()
        inside = whole[1:].split("]" if first[0] == "[" else "}")[0]
        for at, part in enumerate(re.findall(r"""(?:"[^"]*"|'[^']*'|[^,])+""", inside)):
            key, colon, name = part.partition(":")
            is_pair = first[0] == "{" and bool(colon) and key.strip().isdigit()
            found[int(key) if is_pair else at] = _unquoted(name if is_pair else part)
        return {number: name for number, name in found.items() if name}
    for line in lines[start + 1 :]:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _NAME.match(line)
        if match is None or not (line[0].isspace() or line[0] == "-"):
            break
        found[int(match["key"]) if match["key"] else len(found)] = _unquoted(match["name"])
    return found


def _unquoted(text: str) -> str:
    text = text.strip()
    if text[:1] in ("'", '"'):
        return text[1:].partition(text[0])[0]
    return text.partition(" #")[0].strip()


# ---------------------------------------------------------------- one image


def _item(
    tree: Tree, text: str, classes: dict[int, str], options: Options, place: dict[str, Any], split: str
) -> Item | Refusal:
    lines = (line.split() for line in _text(tree, text).splitlines() if line.strip())
    objects, unusable = values.readable(lines, partial(_object, classes=classes))
    if unusable and not objects:
        said: tuple[Said, ...] = ()  # what stands there cannot be read: not that nothing is there
    else:
        said = (Said(values.person_of_folder(text, "labels", options), (), objects=tuple(objects)),)
    return Item(**place, split=split, judgements=said, unusable=tuple(unusable))


def _object(number: int, cells: list[str], classes: dict[int, str]) -> Object:
    try:
        key = int(cells[0])
        numbers = [float(cell) for cell in cells[1:]]
    except ValueError:
        raise Unreadable(_("A line has the number of a class, then numbers.")) from None
    if not all(math.isfinite(one) for one in numbers):
        raise Unreadable(_("A coordinate is not a finite number."))
    if key not in classes:
        raise Unreadable(_("The class %(number)s has no name in the list of classes.") % {"number": key})
    category = values.class_name(classes[key])
    if len(numbers) in (4, 5):
        probability = numbers[4] if len(numbers) == 5 else None
        if probability is not None and not 0 <= probability <= 1:
            raise Unreadable(_("Its probability is not from 0 to 1."))
        return Object(category, partial(_box, numbers[:4]), number, probability=probability)
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        return Object(category, partial(values.outline_of, numbers), number)
    raise Unreadable(_("A line is class, cx, cy, width, height, or class and the points of an outline."))


def _box(shares: list[float], width: int, height: int) -> Shape:
    cx, cy, share_w, share_h = shares
    w, h = share_w * width, share_h * height
    return {"box": [cx * width - w / 2, cy * height - h / 2, w, h]}
