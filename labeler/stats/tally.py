"""The votes on one image and their majority: cheap, exact, and without arrays, because every save needs it.

A tally counts votes by answer: {"3": 2, "3,7": 1, "": 1, "?": 1}. Keys are category ids in ascending order joined by
commas, "" is a verified "none of them", "?" is "cannot tell". Arrays over many images live in consensus/snapshots.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

CANNOT_TELL = "?"
# Two people who cannot tell are a reason to ask a reviewer, whatever the others say.
CANNOT_TELL_LIMIT = 2


@dataclass(frozen=True, slots=True)
class Vote:
    """The outcome of one image's votes."""

    categories: list[int] | None  # None: nothing to name (no votes that could tell, or a tie)
    share: float | None  # of the votes that could tell, in (0, 1]; None without any
    is_tie: bool
    n: int  # votes that could tell
    n_cannot_tell: int


def key(categories: Sequence[int]) -> str:
    """The tally key of an answer; `categories` ascending."""
    return ",".join(map(str, categories))


def categories_of(answer: str) -> list[int]:
    """The inverse of key()."""
    return [int(part) for part in answer.split(",")] if answer else []


def count(tally: Mapping[str, int], answer: str, step: int) -> dict[str, int]:
    """A copy of `tally` with `step` (+1 or -1) votes for `answer`; answers without votes disappear."""
    counted = dict(tally)
    counted[answer] = counted.get(answer, 0) + step
    if counted[answer] < 0:
        raise ValueError(f"a tally cannot hold {counted[answer]} votes for {answer!r}")
    if counted[answer] == 0:
        del counted[answer]
    return counted


def vote(tally: Mapping[str, int]) -> Vote:
    """Plurality of the votes that could tell; a tie for the first place names nothing."""
    told = {answer: n for answer, n in tally.items() if answer != CANNOT_TELL}
    total = sum(told.values())
    n_cannot_tell = tally.get(CANNOT_TELL, 0)
    if not total:
        return Vote(None, None, False, 0, n_cannot_tell)
    most = max(told.values())
    winners = [answer for answer, n in told.items() if n == most]
    if len(winners) > 1:
        return Vote(None, most / total, True, total, n_cannot_tell)
    return Vote(categories_of(winners[0]), most / total, False, total, n_cannot_tell)


def classes_of_most(tally: Mapping[str, int]) -> list[int]:
    """Classes that more than half of those who could tell named, each by itself; ascending. For drawn objects."""
    named: dict[int, int] = {}
    for answer, n in tally.items():
        for category in categories_of(answer) if answer != CANNOT_TELL else ():
            named[category] = named.get(category, 0) + n
    told = sum(n for answer, n in tally.items() if answer != CANNOT_TELL)
    return sorted(category for category, n in named.items() if 2 * n > told)


def is_settled(tally: Mapping[str, int]) -> bool:
    """More than half of those who could tell agree, and fewer than two could not tell."""
    outcome = vote(tally)
    return (
        outcome.categories is not None
        and outcome.share is not None
        and outcome.share > 0.5
        and outcome.n_cannot_tell < CANNOT_TELL_LIMIT
    )


def disagreement(tally: Mapping[str, int]) -> float:
    """Entropy of the votes that could tell, over the entropy of as many different answers: 0 all agree, 1 all differ.

    0 below two votes. Shannon 1948; normalised by log(n), so that images with unequal numbers of votes can be ordered.
    """
    counts = [n for answer, n in tally.items() if answer != CANNOT_TELL]
    total = sum(counts)
    if total < 2 or len(counts) < 2:
        return 0.0
    entropy = -sum(n / total * log(n / total) for n in counts)
    return min(1.0, entropy / log(total))
