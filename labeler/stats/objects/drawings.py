"""What people drew, as arrays: one row per object, and the pairs of objects that overlap.

Knows which people answered which images, each object's class and bounds, and the IoU of pairs. Does not know shapes:
IoU is measured elsewhere (boxes by boxes, polygons and masks by pixels).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# IoU is compared to nine digits: the same two objects, given the other way round, may differ in the sixteenth, and
# would then be a tie or not depending on who comes first.
DIGITS = 9


@dataclass(frozen=True, slots=True)
class Drawings:
    """The objects of all people on all images; made by drawings(), which checks and orders them.

    answered: who answered which image, shape (n_images, n_people). An answer without objects says "nothing here";
    skipped images and "cannot tell" are not answered.
    image, person, category: of each object, shape (n_objects,). bounds: left, top, right, bottom, in pixels of the
    image, shape (n_objects, 4).
    first, second, iou: pairs of objects of different people on one image, by falling IoU, ties in an order that does
    not depend on the order of people and objects, shape (n_pairs,).
    least: every pair of at least this IoU is there.
    """

    answered: BoolArray
    image: IntArray
    person: IntArray
    category: IntArray
    bounds: FloatArray
    first: IntArray
    second: IntArray
    iou: FloatArray
    least: float
    n_categories: int

    @property
    def n_images(self) -> int:
        return int(self.answered.shape[0])

    @property
    def n_people(self) -> int:
        return int(self.answered.shape[1])

    @property
    def n_objects(self) -> int:
        return int(self.image.size)

    def pairs_from(self, iou: float) -> int:
        """How many pairs, from the first on, have at least this IoU.

        Raises ValueError where iou is not in (0, 1], or where pairs of that IoU may be missing.
        """
        if not 0 < iou <= 1:
            raise ValueError(f"an IoU threshold must be above 0 and at most 1, not {iou}")
        if round(iou, DIGITS) < round(self.least, DIGITS):
            raise ValueError(f"pairs below IoU {self.least} were left out: {iou} is too low")
        return int(np.searchsorted(-np.round(self.iou, DIGITS), -round(iou, DIGITS), side="right"))

    def part(self, objects: BoolArray, answered: BoolArray) -> Drawings:
        """Some of the objects, with the answers that they belong to; pairs keep their order.

        objects: which to keep, shape (n_objects,). answered: as above, of the same shape.
        """
        place = np.cumsum(objects) - 1
        kept = objects[self.first] & objects[self.second]
        return Drawings(
            answered=answered,
            image=self.image[objects],
            person=self.person[objects],
            category=self.category[objects],
            bounds=self.bounds[objects],
            first=place[self.first[kept]],
            second=place[self.second[kept]],
            iou=self.iou[kept],
            least=self.least,
            n_categories=self.n_categories,
        )


def drawings(
    *,
    answered: ArrayLike,
    image: ArrayLike,
    person: ArrayLike,
    category: ArrayLike,
    bounds: ArrayLike,
    pairs: tuple[ArrayLike, ArrayLike, ArrayLike],
    least: float,
    n_categories: int,
) -> Drawings:
    """Check what was drawn, and put its pairs into the order in which they are matched.

    pairs: (object, object, IoU); pairs below `least` are dropped. For the others see Drawings.
    Two pairs of the same IoU come in the order of their objects' bounds. Objects of one person with the same bounds
    are numbered by their class, and objects with lower numbers meet first: so neither the order in which people and
    objects are given matters, nor whether classes are equal.
    Raises ValueError for other shapes, numbers out of range, objects of somebody who did not answer the image, and
    pairs of one person or of two images.
    """
    who = np.asarray(answered, dtype=bool)
    where, by, what = (np.asarray(column, dtype=np.int64) for column in (image, person, category))
    rows = (where, by, what)
    edges = np.asarray(bounds, dtype=np.float64).reshape(-1, 4)
    one, other = (np.asarray(column, dtype=np.int64) for column in pairs[:2])
    overlap = np.asarray(pairs[2], dtype=np.float64)
    _check(who, rows, edges, n_categories)
    _check_pairs(one, other, overlap, rows)
    kept = np.round(overlap, DIGITS) >= round(least, DIGITS)
    one, other, overlap = one[kept], other[kept], overlap[kept]
    key = _place_in_order(rows, edges)
    low, high = np.minimum(key[one], key[other]), np.maximum(key[one], key[other])
    order = np.lexsort((high, low, -np.round(overlap, DIGITS)))
    return Drawings(who, where, by, what, edges, one[order], other[order], overlap[order], least, n_categories)


def _place_in_order(rows: tuple[IntArray, IntArray, IntArray], bounds: FloatArray) -> IntArray:
    """A number for each object, by its bounds, then by its number among one person's objects of these bounds."""
    image, person, category = rows
    order = np.lexsort(bounds.T[::-1])
    ordered = bounds[order]
    key = np.empty(len(bounds), dtype=np.int64)
    key[order] = np.cumsum(np.any(ordered != np.roll(ordered, 1, axis=0), axis=1)) if len(bounds) else 0
    if not len(bounds):
        return key
    own = np.lexsort((category, key, person, image))
    same = (np.diff(image[own]) == 0) & (np.diff(person[own]) == 0) & (np.diff(key[own]) == 0)
    if not same.any():
        return key
    starts = np.concatenate(([True], ~same))
    position = np.arange(own.size)
    twin = np.empty_like(key)
    twin[own] = position - np.maximum.accumulate(np.where(starts, position, 0))
    return key * (int(twin.max()) + 1) + twin


def _check(
    answered: BoolArray, rows: tuple[IntArray, IntArray, IntArray], bounds: FloatArray, n_categories: int
) -> None:
    image, person, category = rows
    if answered.ndim != 2:
        raise ValueError("answered must have shape (n_images, n_people)")
    if any(row.shape != image.shape or row.ndim != 1 for row in rows) or len(bounds) != len(image):
        raise ValueError("image, person, category and bounds must have one row per object")
    if not np.isfinite(bounds).all() or (bounds[:, 2:] < bounds[:, :2]).any():
        raise ValueError("bounds must be left, top, right, bottom, all finite")
    for name, row, end in (("image", image, len(answered)), ("person", person, answered.shape[1])):
        if row.size and not (row.min() >= 0 and row.max() < end):
            raise ValueError(f"{name} must be from 0 to {end - 1}")
    if category.size and not (category.min() >= 0 and category.max() < n_categories):
        raise ValueError(f"category must be from 0 to {n_categories - 1}")
    if not answered[image, person].all():
        raise ValueError("an object belongs to somebody who did not answer its image")


def _check_pairs(one: IntArray, other: IntArray, iou: FloatArray, rows: tuple[IntArray, IntArray, IntArray]) -> None:
    image, person, _category = rows
    if not one.shape == other.shape == iou.shape or one.ndim != 1:
        raise ValueError("pairs must be three arrays of the same length")
    if one.size == 0:
        return
    if min(one.min(), other.min()) < 0 or max(one.max(), other.max()) >= image.size:
        raise ValueError("a pair names an object that is not there")
    if not ((iou >= 0) & (iou <= 1 + 1e-9)).all():
        raise ValueError("IoU must be from 0 to 1")
    if (image[one] != image[other]).any() or (person[one] == person[other]).any():
        raise ValueError("a pair must be of two people's objects on the same image")
