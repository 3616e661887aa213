"""How well a model finds objects: AP, precision and recall, what it misses and invents, and which thresholds suit.

Arrays in (worker/ml/detection/samples.py), JSON-ready figures out; a STAT is {"value", "low", "high", "n", "reason"},
with intervals by resampling images. Boxes are compared as boxes, everything else by pixels. Figures of pixels, for
semantic segmentation: pixel_figures.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.geometry import overlaps
from labeler.stats.intervals import SEED
from labeler.stats.objects.average_precision import (
    NOTHING_TO_FIND,
    REPLICATES,
    Matched,
    Objects,
    ap_by_class,
    average_precision,
    box_pairs,
    difference,
    match,
)
from labeler.stats.objects.pairs import COCO_IOUS
from labeler.stats.results import Reason, undefined, with_interval
from labeler.train_settings import HIDDEN_FROM
from worker.ml.detection.samples import Drawn, Found, edges_of

IOU = 0.5
NOTHING_FOUND = Reason("nothing_found")
WISHES = {"balanced": 1.0, "few_misses": 2.0, "few_inventions": 0.5}  # beta of the F that a threshold maximises
THRESHOLD = 0.3  # where there is nothing to choose by
STEPS = np.round(np.arange(0.05, 0.96, 0.025), 3)  # thresholds that are tried
# The share of a class's shown objects that must be right. Deleting an invented one takes a tenth of the time of drawing
# a missed one: with a smaller share the pre-labels of the class cost more time than they save.
LEAST_RIGHT = 0.125
SIZES = (("small", 0.0, 32.0**2), ("medium", 32.0**2, 96.0**2), ("large", 96.0**2, 1e10))  # square px, as COCO
MARGIN = 0.02  # a new model may be this much worse in AP50 and still count as not worse
MOST = 300  # objects of a class and image that count, as many as a detector tells; COCO's 100 are too few for nuclei
SHOWN = 100  # images behind a cell of the confusion, at most
Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Both:
    """Truth and found of all images as long columns, with the pairs (found, truth, IoU) that overlap by half."""

    truth: Objects
    found: Objects
    pairs: Pairs
    n_images: int
    n_classes: int

    def matched(self, ious: tuple[float, ...] = COCO_IOUS, area: tuple[float, float] = (0.0, 1e10)) -> Matched:
        i, j, iou = self.pairs
        same = self.found.category[i] == self.truth.category[j]
        return match(
            self.truth, self.found, (i[same], j[same], iou[same]), n_images=self.n_images,
            n_categories=self.n_classes, ious=ious, area=area, max_detections=MOST,
        )  # fmt: skip


def both(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], n_classes: int, *, by_masks: bool
) -> Both:
    """sizes: (n, 2), width and height in px."""
    columns = []
    for side in (truth, found):
        image = np.repeat(np.arange(len(side)), [len(one) for one in side])
        boxes = np.concatenate([np.zeros((0, 4)), *(one.boxes for one in side)]).astype(float)
        kinds = np.concatenate([np.zeros(0, np.int64), *(one.classes for one in side)])
        columns.append((image, boxes, kinds))
    score = np.concatenate([np.zeros(0), *(one.probabilities for one in found)])
    (image, boxes, kinds), (image_of, boxes_of, kinds_of) = columns
    if by_masks:
        pairs, areas, areas_of = _by_masks(truth, found, sizes)
    else:
        areas, areas_of = boxes[:, 2] * boxes[:, 3], boxes_of[:, 2] * boxes_of[:, 3]
        one_class = [Objects(at, np.zeros_like(at), area) for at, area in ((image, areas), (image_of, areas_of))]
        pairs = box_pairs(one_class[0], one_class[1], edges_of(boxes), edges_of(boxes_of), least=IOU)
    return Both(
        Objects(image, kinds, areas), Objects(image_of, kinds_of, areas_of, score), pairs, len(truth), n_classes
    )


def _by_masks(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64]
) -> tuple[Pairs, NDArray[np.float64], NDArray[np.float64]]:
    columns: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = [(np.zeros(0), np.zeros(0), np.zeros(0))]
    areas: list[NDArray[np.float64]] = [np.zeros(0)]
    areas_of: list[NDArray[np.float64]] = [np.zeros(0)]
    first = second = 0
    for drawn, said, (width, height) in zip(truth, found, sizes.tolist(), strict=True):
        there, seen = drawn.masks or (), said.masks or ()
        near = overlaps.iou_pairs(seen, there, least=IOU, width=width, height=height)
        columns.append((near.i + first, near.j + second, near.value))
        areas.append(overlaps.areas(there, width=width, height=height))
        areas_of.append(overlaps.areas(seen, width=width, height=height))
        first, second = first + len(said), second + len(drawn)
    i, j, iou = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    return (i.astype(np.int64), j.astype(np.int64), iou), np.concatenate(areas), np.concatenate(areas_of)


def ap50(
    truth: Sequence[Drawn], found: Sequence[Found], n_classes: int, sizes: NDArray[np.int64], *, by_masks: bool = False
) -> float | None:
    """Mean over the classes that are there, 0 to 1; None where nothing is."""
    (value,) = ap50_resampled(truth, found, n_classes, sizes, np.ones((1, len(truth))), by_masks=by_masks)
    return round(float(value), 4) if np.isfinite(value) else None


def ap50_resampled(
    truth: Sequence[Drawn], found: Sequence[Found], n_classes: int, sizes: NDArray[np.int64], weights: NDArray[Any], *,
    by_masks: bool = False,
) -> NDArray[np.float64]:  # fmt: skip
    """The same (B,), images counted as often as weights (B, n) say; NaN where no object is to be found."""
    matched = both(truth, found, sizes, n_classes, by_masks=by_masks).matched((IOU,))
    by_class = np.stack([ap_by_class(matched, weight)[0] for weight in weights])
    there = np.isfinite(by_class)
    sums, counts = np.where(there, by_class, 0).sum(1), there.sum(1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


# ---------------------------------------------------------------- thresholds


def thresholds(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], n_classes: int, *, by_masks: bool,
    wish: str = "balanced",
) -> NDArray[np.float64]:  # fmt: skip
    """(K,): from which probability on an object of each class is shown; the best by F1, F2 or F0.5, as the wish says.

    Only thresholds at which at least LEAST_RIGHT of the shown objects are right are tried; HIDDEN_FROM where none is,
    and where none of eight objects or more is right.
    A class with fewer than five objects takes the threshold that is best for all classes together.
    """
    matched = both(truth, found, sizes, n_classes, by_masks=by_masks).matched((IOU,))
    score = scores(matched, found)
    hit, wanted = matched.hit[0], matched.truth.sum(0)
    overall = _best(score, hit, int(wanted.sum()), WISHES[wish])
    chosen = np.full(n_classes, overall)
    for k in range(n_classes):
        mine = matched.category == k
        if wanted[k] >= 5:
            chosen[k] = _best(score[mine], hit[mine], int(wanted[k]), WISHES[wish])
    return chosen


def scores(matched: Matched, found: Sequence[Found]) -> NDArray[np.float64]:
    """Of each kept detection; they lie by class, and by falling score within it."""
    score = np.concatenate([np.zeros(0), *(one.probabilities for one in found)])
    kinds = np.concatenate([np.zeros(0, np.int64), *(one.classes for one in found)])
    image = np.repeat(np.arange(len(found)), [len(one) for one in found])
    row = np.arange(len(score))
    rank = np.zeros(len(score), np.int64)
    order = np.lexsort((row, -score, image, kinds))
    new = np.concatenate(([True], (np.diff(image[order]) != 0) | (np.diff(kinds[order]) != 0)))[: len(order)]
    rank[order] = row - np.maximum.accumulate(np.where(new, row, 0))
    kept = np.flatnonzero(rank < MOST)
    kept = kept[np.lexsort((kept, image[kept], -score[kept], kinds[kept]))]
    assert len(kept) == len(matched.image)
    return np.asarray(score[kept])


def _best(score: NDArray[Any], hit: NDArray[np.bool_], wanted: int, beta: float) -> float:
    if not hit.any():  # of eight or more at least one should have been right; fewer tell nothing
        return HIDDEN_FROM if LEAST_RIGHT * (score >= THRESHOLD).sum() >= 1 else THRESHOLD
    f = []
    for step in STEPS:
        right, said = int((hit & (score >= step)).sum()), int((score >= step).sum())
        worth_it = right and right >= LEAST_RIGHT * said
        f.append((1 + beta**2) * right / (beta**2 * wanted + said) if worth_it else 0.0)
    if not any(f):
        return HIDDEN_FROM
    best = np.flatnonzero(np.array(f) >= max(f) - 1e-9)
    return float(STEPS[best[len(best) // 2]])  # the middle of equals


# ---------------------------------------------------------------- the report


def report(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], names: Sequence[str], *, by_masks: bool,
    shown_from: NDArray[np.float64],
) -> dict[str, Any]:  # fmt: skip
    """The figures of a run. shown_from: (K,) thresholds. Image numbers are positions among `truth`.

    {ap50, ap, precision, recall, f1, mean_iou, pq: STAT, n, n_objects, per_class: [{name, ap50, ap, precision, recall,
    f1, threshold, n_objects, n_images}], per_size: [{size, ap50, n_objects}], curve: [{recall, precision, threshold}],
    confusion: {counts, images}}; of the confusion the last row is invented, the last column missed.

    ap50 and ap are COCO's, equal to pycocotools and hotcoco to six digits: at IoU .5, and the mean over .5, .55 … .95;
    of the 101 recalls 0, .01 … 1 the best precision there or later; of one class on an image the 100 likeliest; a class
    that nobody drew counts in no mean, and is None where COCO says -1. All objects count, whatever the thresholds.
    No counterpart in COCO: precision, recall, f1, mean_iou, pq and confusion are of shown objects. per_size goes by the
    area of boxes where boxes are drawn; COCO by the "area" of its file, which is often that of the outline.
    """
    data = both(truth, found, sizes, len(names), by_masks=by_masks)
    matched = data.matched()
    figures = average_precision(matched)
    at50 = data.matched((IOU,))
    score, weights = scores(at50, found), np.random.default_rng(SEED).poisson(1, size=(REPLICATES, len(truth)))
    shown = score >= shown_from[at50.category]
    per_class = []
    for k, name in enumerate(names):
        said = _per_image(at50, shown & (at50.category == k))
        n_objects = int(at50.truth[:, k].sum())
        per_class.append(
            {"name": name, "ap50": figures.classes50[k].as_dict(), "ap": figures.classes[k].as_dict()}
            | _right(said, at50.truth[:, k : k + 1], weights)
            | {"threshold": float(shown_from[k]), "n_objects": n_objects, "n_images": int((at50.truth[:, k] > 0).sum())}
        )  # fmt: skip
    of_all = _per_image(at50, shown)
    return {
        "ap50": figures.ap50.as_dict(), "ap": figures.ap.as_dict(), **_right(of_all, at50.truth, weights),
        **_panoptic(data, shown_from, weights), "n": len(truth), "n_objects": int(at50.truth.sum()),
        "per_class": per_class, "per_size": [_of_size(data, *size) for size in SIZES],
        "curve": _curve(score, at50), "confusion": _confusion(data, shown_from),
    }  # fmt: skip


def _per_image(matched: Matched, shown: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n, 2): how many are right and how many are shown, on each image."""
    n = len(matched.truth)
    right = np.bincount(matched.image[shown & matched.hit[0]], minlength=n)
    return np.stack([right, np.bincount(matched.image[shown], minlength=n)], 1).astype(float)


def _right(said: NDArray[np.float64], wanted: NDArray[np.int64], weights: NDArray[np.int64]) -> dict[str, Any]:
    columns = np.concatenate([said, wanted.sum(1, keepdims=True)], 1)
    return {
        "precision": ratio(lambda s: s[0], lambda s: s[1], columns, weights, NOTHING_FOUND),
        "recall": ratio(lambda s: s[0], lambda s: s[2], columns, weights, NOTHING_TO_FIND),
        "f1": ratio(lambda s: 2 * s[0], lambda s: s[1] + s[2], columns, weights, NOTHING_TO_FIND),
    }


def ratio(
    above: Callable[[Any], Any], below: Callable[[Any], Any], columns: NDArray[np.float64],
    weights: NDArray[np.int64], reason: Reason,
) -> dict[str, Any]:  # fmt: skip
    """STAT of a ratio of sums over images; columns: (n, c) of each image, weights: (replicates, n)."""
    n = len(columns)
    whole = columns.sum(0)
    if not below(whole):
        return undefined(reason, n).as_dict()
    again = (weights @ columns).T
    with np.errstate(divide="ignore", invalid="ignore"):
        values = above(again) / below(again)
    values = values[np.isfinite(values)]
    spread = len(values) >= len(weights) / 2 and np.ptp(values) > 1e-12
    interval = tuple(float(v) for v in np.quantile(values, (0.025, 0.975))) if spread else None
    return with_interval(float(above(whole) / below(whole)), interval, n).as_dict()  # type: ignore[arg-type]


def _taken(data: Both, shown_from: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[Any]]:
    """Of all found objects which are shown, and which object of the truth each has whatever its class (-1), and IoU."""
    assert data.found.score is not None
    shown = data.found.score >= shown_from[data.found.category]
    has, free = np.full(len(shown), -1), np.ones(len(data.truth.image), bool)
    iou_of = np.zeros(len(shown))
    i, j, iou = data.pairs
    for at in np.lexsort((j, i, -iou)):  # by falling IoU
        if shown[i[at]] and has[i[at]] < 0 and free[j[at]]:
            has[i[at]], free[j[at]], iou_of[i[at]] = j[at], False, iou[at]
    return shown, has, iou_of


def _panoptic(data: Both, shown_from: NDArray[np.float64], weights: NDArray[np.int64]) -> dict[str, Any]:
    """PQ with classes, and the mean IoU of what was matched: sum of IoU over hits, over TP + FP / 2 + FN / 2."""
    shown, has, iou = _taken(data, shown_from)
    n = data.n_images
    hit = has >= 0
    hit[hit] &= data.found.category[hit] == data.truth.category[has[hit]]
    columns = np.stack([
        np.bincount(data.found.image[hit], iou[hit], n), np.bincount(data.found.image[hit], minlength=n),
        np.bincount(data.found.image[shown], minlength=n), np.bincount(data.truth.image, minlength=n),
    ], 1).astype(float)  # fmt: skip
    return {
        "mean_iou": ratio(lambda s: s[0], lambda s: s[1], columns, weights, NOTHING_FOUND),
        "pq": ratio(lambda s: 2 * s[0], lambda s: s[2] + s[3], columns, weights, NOTHING_TO_FIND),
    }


def _of_size(data: Both, name: str, low: float, high: float) -> dict[str, Any]:
    matched = data.matched((IOU,), (low, high))
    return {
        "size": name, "ap50": average_precision(matched).ap50.as_dict(), "n_objects": int(matched.truth.sum())
    }  # fmt: skip


def _curve(score: NDArray[np.float64], matched: Matched) -> list[dict[str, float]]:
    """Precision against recall of all classes together, from the highest threshold down."""
    wanted = int(matched.truth.sum())
    points = []
    for step in STEPS[::-1]:
        said = int((score >= step).sum())
        if said and wanted:
            right = int((matched.hit[0] & (score >= step)).sum())
            points.append({"threshold": float(step), "recall": right / wanted, "precision": right / said})
    return points


def _confusion(data: Both, shown_from: NDArray[np.float64]) -> dict[str, Any]:
    """counts[people][model]; people's last row: nobody drew it (invented); the model's last column: missed."""
    shown, has, _iou = _taken(data, shown_from)
    none = data.n_classes
    counts = np.zeros((none + 1, none + 1), np.int64)
    images: dict[str, list[int]] = {}

    def add(people: int, model: int, image: int) -> None:
        counts[people, model] += 1
        behind = images.setdefault(f"{people}-{model}", [])
        if (not behind or behind[-1] != image) and image not in behind and len(behind) < SHOWN:
            behind.append(image)

    for at in np.flatnonzero(shown):
        people = int(data.truth.category[has[at]]) if has[at] >= 0 else none
        add(people, int(data.found.category[at]), int(data.found.image[at]))
    missed = np.ones(len(data.truth.image), bool)
    missed[has[shown & (has >= 0)]] = False
    for at in np.flatnonzero(missed):
        add(int(data.truth.category[at]), none, int(data.truth.image[at]))
    return {"counts": counts.tolist(), "images": images}


# ---------------------------------------------------------------- two models


def compare(
    truth: Sequence[Drawn], old: Sequence[Found], new: Sequence[Found], sizes: NDArray[np.int64], n_classes: int, *,
    by_masks: bool,
) -> dict[str, Any]:  # fmt: skip
    """{difference: STAT of AP50, new minus old, on the same images; not_worse; reason, a sentence}."""
    before, after = (
        both(truth, said, sizes, n_classes, by_masks=by_masks).matched((IOU,)) for said in (old, new)
    )  # fmt: skip
    stat = difference(before, after)
    if stat.value is None:
        reason, not_worse = "No object is to be found on the images that both were judged by.", True
    else:
        worse = stat.value < -MARGIN or (stat.high is not None and stat.high < 0)
        not_worse = not worse
        told = f"AP50 {100 * stat.value:+.1f} points on {stat.n} images"
        if stat.low is not None and stat.high is not None:
            told += f" (95 %: {100 * stat.low:+.1f} to {100 * stat.high:+.1f})"
        reason = f"The new model is {'worse' if worse else 'not worse, as far as these images tell'}: {told}."
    return {"difference": stat.as_dict(), "not_worse": not_worse, "reason": reason}


# ---------------------------------------------------------------- probabilities


def hits(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], n_classes: int, *, by_masks: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Of every found object its probability and whether it is there, of that class, at IoU .5; for calibration."""
    matched = both(truth, found, sizes, n_classes, by_masks=by_masks).matched((IOU,))
    return scores(matched, found), matched.hit[0]


def fit_platt(score: NDArray[np.float64], hit: NDArray[np.bool_]) -> tuple[float, float]:
    """(a, b) of p = sigmoid(a * logit(score) + b), by maximum likelihood with Platt's smoothed targets; a >= 0.1."""
    x = np.log(np.clip(score, 1e-4, 1 - 1e-4) / (1 - np.clip(score, 1e-4, 1 - 1e-4)))
    n_hit, n_miss = int(hit.sum()), int((~hit).sum())
    target = np.where(hit, (n_hit + 1) / (n_hit + 2), 1 / (n_miss + 2))
    a, b = 1.0, 0.0
    for _ in range(50):  # Newton's steps on two numbers
        p = 1 / (1 + np.exp(-(a * x + b)))
        gradient = np.array([((p - target) * x).sum(), (p - target).sum()])
        w = np.maximum(p * (1 - p), 1e-9)
        curvature = np.array([[(w * x * x).sum(), (w * x).sum()], [(w * x).sum(), w.sum()]]) + np.eye(2) * 1e-6
        step = np.linalg.solve(curvature, gradient)
        a, b = a - step[0], b - step[1]
        if np.abs(step).max() < 1e-8:
            break
    return max(float(a), 0.1), float(b)


def calibrated(score: Any, a: float, b: float) -> Any:
    """Probabilities, of the same shape as the scores, by fit_platt's numbers."""
    p = np.clip(score, 1e-4, 1 - 1e-4)
    return 1 / (1 + np.exp(-(a * np.log(p / (1 - p)) + b)))


def with_platt(found: Found, a: float, b: float) -> Found:
    """The same objects with calibrated probabilities; their order stays."""
    said = calibrated(found.probabilities, a, b)
    return Found(found.boxes, found.classes, said.astype(np.float32), found.masks)
