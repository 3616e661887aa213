"""How near the boundaries of two shapes run, for thousands of pairs at once: boundary F without bits.

The same figure as overlaps.boundary_f(), from runs: as much work as the outlines are long, however large the shapes.
Knows pairs of shapes. Does not know which pair is a match.
"""

from __future__ import annotations

import math

import numpy as np

from labeler.geometry import spans
from labeler.geometry.many_spans import ManySpans
from labeler.geometry.shapes import FloatArray, IntArray
from labeler.geometry.spans import COLUMN, Spans

# Pairs looked at together, whose runs stay in a processor's cache: 3,000 pairs take .7 s so, and 3.3 s by 2,000.
PAIRS_AT_ONCE = 100


def boundary_f(pixels: ManySpans, i: IntArray, j: IntArray, distance: float = 2.0) -> FloatArray:
    """Boundary F of shape i[k] with shape j[k], as if both lay on one image, in [0, 1], shape (m,).

    Boundary pixels are those with a neighbour (of four) outside their shape; two are near where their centres are at
    most `distance` px apart. 0 where one of the shapes has no pixel, NaN where neither has.
    """
    found = np.zeros(i.size)
    for low in range(0, i.size, PAIRS_AT_ONCE):
        rows = slice(low, low + PAIRS_AT_ONCE)
        found[rows] = _boundary_f(pixels, i[rows], j[rows], distance)
    return found


def _boundary_f(pixels: ManySpans, i: IntArray, j: IntArray, distance: float) -> FloatArray:
    columns = int(pixels.ends.max(initial=0) // COLUMN)
    # Every pair gets an image of its own beside the last one's, so far off that nothing reaches over.
    stride = columns + 2 * (int(distance) + 2)
    edges = [_boundary(_side_by_side(pixels, which, stride)) for which in (i, j)]
    n = [_pixels_of_each(edge, i.size, stride) for edge in edges]
    near = [
        _pixels_of_each(spans.intersection(edge, _widened(other, distance)), i.size, stride)
        for edge, other in (edges, edges[::-1])
    ]
    shares = [np.divide(a, b, out=np.zeros(i.size), where=b > 0) for a, b in zip(near, n, strict=True)]
    total = shares[0] + shares[1]
    f: FloatArray = np.divide(2 * shares[0] * shares[1], total, out=np.zeros(i.size), where=total > 0)
    f[(n[0] == 0) & (n[1] == 0)] = np.nan
    return f


def _side_by_side(pixels: ManySpans, which: IntArray, stride: int) -> Spans:
    """The shapes as one set: the k-th lies stride * (k + 1) columns to the right of where it is."""
    some = pixels.part(which)
    move = np.repeat(np.arange(which.size) * stride, np.diff(some.first)) * COLUMN
    # And half a column's height down, so that what is widened at an image's border stays in its column.
    room = stride * COLUMN + COLUMN // 2
    return Spans(some.starts + move + room, some.ends + move + room)


def _boundary(shapes: Spans) -> Spans:
    tall = shapes.ends - shapes.starts > 2
    inner = Spans(shapes.starts[tall] + 1, shapes.ends[tall] - 1)
    for step in (-1, 1):
        inner = spans.intersection(inner, spans.moved(shapes, step, 0))
    return spans.difference(shapes, inner)


def _widened(edge: Spans, distance: float) -> Spans:
    """All pixels within the distance of those of the set."""
    reach = int(distance)
    moved = []
    for dx in range(-reach, reach + 1):
        dy = int(math.sqrt(distance * distance - dx * dx))
        moved.append(Spans(edge.starts + dx * COLUMN - dy, edge.ends + dx * COLUMN + dy))
    # Longer runs may overlap, and union() makes one of them; of a single set it believes that they do not.
    return spans.union([*moved, spans.empty()])


def _pixels_of_each(shapes: Spans, n: int, stride: int) -> IntArray:
    pair = (shapes.starts // COLUMN) // stride - 1
    count = np.bincount(pair, weights=shapes.ends - shapes.starts, minlength=n)
    found: IntArray = count.astype(np.int64)
    return found
