"""Two people side by side: how many objects they share, how well these overlap, and one scored against the other.

The same of one person who answered images twice. Knows one-to-one matches of two answers' objects. Not corrected for
chance: for reading beside alpha, not instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labeler.stats.intervals import REPLICATES, SEED, Interval, resampled
from labeler.stats.objects.drawings import DIGITS, Drawings, FloatArray, IntArray
from labeler.stats.objects.matching import Matches, one_to_one
from labeler.stats.results import NO_SHARED_IMAGES, Reason, Stat, undefined, with_interval

RECALLS = np.linspace(0, 1, 101)  # where COCO reads precision
COCO_IOUS = tuple(0.5 + 0.05 * step for step in range(10))
NOTHING_DRAWN = Reason("nothing_drawn")
NO_MATCHED_OBJECTS = Reason("no_matched_objects")
BOXES_HAVE_NO_OUTLINE = Reason("boxes_have_no_outline")
# Boundary F of object i[k] with object j[k], shape (m,).
BoundaryOf = Callable[[IntArray, IntArray], FloatArray]
# Images are resampled in so many batches at most; batches drawn at random spread as images do.
BATCHES = 500


@dataclass(frozen=True, slots=True)
class PairOfPeople:
    """Two people on the images that both answered; figures are pooled over these.

    a < b: people. n: images. objects_a, objects_b: what they drew there. matched: one-to-one by falling IoU, at least
    the threshold, whatever the class.
    f1: 2 matched / (objects_a + objects_b); mean_iou, same_class: of matched objects; pq = f1 x mean_iou (panoptic
    quality, Kirillov 2019, without regard to class). ap, ap_50_95: second_annotator_ap().
    dice, boundary_f: means over matched objects that are compared by pixels; Dice is 2 IoU / (1 + IoU) of each.
    """

    a: int
    b: int
    n: int
    objects_a: int
    objects_b: int
    matched: int
    f1: Stat
    mean_iou: Stat
    same_class: Stat
    pq: Stat
    ap: Stat
    ap_50_95: Stat
    dice: Stat
    boundary_f: Stat


def pairs(
    drawings: Drawings, *, iou: float = 0.5, replicates: int = REPLICATES, boundary_of: BoundaryOf | None = None
) -> list[PairOfPeople]:
    """Every two people, (0, 1), (0, 2), … Raises ValueError as Drawings.pairs_from(), for `iou` and for .5.

    ap is the second-annotator AP: one person scored as if they were a model, the other's objects being the truth. A
    person gives no scores, so all are equal: precision and recall are one point, and COCO's AP, which reads precision
    at 101 recalls, is the precision at those that are reached and 0 at the others. Matches are of the same class, by
    falling IoU. The mean over classes that the truth has, then the mean of both directions, as neither is the truth.
    ap is at `iou`, ap_50_95 the mean over .5, .55, …, .95. There is no limit of objects per image.
    (COCO's own evaluation of equal scores depends on the order in which objects are listed; this is its lowest value
    over all orders, with matches by IoU.)

    boundary_of: boundary F of pairs of objects; None where objects are boxes.

    Intervals resample images. Undefined: all without shared images (no_shared_images); f1, pq and ap where neither drew
    anything (nothing_drawn); mean_iou, same_class, dice and boundary_f without matches (no_matched_objects), these two
    also of boxes (boxes_have_no_outline).
    """
    blind = one_to_one(drawings, iou)
    strict = one_to_one(drawings, min(iou, COCO_IOUS[0]), same_class=True)
    found = []
    by_person = [np.flatnonzero(drawings.person == person) for person in range(drawings.n_people)]
    blind_of, strict_of = _by_pair(drawings, blind), _by_pair(drawings, strict)
    for a in range(drawings.n_people):
        for b in range(a + 1, drawings.n_people):
            both = drawings.answered[:, a] & drawings.answered[:, b]
            own = [objects[both[drawings.image[objects]]] for objects in (by_person[a], by_person[b])]
            code = a * drawings.n_people + b
            found.append(
                _pair(
                    drawings,
                    (a, b),
                    np.flatnonzero(both),
                    own,
                    (blind_of.get(code, _NO_MATCHES), strict_of.get(code, _NO_MATCHES)),
                    iou,
                    replicates,
                    boundary_of,
                )
            )
    return found


_NO_MATCHES = Matches(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))


def _by_pair(drawings: Drawings, matches: Matches) -> dict[int, Matches]:
    code = drawings.person[matches.low] * drawings.n_people + drawings.person[matches.high]
    if not code.size:
        return {}
    order = np.argsort(code, kind="stable")
    codes, starts = np.unique(code[order], return_index=True)
    return {
        int(number): Matches(matches.low[rows], matches.high[rows], matches.iou[rows])
        for number, rows in zip(codes, np.split(order, starts[1:]), strict=True)
    }


def _pair(
    drawings: Drawings,
    people: tuple[int, int],
    images: IntArray,
    own: list[IntArray],
    matches: tuple[Matches, Matches],
    iou: float,
    replicates: int,
    boundary_of: BoundaryOf | None,
) -> PairOfPeople:
    a, b = people
    n = images.size
    blind, strict = matches
    n_a, n_b, n_matched = own[0].size, own[1].size, blind.low.size
    if n == 0:
        none = undefined(NO_SHARED_IMAGES)
        outlines = undefined(BOXES_HAVE_NO_OUTLINE) if boundary_of is None else none
        return PairOfPeople(a, b, 0, 0, 0, 0, none, none, none, none, none, none, outlines, outlines)
    place = np.full(drawings.n_images, -1)
    place[images] = np.arange(n)
    f1, mean_iou, same_class, pq = _shared(drawings, own, blind, place, n, replicates)
    dice = boundary_f = undefined(BOXES_HAVE_NO_OUTLINE, n)
    if boundary_of is not None:
        at = place[drawings.image[blind.low]]
        dice = _mean_of_matched(2 * blind.iou / (1 + blind.iou), at, n, replicates)
        boundary_f = _mean_of_matched(boundary_of(blind.low, blind.high), at, n, replicates)
    ap, ap_50_95 = (
        second_annotator_ap(drawings, own, strict, place, n, ious, replicates)
        if n_a + n_b
        else undefined(NOTHING_DRAWN, n)
        for ious in ((iou,), COCO_IOUS)
    )
    return PairOfPeople(a, b, n, n_a, n_b, n_matched, f1, mean_iou, same_class, pq, ap, ap_50_95, dice, boundary_f)


def _mean_of_matched(values: FloatArray, at: IntArray, n: int, replicates: int) -> Stat:
    """Mean over matched objects. values, at: of each match, and its image, 0..n-1; shape (m,)."""
    if not values.size:
        return undefined(NO_MATCHED_OBJECTS, n)
    columns = np.column_stack((np.bincount(at, minlength=n), np.bincount(at, weights=values, minlength=n)))

    def mean(sums: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return (sums[:, 1] / sums[:, 0])[:, None]

    interval = resampled(columns.astype(np.float64), np.ones(n, dtype=np.int64), mean, replicates=replicates)[0]
    return with_interval(float(values.mean()), interval, n)


def _shared(
    drawings: Drawings, own: list[IntArray], blind: Matches, place: IntArray, n: int, replicates: int
) -> tuple[Stat, Stat, Stat, Stat]:
    """F1, IoU, class and PQ of two answers to n images. own: objects of each; place: row of each image, 0..n-1."""
    same = drawings.category[blind.low] == drawings.category[blind.high]
    at = place[drawings.image[blind.low]]
    sums = [np.bincount(place[drawings.image[objects]], minlength=n) for objects in own]
    sums += [np.bincount(at, weights=w, minlength=n) for w in (np.ones(blind.low.size), blind.iou, same * 1.0)]
    columns = np.column_stack(sums).astype(np.float64)
    values = _figures(columns.sum(axis=0)[None])[0]
    intervals = resampled(columns, np.ones(n, dtype=np.int64), _figures, replicates=replicates)
    empty, unmatched = undefined(NOTHING_DRAWN, n), undefined(NO_MATCHED_OBJECTS, n)
    f1, mean_iou, same_class, pq = (
        with_interval(float(value), interval, n) if np.isfinite(value) else nothing
        for value, interval, nothing in zip(values, intervals, (empty, unmatched, unmatched, empty), strict=True)
    )
    return f1, mean_iou, same_class, pq


@dataclass(frozen=True, slots=True)
class DrawnAgain:
    """One person's two answers to each of n images: f1, mean_iou and same_class as of PairOfPeople."""

    n: int
    f1: Stat
    mean_iou: Stat
    same_class: Stat


def drawn_again(
    drawings: Drawings, whose: IntArray, *, iou: float = 0.5, replicates: int = REPLICATES
) -> dict[int, DrawnAgain]:
    """How far each person agrees with themselves, by person. Raises ValueError as Drawings.pairs_from().

    drawings: the first answers as person 0, the second ones as person 1, both to every image. whose: of each image,
    shape (n_images,): who answered it twice. Undefined as of pairs(). Agreement with others is hardly ever above it.
    """
    matches = one_to_one(drawings, iou)
    by_answer = [drawings.person == answer for answer in (0, 1)]
    found = {}
    for person in np.unique(whose).tolist():
        images = np.flatnonzero(whose == person)
        place = np.full(drawings.n_images, -1)
        place[images] = np.arange(images.size)
        mine = place[drawings.image] >= 0
        kept = mine[matches.low]
        own = Matches(matches.low[kept], matches.high[kept], matches.iou[kept])
        objects = [np.flatnonzero(mine & answer) for answer in by_answer]
        f1, mean_iou, same_class, _pq = _shared(drawings, objects, own, place, images.size, replicates)
        found[person] = DrawnAgain(images.size, f1, mean_iou, same_class)
    return found


def _figures(sums: FloatArray) -> FloatArray:
    """Objects of a and of b, matched, their IoU, of the same class; shape (B, 5) -> f1, IoU, class, PQ; NaN for 0/0."""
    drawn, matched, iou, same = sums[:, 0] + sums[:, 1], sums[:, 2], sums[:, 3], sums[:, 4]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.column_stack((2 * matched / drawn, iou / matched, same / matched, 2 * iou / drawn))


def second_annotator_ap(
    drawings: Drawings,
    own: list[IntArray],
    strict: Matches,
    place: IntArray,
    n: int,
    ious: tuple[float, ...],
    replicates: int,
) -> Stat:
    """One of two people as if a model, by pairs(). own: objects of each; place: row of each image, 0..n-1."""
    classes = np.unique(drawings.category[np.concatenate(own)])
    k = classes.size
    index = np.full(drawings.n_categories, -1)
    index[classes] = np.arange(k)

    def count(objects: IntArray) -> FloatArray:
        cell = place[drawings.image[objects]] * k + index[drawings.category[objects]]
        return np.bincount(cell, minlength=n * k).reshape(n, k).astype(np.float64)

    # Matches fall in IoU: those at a higher threshold are the first of them.
    hits = [count(strict.low[np.round(strict.iou, DIGITS) >= round(threshold, DIGITS)]) for threshold in ious]
    columns = np.hstack([count(own[0]), count(own[1]), *hits])

    def ap(sums: FloatArray) -> FloatArray:
        table = sums.reshape(len(sums), -1, k)
        a, b, hit = table[:, :1], table[:, 1:2], table[:, 2:]
        return ((_mean_ap(hit, a, b) + _mean_ap(hit, b, a)) / 2)[:, None]

    value = float(ap(columns.sum(axis=0)[None])[0, 0])
    return with_interval(value, in_batches(columns, ap, replicates)[0], n)


def _mean_ap(hit: FloatArray, truth: FloatArray, model: FloatArray) -> FloatArray:
    """Mean over thresholds and classes of the truth, shape (B, T, K) -> (B,); 0 where the truth has nothing.

    Nothing to find and something found is wrong altogether; the other direction has no class to say it of.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        reached = np.searchsorted(RECALLS, hit / truth, side="right")
        ap = np.where(hit > 0, hit / model * reached / RECALLS.size, 0.0)
    there = np.broadcast_to(truth > 0, ap.shape)
    total = there.sum(axis=(1, 2))
    return np.where(there, ap, 0).sum(axis=(1, 2)) / np.maximum(total, 1)


def in_batches(
    columns: FloatArray, figure: Callable[[FloatArray], FloatArray], replicates: int
) -> list[Interval | None]:
    """By resampling, also of many images: recall goes in steps of .01, so the linear limit has no slope to follow."""
    batch = np.random.default_rng(SEED).permutation(len(columns)) % BATCHES
    batches = min(BATCHES, len(columns))
    sums = np.zeros((batches, columns.shape[1]))
    np.add.at(sums, batch, columns)
    return resampled(sums, np.ones(batches, dtype=np.int64), figure, replicates=replicates)
