"""When one class holds nearly all labels: how much of it, whether people differ in it, and figures that do not mind.

Kappa and alpha fall there although people agree (Feinstein and Cicchetti 1990). Knows counts of votes and pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.stats.kappa import PairCounts
from labeler.stats.notes import DOMINANT_SHARE


@dataclass(frozen=True, slots=True)
class Dominance:
    """category: the code of the class that dominates; prevalence: its share of the labels, in [0.8, 1].

    bias: the mean, over comparisons of two people, of how far the two differ in how often they choose it, in [0, 1]
    (the bias index of Byrt, Bishop and Carlin 1993, of this class against the rest); None without comparisons.
    pabak: agreement against a chance of 1 / K (Bennett 1954; for two classes PABAK); None for a single class.
    """

    category: int
    prevalence: float
    bias: float | None
    pabak: float | None


def dominance(chosen: NDArray[Any], counts: PairCounts, observed: float | None, n_categories: int) -> Dominance | None:
    """None unless one class holds DOMINANT_SHARE of the labels.

    chosen: labels of each class, shape (K,); counts: of all pairs; observed: share of equal answers of two people.
    """
    total = int(chosen.sum())
    if not total:
        return None
    top = int(chosen.argmax())
    prevalence = float(chosen[top] / total)
    if prevalence < DOMINANT_SHARE:
        return None
    # Of each pair: images on which only the one, and only the other, chose the class.
    sign = (counts.label_a == top).astype(np.int64) - (counts.label_b == top)
    of_pair = np.abs(np.bincount(counts.pair, sign * counts.count, counts.a.size))
    n = float(counts.count.sum())
    k = n_categories
    pabak = None if observed is None or k < 2 else (observed - 1 / k) / (1 - 1 / k)
    return Dominance(top, prevalence, float(of_pair.sum()) / n if n else None, pabak)
