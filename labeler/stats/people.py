"""One person against all the others: over everything, week by week, earlier and now.

Knows rows (image, annotator, answer, period), ordered by image. Which days are a period is the caller's business,
and so is what follows for the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.stats.grouping import Groups, sums
from labeler.stats.intervals import FloatArray, IntArray, wilson
from labeler.stats.pairs import sample_comparisons, with_fisher_z
from labeler.stats.results import FEW_IMAGES, NO_SHARED_IMAGES, ONE_CLASS_ONLY, Stat, undefined, with_interval

IMAGES_READ = 300_000  # of those that two people labeled; more of them are sampled


@dataclass(frozen=True, slots=True)
class WithOthers:
    """The figures of each person and period, shape (people, periods); NaN where undefined.

    kappa: Cohen's, the others taken as one person. observed: share of equal answers. n: images that somebody else
    labeled too. Errors are summed per image, so three others on one image are no three images.
    """

    kappa: FloatArray
    kappa_error: FloatArray
    observed: FloatArray
    observed_error: FloatArray
    n: IntArray

    def kappa_stat(self, person: int, period: int = 0) -> Stat:
        n = int(self.n[person, period])
        value, error = float(self.kappa[person, period]), float(self.kappa_error[person, period])
        if n == 0:
            return undefined(NO_SHARED_IMAGES)
        if not np.isfinite(value):
            return undefined(ONE_CLASS_ONLY, n)
        return with_fisher_z(value, error, n, few=n < FEW_IMAGES)

    def observed_stat(self, person: int, period: int = 0) -> Stat:
        n = int(self.n[person, period])
        if n == 0:
            return undefined(NO_SHARED_IMAGES)
        value, error = float(self.observed[person, period]), float(self.observed_error[person, period])
        # Wilson's interval with the images that would have this error if each were one comparison: a share of 1
        # on five images must not claim certainty.
        inside = 0 < value < 1 and error > 0
        worth = min(float(n), value * (1 - value) / error**2) if inside else float(n)
        return with_interval(value, wilson(min(value * worth, worth), worth), n)


def with_others(
    groups: Groups,
    annotator: IntArray,
    answers: NDArray[Any],
    period: IntArray,
    n_annotators: int,
    n_periods: int,
    n_categories: int,
) -> WithOthers:
    """Every person against the others, by the period of the person's own label.

    annotator: 0..n_annotators-1; answers: codes 0..n_categories-1, shape (n,), or sets, boolean of shape
    (n, n_categories): then kappa is that of the mean over the classes, and observed counts equal sets.
    period: 0..n_periods-1, or -1: not looked at; shape (n,).
    """
    nobody = np.empty(0, dtype=np.int64)
    pairs = np.divmod(np.arange(n_annotators**2), max(n_annotators, 1)) if n_annotators else (nobody, nobody)
    found = sample_comparisons(groups, annotator, n_annotators, pairs, at_most=IMAGES_READ)
    # Each comparison twice: once for either person.
    own = np.concatenate((found.first, found.second))
    other = np.concatenate((found.second, found.first))
    image = np.concatenate((found.image, found.image))
    looked_at = period[own] >= 0
    own, other, image = own[looked_at], other[looked_at], image[looked_at]
    cell = annotator[own].astype(np.int64) * n_periods + period[own]
    cells = n_annotators * n_periods
    n = sums(cell, np.ones(cell.size), cells)
    measure = _of_classes if answers.ndim == 1 else _of_sets
    agreed, equal, expected, habit = measure(answers, own, other, cell, n, n_categories)
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = sums(cell, agreed, cells) / n
        kappa = np.where(expected < 1 - 1e-12, (observed - expected) / (1 - expected), np.nan)
        terms = agreed - habit * (1 - kappa)[cell] - (kappa - expected * (1 - kappa))[cell]
        same = sums(cell, equal, cells) / n
        key, at = np.unique(cell * max(found.n_images, 1) + image, return_inverse=True)
        of_cell = key // max(found.n_images, 1)

        def error(influence: FloatArray) -> FloatArray:
            per_image = sums(at, influence, key.size)
            return np.sqrt(sums(of_cell, per_image**2, cells)) / n

        kappa_error = error(np.nan_to_num(terms)) / (1 - expected)
        observed_error = error(equal - same[cell])
        images = np.round(np.bincount(of_cell, minlength=cells) * found.weight).astype(np.int64)
    shape = (n_annotators, n_periods)
    # A sample tells the figures of all of them, a little less exactly.
    return WithOthers(
        kappa.reshape(shape),
        kappa_error.reshape(shape),
        same.reshape(shape),
        observed_error.reshape(shape),
        images.reshape(shape),
    )


Measured = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


def _of_classes(answers: IntArray, own: IntArray, other: IntArray, cell: IntArray, n: FloatArray, k: int) -> Measured:
    """(agreed, equal, expected by cell, what habit makes of each comparison) of single answers."""
    cells = n.size
    with np.errstate(divide="ignore", invalid="ignore"):
        mine = sums(cell * k + answers[own], np.ones(cell.size), cells * k).reshape(cells, k) / n[:, None]
        theirs = sums(cell * k + answers[other], np.ones(cell.size), cells * k).reshape(cells, k) / n[:, None]
    agreed = (answers[own] == answers[other]).astype(np.float64)
    habit = theirs[cell, answers[own]] + mine[cell, answers[other]]
    return agreed, agreed, np.einsum("ck,ck->c", mine, theirs), habit


def _of_sets(
    answers: NDArray[np.bool_], own: IntArray, other: IntArray, cell: IntArray, n: FloatArray, k: int
) -> Measured:
    """The same of sets: means over the classes, each a question of its own."""
    cells = n.size
    agreed, habit, expected = np.zeros(cell.size), np.zeros(cell.size), np.zeros(cells)
    equal = np.ones(cell.size, dtype=bool)
    for i in range(k):
        a, b = answers[own, i], answers[other, i]
        with np.errstate(divide="ignore", invalid="ignore"):
            mine, theirs = sums(cell, a, cells) / n, sums(cell, b, cells) / n
        agreed += a == b
        equal &= a == b
        expected += mine * theirs + (1 - mine) * (1 - theirs)
        habit += np.where(a, theirs[cell], 1 - theirs[cell]) + np.where(b, mine[cell], 1 - mine[cell])
    return agreed / k, equal.astype(np.float64), expected / k, habit / k
