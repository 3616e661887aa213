"""Agreement on answers as a whole: how far two answers to one image differ, against answers to different images.

Braylan, Alonso and Lease, "Measuring Annotator Agreement Generally across Complex Structured, Multi-object, and
Free-text Annotation Tasks" (WWW 2022). Knows where objects are, not what they are: classes are not compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labeler.stats.grouping import sums
from labeler.stats.intervals import REPLICATES, SEED, resampled
from labeler.stats.objects.boxes import box_iou, ranges
from labeler.stats.objects.drawings import Drawings, FloatArray, IntArray
from labeler.stats.results import NO_SHARED_IMAGES, Reason, Stat, undefined, with_interval

# Object against object: (n,) and (n,) places in Drawings -> their IoU, as if both lay on the same image.
IouOf = Callable[[IntArray, IntArray], FloatArray]

# Pairs of answers to different images: at 40,000 their mean has a standard error of .0005 on real boxes. Fewer where
# answers are long: a million objects laid over each other take .3 s.
DRAWN_PAIRS = 40_000
COMPARISONS = 1_000_000
_AT_ONCE = 500_000


@dataclass(frozen=True, slots=True)
class DistanceAlpha:
    """alpha with its interval; the mean distances that it compares, None where there are none; pairs behind them."""

    alpha: Stat
    same_image: float | None
    different_images: float | None
    n_same: int
    n_different: int


def distance_alpha(
    drawings: Drawings, *, iou_of: IouOf | None = None, drawn_pairs: int = DRAWN_PAIRS, replicates: int = REPLICATES
) -> DistanceAlpha:
    """1 - (mean distance of two people on one image) / (mean distance of answers to different images).

    The distance of answers A and B is 1 - (mean over A of the best IoU in B + mean over B of the best in A) / 2;
    0 where both are empty, 1 where one is.
    iou_of: IoU of two objects, of one image or of different ones, laid over each other at the upper left corner; only
    asked where bounds overlap. Without it objects are their bounds. Pairs of `drawings` are used for the same image
    where all of them are there (least is 0).
    Answers to different images: all pairs where these are at most `drawn_pairs`, else so many drawn at random, and as
    many fewer as keeps the overlaps to compute at COMPARISONS.
    The interval resamples images, for both means (the second by its linear limit).
    Undefined without an image of two answers (no_shared_images), with answers to one image only (one_image_only), and
    where answers to different images do not differ (one_kind_of_rating).
    """
    image, person = np.nonzero(drawings.answered)
    answer_of = np.full(drawings.answered.shape, -1, dtype=np.int64)
    answer_of[image, person] = np.arange(image.size)
    answers = _Answers(drawings, answer_of, image.size, iou_of or (lambda i, j: box_iou(bounds[i], bounds[j])))
    bounds = drawings.bounds
    one, other = _of_one_image(image)
    n = np.unique(image[one]).size
    if not n:
        return DistanceAlpha(undefined(NO_SHARED_IMAGES), None, None, 0, 0)
    if drawings.least <= 0 and drawings.first.size:
        apart = answers.from_pairs(one, other)
    else:
        apart = answers.distances(one, other)
    observed = float(apart.mean())
    sizes = np.bincount(answers.of, minlength=image.size)
    far_one, far_other = _of_two_images(image, sizes, drawn_pairs, np.random.default_rng(SEED))
    if not far_one.size:
        return DistanceAlpha(undefined(Reason("one_image_only"), n), observed, None, one.size, 0)
    far = answers.distances(far_one, far_other)
    expected = float(far.mean())
    if expected == 0:
        return DistanceAlpha(undefined(Reason("one_kind_of_rating"), n), observed, expected, one.size, far.size)
    columns = np.column_stack(
        [
            sums(image[one], apart, drawings.n_images),
            sums(image[one], np.ones_like(apart), drawings.n_images),
            _by_image(image, far_one, far_other, far, drawings.n_images),
            _by_image(image, far_one, far_other, np.ones_like(far), drawings.n_images),
        ]
    )

    def alpha(totals: FloatArray) -> FloatArray:
        # A pair of different images counts as often as the product of its images' weights: twice the change that the
        # mean over pairs of each image shows.
        chance = expected + 2 * (totals[:, 2] / totals[:, 3] - expected)
        return 1 - (totals[:, 0] / totals[:, 1] / chance)[:, None]

    one_each = np.ones(drawings.n_images, dtype=np.int64)
    interval = resampled(columns, one_each, alpha, replicates=replicates)[0]
    stat = with_interval(1 - observed / expected, interval, n)
    return DistanceAlpha(stat, observed, expected, one.size, far.size)


class _Answers:
    """Answers by number, each with the objects of one person on one image."""

    def __init__(self, drawings: Drawings, answer_of: IntArray, n: int, iou_of: IouOf) -> None:
        self.drawings, self.iou_of, self.n = drawings, iou_of, n
        self.of = answer_of[drawings.image, drawings.person]
        self.order = np.argsort(self.of, kind="stable")
        self.sizes = np.bincount(self.of, minlength=n)
        self.starts = np.cumsum(self.sizes) - self.sizes

    def distances(self, one: IntArray, other: IntArray) -> FloatArray:
        """Distance of answer one[k] from answer other[k], shape (m,)."""
        found = [np.empty(0)]
        # In blocks: every object of one with every object of the other is 400 rows for answers of 20 objects.
        work = np.cumsum(self.sizes[one] * self.sizes[other])
        cuts = np.searchsorted(work, np.arange(_AT_ONCE, work[-1] if work.size else 0, _AT_ONCE))
        for a, b in zip(np.split(one, cuts), np.split(other, cuts), strict=True):
            found.append(self._distances(a, b))
        return np.concatenate(found)

    def _distances(self, one: IntArray, other: IntArray) -> FloatArray:
        n, m = self.sizes[one], self.sizes[other]
        slot = np.cumsum(n) - n  # of each object of `one`, in the order of pairs, a place for its best IoU
        slot_other = np.cumsum(m) - m
        cells = n * m
        pair = np.repeat(np.arange(one.size), cells)
        cell = ranges(np.zeros_like(cells), cells)
        row, column = np.divmod(cell, np.maximum(m[pair], 1))
        i = self.order[self.starts[one][pair] + row]
        j = self.order[self.starts[other][pair] + column]
        a, b = self.drawings.bounds[i], self.drawings.bounds[j]
        meet = ((a[:, :2] < b[:, 2:]) & (b[:, :2] < a[:, 2:])).all(axis=1)
        i, j, pair, row, column = i[meet], j[meet], pair[meet], row[meet], column[meet]
        iou = np.asarray(self.iou_of(i, j), dtype=np.float64)
        best, best_other = np.zeros(int(n.sum())), np.zeros(int(m.sum()))
        np.maximum.at(best, slot[pair] + row, iou)
        np.maximum.at(best_other, slot_other[pair] + column, iou)
        return _distance(
            n,
            m,
            sums(np.repeat(np.arange(one.size), n), best, one.size),
            sums(np.repeat(np.arange(one.size), m), best_other, one.size),
        )

    def from_pairs(self, one: IntArray, other: IntArray) -> FloatArray:
        """The same for answers to one image, one before other, from the pairs of objects that are there already."""
        drawn = self.drawings
        i = np.concatenate((drawn.first, drawn.second))
        j = np.concatenate((drawn.second, drawn.first))
        iou = np.concatenate((drawn.iou, drawn.iou))
        falling = np.argsort(-iou, kind="stable")
        key = (i * drawn.n_people + drawn.person[j])[falling]
        first = falling[np.unique(key, return_index=True)[1]]  # the best of each object in each other person's answer
        of_pair = self.of[i[first]] * self.n + self.of[j[first]]
        known, place = np.unique(of_pair, return_inverse=True)
        total = np.bincount(place, weights=iou[first])

        def best(a: IntArray, b: IntArray) -> FloatArray:
            at = np.minimum(np.searchsorted(known, a * self.n + b), known.size - 1)
            return np.where(known[at] == a * self.n + b, total[at], 0.0)

        return _distance(self.sizes[one], self.sizes[other], best(one, other), best(other, one))


def _distance(n: IntArray, m: IntArray, best: FloatArray, best_other: FloatArray) -> FloatArray:
    """From the number of objects in each answer, and the sums of their best IoU in the other."""
    found = 1 - 0.5 * (best / np.maximum(n, 1) + best_other / np.maximum(m, 1))
    return np.where((n == 0) & (m == 0), 0.0, found)


def _of_one_image(image: IntArray) -> tuple[IntArray, IntArray]:
    """Every two answers to one image; answers are ordered by image."""
    n = np.bincount(image) if image.size else np.empty(0, dtype=np.int64)
    last = np.repeat(np.cumsum(n), n)
    later = last - np.arange(image.size) - 1
    return np.repeat(np.arange(image.size), later), ranges(np.arange(image.size) + 1, later)


def _of_two_images(
    image: IntArray, sizes: IntArray, at_most: int, random: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Pairs of answers to different images: all, or drawn with replacement."""
    n = image.size
    own = np.bincount(image)
    total = n * (n - 1) // 2 - int((own * (own - 1) // 2).sum())
    work = max(1.0, float(sizes.mean()) ** 2)
    limit = min(at_most, max(1, int(COMPARISONS / work)))
    if total <= limit:
        one, other = np.triu_indices(n, 1)
        apart = image[one] != image[other]
        return one[apart], other[apart]
    one, other = random.integers(0, n, (2, int(limit * 1.1) + 100))
    apart = image[one] != image[other]
    while apart.sum() < limit:  # few images with many answers each: most draws meet their own image
        more, others = random.integers(0, n, (2, limit))
        one, other = np.concatenate((one, more)), np.concatenate((other, others))
        apart = image[one] != image[other]
    return one[apart][:limit], other[apart][:limit]


def _by_image(image: IntArray, one: IntArray, other: IntArray, weight: FloatArray, n: int) -> FloatArray:
    return sums(image[one], weight, n) + sums(image[other], weight, n)
