"""Average precision of a model's objects, by COCO's rules, with the matches of each image kept.

Kept, so that images can be resampled: an interval for one model, and for the difference of two on the same images.
Knows objects, scores and their IoU; boxes have a helper here, polygons and masks are measured elsewhere.
Lin and others 2014, "Microsoft COCO: Common Objects in Context"; equal to pycocotools and hotcoco to six digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labeler.stats.intervals import SEED, percentiles
from labeler.stats.objects.boxes import box_area, box_iou, ranges
from labeler.stats.objects.drawings import BoolArray, FloatArray, IntArray
from labeler.stats.objects.pairs import COCO_IOUS, RECALLS
from labeler.stats.results import Reason, Stat, undefined, with_interval

MAX_DETECTIONS = 100  # of one class on one image, those of the highest scores
REPLICATES = 300  # a replicate sorts nothing, but sums over all detections and thresholds
NOTHING_TO_FIND = Reason("no_object_to_find")


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects of the truth or of a model; one row each.

    image, category: shape (n,). area: of the shape, in square pixels, shape (n,).
    score: of a model's objects, shape (n,); None for the truth.
    crowd: of the truth: regions that hold any number of objects; what a model finds in them counts neither way.
    ignore: of the truth: objects that need not be found, and may be; crowds are among them.
    """

    image: IntArray
    category: IntArray
    area: FloatArray
    score: FloatArray | None = None
    crowd: BoolArray | None = None
    ignore: BoolArray | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """What became of a model's objects at each threshold, by falling score within classes.

    image, category: of each kept detection, shape (D,). hit, ignored: shape (T, D); neither: a false one.
    truth: objects to find, by image and class, shape (n_images, n_categories). ious: thresholds, T of them.
    """

    image: IntArray
    category: IntArray
    hit: BoolArray
    ignored: BoolArray
    truth: IntArray
    ious: tuple[float, ...]


def box_pairs(
    truth: Objects, found: Objects, truth_bounds: ArrayLike, found_bounds: ArrayLike, *, least: float = COCO_IOUS[0]
) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs (detection, truth, IoU) of one image and class with boxes that overlap by at least `least`.

    Bounds: left, top, right, bottom, shape (n, 4). Against a crowd the overlap is the share of the detection within it.
    """
    bounds = np.asarray(truth_bounds, dtype=float).reshape(-1, 4)
    boxes = np.asarray(found_bounds, dtype=float).reshape(-1, 4)
    width = 1 + max((int(side.category.max()) for side in (truth, found) if side.category.size), default=0)
    code = truth.image * width + truth.category
    order = np.argsort(code, kind="stable")
    wanted = found.image * width + found.category
    start = np.searchsorted(code[order], wanted, side="left")
    size = np.searchsorted(code[order], wanted, side="right") - start
    i = np.repeat(np.arange(len(boxes)), size)
    j = order[ranges(start, size)]
    iou = box_iou(bounds[j], boxes[i])
    if truth.crowd is not None and truth.crowd.any():
        areas, other = box_area(boxes[i]), box_area(bounds[j])
        both = iou * (areas + other) / (1 + iou)
        iou = np.where(truth.crowd[j], np.divide(both, areas, out=np.zeros_like(both), where=areas > 0), iou)
    kept = iou >= least - 1e-9
    return i[kept], j[kept], iou[kept]


def match(
    truth: Objects,
    found: Objects,
    pairs: tuple[ArrayLike, ArrayLike, ArrayLike],
    *,
    n_images: int,
    n_categories: int,
    ious: tuple[float, ...] = COCO_IOUS,
    area: tuple[float, float] = (0.0, 1e10),
    max_detections: int = MAX_DETECTIONS,
) -> Matched:
    """Match by COCO's rules: by falling score, each detection takes the free object it overlaps most.

    pairs: (detection, truth, IoU) of one image and class; all of IoU at least min(ious). Objects of the truth outside
    of `area` need not be found; detections outside of it count only where they hit.
    A tie in score goes to the lower image and the earlier row; a tie in IoU to the later object (so does COCO's code).
    Raises ValueError without scores, and for a pair of different images or classes.
    """
    if found.score is None:
        raise ValueError("a model's objects need scores")
    if not np.isfinite(found.score).all():
        raise ValueError("scores must be finite")
    i, j = (np.asarray(column, dtype=np.int64) for column in pairs[:2])
    iou = np.asarray(pairs[2], dtype=np.float64)
    if (found.image[i] != truth.image[j]).any() or (found.category[i] != truth.category[j]).any():
        raise ValueError("a pair must be of the same image and class")
    n = truth.image.size
    crowd = np.zeros(n, dtype=bool) if truth.crowd is None else truth.crowd
    ignore = crowd if truth.ignore is None else crowd | truth.ignore
    ignore = ignore | (truth.area < area[0]) | (truth.area > area[1])
    kept = _best(found, max_detections)
    place = np.full(found.image.size, -1)
    place[kept] = np.arange(kept.size)
    near = (place[i] >= 0) & (iou >= min(min(ious), 1 - 1e-10))
    i, j, iou = place[i[near]], j[near], iou[near]
    order = np.lexsort((j, ignore[j], i))  # an object that counts is taken before one that does not
    hit, ignored = _take(i[order], j[order], iou[order], crowd, ignore, kept.size, ious)
    outside = (found.area[kept] < area[0]) | (found.area[kept] > area[1])
    ignored |= ~hit & outside
    hit &= ~ignored
    cell = truth.image[~ignore] * n_categories + truth.category[~ignore]
    counts = np.bincount(cell, minlength=n_images * n_categories).reshape(n_images, n_categories)
    return Matched(found.image[kept], found.category[kept], hit, ignored, counts, tuple(ious))


def _best(found: Objects, at_most: int) -> IntArray:
    """The rows to look at, by class, then by falling score, image and row; so many of each image and class."""
    assert found.score is not None
    row = np.arange(found.image.size)
    order = np.lexsort((row, -found.score, found.image, found.category))
    image, category = found.image[order], found.category[order]
    new = np.concatenate(([True], (np.diff(image) != 0) | (np.diff(category) != 0)))[: row.size]
    rank = row - np.maximum.accumulate(np.where(new, row, 0))
    some = order[rank < at_most]
    return some[np.lexsort((some, found.image[some], -found.score[some], found.category[some]))]


def _take(
    i: IntArray, j: IntArray, iou: FloatArray, crowd: BoolArray, ignore: BoolArray, n: int, ious: tuple[float, ...]
) -> tuple[BoolArray, BoolArray]:
    """Detections in their order; hit: took an object, ignored: one that does not count; shape (T, n) each."""
    hit, ignored = np.zeros((len(ious), n), dtype=bool), np.zeros((len(ious), n), dtype=bool)
    # Most detections near an object are alone with it: nothing to choose, for any threshold.
    alone = (np.bincount(i, minlength=n)[i] == 1) & (np.bincount(j, minlength=crowd.size)[j] == 1)
    for step, threshold in enumerate(ious):
        reached = iou >= min(threshold, 1 - 1e-10)
        sure = alone & reached
        hit[step, i[sure]] = True
        ignored[step, i[sure]] = ignore[j[sure]]
        open_ = np.flatnonzero(reached & ~alone)
        used: set[int] = set()
        rows = zip(i[open_].tolist(), j[open_].tolist(), iou[open_].tolist(), strict=True)
        detection, best, best_iou = -1, -1, 0.0
        for d, truth, share in [*rows, (-1, -1, 0.0)]:
            if d != detection:
                if best >= 0:
                    hit[step, detection] = True
                    ignored[step, detection] = ignore[best]
                    if not crowd[best]:
                        used.add(best)
                detection, best, best_iou = d, -1, 0.0
            if truth < 0 or truth in used or share < best_iou:
                continue
            if best >= 0 and not ignore[best] and ignore[truth]:
                continue
            best, best_iou = truth, share
    return hit, ignored


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """ap: mean over thresholds and classes; ap50: at IoU .5 (undefined where .5 is not among the thresholds).

    classes, classes50: the same by class. n is the number of images, of a class those on which it is to be found.
    """

    ap: Stat
    ap50: Stat
    classes: tuple[Stat, ...]
    classes50: tuple[Stat, ...]


def average_precision(matched: Matched, *, replicates: int = REPLICATES) -> AveragePrecision:
    """COCO's AP: precision at recall 0, .01, …, 1, the best at that recall or a higher one, averaged.

    Intervals resample images (Poisson weights). Undefined without an object to find (no_object_to_find).
    """
    values = ap_by_class(matched, np.ones(len(matched.truth)))
    weights = np.random.default_rng(SEED).poisson(1, size=(replicates, len(matched.truth)))
    again = np.stack([values, *(ap_by_class(matched, weight) for weight in weights)])
    images = (matched.truth > 0).sum(axis=0)
    at50 = [step for step, iou in enumerate(matched.ious) if abs(iou - 0.5) < 1e-9]
    n = len(matched.truth)
    return AveragePrecision(
        ap=_stat(_mean(again), n),
        ap50=_stat(_mean(again[:, at50]), n),
        classes=tuple(_stat(again[:, :, k].mean(axis=1), int(images[k])) for k in range(again.shape[2])),
        classes50=tuple(_stat(_mean(again[:, at50, k : k + 1]), int(images[k])) for k in range(again.shape[2])),
    )


def difference(old: Matched, new: Matched, *, replicates: int = REPLICATES) -> Stat:
    """AP of the new model minus that of the old, on the same images and truth, both resampled together.

    Raises ValueError where truth or thresholds differ. Undefined without an object to find (no_object_to_find).
    """
    if old.ious != new.ious or not np.array_equal(old.truth, new.truth):
        raise ValueError("both models must be judged on the same images and thresholds")
    n = len(old.truth)
    weights = np.random.default_rng(SEED).poisson(1, size=(replicates, n))
    both = [_mean(np.stack([ap_by_class(one, weight) for weight in [np.ones(n), *weights]])) for one in (old, new)]
    return _stat(both[1] - both[0], n)


def ap_by_class(matched: Matched, weight: ArrayLike) -> FloatArray:
    """AP of each threshold and class, shape (T, K), images counted as often as weight (n_images,) says.

    NaN where a class has nothing to find.
    """
    weights = np.asarray(weight, dtype=np.float64)
    truth = weights @ matched.truth
    classes = truth.size
    ap = np.where(truth > 0, 0.0, np.nan) * np.ones((len(matched.ious), 1))
    chosen = truth[matched.category] > 0
    category = matched.category[chosen]
    if not category.size:
        return ap
    own = weights[matched.image[chosen]]
    hit = matched.hit[:, chosen]
    # Sums that start anew with each class: what came before its first detection is taken off.
    first = np.flatnonzero(np.concatenate(([True], np.diff(category) != 0)))
    size = np.diff(first, append=category.size)
    hits = _within(np.cumsum(hit * own, axis=1), first, size)
    counted = _within(np.cumsum(~matched.ignored[:, chosen] * own, axis=1), first, size)
    precision = np.divide(hits, counted, out=np.zeros_like(hits), where=counted > 0)
    reached = np.searchsorted(RECALLS, hits / truth[category], side="right")
    gained = np.diff(reached, axis=1, prepend=0)
    gained[:, first] = reached[:, first]
    # The best precision at this recall or a later one. Classes are stacked, each above the one after it, so that one
    # pass from behind never carries a precision into another class.
    level = 2.0 * (classes - 1 - category)
    best = np.maximum.accumulate((precision + level)[:, ::-1], axis=1)[:, ::-1] - level
    ap[:, category[first]] = np.add.reduceat(best * gained, first, axis=1) / RECALLS.size
    return ap


def _within(running: FloatArray, first: IntArray, size: IntArray) -> FloatArray:
    before = np.concatenate((np.zeros((len(running), 1)), running[:, first[1:] - 1]), axis=1)
    return np.asarray(running - np.repeat(before, size, axis=1), dtype=np.float64)


def _mean(values: FloatArray) -> FloatArray:
    """Over thresholds and the classes that have something to find, shape (B, T, K) -> (B,); NaN where none has."""
    there = np.isfinite(values)
    total = there.sum(axis=(1, 2))
    sums = np.where(there, values, 0).sum(axis=(1, 2))
    return np.divide(sums, total, out=np.full(len(values), np.nan), where=total > 0)


def _stat(values: FloatArray, n: int) -> Stat:
    """The figure, followed by its replicates."""
    if not np.isfinite(values[0]):
        return undefined(NOTHING_TO_FIND, n)
    return with_interval(float(values[0]), percentiles(values[1:]), n)
