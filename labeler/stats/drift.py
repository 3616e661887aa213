"""Do new images look to a model like those it knows? Two samples of its answers, compared by class and by confidence.

Knows answers as codes and confidences in 0..1; not where they come from. Two tests, each with half of the chance of a
false alarm (Bonferroni): the classes by a permutation test of Pearson's chi-squared, which holds for rare classes too,
and the confidences by Kolmogorov and Smirnov's test. Several imports are judged together by Holm's (1979) step-down
procedure: where none has drifted, any is named with a chance of ALPHA at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.intervals import SEED, FloatArray

ALPHA = 0.05  # chance that any import is named although none has drifted
FEWEST_KNOWN, FEWEST_NEW = 50, 30  # images; fewer say nothing
RESAMPLED = 1_999  # permutations: the smallest p is 0.0005
# With thousands of images a difference that is nothing to anybody is beyond chance: one of these must be reached too.
SHARES_MATTER = 0.1  # of the images are of other classes than before (total variation)
CONFIDENCE_MATTERS = 0.1  # largest distance of the two distributions

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DriftComparison:
    """One import against what is known. p values are None where there are too few images."""

    n_known: int
    n: int
    known: FloatArray  # share of each class among the known, shape (K,)
    new: FloatArray
    distance: float  # total variation of the two, 0 to 1
    gap: float  # largest distance of the two distributions of confidence, 0 to 1
    known_confidence: float  # median
    confidence: float
    p_classes: float | None
    p_confidence: float | None

    @property
    def p(self) -> float | None:
        """Of both tests together."""
        if self.p_classes is None or self.p_confidence is None:
            return None
        return min(1.0, 2 * min(self.p_classes, self.p_confidence))

    @property
    def matters(self) -> bool:
        """Whether what differs beyond chance is also large enough to mean something."""
        by_class = self.p_classes is not None and self.p_classes <= ALPHA and self.distance >= SHARES_MATTER
        by_confidence = self.p_confidence is not None and self.p_confidence <= ALPHA and self.gap >= CONFIDENCE_MATTERS
        return by_class or by_confidence


def compare(
    known_codes: ArrayLike, known_confidence: ArrayLike, codes: ArrayLike, confidence: ArrayLike, n_classes: int
) -> DriftComparison:
    """Answers of one import, (n,) codes in 0..n_classes-1 and confidences, against those on images that are known.

    Raises ValueError for codes outside of that, and where an answer has no confidence.
    """
    old, new = np.asarray(known_codes, np.int64), np.asarray(codes, np.int64)
    old_sure, sure = np.asarray(known_confidence, float), np.asarray(confidence, float)
    if old.shape != old_sure.shape or new.shape != sure.shape or old.ndim != 1 or new.ndim != 1:
        raise ValueError("each answer has one confidence")
    for part in (old, new):
        if part.size and not 0 <= part.min() <= part.max() < n_classes:
            raise ValueError("codes name one of the classes")
    counts = np.stack([np.bincount(old, minlength=n_classes), np.bincount(new, minlength=n_classes)])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    enough = old.size >= FEWEST_KNOWN and new.size >= FEWEST_NEW
    gap, p_confidence = _confidences(old_sure, sure) if enough else (0.0, None)
    return DriftComparison(
        int(old.size), int(new.size), shares[0], shares[1], float(np.abs(shares[0] - shares[1]).sum() / 2), gap,
        float(np.median(old_sure)) if old.size else float("nan"), float(np.median(sure)) if new.size else float("nan"),
        _classes(counts) if enough else None, p_confidence,
    )  # fmt: skip


def _classes(counts: IntArray) -> float:
    """p of Pearson's chi-squared for two rows of counts, by permutation: exact whatever the counts."""
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return 1.0
    totals, n_new = counts.sum(axis=0), int(counts[1].sum())
    expected = totals * (n_new / counts.sum())
    # One row decides the other, so the sum over one row orders tables as the whole statistic does.
    seen = float(((counts[1] - expected) ** 2 / totals).sum())
    drawn = np.random.default_rng(SEED).multivariate_hypergeometric(totals, n_new, size=RESAMPLED, method="marginals")
    others = ((drawn - expected) ** 2 / totals).sum(axis=1)
    return float((1 + (others >= seen * (1 - 1e-12)).sum()) / (1 + RESAMPLED))


def _confidences(old: FloatArray, new: FloatArray) -> tuple[float, float]:
    from scipy.stats import ks_2samp  # half a second to import, and few processes ask

    found = ks_2samp(old, new, method="asymp")
    return float(found.statistic), float(found.pvalue)


def drifted(imports: Sequence[DriftComparison]) -> list[bool]:
    """Which of several imports differ from what is known beyond chance, judged together, and by enough to matter."""
    known = [(one.p, at) for at, one in enumerate(imports) if one.p is not None]
    named = [False] * len(imports)
    for place, (p, at) in enumerate(sorted(known, key=lambda row: (row[0], row[1]))):
        if p is None or p > ALPHA / (len(known) - place):
            break
        named[at] = imports[at].matters
    return named
