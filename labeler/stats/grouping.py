"""Rows of one image: where they start, and every two of them side by side.

Knows only the order of rows. Everything that compares people starts here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.intervals import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Groups:
    """Consecutive rows with the same image.

    starts, sizes: first row and number of rows of each image, shape (n_images,).
    """

    starts: IntArray
    sizes: IntArray

    def select(self, chosen: NDArray[np.bool_]) -> Groups:
        return Groups(self.starts[chosen], self.sizes[chosen])

    def rows(self) -> IntArray:
        """The rows of these images, image by image."""
        ends = np.cumsum(self.sizes)
        return np.arange(ends[-1] if ends.size else 0) + np.repeat(self.starts - (ends - self.sizes), self.sizes)


def group_rows(image: ArrayLike) -> Groups:
    """Groups of rows ordered by image, shape (n,).

    Raises ValueError when an image's rows are apart: they would count as two images.
    """
    image = np.asarray(image)
    if image.ndim != 1:
        raise ValueError("image must have one dimension")
    if image.size == 0:
        nothing = np.empty(0, dtype=np.int64)
        return Groups(nothing, nothing)
    if not bool((image[1:] >= image[:-1]).all()):
        raise ValueError("rows must be ordered by image")
    starts = np.concatenate(([0], np.flatnonzero(image[1:] != image[:-1]) + 1))
    return Groups(starts, np.diff(starts, append=image.size))


def of_equal_size(groups: Groups) -> Iterator[tuple[IntArray, int]]:
    """(places in groups of the images with r rows, r), for each r of 2 and more.

    Few blocks with long arrays, where a loop over images would take a Python step for each of 100,000.
    """
    present = np.bincount(groups.sizes) if groups.sizes.size else np.empty(0, dtype=np.int64)
    for r in np.flatnonzero(present):
        if r >= 2:
            yield np.flatnonzero(groups.sizes == r), int(r)


def side_by_side(values: NDArray[Any], groups: Groups, place: IntArray, r: int) -> NDArray[Any]:
    """The values of images with r rows each, one image per row, shape (len(place), r, ...)."""
    if place.size * r == len(values):  # every row of the input, in order: a view, no copy
        return values.reshape(-1, r, *values.shape[1:])
    return values[groups.starts[place][:, None] + np.arange(r)]


def sums(place: IntArray, weight: NDArray[Any], length: int) -> FloatArray:
    """The weights that fall on each place 0..length-1, summed, shape (length,)."""
    return np.asarray(np.bincount(place, weight, length), dtype=np.float64)
