"""Two classes that get mixed up: how far people agree on which of the two it is, and whether one person makes it so.

Knows counts of pairs of people (pairs.py), not names or images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeler.stats.kappa import PairCounts


@dataclass(frozen=True, slots=True)
class BetweenClasses:
    """Agreement on one class or the other, where two people both chose one of the two."""

    kappa: float | None  # None: nobody chose between them, or everybody always chose one
    n: int  # comparisons of two people
    split: int  # of them that chose differently


def between_classes(counts: PairCounts, one: int, other: int) -> BetweenClasses:
    """Pooled over all pairs of people: (observed - expected) / (1 - expected) of the two classes alone.

    expected: as if each judgement were drawn from the two classes' common shares (Scott 1955), because pairs have no
    first and second person here.
    """
    return _between(counts, one, other, np.ones(counts.a.size, dtype=bool))


def without_each(counts: PairCounts, one: int, other: int, n_annotators: int) -> list[BetweenClasses]:
    """The same figure with one person left out, for each person by code."""
    return [_between(counts, one, other, (counts.a != person) & (counts.b != person)) for person in range(n_annotators)]


def people_between(counts: PairCounts, one: int, other: int) -> list[int]:
    """Codes of the people who chose one of the two where somebody else did too."""
    cells = _cells(counts, one, other)
    pairs = np.unique(counts.pair[cells])
    return sorted(set(counts.a[pairs].tolist()) | set(counts.b[pairs].tolist()))


def _cells(counts: PairCounts, one: int, other: int) -> np.ndarray:
    two = (one, other)
    return np.isin(counts.label_a, two) & np.isin(counts.label_b, two)


def _between(counts: PairCounts, one: int, other: int, kept: np.ndarray) -> BetweenClasses:
    cells = _cells(counts, one, other) & kept[counts.pair]
    a, b, n = counts.label_a[cells], counts.label_b[cells], counts.count[cells]
    total, split = int(n.sum()), int(n[a != b].sum())
    if not total:
        return BetweenClasses(None, 0, 0)
    share = float((n * ((a == one).astype(float) + (b == one))).sum()) / (2 * total)
    expected = share * share + (1 - share) * (1 - share)
    if expected >= 1:
        return BetweenClasses(None, total, split)
    return BetweenClasses((1 - split / total - expected) / (1 - expected), total, split)
