"""Agreement on drawn objects beyond chance: first which objects are the same thing, then alpha over their classes.

Tschirschwitz and others 2022 ("A Dataset for Analysing Complex Document Layouts in the Digital Humanities and its
Evaluation with Krippendorff's Alpha"); KaLOS 2026 (arXiv 2603.27197). Knows clusters, not how objects overlap.

A table per image: a row per person who answered it, a column per cluster; in it the class that the person drew there,
or "nothing" where they drew nothing there. Who did not answer (never saw it, skipped, cannot tell) is not in it.
An image on which everybody who answered drew nothing is one column of "nothing". Alpha is Krippendorff's for nominal
classes, "nothing" being one of them, over columns with two or more entries: those of images with two or more answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labeler.stats.intervals import REPLICATES, Interval, resampled, wilson
from labeler.stats.objects.drawings import BoolArray, Drawings, FloatArray, IntArray
from labeler.stats.objects.matching import Clusters, clusters, clusters_at
from labeler.stats.results import NO_SHARED_IMAGES, Reason, Stat, undefined, with_interval

HEADLINE = 0.5
CURVE = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
ONE_KIND_OF_RATING = Reason("one_kind_of_rating")
# Sums of so many columns are resampled at a time: the linear limit evaluates its figures once per column.
_COLUMNS_AT_ONCE = 300


@dataclass(frozen=True, slots=True)
class Vitality:
    """What a person does to the agreement of all: alpha without them, and alpha of all minus that (below 0: worse)."""

    without: Stat
    difference: Stat


@dataclass(frozen=True, slots=True)
class PlaceThenClass:
    """Agreement at one IoU, along a curve of them, by class and by person.

    alpha: at `iou`; n is the number of images with two or more answers. columns: clusters on these images, and images
    of nothing. curve: (IoU, alpha), rising IoU. classes: each class against everything else, "nothing" included; n is
    the number of images on which somebody drew it. people: by person.
    """

    iou: float
    alpha: Stat
    columns: int
    curve: tuple[tuple[float, Stat], ...]
    classes: tuple[Stat, ...]
    people: tuple[Vitality, ...]


def place_then_class(
    drawings: Drawings, *, iou: float = HEADLINE, curve: Sequence[float] = CURVE, replicates: int = REPLICATES
) -> PlaceThenClass:
    """Everything at once; the pairs of `drawings` must reach down to `iou` and to the lowest of `curve`.

    Intervals resample images. Undefined: alpha without images of two answers (no_shared_images), where every entry of
    the table is the same (one_kind_of_rating); a class that nobody drew (nobody_chose_this_class).
    Raises ValueError as Drawings.pairs_from().
    """
    steps = sorted({iou, *curve}, reverse=True)
    shared = drawings.answered.sum(axis=1) >= 2
    sums = {}
    for step, found in zip(steps, clusters_at(drawings, steps), strict=True):
        sums[step] = image_sums(drawings, found)
        if step == iou:
            headline = found
    stats = _alphas([sums[step][shared] for step in steps], replicates)
    by_step = dict(zip(steps, stats, strict=True))
    return PlaceThenClass(
        iou=iou,
        alpha=by_step[iou],
        columns=int(_columns_of(drawings, headline)[shared].sum()),
        curve=tuple((step, by_step[step]) for step in sorted(curve)),
        classes=_by_class(drawings, headline, shared, replicates),
        people=_vitality(drawings, sums[iou], shared, replicates, iou),
    )


def alpha_at(drawings: Drawings, iou: float = HEADLINE, *, replicates: int = REPLICATES) -> Stat:
    """Alpha alone, for one IoU. Undefined and errors as in place_then_class()."""
    sums = image_sums(drawings, clusters(drawings, iou))
    return _alphas([sums[drawings.answered.sum(axis=1) >= 2]], replicates)[0]


def image_sums(drawings: Drawings, found: Clusters) -> FloatArray:
    """What each image adds to alpha, shape (n_images, 1 + n_categories + 1); 0 for images with fewer than two answers.

    Of the columns of its table, with r entries of which n_k are of class k: sum_k n_k (n_k - 1) / (r - 1), then the
    number of entries of each class, "nothing" last.
    """
    people = drawings.answered.sum(axis=1)
    shared = people >= 2
    columns = _columns_of(drawings, found)
    n, classes = drawings.n_images, drawings.n_categories
    per_class = np.bincount(drawings.image * classes + drawings.category, minlength=n * classes).reshape(n, classes)
    nothing = columns * people - per_class.sum(axis=1)
    # sum_k n_k^2 of each image: over classes within clusters, "nothing" within clusters, and images of nothing.
    cell, count = np.unique(found.of * classes + drawings.category, return_counts=True)
    drew_nothing = people[found.image] - found.size
    squares = (
        np.bincount(found.image[cell // classes], weights=count.astype(float) ** 2, minlength=n)
        + np.bincount(found.image, weights=drew_nothing.astype(float) ** 2, minlength=n)
        + np.where(np.bincount(found.image, minlength=n) == 0, people.astype(float) ** 2, 0)
    )
    agreeing = (squares - columns * people) / np.maximum(people - 1, 1)
    return np.column_stack((agreeing, per_class, nothing)) * shared[:, None]


def _columns_of(drawings: Drawings, found: Clusters) -> IntArray:
    """Columns in the table of each image: its clusters, or one of "nothing"."""
    return np.maximum(np.bincount(found.image, minlength=drawings.n_images), 1)


def _alpha(sums: FloatArray) -> FloatArray:
    """Sums of image_sums over images, shape (..., m) -> alpha, shape (...); NaN where one class has all entries."""
    agreeing, per_class = sums[..., 0], sums[..., 1:]
    total = per_class.sum(axis=-1)
    # Exact for whole numbers: a resample with one class left must give 0/0, not a ratio of rounding errors.
    by_chance = total * total - (per_class * per_class).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = 1 - (total - agreeing) * (total - 1) / by_chance
    return np.where(by_chance <= 0, np.nan, alpha)


def _alphas(blocks: Sequence[FloatArray], replicates: int) -> list[Stat]:
    """Alpha of tables over the same images, each with its interval. blocks: image sums, shape (n, m) each."""
    n = len(blocks[0])
    if n == 0:
        return [undefined(NO_SHARED_IMAGES)] * len(blocks)
    intervals = _intervals(blocks, replicates)
    return [_figure(block, interval, n) for block, interval in zip(blocks, intervals, strict=True)]


def _figure(block: FloatArray, interval: Interval | None, n: int) -> Stat:
    sums = block.sum(axis=0)
    value = float(_alpha(sums))
    if not np.isfinite(value):
        return undefined(ONE_KIND_OF_RATING, n)
    if sums[0] >= sums[1:].sum() - 1e-9:
        interval = _without_disagreement(sums[1:], n)
    return with_interval(value, interval, n)


def _without_disagreement(per_class: FloatArray, n: int) -> Interval | None:
    """Resampling sees no spread where nobody ever disagreed: the lower bound is then where disagreement is as frequent
    as Wilson's upper bound for 0 of n images says, as for classes of whole images."""
    doubt = wilson(n, n)
    shares = per_class / per_class.sum()
    return (max(-1.0, 1 - (1 - doubt[0]) / float(1 - shares @ shares)), 1.0) if doubt else None


def _intervals(
    blocks: Sequence[FloatArray], replicates: int, *, minus: FloatArray | None = None
) -> list[Interval | None]:
    """Intervals of the alpha of each block, or, with `minus`, of the alpha of `minus` less that of the block."""
    found: list[Interval | None] = []
    width = blocks[0].shape[1]
    step = max(1, _COLUMNS_AT_ONCE // width)
    one_each = np.ones(len(blocks[0]), dtype=np.int64)
    for start in range(0, len(blocks), step):
        some = list(blocks[start : start + step]) + ([] if minus is None else [minus])

        def figures(sums: FloatArray) -> FloatArray:
            alpha = _alpha(sums.reshape(len(sums), -1, width))
            return alpha if minus is None else alpha[:, -1:] - alpha[:, :-1]

        found += resampled(np.hstack(some), one_each, figures, replicates=replicates)
    return found


def _by_class(drawings: Drawings, found: Clusters, shared: BoolArray, replicates: int) -> tuple[Stat, ...]:
    """Alpha of the table in which one class stays, and every other entry is "something else"."""
    n, classes = drawings.n_images, drawings.n_categories
    people, columns = drawings.answered.sum(axis=1), _columns_of(drawings, found)
    here = shared[drawings.image]
    cell = np.bincount(drawings.image[here] * classes + drawings.category[here], minlength=n * classes)
    per_class = cell.reshape(n, classes).astype(float)
    code, count = np.unique(found.of * classes + drawings.category, return_counts=True)
    squares = np.bincount(
        found.image[code // classes] * classes + code % classes,
        weights=count.astype(float) ** 2,
        minlength=n * classes,
    ).reshape(n, classes)
    drawn = np.flatnonzero(per_class.sum(axis=0))
    stats = [undefined(Reason("nobody_chose_this_class"))] * classes
    if not drawn.size:
        return tuple(stats)
    blocks = []
    for k in drawn:
        mine, rest = per_class[:, k], columns * people - per_class[:, k]
        # sum over columns of n_k^2 + (r - n_k)^2 - r, where sum (r - n_k)^2 = sum r^2 - 2 r sum n_k + sum n_k^2
        both = 2 * squares[:, k] - 2 * people * mine + columns * people**2 - columns * people
        blocks.append(np.column_stack((both / np.maximum(people - 1, 1), mine, rest))[shared])
    for k, block, interval in zip(drawn, blocks, _intervals(blocks, replicates), strict=True):
        stat = _figure(block, interval, int((per_class[:, k] > 0).sum()))
        stats[k] = stat
    return tuple(stats)


def _vitality(
    drawings: Drawings, sums: FloatArray, shared: BoolArray, replicates: int, iou: float
) -> tuple[Vitality, ...]:
    """Only images that the person answered are clustered anew: the sums of the others stay."""
    numbers, blocks = [], []
    for person in range(drawings.n_people):
        touched = drawings.answered[:, person]
        answered = drawings.answered & touched[:, None]
        answered[:, person] = False
        rest = drawings.part(touched[drawings.image] & (drawings.person != person), answered)
        changed = sums.copy()
        changed[touched] = image_sums(rest, clusters(rest, iou))[touched]
        blocks.append(changed[shared])
        numbers.append(int((drawings.answered.sum(axis=1) - touched >= 2).sum()))
    if not blocks or not shared.any():
        return tuple(Vitality(undefined(NO_SHARED_IMAGES), undefined(NO_SHARED_IMAGES)) for _ in blocks)
    whole = _alpha(sums.sum(axis=0))
    apart = _intervals(blocks, replicates, minus=sums[shared])
    people = []
    for block, n, interval, own in zip(blocks, numbers, _intervals(blocks, replicates), apart, strict=True):
        without = _figure(block, interval, n) if n else undefined(NO_SHARED_IMAGES)
        if without.value is None or not np.isfinite(whole):
            difference = undefined(without.reason or ONE_KIND_OF_RATING, n)
        else:
            difference = with_interval(float(whole) - without.value, own, n)
        people.append(Vitality(without, difference))
    return tuple(people)
