"""Which objects of different people are the same thing: clusters of many people, matches of two.

Knows pairs of objects and their IoU. Never looks at classes when it chooses, unless it is asked to keep them apart:
looking would flatter agreement.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from labeler.stats.objects.drawings import BoolArray, Drawings, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Clusters:
    """Objects that are the same thing, at most one of each person.

    of: the cluster of each object, 0..n-1, shape (n_objects,); an object that met no other is a cluster of its own.
    Numbered by their first object.
    image, size: of each cluster, shape (n,).
    """

    of: IntArray
    image: IntArray
    size: IntArray


def clusters(drawings: Drawings, iou: float) -> Clusters:
    """Clusters of objects that overlap by at least `iou`. Raises ValueError as Drawings.pairs_from().

    Pairs are taken by falling IoU. A pair joins the clusters of its two objects (each object starts as its own) where
    no person is in both; otherwise it is passed over. IoU with one member of a cluster is enough.
    """
    return next(clusters_at(drawings, [iou]))


def clusters_at(drawings: Drawings, thresholds: Sequence[float]) -> Iterator[Clusters]:
    """The clusters at each threshold; thresholds must fall.

    One pass over the pairs: what is joined at .9 is joined first at .3, too.
    """
    if any(after > before for before, after in itertools.pairwise(thresholds)):
        raise ValueError("thresholds must fall")
    parent = list(range(drawings.n_objects))
    # Sets of people as bits of one number: whether two sets meet is one operation, for any number of people.
    people = [1 << person for person in drawings.person.tolist()]
    start = 0
    for threshold in thresholds:
        end = drawings.pairs_from(threshold)
        _join(parent, people, drawings.first[start:end].tolist(), drawings.second[start:end].tolist())
        start = end
        yield _numbered(np.array(parent, dtype=np.int64), drawings.image)


def _join(parent: list[int], people: list[int], first: list[int], second: list[int]) -> None:
    for i, j in zip(first, second, strict=True):
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        while parent[j] != j:
            parent[j] = j = parent[parent[j]]
        if not people[i] & people[j]:
            if j < i:
                i, j = j, i
            parent[j] = i
            people[i] |= people[j]


def _numbered(parent: IntArray, image: IntArray) -> Clusters:
    root = parent
    while not np.array_equal(root, parent := root[root]):
        root = parent
    is_root = root == np.arange(root.size)
    number = np.cumsum(is_root) - 1
    of = number[root] if root.size else root
    return Clusters(of, image[is_root], np.bincount(of, minlength=int(is_root.sum())))


@dataclass(frozen=True, slots=True)
class Matches:
    """Objects of two people matched one to one: object of the lower person, of the higher person, IoU; shape (m,)."""

    low: IntArray
    high: IntArray
    iou: FloatArray


def one_to_one(drawings: Drawings, iou: float, *, same_class: bool = False) -> Matches:
    """Greedy matches of every two people, by falling IoU; each object at most once per other person.

    same_class: only pairs of the same class, as COCO does. Matches come by falling IoU, so those at a higher threshold
    are the first of these. Raises ValueError as Drawings.pairs_from().
    """
    end = drawings.pairs_from(iou)
    one, other, overlap = drawings.first[:end], drawings.second[:end], drawings.iou[:end]
    if same_class:
        equal = drawings.category[one] == drawings.category[other]
        one, other, overlap = one[equal], other[equal], overlap[equal]
    swap = drawings.person[one] > drawings.person[other]
    low, high = np.where(swap, other, one), np.where(swap, one, other)
    taken = first_come(
        low * drawings.n_people + drawings.person[high],
        high * drawings.n_people + drawings.person[low],
    )
    return Matches(low[taken], high[taken], overlap[taken])


def first_come(left: IntArray, right: IntArray) -> BoolArray:
    """Which rows are taken, where each row needs two things that no row before it has taken; shape (n,)."""
    used: set[int] = set()
    taken = np.zeros(left.size, dtype=bool)
    for row, (a, b) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        if a not in used and b not in used:
            used.add(a)
            used.add(b)
            taken[row] = True
    return taken
