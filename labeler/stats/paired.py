"""Two versions of a model on the same images: what one gets right and the other wrong, and whether that is chance.

Knows scores per image, 0 to 1. Which images, and what the versions said of them, is labeler/training/run_answers.py's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labeler.stats.intervals import Z95, FloatArray, Interval
from labeler.stats.results import Reason, Stat, undefined, with_interval
from labeler.stats.special import bdtr, stdtrit


@dataclass(frozen=True, slots=True)
class Flips:
    """Old and new on n images. fixed and broken are positions, the largest change first."""

    difference: Stat  # new minus old, with a 95 % interval
    p: float  # two-sided, McNemar's test in its exact form: that the flips are chance; 1 without flips
    old: float | None  # mean score; None without images
    new: float | None
    both_right: int
    both_wrong: int  # for several labels: neither is wholly right
    fixed: list[int]
    broken: list[int]


def image_by_image(old: ArrayLike, new: ArrayLike) -> Flips:
    """Compare two versions on the same images. old, new: scores (n,) in 0..1; for several labels the share right.

    A flip is a change of score. The interval is Agresti and Min's (2005) where scores are 0 and 1, Student's otherwise.
    Raises ValueError when the shapes differ.
    """
    before, after = np.asarray(old, float), np.asarray(new, float)
    if before.shape != after.shape or before.ndim != 1:
        raise ValueError("old and new must be scores of the same images")
    change = after - before
    fixed, broken = np.flatnonzero(change > 0), np.flatnonzero(change < 0)
    flips = len(fixed) + len(broken)
    return Flips(
        difference=_difference(change),
        p=min(1.0, 2 * float(bdtr(min(len(fixed), len(broken)), flips, 0.5))),  # bdtr(0, 0, p) is 1
        old=float(before.mean()) if len(before) else None,
        new=float(after.mean()) if len(after) else None,
        both_right=int(((before == 1) & (after == 1)).sum()),
        both_wrong=int(((before < 1) & (after < 1)).sum()),
        fixed=fixed[np.argsort(-change[fixed], kind="stable")].tolist(),
        broken=broken[np.argsort(change[broken], kind="stable")].tolist(),
    )


def _difference(change: FloatArray) -> Stat:
    n = len(change)
    if n < 2:
        return undefined(Reason("no_image_of_both"), n)
    return with_interval(float(change.mean()), mean_interval(change), n)


def mean_interval(change: FloatArray) -> Interval:
    """95 % interval of the mean change of scores, in [-1, 1]. change: new minus old, shape (n,), n >= 2.

    Agresti and Min (2005) where all are -1, 0 or 1, Student's otherwise.
    """
    n = len(change)
    if np.isin(change, (-1.0, 0.0, 1.0)).all():
        # Half an image added to each of the four cells, so that two models that agree everywhere do not get an
        # interval of width zero.
        plus, minus = (change > 0).sum() + 0.5, (change < 0).sum() + 0.5
        total = n + 2.0
        centre = (plus - minus) / total
        half = Z95 * math.sqrt(plus + minus - (plus - minus) ** 2 / total) / total
    else:
        centre = float(change.mean())
        half = float(stdtrit(n - 1, 0.975) * change.std(ddof=1) / math.sqrt(n))
    return float(max(-1.0, centre - half)), float(min(1.0, centre + half))
