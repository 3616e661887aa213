"""IoU of boxes, row by row. Knows bounds: left, top, right, bottom."""

from __future__ import annotations

import numpy as np

from labeler.stats.objects.drawings import FloatArray, IntArray


def box_area(bounds: FloatArray) -> FloatArray:
    """Area of boxes, shape (..., 4) -> (...)."""
    return np.asarray((bounds[..., 2] - bounds[..., 0]) * (bounds[..., 3] - bounds[..., 1]), dtype=np.float64)


def box_iou(one: FloatArray, other: FloatArray) -> FloatArray:
    """Intersection over union of box with box, in [0, 1], shape (..., 4) and (..., 4) -> (...).

    0 where both have no area.
    """
    width = np.minimum(one[..., 2], other[..., 2]) - np.maximum(one[..., 0], other[..., 0])
    height = np.minimum(one[..., 3], other[..., 3]) - np.maximum(one[..., 1], other[..., 1])
    both = np.maximum(width, 0) * np.maximum(height, 0)
    union = box_area(one) + box_area(other) - both
    return np.asarray(np.divide(both, union, out=np.zeros_like(both), where=union > 0), dtype=np.float64)


def ranges(starts: IntArray, sizes: IntArray) -> IntArray:
    """start, start + 1, … of each range, one after the other, shape (sum of sizes,)."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if ends.size else 0
    return np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - sizes), sizes)
