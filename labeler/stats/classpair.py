"""Two classes that get mixed up: how far people agree on which of the two it is, and whether one person makes it so.

Knows counts of pairs of people (pairs.py), not names or images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.stats.kappa import PairCounts


@dataclass(frozen=True, slots=True)
class BetweenClasses:
    """Agreement on one class or the other, where two people both chose one of the two."""

    kappa: float | None  # None: nobody chose between them, or everybody always chose one
    n: int  # comparisons of two people
    split: int  # of them that chose differently


@dataclass(frozen=True, slots=True)
class _Between:
    """The comparisons in which both people chose one of two classes: people, whether each chose the first, how many."""

    a: NDArray[Any]
    b: NDArray[Any]
    first_a: NDArray[np.bool_]
    first_b: NDArray[np.bool_]
    count: NDArray[Any]

    def figure(self, kept: NDArray[np.bool_] | slice = slice(None)) -> BetweenClasses:
        a, b, n = self.first_a[kept], self.first_b[kept], self.count[kept]
        total, split = int(n.sum()), int(n[a != b].sum())
        if not total:
            return BetweenClasses(None, 0, 0)
        share = float((n * (a.astype(np.int64) + b)).sum()) / (2 * total)
        expected = share * share + (1 - share) * (1 - share)
        if expected >= 1:
            return BetweenClasses(None, total, split)
        return BetweenClasses((1 - split / total - expected) / (1 - expected), total, split)


def _of(counts: PairCounts, one: int, other: int) -> _Between:
    a, b = counts.label_a, counts.label_b
    cells = np.flatnonzero(((a == one) | (a == other)) & ((b == one) | (b == other)))
    pair = counts.pair[cells]
    return _Between(counts.a[pair], counts.b[pair], a[cells] == one, b[cells] == one, counts.count[cells])


def between_classes(counts: PairCounts, one: int, other: int) -> BetweenClasses:
    """Pooled over all pairs of people: (observed - expected) / (1 - expected) of the two classes alone.

    expected: as if each judgement were drawn from the two classes' common shares (Scott 1955), because pairs have no
    first and second person here.
    """
    return _of(counts, one, other).figure()


def without_each(counts: PairCounts, one: int, other: int) -> dict[int, BetweenClasses]:
    """The same figure with one person left out, for each person by code who chose between the two with others."""
    found = _of(counts, one, other)
    people = np.union1d(found.a, found.b).tolist()
    return {person: found.figure((found.a != person) & (found.b != person)) for person in people}
