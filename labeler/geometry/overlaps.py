"""How far shapes cover each other: intersection over union of whole lists, Dice, and how near their boundaries run.

Boxes are compared as rectangles, exactly; where a polygon or mask takes part, by pixels, as pycocotools draws them.
Knows neither people nor classes, nor which pair is a match.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from labeler.geometry import spans
from labeler.geometry.masks import boundary
from labeler.geometry.shapes import BoolArray, FloatArray, IntArray, Shape
from labeler.geometry.spans import Spans

# Rows of pairs looked at together: 32 x 3,000 numbers stay in a processor's cache.
ROWS_AT_ONCE = 32


class Pairs(NamedTuple):
    """Pairs of two lists that share area: i of the first, j of the second, ordered by both; each of shape (n,)."""

    i: IntArray
    j: IntArray
    value: FloatArray  # IoU in (0, 1], or the shared area in square px


def iou_pairs(first: Sequence[Shape], second: Sequence[Shape], *, least: float = 0.0, width: int, height: int) -> Pairs:
    """(i, j, IoU) of every pair that overlaps and whose intersection over union is at least `least`.

    first, second: checked shapes of one image of width x height px, of any kinds mixed. Two boxes are compared exactly;
    every other pair by pixels, a box then with those of its ring. Polygons that hold no pixel's centre overlap nothing.
    """
    pairs, one, other = _shared(first, second, width, height)
    iou = pairs.value / (one + other - pairs.value)
    kept = iou >= least
    return _ordered(pairs.i[kept], pairs.j[kept], np.minimum(iou[kept], 1.0))


def intersections(first: Sequence[Shape], second: Sequence[Shape], *, width: int, height: int) -> Pairs:
    """(i, j, shared area in square px) of every pair that overlaps; as iou_pairs."""
    return _ordered(*_shared(first, second, width, height)[0])


def _ordered(i: IntArray, j: IntArray, value: FloatArray) -> Pairs:
    order = np.lexsort((j, i))
    return Pairs(i[order], j[order], value[order])


def areas(shapes: Sequence[Shape], *, width: int, height: int) -> FloatArray:
    """Area of each shape in square px, shape (n,): of boxes exactly, of polygons and masks in pixels."""
    found: FloatArray = np.zeros(len(shapes))
    boxes, rest = _by_kind(shapes)
    found[boxes] = _box_areas(_edges(shapes, boxes))
    found[rest] = [spans.of_shape(shapes[k], width, height).area for k in rest]
    return found


def _by_kind(shapes: Sequence[Shape]) -> tuple[IntArray, IntArray]:
    """Places of the boxes, and of everything else."""
    is_box = np.array(["box" in shape for shape in shapes], dtype=bool)
    return np.flatnonzero(is_box), np.flatnonzero(~is_box)


def _edges(shapes: Sequence[Shape], places: IntArray) -> FloatArray:
    """x0, y0, x1, y1 of the boxes at these places, shape (n, 4)."""
    edges = np.array([shapes[k]["box"] for k in places], dtype=np.float64).reshape(-1, 4)
    edges[:, 2:] += edges[:, :2]
    return edges


def _box_areas(edges: FloatArray) -> FloatArray:
    area: FloatArray = (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1])
    return area


def touching(first: FloatArray, second: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """i, j and shared area of all rectangles that overlap; first, second: x0, y0, x1, y1, shapes (n, 4) and (m, 4).

    Both sorted by x0, those that can overlap some rectangles of the first list lie in one stretch of the second: from
    the least x0 less the widest width, to the greatest x1.
    """
    none = np.empty(0, dtype=np.int64)
    if not len(first) or not len(second):
        return none, none, np.empty(0)
    order_1, order_2 = np.argsort(first[:, 0], kind="stable"), np.argsort(second[:, 0], kind="stable")
    first, second = first[order_1], second[order_2]
    widest = (second[:, 2] - second[:, 0]).max()
    found: list[tuple[IntArray, IntArray, FloatArray]] = []
    for low in range(0, len(first), ROWS_AT_ONCE):
        rows = first[low : low + ROWS_AT_ONCE]
        begin = int(np.searchsorted(second[:, 0], rows[0, 0] - widest, side="left"))
        end = int(np.searchsorted(second[:, 0], rows[:, 2].max(), side="left"))
        columns = second[begin:end]
        wide = np.minimum(rows[:, None, 2], columns[:, 2]) - np.maximum(rows[:, None, 0], columns[:, 0])
        tall = np.minimum(rows[:, None, 3], columns[:, 3]) - np.maximum(rows[:, None, 1], columns[:, 1])
        both = (wide > 0) & (tall > 0)
        i, j = np.nonzero(both)
        found.append((order_1[i + low], order_2[j + begin], (wide * tall)[both]))
    return (
        np.concatenate([part[0] for part in found]),
        np.concatenate([part[1] for part in found]),
        np.concatenate([part[2] for part in found]),
    )


def _shared(
    first: Sequence[Shape], second: Sequence[Shape], width: int, height: int
) -> tuple[Pairs, FloatArray, FloatArray]:
    """Pairs with their shared area, in no order, and the areas of both shapes of each pair in the same measure."""
    boxes_1, rest_1 = _by_kind(first)
    boxes_2, rest_2 = _by_kind(second)
    edges_1, edges_2 = _edges(first, boxes_1), _edges(second, boxes_2)
    a, b, shared = touching(edges_1, edges_2)
    results = [(boxes_1[a], boxes_2[b], shared, _box_areas(edges_1)[a], _box_areas(edges_2)[b])]
    if rest_1.size or rest_2.size:
        # Boxes take part only where the other list has something else.
        pixels_1 = _pixels(first, np.arange(len(first)) if rest_2.size else rest_1, width, height)
        pixels_2 = pixels_1 if second is first else None
        if pixels_2 is None:
            pixels_2 = _pixels(second, np.arange(len(second)) if rest_1.size else rest_2, width, height)
        for one, other in ((rest_1, rest_2), (rest_1, boxes_2), (boxes_1, rest_2)):
            if one.size and other.size:
                results.append(_by_pixels(pixels_1, pixels_2, one, other))
    i, j, area, one_area, other_area = (np.concatenate(columns) for columns in zip(*results, strict=True))
    return Pairs(i, j, area), one_area, other_area


def _pixels(shapes: Sequence[Shape], places: IntArray, width: int, height: int) -> dict[int, Spans]:
    return {int(k): spans.of_shape(shapes[k], width, height) for k in places}


def _by_pixels(
    pixels_1: dict[int, Spans], pixels_2: dict[int, Spans], one: IntArray, other: IntArray
) -> tuple[IntArray, IntArray, FloatArray, FloatArray, FloatArray]:
    """i, j, shared pixels and both areas of those places whose pixels overlap."""
    bounds_1 = np.array([pixels_1[k].bounds() for k in one.tolist()], dtype=np.float64).reshape(-1, 4)
    bounds_2 = np.array([pixels_2[k].bounds() for k in other.tolist()], dtype=np.float64).reshape(-1, 4)
    a, b, _ = touching(bounds_1, bounds_2)
    by_first = np.argsort(a, kind="stable")
    a, b = a[by_first], b[by_first]
    shared = np.zeros(a.size)
    edges = np.searchsorted(a, np.arange(one.size + 1))
    for k, place in enumerate(one.tolist()):
        low, high = int(edges[k]), int(edges[k + 1])
        if high > low:
            candidates = [pixels_2[int(other[m])] for m in b[low:high]]
            shared[low:high] = spans.shared_areas(pixels_1[place], candidates)
    kept = shared > 0
    i, j = one[a[kept]], other[b[kept]]
    sizes_1 = np.array([pixels_1[k].area for k in i.tolist()], dtype=np.float64)
    sizes_2 = np.array([pixels_2[k].area for k in j.tolist()], dtype=np.float64)
    return i, j, shared[kept], sizes_1, sizes_2


def iou(first: BoolArray, second: BoolArray) -> float | None:
    """Shared over joint pixels of two bit masks of one shape, in [0, 1]; None where both are empty."""
    joint = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / joint if joint else None


def dice(first: BoolArray, second: BoolArray) -> float | None:
    """Twice the shared pixels over the sum of both (Dice 1945), in [0, 1]; None where both are empty.

    first, second: bits of one shape; masks.together makes them of two shapes.
    """
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return 2 * int(np.count_nonzero(first & second)) / total if total else None


def boundary_f(first: BoolArray, second: BoolArray, distance: float = 2.0) -> float | None:
    """Harmonic mean of the shares of either boundary that run within `distance` px of the other's, in [0, 1].

    Boundary pixels are those of a mask with a neighbour (of four) outside it, also at the border of the crop; distances
    are between their centres (Perazzi and others 2016, without their one-to-one matching).
    None where both are empty, 0 where one is. first, second: bits of one shape.
    """
    if first.shape != second.shape:
        raise ValueError("two bit masks must have one shape")
    edge_1, edge_2 = boundary(first), boundary(second)
    if not edge_1.any() and not edge_2.any():
        return None
    near_1, near_2 = _share_near(edge_1, edge_2, distance), _share_near(edge_2, edge_1, distance)
    return 2 * near_1 * near_2 / (near_1 + near_2) if near_1 + near_2 else 0.0


def _share_near(edge: BoolArray, other: BoolArray, distance: float) -> float:
    """Share of the true pixels of `edge` that have one of `other` within the distance; 0 where either has none."""
    reach = int(distance)
    padded = np.pad(other, reach)
    rows, columns = np.nonzero(edge)
    if not rows.size:
        return 0.0
    near = np.zeros(rows.size, dtype=bool)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            if dx * dx + dy * dy <= distance * distance:
                near |= padded[rows + dy + reach, columns + dx + reach]
    return float(near.mean())
