"""Signs that a person's labels need a look: answers like a robot's, agreement that sinks, speed that cannot be looking.

Each rule is a stated test with a false-alarm rate that is measured on simulated honest people (bench/trust.py, the
table in docs/agreement.md). A sign is a reason to look at images together, never a verdict.
Knows one person's answers in their order. Names and images are put in by whoever asks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.anchoring import share_difference
from labeler.stats.intervals import FloatArray
from labeler.stats.results import Reason, Stat
from labeler.stats.special import bdtrc, ndtr

ALPHA = 0.01  # chance of a false alarm per rule and person
FEWEST = 50  # answers: below, nobody is judged
RECENT = 100  # answers that "now" means
DROP = 0.1  # of the share that agrees: less is not worth a conversation
FASTEST = 0.3  # seconds: nobody looks, decides and presses in less
FAST_SHARE = 0.2  # of the answers faster than that
RULES = ("run", "order", "fast", "chance", "drift")


@dataclass(frozen=True, slots=True)
class Sign:
    """One rule that spoke, with its evidence."""

    rule: str  # one of RULES
    told: Reason
    evidence: dict[str, Any]


def signs(
    *, answers: ArrayLike, others: ArrayLike | None = None, seconds: ArrayLike | None = None, n_categories: int
) -> list[Sign]:
    """What stands out in one person's answers, given in the order they were made.

    answers: class codes, shape (n,). others: what the others' votes make of each image, -1 where they do not say.
    seconds: time per answer, NaN where not measured. Fewer than FEWEST answers: no signs.
    """
    said = np.asarray(answers, dtype=np.int64)
    if said.size < FEWEST:
        return []
    # A long run is a memory too: said once, as what it is.
    found = [_run(said) or _order(said, n_categories)]
    if others is not None:
        known = np.asarray(others, dtype=np.int64)
        found += [_chance(said, known, n_categories), _drift(said, known)]
    if seconds is not None:
        found.append(_fast(np.asarray(seconds, dtype=np.float64)))
    return [sign for sign in found if sign is not None]


def _run(said: NDArray[np.int64]) -> Sign | None:
    """One same answer many times in a row: longer than ALPHA allows for answers in random order."""
    changes = np.flatnonzero(np.diff(said)) + 1
    edges = np.concatenate(([0], changes, [said.size]))
    lengths = np.diff(edges)
    at = int(lengths.argmax())
    length, code = int(lengths[at]), int(said[edges[at]])
    share = float((said == code).mean())
    if share > 0.95:  # a class that is nearly everywhere makes long runs by itself
        return None
    # P(a run of at least L) <= (number of places it may start) * share^L (union bound, each start after a change).
    starts = max(1.0, (said.size - length) * (1 - share) + 1)
    chance = min(1.0, starts * share**length)
    if chance >= ALPHA:
        return None
    told = Reason("sign_run", {"n": length, "odds": 1 / max(chance, 1e-9)})
    return Sign("run", told, {"length": length, "from": int(edges[at])})


def _order(said: NDArray[np.int64], n_categories: int) -> Sign | None:
    """Answers that follow from the one before (1 2 3 1 2 3): images in random order have no such memory."""
    table = np.bincount(said[:-1] * n_categories + said[1:], minlength=n_categories**2).reshape(n_categories, -1)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    used_r, used_c = rows > 0, columns > 0
    expected = np.outer(rows, columns)[np.ix_(used_r, used_c)] / table.sum()
    seen = table[np.ix_(used_r, used_c)]
    freedom = (used_r.sum() - 1) * (used_c.sum() - 1)
    # Pearson's test needs counts: cells with an expectation under 5 make it speak too often.
    if freedom < 1 or (expected < 5).mean() > 0.2 or expected.min() < 1:
        return None
    chi2 = float(((seen - expected) ** 2 / expected).sum())
    # Wilson and Hilferty's cube root: exact enough for a rule, and in one line.
    z = ((chi2 / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    strength = math.sqrt(chi2 / (table.sum() * max(1, min(used_r.sum(), used_c.sum()) - 1)))  # Cramer's V
    if 1 - ndtr(z) >= ALPHA or strength < 0.3:
        return None
    return Sign("order", Reason("sign_order", {"v": strength}), {"v": strength})


def _chance(said: NDArray[np.int64], known: NDArray[np.int64], n_categories: int) -> Sign | None:
    """Agrees with the others no more than somebody who answers without looking, by their own habits."""
    both = known >= 0
    n = int(both.sum())
    if n < FEWEST:
        return None
    a, b = said[both], known[both]
    habit = np.bincount(a, minlength=n_categories) / n
    theirs = np.bincount(b, minlength=n_categories) / n
    by_chance = float(habit @ theirs)
    agreed = int((a == b).sum())
    if by_chance > 0.9:  # one class nearly everywhere: nobody can do better than chance there
        return None
    # Somebody who looks at all beats chance clearly: silent unless agreement is below a third of the way to perfect.
    bar = by_chance + (1 - by_chance) / 3
    below = 1 - float(bdtrc(agreed, n, bar))
    if below >= ALPHA:
        return None
    told = Reason("sign_chance", {"share": agreed / n, "chance": by_chance})
    return Sign("chance", told, {"agreed": agreed, "n": n})


def _drift(said: NDArray[np.int64], known: NDArray[np.int64]) -> Sign | None:
    """Agrees with the others less than before: the last RECENT comparable answers against all earlier ones."""
    equal = (said == known)[known >= 0]
    if equal.size < 2 * FEWEST:
        return None
    recent = min(RECENT, equal.size // 2)
    now, before = equal[-recent:], equal[:-recent]
    change = drift(int(now.sum()), now.size, int(before.sum()), before.size)
    if not change.alarm:
        return None
    evidence = {"now": float(now.mean()), "before": float(before.mean()), "n": int(now.size)}
    return Sign("drift", Reason("sign_drift", evidence), evidence)


@dataclass(frozen=True, slots=True)
class Drift:
    """Share that agrees now and before."""

    difference: Stat  # now - before
    alarm: bool  # lower by DROP or more, and by more than chance at ALPHA


def drift(equal_now: int, n_now: int, equal_before: int, n_before: int) -> Drift:
    """Is a share lower than it was? Two-sample test of shares with pooled variance, one-sided at ALPHA."""
    difference = share_difference(equal_now, n_now, equal_before, n_before)
    if difference.value is None:
        return Drift(difference, False)
    pooled = (equal_now + equal_before) / (n_now + n_before)
    error = math.sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / n_now + 1 / n_before))
    return Drift(difference, bool(difference.value <= -DROP + 1e-9 and ndtr(difference.value / error) < ALPHA))


def _fast(seconds: FloatArray) -> Sign | None:
    measured = seconds[np.isfinite(seconds)]
    if measured.size < FEWEST:
        return None
    share = float((measured < FASTEST).mean())
    if share < FAST_SHARE:
        return None
    evidence = {"share": share, "limit": FASTEST}
    return Sign("fast", Reason("sign_fast", evidence), evidence)
