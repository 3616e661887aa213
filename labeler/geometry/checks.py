"""May this shape be an object of an image of this size? Refused with a code, cut at the border, mended if asked.

Knows shapes one at a time. Does not know how many an answer may have, whether they overlap (masks.disjoint), or which
sentence a code becomes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np

from labeler.geometry.shapes import (
    FARTHEST,
    Bounds,
    FloatArray,
    Impossible,
    Malformed,
    Part,
    Shape,
    bounds_of_parts,
    checked_numbers,
    kind_of,
    numbers,
    parts_of,
    polygon_of,
)

Change = Literal["", "clipped", "mended"]

# Past the border by less than this is inside: x + width of what was cut there may miss it in the last digit, and a
# shape that was stored must come back unchanged when it is sent again.
SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Checked:
    """A shape as it is to be stored.

    shape: as it was sent where nothing had to change; a mask always with compressed counts in its smallest crop.
    bounds: within the image, in px. area: in square px; of a mask its number of pixels, of a polygon without its holes.
    points: vertices of all rings; 0 for boxes and masks. change: "mended" also where it was cut, too.
    """

    shape: Shape
    kind: str
    bounds: Bounds
    area: float
    points: int
    change: Change


def check(
    shape: Any,
    *,
    width: int,
    height: int,
    kinds: Collection[str],
    mend: bool = False,
    smallest: float = 0.0,
    sound: Checked | None = None,
) -> Checked:
    """The shape as it is to be stored for an image of width x height px.

    kinds: which of "box", "polygon", "mask" the project takes. mend: give a polygon that crosses itself simple rings,
    instead of refusing it. smallest: least shorter side of the bounds in px, after cutting.
    sound: what sound_polygons() found of this shape for an image of this size, where it was asked.
    Raises Malformed (not a shape) or Impossible (no object of this image) with a code; see shapes.py for both lists.
    """
    kind = kind_of(shape)
    if sound is not None:
        checked = sound
    elif kind == "box":
        checked = _box(shape, width, height)
    elif kind == "polygon":
        parts = parts_of(shape["polygon"])
        _refuse_kind(kind, kinds)
        checked = _polygon(shape, parts, width, height, mend)
    else:
        checked = _mask(shape["mask"], width, height)
    _refuse_kind(kind, kinds)
    x0, y0, x1, y1 = checked.bounds
    if smallest and min(x1 - x0, y1 - y0) < smallest:
        raise Impossible("too_small")
    return checked


def sound_polygons(shapes: Sequence[Any], *, width: int, height: int) -> list[Checked | None]:
    """What check() would say of each shape that is a polygon of one simple ring inside the image; None for all others.

    shapes: anything. None says nothing of a shape but that it must be looked at by itself. Asked of all at once, as
    most of the time of a polygon went into calls: 3,000 of 16 points took 120 ms one by one.
    """
    found: list[Checked | None] = [None] * len(shapes)
    places = [k for k, shape in enumerate(shapes) if _may_be_sound(shape)]
    if not places:
        return found
    rings = [shapes[k]["polygon"][0] for k in places]
    n = np.array([len(ring) // 2 for ring in rings])
    try:
        flat = np.array(list(chain.from_iterable(rings)), dtype=np.float64).reshape(-1, 2)
    except OverflowError:  # an integer of four hundred digits
        return found
    first = np.cumsum(n) - n
    low, high = np.minimum.reduceat(flat, first), np.maximum.reduceat(flat, first)
    border = np.array([width, height], dtype=np.float64)
    # Not so where a number is NaN: it is then both the least and the greatest.
    inside = ((low >= -SLACK) & (high <= border + SLACK)).all(axis=1)
    low, high = np.maximum(low, 0.0), np.minimum(high, border)
    is_sound, area = np.zeros(len(places), dtype=bool), np.zeros(len(places))
    if inside.any():
        from labeler.geometry import polygons

        simple, area[inside] = polygons.simple_areas(flat[np.repeat(inside, n)], n[inside])
        is_sound[inside] = simple
    is_sound &= (area > SLACK * SLACK) & (high > low).all(axis=1)
    bounds = np.hstack((low, high)).tolist()
    for at in np.flatnonzero(is_sound).tolist():
        shape = shapes[places[at]]
        found[places[at]] = Checked(shape, "polygon", Bounds(*bounds[at]), float(area[at]), int(n[at]), "")
    return found


def _may_be_sound(shape: Any) -> bool:
    """Whether it is a polygon of one ring, of three points at least, of integers and floats alone."""
    if not isinstance(shape, dict) or len(shape) != 1:
        return False
    polygon = shape.get("polygon")
    if not isinstance(polygon, (list, tuple)) or len(polygon) != 1:
        return False
    ring = polygon[0]
    if not isinstance(ring, (list, tuple)) or len(ring) < 6 or len(ring) % 2:
        return False
    return set(map(type, ring)) <= {int, float}


def _refuse_kind(kind: str, kinds: Collection[str]) -> None:
    if kind not in kinds:
        raise Impossible("wrong_geometry")


def _box(shape: Shape, width: int, height: int) -> Checked:
    box = checked_numbers(shape["box"])
    if len(box) != 4:
        raise Malformed("wrong_length")
    x, y, w, h = box
    for number in box:
        if not -FARTHEST <= number <= FARTHEST:  # also false for NaN; an array would take four times as long
            numbers(box)
    if w <= 0 or h <= 0 or w * h <= SLACK * SLACK:
        raise Impossible("zero_area")
    right, bottom = x + w, y + h
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(right, width), min(bottom, height)
    if x1 <= x0 or y1 <= y0:
        raise Impossible("outside")
    bounds = Bounds(float(x0), float(y0), float(x1), float(y1))
    if x >= -SLACK and y >= -SLACK and right <= width + SLACK and bottom <= height + SLACK:
        return Checked(shape, "box", bounds, float(w * h), 0, "")
    # A side that is not cut keeps its number; x1 - x0 would change its last digit.
    cut = [x0, y0, w if x0 == x and x1 == right else x1 - x0, h if y0 == y and y1 == bottom else y1 - y0]
    return Checked({"box": cut}, "box", bounds, float(cut[2] * cut[3]), 0, "clipped")


def _polygon(shape: Shape, parts: list[Part], width: int, height: int, mend: bool) -> Checked:
    from labeler.geometry import polygons

    for part in parts:
        for ring in part:
            _refuse_two_points(ring)
    bounds = bounds_of_parts(parts)
    if bounds.x1 <= 0 or bounds.y1 <= 0 or bounds.x0 >= width or bounds.y0 >= height:
        raise Impossible("zero_area" if _is_flat(bounds) else "outside")
    change: Change = ""
    if not all(polygons.is_simple(part) for part in parts):
        simple = polygons.mended(parts)
        if not simple:
            raise Impossible("zero_area")
        if not mend:
            crossing = not all(polygons.rings_are_simple(part) for part in parts)
            raise Impossible("self_crossing" if crossing else "hole_outside")
        parts, bounds, change = simple, bounds_of_parts(simple), "mended"
    inside = min(bounds.x0, bounds.y0) >= -SLACK and bounds.x1 <= width + SLACK and bounds.y1 <= height + SLACK
    if not inside:
        parts = polygons.cut(parts, 0, 0, width, height)
        if not parts:
            raise Impossible("outside")
        bounds, change = bounds_of_parts(parts), change or "clipped"
    area = polygons.area(parts)
    clamped = Bounds(
        max(bounds.x0, 0.0), max(bounds.y0, 0.0), min(bounds.x1, float(width)), min(bounds.y1, float(height))
    )
    if area <= SLACK * SLACK or _is_flat(clamped):
        raise Impossible("zero_area")
    points = sum(len(ring) for part in parts for ring in part)
    return Checked(polygon_of(parts) if change else shape, "polygon", clamped, area, points, change)


def _is_flat(bounds: Bounds) -> bool:
    return bounds.x1 <= bounds.x0 or bounds.y1 <= bounds.y0


def _refuse_two_points(ring: FloatArray) -> None:
    """Raises Impossible("too_few_points") unless three points differ; they need not be neighbours."""
    others = ring[(ring != ring[0]).any(axis=1)]
    if not others.size or not (others != others[0]).any():
        raise Impossible("too_few_points")


def _pair(value: Any, least: int, code: str) -> tuple[int, int]:
    if not isinstance(value, (list, tuple)) or len(value) != 2 or any(type(number) is not int for number in value):
        raise Malformed(code)
    if not all(least <= number <= FARTHEST for number in value):
        raise Malformed(code)
    return value[0], value[1]


def _mask(mask: Any, width: int, height: int) -> Checked:
    from labeler.geometry import spans

    if not isinstance(mask, dict) or not {"size", "counts"} <= mask.keys():
        raise Malformed("not_a_shape")
    if mask.keys() - {"size", "counts", "offset"}:
        raise Malformed("unknown_member")
    rows, columns = _pair(mask["size"], 1, "bad_size")
    if rows > height or columns > width:
        raise Malformed("mask_too_large")
    if "offset" in mask:
        _pair(mask["offset"], -int(FARTHEST), "bad_offset")
    elif (rows, columns) != (height, width):
        raise Malformed("bad_size")
    drawn = spans.decode_counts(mask["counts"], rows * columns)
    total = int(drawn[1::2].sum())
    if not total:
        raise Impossible("zero_area")
    pixels = spans.place(drawn, mask, width, height)
    if not pixels.area:
        raise Impossible("outside")
    x0, y0, x1, y1 = pixels.bounds()
    change: Change = "clipped" if pixels.area < total else ""
    return Checked(
        spans.to_mask(pixels), "mask", Bounds(float(x0), float(y0), float(x1), float(y1)), float(pixels.area), 0, change
    )
