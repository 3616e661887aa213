"""Deal the images of a data set out to its splits: stratified by class, groups whole, what is settled kept.

PURE: arrays to arrays, and the same ones give the same ones. An image's side is decided by the first of RULES that says
anything: the split it was imported with; the split it had in an earlier release; being held out here to judge models,
which makes it test; the other images of its group; the seed. Does not know where images, groups and classes come from
(split_facts.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

RULES = IMPORTED, EARLIER, HELD_OUT, GROUP, SEED = ("imported", "earlier", "held_out", "group", "seed")
NOWHERE = -1  # no side; no group
SPLITS = TRAIN, VALIDATION, TEST = ("train", "validation", "test")

Ints = NDArray[np.int64]
Sides = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Subjects:
    """The n images to be dealt out; all arrays of shape (n,)."""

    order: NDArray[np.uint64]  # drawn from seed and content: where an image stands among its like
    stratum: Ints  # index into strata
    strata: Sequence[tuple[int, ...]]  # its classes; empty: none of them
    imported: Sides  # NOWHERE: came without a split
    earlier: Sides  # NOWHERE: in no earlier release
    held_out: NDArray[np.bool_]
    groups: Sequence[Ints] = field(default_factory=tuple)  # for each kind of group its number, or NOWHERE


@dataclass(frozen=True, slots=True)
class Dealt:
    """side, rule: shape (n,), indices into the fractions and into RULES."""

    side: Sides
    rule: Sides
    n_groups: int  # of two images or more
    n_divided: int  # of these, on several sides all the same: by import, earlier releases or held-out images


def deal(subjects: Subjects, fractions: Sequence[float], *, test: int) -> Dealt:
    """A side for every image. fractions: of each side, all above 0; test: the side of held-out images."""
    n = len(subjects.order)
    side, rule = np.full(n, NOWHERE, np.int8), np.full(n, RULES.index(SEED), np.int8)
    for name, given in (
        (HELD_OUT, np.where(subjects.held_out, test, NOWHERE).astype(np.int8)),
        (EARLIER, subjects.earlier),
        (IMPORTED, subjects.imported),
    ):
        side = np.where(given == NOWHERE, side, given)
        rule = np.where(given == NOWHERE, rule, RULES.index(name)).astype(np.int8)
    members = _members(subjects.groups, n)
    in_group = np.zeros(n, bool)
    for group in members:
        in_group[group] = True
        settled = side[group][side[group] != NOWHERE]
        if len(settled):
            free = group[side[group] == NOWHERE]
            # Where others have divided it: with the most of them; of as many, on the first side.
            side[free] = np.bincount(settled).argmax()
            rule[free] = RULES.index(GROUP)
    alone = np.flatnonzero((side == NOWHERE) & ~in_group)
    whole = [group for group in members if side[group[0]] == NOWHERE]
    _stratified(subjects, side, whole, alone, fractions)
    for group in whole:
        rule[group] = RULES.index(GROUP)
    divided = sum(bool((side[group] != side[group[0]]).any()) for group in members)
    return Dealt(side, rule, len(members), divided)


def merged(groups: Sequence[Ints], n: int) -> Ints:
    """One number for all images that belong together, also over a third one; NOWHERE for those that are alone."""
    found = np.full(n, NOWHERE, np.int64)
    for number, group in enumerate(_members(groups, n)):
        found[group] = number
    return found


def _members(groups: Sequence[Ints], n: int) -> list[Ints]:
    """The images that belong together, by position: whoever shares a group of any kind, also over a third image."""
    parent: dict[int, int] = {}

    def root(at: int) -> int:
        while (above := parent.setdefault(at, at)) != at:
            parent[at] = at = parent[above]
        return at

    for kind in groups:
        first: dict[int, int] = {}
        for at in np.flatnonzero(kind != NOWHERE).tolist():
            other = first.setdefault(int(kind[at]), at)
            if other != at:
                low, high = sorted((root(other), root(at)))
                parent[high] = low
    found: dict[int, list[int]] = {}
    for at in sorted(parent):
        found.setdefault(root(at), []).append(at)
    return [np.array(group, np.int64) for _root, group in sorted(found.items()) if len(group) > 1]


class _Needs:
    """How many images each side still lacks, in all and of each class; below 0: it has more than its share."""

    def __init__(self, subjects: Subjects, side: Sides, fractions: Sequence[float]) -> None:
        self.fractions, self.strata = fractions, subjects.strata
        # Rarely all are strata of one image: counted by stratum, a million images are a few hundred additions.
        totals = Counter(dict(enumerate(np.bincount(subjects.stratum, minlength=len(self.strata)).tolist())))
        self.n = len(side)
        self.every = [share * self.n for share in fractions]
        self.of_class: dict[int, list[float]] = {}
        self.has_some: dict[int, bool] = {}
        for stratum, count in totals.items():
            for one in self.classes_of(stratum):
                needs = self.of_class.setdefault(one, [0.0] * len(fractions))
                for at, share in enumerate(fractions):
                    needs[at] += share * count
        for at in range(len(fractions)):
            taken = np.bincount(subjects.stratum[side == at], minlength=len(self.strata))
            for stratum in np.flatnonzero(taken).tolist():
                self.take(at, stratum, int(taken[stratum]))

    def classes_of(self, stratum: int) -> tuple[int, ...]:
        """Images without a class are a class of their own, to be dealt out evenly as well."""
        return self.strata[stratum] or (NOWHERE,)

    def take(self, side: int, stratum: int, count: int = 1) -> None:
        self.every[side] -= count
        for one in self.classes_of(stratum):
            self.of_class[one][side] -= count
            self.has_some[one] = True

    def side_for(self, class_: int) -> int:
        """Where one more image of a class is lacking most.

        The first one goes to the largest side: what is never trained on cannot be learned. While a side lacks a whole
        image, the one that lacks most of this class; the rest goes to the sides that are emptiest in all, so that a
        thousand classes of three images do not leave the small splits empty.
        """
        if not self.has_some.get(class_):
            return max(range(len(self.fractions)), key=lambda at: self.fractions[at])
        needs = self.of_class[class_]
        most = max(range(len(needs)), key=lambda at: needs[at])
        if needs[most] >= 1:
            return most
        lacking = [at for at, need in enumerate(needs) if need > 1e-9] or range(len(needs))
        return max(lacking, key=lambda at: self.every[at] / (self.fractions[at] * self.n))


def _stratified(subjects: Subjects, side: Sides, wholes: list[Ints], alone: Ints, fractions: Sequence[float]) -> None:
    """Give each of these groups and single images a side, in place.

    Iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011): the rarest class is dealt out first, because it has
    the fewest images to mend an uneven deal with; here with groups that stay whole, the largest first.
    """
    needs = _Needs(subjects, side, fractions)
    order, stratum = subjects.order, subjects.stratum
    rarity = {one: sum(lacking) for one, lacking in needs.of_class.items()}
    ranked = sorted(rarity, key=lambda one: (rarity[one], one))
    rank = {one: at for at, one in enumerate(ranked)}
    # Of each stratum the place of its rarest class; strata that no image has never matter.
    first = np.array([min(rank.get(one, 0) for one in needs.classes_of(s)) for s in range(len(needs.strata))], np.int64)
    turns: dict[int, list[tuple[int, int, int]]] = {}
    for place, group in enumerate(wholes):
        turn = int(first[stratum[group]].min())
        turns.setdefault(turn, []).append((-len(group), int(order[group].min()), place))
    turn_of = first[stratum[alone]]
    by_turn = alone[np.lexsort((order[alone], turn_of))]
    ends = np.searchsorted(np.sort(turn_of), np.arange(len(ranked) + 1))
    for turn, one in enumerate(ranked):
        for _size, _drawn, place in sorted(turns.get(turn, ())):
            group = wholes[place]
            chosen = needs.side_for(one)
            side[group] = chosen
            for at in group.tolist():
                needs.take(chosen, int(stratum[at]))
        for at in by_turn[ends[turn] : ends[turn + 1]].tolist():
            side[at] = chosen = needs.side_for(one)
            needs.take(chosen, int(stratum[at]))
