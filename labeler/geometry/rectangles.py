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
    return (
        np.concatenate([part[0] for part in found]),
        np.concatenate([part[1] for part in found]),
        np.concatenate([part[2] for part in found]),
    )
