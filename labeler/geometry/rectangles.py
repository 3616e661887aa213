"""Which upright rectangles of two lists overlap: the first step wherever many shapes are compared.

Knows rectangles as left, top, right and bottom. Does not know what they are the bounds of.
"""

from __future__ import annotations

import numpy as np

from labeler.geometry.shapes import FloatArray, IntArray

# Rows of pairs looked at together: 32 x 3,000 numbers stay in a processor's cache.
ROWS_AT_ONCE = 32


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
    i, j, area = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return i, j, area


def area_of(edges: FloatArray) -> FloatArray:
    """Area of rectangles, shape (n, 4) -> (n,)."""
    area: FloatArray = (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1])
    return area


def shared_area(one: FloatArray, other: FloatArray) -> FloatArray:
    """What rectangle with rectangle has in common, row by row, shapes (n, 4) -> (n,)."""
    wide = np.minimum(one[:, 2], other[:, 2]) - np.maximum(one[:, 0], other[:, 0])
    tall = np.minimum(one[:, 3], other[:, 3]) - np.maximum(one[:, 1], other[:, 1])
    shared: FloatArray = np.maximum(wide, 0) * np.maximum(tall, 0)
    return shared
