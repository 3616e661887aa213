"""IoU of the objects of many images at once: every two that overlap and were drawn by different people.

Boxes are compared as rectangles, in one pass over all images; everything else by pixels, each shape drawn once. Knows
numbers for images and people, not who they are; overlaps.py compares two lists of one image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labeler.geometry import boundaries, many_spans
from labeler.geometry.many_spans import ManySpans
from labeler.geometry.overlaps import Pairs
from labeler.geometry.rectangles import area_of, shared_area, touching
from labeler.geometry.shapes import BoolArray, FloatArray, IntArray, Shape

BOUNDARY_DISTANCE = 2.0  # px: how far apart two boundaries may run and still be the same


def box_pairs(bounds: FloatArray, image: IntArray, person: IntArray) -> Pairs:
    """(i, j, IoU) of every two boxes of one image and two people that share area; i < j.

    bounds: left, top, right, bottom, shape (n, 4). image, person: numbers from 0, shape (n,).
    """
    i, j = _near(bounds, image, person)
    one, other = bounds[i], bounds[j]
    shared = shared_area(one, other)
    kept = shared > 0
    iou = shared[kept] / (area_of(one) + area_of(other) - shared)[kept]
    return Pairs(i[kept], j[kept], iou)


def _near(bounds: FloatArray, image: IntArray, person: IntArray) -> tuple[IntArray, IntArray]:
    """Objects i < j of one image and two people whose bounds overlap.

    All images are laid side by side, so that one pass finds the neighbours of all; the IoU is taken of the bounds as
    they are, since far to the right a float has fewer digits left.
    """
    none = np.empty(0, dtype=np.int64)
    if not len(bounds):
        return none, none
    stride = float(bounds[:, 2].max() - min(bounds[:, 0].min(), 0.0)) + 1.0
    beside = bounds.copy()
    beside[:, [0, 2]] += (image * stride)[:, None]
    i, j, _shared = touching(beside, beside)
    kept = (i < j) & (image[i] == image[j]) & (person[i] != person[j])
    return i[kept], j[kept]


@dataclass(frozen=True, slots=True)
class Pixels:
    """Shapes of many images as pixels, each drawn once. area: shape (n,). bounds: of the pixels, shape (n, 4)."""

    spans: ManySpans
    area: FloatArray
    bounds: FloatArray

    @classmethod
    def from_shapes(cls, shapes: Sequence[Shape], widths: Sequence[int], heights: Sequence[int]) -> Pixels:
        """shapes: checked ones, of any kinds mixed. widths, heights: of the image of each."""
        drawn = many_spans.of_shapes(shapes, widths, heights)
        return cls(drawn, drawn.area().astype(np.float64), drawn.bounds())

    def part(self, kept: BoolArray) -> Pixels:
        """Some of the shapes, shape (n,)."""
        return Pixels(self.spans.part(np.flatnonzero(kept)), self.area[kept], self.bounds[kept])

    def pairs(self, image: IntArray, person: IntArray) -> Pairs:
        """(i, j, IoU) of every two shapes of one image and two people that have a pixel in common; i < j."""
        i, j = _near(self.bounds, image, person)
        value = self.iou(i, j)
        kept = value > 0
        return Pairs(i[kept], j[kept], value[kept])

    def iou(self, i: IntArray, j: IntArray) -> FloatArray:
        """IoU of shape i[k] with shape j[k], as if both lay on one image, shape (m,); 0 where neither has a pixel."""
        shared = self.spans.shared(i, j).astype(np.float64)
        joint = self.area[i] + self.area[j] - shared
        return np.divide(shared, joint, out=np.zeros_like(shared), where=joint > 0)

    def boundary_f(self, i: IntArray, j: IntArray, distance: float = BOUNDARY_DISTANCE) -> FloatArray:
        """Boundary F of shape i[k] with shape j[k], as if both lay on one image, shape (m,); see boundaries.py."""
        return boundaries.boundary_f(self.spans, i, j, distance)
