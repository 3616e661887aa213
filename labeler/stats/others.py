"""For each person and image the answers of the others, and which class a person chooses instead of which.

Knows rows (unit, person, answer); a unit is an image, or an image in one round. Nothing here is a verdict: the others
may be wrong, and where two of them are all there is, each is one vote.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeler.stats.grouping import group_rows
from labeler.stats.intervals import IntArray

NOTHING = -1  # the others are nobody, or they are tied


def plurality_of_others(unit: IntArray, answer: IntArray) -> IntArray:
    """For each row: the answer that most of the other rows of its unit give; NOTHING for ties and where it is alone.

    unit: any integers, in any order; answer: codes from 0 on; each shape (n,). Linear in the rows after two sorts:
    an image's three most frequent answers decide, because taking one vote away moves at most one place.
    """
    if not unit.size:
        return np.empty(0, dtype=np.int64)
    k = int(answer.max()) + 1
    _units, place = np.unique(unit, return_inverse=True)
    cell, count = np.unique(place.astype(np.int64) * k + answer, return_counts=True)
    owner, code = cell // k, cell % k
    order = np.lexsort((-count, owner))
    owner, code, count = owner[order], code[order], count[order]
    groups = group_rows(owner)
    # The first three of each unit, as columns; a missing one has no votes.
    at = groups.starts[:, None] + np.arange(3)
    there = np.arange(3) < groups.sizes[:, None]
    at = np.where(there, at, 0)
    n = np.where(there, count[at], 0)[place]
    who = np.where(there, code[at], NOTHING)[place]
    first, second = answer == who[:, 0], answer == who[:, 1]
    best = np.where(first, n[:, 0] - 1, n[:, 0])
    next_ = np.where(second, np.maximum(n[:, 1] - 1, n[:, 2]), n[:, 1])
    found = np.where(best > next_, who[:, 0], NOTHING)
    # Its own vote had put it first: without it the second may be ahead, if no third is level.
    return np.asarray(np.where(first & (best < next_) & (n[:, 1] > n[:, 2]), who[:, 1], found), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Said:
    """n images of which the others say one class and this person another (or the same)."""

    person: int
    others: int
    said: int
    n: int


def against_others(person: IntArray, answer: IntArray, others: IntArray, n_categories: int) -> list[Said]:
    """The cells of everybody's confusion with the others that are not empty, person by person.

    person, answer: codes; others: as plurality_of_others tells; each shape (n,). Agreement is in it: others == said.
    """
    known = others != NOTHING
    k = n_categories
    cell, n = np.unique((person[known].astype(np.int64) * k + others[known]) * k + answer[known], return_counts=True)
    return [Said(int(c // k // k), int(c // k % k), int(c % k), int(m)) for c, m in zip(cell, n, strict=True)]


@dataclass(frozen=True, slots=True)
class OneClass:
    """One class of several, one person: of the images where more than half of the others are of one mind about it."""

    both: int  # the others see it, and so does the person
    missed: int  # the others see it, the person does not
    added: int  # the person sees it, the others do not


def class_by_class(unit: IntArray, person: IntArray, answers: NDArray[np.bool_], n_people: int) -> list[list[OneClass]]:
    """For sets of classes: of each person and class, what is missed and what is added, shape (n_people, K).

    unit: ordered, shape (n,); person: codes; answers: shape (n, K).
    """
    groups = group_rows(unit)
    place = np.repeat(np.arange(groups.starts.size), groups.sizes)
    k = answers.shape[1]
    found = np.zeros((n_people, k, 3), dtype=np.int64)
    others = (groups.sizes - 1)[place]
    for at in range(k):
        own = answers[:, at]
        yes = np.bincount(place, own, groups.starts.size).astype(np.int64)[place] - own
        seen, unseen = 2 * yes > others, 2 * yes < others
        for kind, chosen in enumerate((own & seen, ~own & seen, own & unseen)):
            found[:, at, kind] = np.bincount(person[chosen], minlength=n_people)
    return [[OneClass(*map(int, cell)) for cell in row] for row in found]
