"""Two models on the same images: is one better beyond noise, and is the new one not worse?

Knows arrays of scores per image (1 right, 0 wrong; for several labels the share of right ones).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, t

from labeler.stats.paired import mean_interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """new minus old on the same n images, with a 95 % interval."""

    difference: float | None
    low: float | None
    high: float | None
    n: int
    margin: float
    proven: bool  # the whole interval lies above -margin: not worse, shown
    worse: bool  # the whole interval lies below 0, or the difference itself is below -margin
    promote: bool  # not worse, as far as these images can tell
    reason: str


def not_worse(old: NDArray[Any], new: NDArray[Any], margin: float = 0.02, *, of: str = "held-out images") -> Comparison:
    """May the new model replace the old one? old, new: (n,) scores in 0..1 of the same images, named by `of`.

    Refused when it is worse: the interval lies below zero, or the difference itself below -margin. Few images
    rarely prove that a model is not worse (for a margin of 2 points about 1,000 are needed), so an undecided
    comparison promotes, with `proven` False and the reason in words: the new model has seen more labels.
    """
    old, new = np.asarray(old, float), np.asarray(new, float)
    if old.shape != new.shape or old.ndim != 1:
        raise ValueError("old and new must be scores of the same images")
    n = len(old)
    if n < 2:
        text = "There are no held-out images to compare on yet."
        return Comparison(None, None, None, n, margin, False, False, True, text)
    difference = float((new - old).mean())
    low, high = mean_interval(new - old)
    proven, worse = bool(low > -margin), bool(high < 0 or difference < -margin)
    change = f"{_signed(difference)} points on {n} {of} (95 %: {_signed(low)} to {_signed(high)})"
    if worse:
        reason = f"The new model is worse: {change}."
    elif proven:
        reason = f"The new model is not worse: {change}."
    else:
        reason = f"No sign that the new model is worse, but too few images to prove it: {change}."
    return Comparison(difference, low, high, n, margin, proven, worse, not worse, reason)


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "\N{MINUS SIGN}")


def better_beyond_noise(first: NDArray[Any], second: NDArray[Any], level: float = 0.05) -> tuple[bool, float]:
    """Is `second` better than `first` on the same images? (yes or no, one-sided p).

    Scores of 0 and 1: the exact sign test on the images where they differ (McNemar). Otherwise: paired t test.
    """
    difference = np.asarray(second, float) - np.asarray(first, float)
    wins, losses = int((difference > 0).sum()), int((difference < 0).sum())
    if wins + losses == 0:
        return False, 1.0
    if np.isin(difference, (-1.0, 0.0, 1.0)).all():
        p = binomtest(wins, wins + losses, alternative="greater").pvalue
    else:
        spread = difference.std(ddof=1)
        n = len(difference)
        p = 0.0 if spread == 0 else float(t.sf(difference.mean() / (spread / math.sqrt(n)), n - 1))
    return bool(p < level and difference.mean() > 0), float(p)


def chance(p: float) -> str:
    """The p of a test as words of a sentence; a small one is not said to be nothing."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def scores(probabilities: NDArray[Any], targets: NDArray[Any], task: str) -> NDArray[np.float64]:
    """Per image: 1 or 0 for a single choice, the share of right yes/no answers for several labels.

    probabilities (n, K); targets (n,) positions or (n, K) probabilities, of which the largest counts.
    """
    if task == "single":
        truth = targets if targets.ndim == 1 else targets.argmax(1)
        return (probabilities.argmax(1) == truth).astype(float)
    return ((probabilities >= 0.5) == (targets > 0.5)).mean(1)
