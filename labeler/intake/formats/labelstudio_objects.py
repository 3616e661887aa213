"""What is drawn in a task of Label Studio: rectangles, polygons and brushes, in percent of the image.

A rectangle that is turned is a polygon, as every rectangle where outlines are asked for: in a project of boxes a turned
one is refused. A brush is a run-length code of its own, of the image at its original size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from labeler.geometry.shapes import Shape
from labeler.intake.formats import values
from labeler.intake.formats.cvat import turned_box
from labeler.intake.formats.item import Object, Options, Unreadable
from labeler.models.project import Task as ProjectTask

KINDS = ("rectanglelabels", "polygonlabels", "brushlabels")
PLAIN = {"rectangle": "rectanglelabels", "polygon": "polygonlabels", "brush": "brushlabels"}
OTHERS = frozenset(("ellipselabels", "ellipse", "keypointlabels", "keypoint", "magicwand", "vectorlabels"))


class Task:
    """The objects of one task. unusable: number, from 1 over all its results, and a sentence."""

    def __init__(self) -> None:
        self.n = 0
        self.unusable: list[tuple[int, str]] = []
        self.gold: tuple[Object, ...] | None = None

    def objects_of(self, result: Any, options: Options | None) -> tuple[Object, ...] | None:
        """The objects of one annotation or prediction; None where it has some, and none can be used."""
        rows = [row for row in result if isinstance(row, dict)] if isinstance(result, list) else []
        # With "labels" apart from the shape, both have one id, and that of the labels has all.
        by_id = {str(row.get("id")): row for row in rows if row.get("type") == "labels"}
        found: list[Object] = []
        before = len(self.unusable)
        for row in rows:
            kind = member = str(row.get("type"))
            named: dict[str, Any] = row
            if kind in PLAIN:
                named, kind, member = by_id.get(str(row.get("id")), {}), PLAIN[kind], "labels"
            if kind not in KINDS and kind not in OTHERS:
                continue  # choices, texts, relations, labels apart from their shape
            value = named.get("value")
            labels = value.get(member) if isinstance(value, dict) else None
            self.n += 1
            try:
                found.append(_object(self.n, kind, row, labels, options))
            except Unreadable as error:
                self.unusable.append((self.n, str(error)))
        return None if not found and len(self.unusable) > before else tuple(found)


def _object(number: int, kind: str, row: dict[str, Any], labels: Any, options: Options | None) -> Object:
    names = [name for name in labels if isinstance(name, str) and name.strip()] if isinstance(labels, list) else []
    if kind in OTHERS:
        raise Unreadable(_("“%(kind)s” is no rectangle, polygon or brush.") % {"kind": kind})
    if len(names) != 1:
        raise Unreadable(_("It has no label.") if not names else _("It has several labels: an object has one class."))
    value = row["value"] if isinstance(row.get("value"), dict) else {}
    category = values.class_name(names[0])
    score = values.probability_of(row.get("score"))
    return Object(category, _shape(kind, value, row, options), number, probability=score)


def _shape(
    kind: str, value: dict[str, Any], row: dict[str, Any], options: Options | None
) -> Shape | Callable[[int, int], Shape]:
    if kind == "brushlabels":
        if value.get("format") != "rle":
            raise Unreadable(_("A brush is read as a run-length code only (format “rle”)."))
        return partial(_brush, value.get("rle"), row.get("original_width"), row.get("original_height"))
    if kind == "polygonlabels":
        points = value.get("points")
        is_list = isinstance(points, list) and all(isinstance(one, list) and len(one) == 2 for one in points)
        if not is_list or not all(_is_number(one) for point in points or () for one in point):
            raise Unreadable(_("Its coordinates cannot be read."))
        return partial(values.outline_of, [cell / 100 for point in points or () for cell in point])
    sides = [value.get(side) for side in ("x", "y", "width", "height")]
    turned = value.get("rotation") or 0
    if not all(_is_number(side) for side in (*sides, turned)):
        raise Unreadable(_("Its coordinates cannot be read."))
    x, y, width, height = (side / 100 for side in sides)  # type: ignore[operator]
    wants_boxes = options is None or options.task == ProjectTask.BOXES
    if turned % 360 and options is not None and wants_boxes:
        raise Unreadable(_("The rectangle is turned, and boxes are upright: take a project of polygons."))
    if turned % 360 or not wants_boxes:
        return partial(_turned, x, y, width, height, float(turned))
    return partial(_box, x, y, width, height)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _box(x: float, y: float, share_w: float, share_h: float, width: int, height: int) -> Shape:
    return {"box": [x * width, y * height, share_w * width, share_h * height]}


def _turned(x: float, y: float, share_w: float, share_h: float, turned: float, width: int, height: int) -> Shape:
    left, top = x * width, y * height
    # Label Studio turns around the upper left corner, and says where that then is.
    return {"polygon": [turned_box(left, top, share_w * width, share_h * height, turned, (left, top))]}


def _brush(code: Any, brush_width: Any, brush_height: Any, width: int, height: int) -> Shape:
    from labeler.geometry import codes

    if (brush_width, brush_height) != (width, height) and None not in (brush_width, brush_height):
        raise Unreadable(
            _("The brush is of an image of %(a)s × %(b)s pixels, and this one has %(c)s × %(d)s.")
            % {"a": brush_width, "b": brush_height, "c": width, "d": height}
        )
    return codes.from_label_studio(code, width, height)
