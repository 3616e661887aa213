"""Drawn objects in Label Studio's tasks: rectangles and polygons in percent, and brushes as its own run-length code.

A polygon of Label Studio is one ring without holes: all else is a brush. Knows one image's objects, not the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labeler.geometry import codes
from labeler.geometry.shapes import parts_of
from labeler.models.project import Task
from labeler.releases.contents import Contents, Object
from labeler.releases.data_set import DataSet
from labeler.releases.moved import moved

_TAGS = {
    Task.BOXES: ("RectangleLabels",), Task.POLYGONS: ("PolygonLabels", "BrushLabels"),
    Task.MASKS: ("BrushLabels", "PolygonLabels"), Task.SEMANTIC: ("BrushLabels", "PolygonLabels"),
}  # fmt: skip
NAMES = {"rectanglelabels": "box", "polygonlabels": "polygon", "brushlabels": "brush"}


def tags(task: str) -> list[tuple[str, str, str]]:
    """Elements of the labeling configuration, each with its attributes and the element that names a class in it."""
    return [(tag, f'name="{NAMES[tag.lower()]}" toName="image"', "Label") for tag in _TAGS[Task(task)]]


def regions(
    contents: Contents, data: DataSet, size: tuple[int, int], objects: Sequence[Object], key: str
) -> list[dict[str, Any]]:
    """The result of an annotation or prediction. size: of the picture that goes out, in px."""
    image = contents.image
    there = moved(objects, image.width, image.height, data.wanted.preparation) if data.wanted.images else objects
    return [_region(one, f"{key}-{one.number}", *size) for one in there]


def _region(one: Object, key: str, width: int, height: int) -> dict[str, Any]:
    kind, value = _value(one, width, height)
    found = {
        "id": key, "from_name": NAMES[kind], "to_name": "image", "type": kind, "original_width": width,
        "original_height": height, "image_rotation": 0, "value": {**value, kind: [one.category]},
    }  # fmt: skip
    return found if one.probability is None else {**found, "score": one.probability}


def _value(one: Object, width: int, height: int) -> tuple[str, dict[str, Any]]:
    if "box" in one.shape:
        x, y, w, h = one.shape["box"]
        return "rectanglelabels", {
            "x": 100 * x / width, "y": 100 * y / height, "width": 100 * w / width, "height": 100 * h / height,
            "rotation": 0,
        }  # fmt: skip
    parts = parts_of(one.shape["polygon"]) if "polygon" in one.shape else []
    if len(parts) == 1 and len(parts[0]) == 1:
        points = [[100 * x / width, 100 * y / height] for x, y in parts[0][0].tolist()]
        return "polygonlabels", {"points": points, "closed": True}
    return "brushlabels", {"format": "rle", "rle": codes.to_label_studio(one.shape, width, height)}
