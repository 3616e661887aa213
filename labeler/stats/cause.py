"""Is the guideline unclear, or does one person see it otherwise? A stated rule over pairs of people, with evidence.

Knows kappas of pairs by code. All pairs below the target: the guideline, for nobody stands out. One row below it, and
the others agree among themselves: that person. Naming somebody asks for more than blaming a text: images enough, and a
distance that the intervals do not explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from labeler.stats.results import FEW_IMAGES, Stat

Kind = Literal["fine", "guideline", "person", "several", "unknown"]
KINDS: tuple[Kind, ...] = ("fine", "guideline", "person", "several", "unknown")

APART = 0.1  # the person's mean kappa lies at least so far below that of the others among themselves


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people, by code, and the kappa between them."""

    a: int
    b: int
    kappa: Stat


@dataclass(frozen=True, slots=True)
class Cause:
    """kind: fine (no judged pair is below the target), guideline (all are), person (one row is), several (some pairs
    here and there), unknown (fewer than three people, or too few images).

    person: only of kind person. own, others: mean kappa of the pairs with that person and of those without. pairs, low:
    judged pairs, and those of them below the target; people: who is in them.
    """

    kind: Kind
    pairs: int
    low: int
    people: int
    mean: float | None
    person: int | None = None
    own: float | None = None
    others: float | None = None


def cause(pairs: Sequence[Pair], target: float) -> Cause:
    """What the pattern of the pairs says. Pairs with fewer than FEW_IMAGES images or without a kappa are not judged.

    One person is the reason when all pairs with them are below the target, the pairs without them reach it on average,
    leaving out anybody else does not do that, their mean is lower by APART, and even the mean of the upper bounds of
    their pairs lies below the others' mean: the means of bounds is wider than the bound of a mean.
    """
    judged = [pair for pair in pairs if pair.kappa.value is not None and pair.kappa.n >= FEW_IMAGES]
    people = sorted({code for pair in judged for code in (pair.a, pair.b)})
    low = [pair for pair in judged if _value(pair) < target]
    mean = _mean(judged)
    known = (len(judged), len(low), len(people), mean)
    if len(people) < 3:
        return Cause("unknown", *known)
    if not low:
        return Cause("fine", *known)
    lifting = [one for one in people if _lifts(one, judged, target)]
    if len(lifting) == 1:
        (person,) = lifting
        own, others = _split(person, judged)
        return Cause("person", *known, person, _mean(own), _mean(others))
    return Cause("guideline" if len(low) == len(judged) else "several", *known)


def _lifts(person: int, judged: Sequence[Pair], target: float) -> bool:
    own, others = _split(person, judged)
    mine, theirs = _mean(own), _mean(others)
    if mine is None or theirs is None or len(own) < 2:
        return False
    highest = sum(_value(pair) if pair.kappa.high is None else pair.kappa.high for pair in own) / len(own)
    below = all(_value(pair) < target for pair in own)
    return below and theirs >= target and theirs - mine >= APART and highest < theirs


def _split(person: int, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    own = [pair for pair in pairs if person in (pair.a, pair.b)]
    return own, [pair for pair in pairs if pair not in own]


def _mean(pairs: Sequence[Pair]) -> float | None:
    return sum(map(_value, pairs)) / len(pairs) if pairs else None


def _value(pair: Pair) -> float:
    assert pair.kappa.value is not None  # only judged pairs come here
    return pair.kappa.value
