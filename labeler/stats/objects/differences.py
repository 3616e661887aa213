"""What differs between two answers, object by object, in words that a lead can act on.

A person against another person, or against what most people drew. Knows bounds, areas, classes and IoU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from labeler.stats.objects.boxes import box_area
from labeler.stats.objects.drawings import DIGITS, BoolArray, Drawings, FloatArray, IntArray
from labeler.stats.objects.matching import first_come

Kind = Literal["missed", "extra", "doubled", "other_class", "shifted", "too_large", "too_small"]
KINDS: tuple[Kind, ...] = ("missed", "extra", "doubled", "other_class", "shifted", "too_large", "too_small")

SAME = 0.5  # from this IoU on two objects are the same thing, whatever else
NEAR = 0.2  # below this IoU they have nothing to do with each other: one is missed, the other extra
LOW = 0.7  # matched objects of about the same size below this IoU are shifted
SIZE = 1.25  # areas whose ratio is within 1/1.25 .. 1.25 are about the same size
CENTRE = 0.25  # a centre is good within this share of the reference's width and height
INSIDE = 0.5  # a second object is on the same thing where more than this share of it lies within


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two answers on all images; one row per object.

    image, category: shape (n,); category -1: class unknown, never said to differ. bounds: left, top, right, bottom,
    shape (n, 4). area: of the shape, shape (n,). name: the number of each object for the reader, shape (n,).
    """

    image: IntArray
    category: IntArray
    bounds: FloatArray
    area: FloatArray
    name: IntArray


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. own, reference: the names of the objects, None where that side has none. iou: None without both.

    missed: the reference has an object that the person did not draw. extra: the other way round.
    doubled: a second object of the person on one of the reference's. other_class: the same thing, another class.
    shifted: about the same size, but elsewhere. too_large, too_small: about the same centre, but another size.
    """

    kind: Kind
    image: int
    own: int | None
    reference: int | None
    iou: float | None


def differences(own: Side, reference: Side, pairs: tuple[ArrayLike, ArrayLike, ArrayLike]) -> list[Difference]:
    """Everything in which `own` differs from `reference`, by image.

    pairs: (row of own, row of reference, IoU) on the same image; all of IoU at least NEAR, others are not looked at.

    Objects are matched one to one by falling IoU, from NEAR on, without regard to class. A matched pair is
    too_large or too_small where areas differ by more than SIZE and the centre is good (CENTRE); shifted where areas do
    not and IoU is below LOW; the same thing where IoU is at least SAME; and otherwise no match. A matched pair of two
    classes is other_class, beside what else it is. An object of own without a match is doubled where more than INSIDE
    of it lies within an object of the reference that has a match, or where their IoU is at least SAME; else extra. One
    object drawn where the reference has two is a match of one and misses the other.
    """
    i, j = (np.asarray(column, dtype=np.int64) for column in pairs[:2])
    iou = np.asarray(pairs[2], dtype=np.float64)
    if (own.image[i] != reference.image[j]).any():
        raise ValueError("a pair must be of the same image")
    near = np.round(iou, DIGITS) >= NEAR
    i, j, iou = i[near], j[near], iou[near]
    order = np.lexsort((*reference.bounds[j].T, *own.bounds[i].T, -np.round(iou, DIGITS)))
    i, j, iou = i[order], j[order], iou[order]
    taken = first_come(i, j + own.image.size)
    a, b, share = i[taken], j[taken], iou[taken]
    ratio = _ratio(own.area[a], reference.area[b])
    same_size = (ratio <= SIZE) & (ratio >= 1 / SIZE)
    sized = ~same_size & _centred(own.bounds[a], reference.bounds[b])
    shifted = same_size & (share < LOW)
    accepted = sized | shifted | (np.round(share, DIGITS) >= SAME)
    other = own.category[a] != reference.category[b]
    other &= (own.category[a] >= 0) & (reference.category[b] >= 0)
    found = _Rows(own, reference)
    found.add("too_large", a, b, share, sized & (ratio > 1))
    found.add("too_small", a, b, share, sized & (ratio < 1))
    found.add("shifted", a, b, share, shifted)
    found.add("other_class", a, b, share, accepted & other)
    matched, met = _flags(own.image.size, a[accepted]), _flags(reference.image.size, b[accepted])
    both = iou * (own.area[i] + reference.area[j]) / (1 + iou)
    twice = ~matched[i] & met[j] & ((both > INSIDE * own.area[i]) | (iou >= SAME))
    rows = np.flatnonzero(twice)
    once = rows[np.unique(i[rows], return_index=True)[1]]  # said of the object that it overlaps most
    found.add("doubled", i, j, iou, _flags(i.size, once))
    extra = np.flatnonzero(~matched & ~_flags(own.image.size, i[twice]))
    found.rows += [Difference("extra", int(own.image[k]), int(own.name[k]), None, None) for k in extra]
    missed = np.flatnonzero(~met)
    found.rows += [Difference("missed", int(reference.image[k]), None, int(reference.name[k]), None) for k in missed]
    return sorted(found.rows, key=_in_order)


class _Rows:
    def __init__(self, own: Side, reference: Side) -> None:
        self.own, self.reference = own, reference
        self.rows: list[Difference] = []

    def add(self, kind: Kind, i: IntArray, j: IntArray, iou: FloatArray, chosen: BoolArray) -> None:
        for a, b, share in zip(i[chosen].tolist(), j[chosen].tolist(), iou[chosen].tolist(), strict=True):
            image, own, reference = self.own.image[a], self.own.name[a], self.reference.name[b]
            self.rows.append(Difference(kind, int(image), int(own), int(reference), share))


def _in_order(row: Difference) -> tuple[int, int, int, int]:
    own, reference = (-1 if name is None else name for name in (row.own, row.reference))
    return row.image, KINDS.index(row.kind), own, reference


def _flags(n: int, places: IntArray) -> BoolArray:
    flags = np.zeros(n, dtype=bool)
    flags[places] = True
    return flags


def _ratio(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.divide(one, other, out=np.full_like(one, np.inf), where=other > 0)


def _centred(own: FloatArray, reference: FloatArray) -> BoolArray:
    apart = np.abs(own[:, :2] + own[:, 2:] - reference[:, :2] - reference[:, 2:]) / 2
    return np.asarray((apart <= CENTRE * (reference[:, 2:] - reference[:, :2])).all(axis=1))


def of_two_people(drawings: Drawings, person: int, other: int, *, area: ArrayLike | None = None) -> list[Difference]:
    """What `person` drew otherwise than `other`, on images that both answered; names are object numbers.

    area: of each object's shape, shape (n_objects,); of its bounds without it.
    Raises ValueError where pairs of IoU NEAR and more may be missing.
    """
    areas = box_area(drawings.bounds) if area is None else np.asarray(area, dtype=np.float64)
    both = drawings.answered[:, person] & drawings.answered[:, other]
    own, reference = (np.flatnonzero((drawings.person == one) & both[drawings.image]) for one in (person, other))
    place = np.full(drawings.n_objects, -1)
    place[own], place[reference] = np.arange(own.size), np.arange(reference.size)
    end = drawings.pairs_from(NEAR)
    i, j, iou = drawings.first[:end], drawings.second[:end], drawings.iou[:end]
    swap = drawings.person[i] == other
    i, j = np.where(swap, j, i), np.where(swap, i, j)
    theirs = (drawings.person[i] == person) & (drawings.person[j] == other)
    return differences(
        _side(drawings, own, areas),
        _side(drawings, reference, areas),
        (place[i[theirs]], place[j[theirs]], iou[theirs]),
    )


def _side(drawings: Drawings, objects: IntArray, areas: FloatArray) -> Side:
    return Side(drawings.image[objects], drawings.category[objects], drawings.bounds[objects], areas[objects], objects)


def counts(rows: Iterable[Difference]) -> dict[Kind, int]:
    """How many of each kind, in the order of KINDS, those without any included."""
    found = Counter(row.kind for row in rows)
    return {kind: found[kind] for kind in KINDS}
