"""Bits from shapes and shapes from bits: drawn, coded, outlined, joined, and tested for pixels in common.

Knows pixels of one image. How far two shapes cover each other: overlaps.py.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from labeler.geometry import many_spans, spans
from labeler.geometry.rectangles import touching
from labeler.geometry.shapes import BoolArray, IntArray, Shape, polygon_of


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """Bits of a part of an image: bits[row, column] is the pixel at x + column, y + row."""

    x: int
    y: int
    bits: BoolArray  # shape (height, width)


def raster(shape: Shape, width: int, height: int) -> Crop:
    """A checked shape's pixels within the crop of their bounds, as pycocotools draws polygons; holes are taken out.

    width, height: of the image. A shape that holds no pixel has bits of shape (0, 0).
    """
    pixels = spans.of_shape(shape, width, height)
    x0, y0, x1, y1 = pixels.bounds()
    return Crop(x0, y0, spans.to_bits(pixels, x0, y0, x1 - x0, y1 - y0))


def encode(bits: BoolArray, x: int = 0, y: int = 0) -> Shape:
    """The mask of a crop's true pixels, in its smallest crop; ValueError where none is true.

    bits: shape (height, width), the first pixel at column x and row y of the image, neither negative.
    """
    return spans.to_mask(spans.from_bits(bits, x, y))


def decode(shape: Shape) -> Crop:
    """The bits of a mask in its own crop. Raises Malformed if its code cannot be read."""
    mask = shape["mask"]
    height, width = mask["size"]
    x, y = mask.get("offset", (0, 0))
    pixels = spans.from_runs(spans.decode_counts(mask["counts"], height * width), height)
    return Crop(x, y, spans.to_bits(pixels, 0, 0, width, height))


def union(shapes: Sequence[Shape], width: int, height: int) -> Shape:
    """The mask of all pixels of any of the shapes; ValueError where there are none."""
    return spans.to_mask(spans.union([spans.of_shape(shape, width, height) for shape in shapes]))


def disjoint(
    shapes: Sequence[Shape], width: int, height: int, groups: Sequence[Hashable] | None = None
) -> tuple[int, int] | None:
    """The first pair (i, j), i < j, that has a pixel in common; None where no pair has.

    groups: one for each shape, for instance its class; shapes of one group may overlap.
    """
    groups = range(len(shapes)) if groups is None else groups
    if len(groups) != len(shapes):
        raise ValueError("each shape needs its group")
    number = {group: n for n, group in enumerate(dict.fromkeys(groups))}
    of = np.array([number[group] for group in groups], dtype=np.int64)
    pixels = many_spans.of_shapes(shapes, [width] * len(shapes), [height] * len(shapes))
    bounds = pixels.bounds()
    i, j, _area = touching(bounds, bounds)
    kept = (i < j) & (of[i] != of[j])
    i, j = i[kept], j[kept]
    crossing = pixels.shared(i, j) > 0
    return min(zip(i[crossing].tolist(), j[crossing].tolist(), strict=True), default=None)


def boundary(bits: BoolArray) -> BoolArray:
    """Those true pixels that have one of their four neighbours outside the mask; so has one at the crop's border."""
    padded = np.pad(np.asarray(bits, dtype=bool), 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: BoolArray = padded[1:-1, 1:-1] & ~inner
    return edge


def outline(bits: BoolArray, x: int = 0, y: int = 0, tolerance: float = 0.0) -> Shape:
    """The polygon around the true pixels, along their edges, with holes and parts; ValueError where none is true.

    x, y: column and row of the first pixel. tolerance: how far, in px, the outline may leave the pixel edges to do with
    fewer points; 0 keeps every corner, and drawing the polygon then gives the same bits.
    """
    import shapely

    from labeler.geometry import polygons

    pixels = spans.from_bits(bits, x, y)
    if not pixels.starts.size:
        raise ValueError("an outline needs a pixel")
    region = shapely.union_all(shapely.box(*_rectangles(pixels)))
    return polygon_of(polygons.simplified(region, tolerance))


def _rectangles(pixels: spans.Spans) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """x0, y0, x1, y1 of rectangles that cover the pixels: equal spans of neighbouring columns become one."""
    column, top, bottom = pixels.starts // spans.COLUMN, pixels.starts % spans.COLUMN, pixels.ends % spans.COLUMN
    order = np.lexsort((column, bottom, top))
    column, top, bottom = column[order], top[order], bottom[order]
    opens = np.ones(column.size, dtype=bool)
    opens[1:] = (top[1:] != top[:-1]) | (bottom[1:] != bottom[:-1]) | (column[1:] != column[:-1] + 1)
    first = np.flatnonzero(opens)
    last = np.append(first[1:], column.size) - 1
    return column[first], top[first], column[last] + 1, bottom[first]
