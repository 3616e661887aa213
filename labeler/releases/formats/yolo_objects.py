"""YOLO for drawn objects: images/<split>, labels/<split> and data.yaml, as Ultralytics reads them.

A box is a line `class cx cy width height`, an outline `class x1 y1 x2 y2 …`, in shares of the picture with six digits;
a mask goes out as its outline. A line has one ring: holes are lost, and an object of several parts is several lines,
which notes.txt counts. An empty file says that nothing is there; images without an answer are absent. With all labels
each person has a folder with theirs, and the pictures are there once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import numpy as np

from labeler.geometry import masks
from labeler.geometry.shapes import Shape, parts_of
from labeler.models.project import Task
from labeler.releases.data_set import DataSet
from labeler.releases.formats import drawings
from labeler.releases.formats.answers import split_of
from labeler.releases.formats.archives import ZipOut

SPLITS = {"": "train", "validation": "val"}


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: never more than one picture in memory."""
    archive, people = ZipOut(), drawings.People()
    numbers = {one.name: place for place, one in enumerate(data.classes)}
    used: set[str] = set()
    lost: Counter[str] = Counter()
    for contents, drawn, place in drawings.answered(data, pictures=data.wanted.images is not False):
        split = split_of(contents, data)
        split = SPLITS.get(split, split)
        used.add(split)
        if place.content is not None:
            yield from archive.add(f"images/{split}/{place.name}", place.content)
        for one in drawn:
            things = drawings.in_place(one.objects, contents, data, place)
            lines = [
                f"{numbers[thing.category]} {line}\n"
                for thing in things
                for line in _lines(thing.shape, place.width, place.height, data.task, lost)
            ]
            path = f"{people.prefix(one)}labels/{split}/{drawings.stem_of(contents, place)}.txt"
            yield from archive.add(path, "".join(lines))
    yield from archive.add("data.yaml", _yaml(data, used))
    if lost:
        yield from archive.add("notes.txt", "".join(f"{text}: {n:,}\n" for text, n in sorted(lost.items())))
    yield from archive.end()


def _yaml(data: DataSet, used: set[str]) -> str:
    """JSON is YAML, so names need no quoting of their own. Ultralytics wants a val: without one it is the train."""
    splits = [f"{name}: images/{name}\n" for name in ("train", "val", "test") if name in used]
    if "val" not in used:
        splits.append("val: images/train\n")
    names = "".join(
        f"  {place}: {json.dumps(one.name, ensure_ascii=False)}\n" for place, one in enumerate(data.classes)
    )
    return f"path: .\n{''.join(splits)}names:\n{names}"


def _lines(shape: Shape, width: int, height: int, task: str, lost: Counter[str]) -> Iterator[str]:
    if task == Task.BOXES:
        x, y, w, h = shape["box"]
        yield f"{(x + w / 2) / width:.6f} {(y + h / 2) / height:.6f} {w / width:.6f} {h / height:.6f}"
        return
    if "mask" in shape:
        crop = masks.decode(shape)
        shape = masks.outline(crop.bits, crop.x, crop.y)
    parts = parts_of(shape["polygon"])
    lost["objects that lost their holes"] += any(len(part) > 1 for part in parts)
    lost["objects that are several lines, one for each part"] += len(parts) > 1
    lost += Counter()  # without zeros
    for part in parts:
        shares = (part[0] / np.array([width, height])).ravel()
        yield " ".join(f"{share:.6f}" for share in shares)
