"""What a shape is: its three kinds, its coordinates as arrays, its bounds, and the codes of what can be wrong with it.

Knows the form of a shape, not whether it is sensible: that is checks.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Shape: TypeAlias = dict[str, Any]
FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
Part: TypeAlias = list[FloatArray]  # one outer ring, then its holes; each of shape (points, 2)

KINDS = ("box", "polygon", "mask")

# Not what was agreed on: an answer with such a shape is malformed as a whole.
MALFORMED = (
    "not_a_shape",  # no dict with one of the three members
    "unknown_member",
    "not_a_number",  # text, true, null, or a list where a number belongs
    "not_finite",
    "out_of_range",  # further than FARTHEST from the corner of the image
    "wrong_length",  # a box of three numbers, an odd number of coordinates, no ring at all
    "bad_size",  # a mask's size that is no pair of positive integers, or not the image's where no offset is given
    "bad_offset",
    "bad_counts",  # a run-length code that cannot be read, or does not make height * width pixels
    "mask_too_large",  # larger than the image
)
# Well formed, but no shape that could be an object of this image.
IMPOSSIBLE = (
    "wrong_geometry",
    "zero_area",
    "outside",
    "too_few_points",
    "self_crossing",
    "hole_outside",  # a hole that is not within its ring, or crosses another hole
    "too_small",
)

FARTHEST = 1e9  # beyond it, squares of coordinates lose what geometry needs; no image is as large


class Malformed(ValueError):
    """A shape that cannot be read; `code` is one of MALFORMED."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Impossible(ValueError):
    """A readable shape that cannot be an object of the image; `code` is one of IMPOSSIBLE."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Bounds(NamedTuple):
    """The smallest upright rectangle around a shape, in px: x from x0 to x1, y from y0 to y1."""

    x0: float
    y0: float
    x1: float
    y1: float


def kind_of(shape: Shape) -> str:
    """Which of KINDS it is; raises Malformed if it is none or more than one of them."""
    if not isinstance(shape, dict):
        raise Malformed("not_a_shape")
    if len(shape) != 1:
        raise Malformed("unknown_member" if any(kind in shape for kind in KINDS) else "not_a_shape")
    kind: Any = next(iter(shape))
    if kind not in KINDS:
        raise Malformed("not_a_shape")
    return str(kind)


def checked_numbers(values: Any) -> Sequence[float]:
    """values, if it is a list of integers and floats within FARTHEST; else Malformed. true is no number here."""
    if not isinstance(values, (list, tuple)):
        raise Malformed("not_a_number")
    # Types by a set: 12,000 coordinates take 0.2 ms; asking each of them takes 2.
    for kind in set(map(type, values)):
        if kind is not float and (kind is bool or not issubclass(kind, (int, float))):
            raise Malformed("not_a_number")
    return values


def numbers(values: Any) -> FloatArray:
    """The list as an array of shape (n,), or Malformed."""
    try:
        array = np.array(checked_numbers(values), dtype=np.float64)
    except OverflowError:  # an integer of four hundred digits
        raise Malformed("out_of_range") from None
    if not np.isfinite(array).all():
        raise Malformed("not_finite")
    if array.size and np.abs(array).max() > FARTHEST:
        raise Malformed("out_of_range")
    return array


def parts_of(polygon: Any) -> list[Part]:
    """The rings of a polygon as arrays of shape (points, 2): for each part its outer ring, then its holes.

    polygon: [ring, hole, ...], or a list of such lists for several parts. Raises Malformed.
    """
    if not isinstance(polygon, (list, tuple)):
        raise Malformed("not_a_number")
    if not polygon:
        raise Malformed("wrong_length")
    several = isinstance(polygon[0], (list, tuple)) and len(polygon[0]) > 0 and isinstance(polygon[0][0], (list, tuple))
    parts = []
    for rings in polygon if several else [polygon]:
        if not isinstance(rings, (list, tuple)):
            raise Malformed("not_a_number")
        if not rings:
            raise Malformed("wrong_length")
        part = []
        for ring in rings:
            flat = numbers(ring)
            if flat.size == 0 or flat.size % 2:
                raise Malformed("wrong_length")
            part.append(flat.reshape(-1, 2))
        parts.append(part)
    return parts


def polygon_of(parts: Sequence[Sequence[FloatArray]]) -> Shape:
    """The shape with these rings: one nesting more where there are several parts."""
    nested = [[ring.ravel().tolist() for ring in part] for part in parts]
    return {"polygon": nested[0] if len(nested) == 1 else nested}


def rings_of_box(box: Sequence[float]) -> Part:
    """The box as one ring, clockwise as seen on the screen from its upper left corner."""
    x, y, width, height = box
    return [np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=np.float64)]


def bounds_of(shape: Shape) -> Bounds:
    """The bounds of a checked shape; for a mask those of its crop."""
    if "box" in shape:
        x, y, width, height = shape["box"]
        return Bounds(float(x), float(y), float(x + width), float(y + height))
    if "mask" in shape:
        height, width = shape["mask"]["size"]
        x, y = shape["mask"].get("offset", (0, 0))
        return Bounds(float(x), float(y), float(x + width), float(y + height))
    return bounds_of_parts(parts_of(shape["polygon"]))


def bounds_of_parts(parts: Sequence[Sequence[FloatArray]]) -> Bounds:
    """The bounds of the outer rings."""
    low = np.min([part[0].min(axis=0) for part in parts], axis=0)
    high = np.max([part[0].max(axis=0) for part in parts], axis=0)
    return Bounds(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
