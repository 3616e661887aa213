"""Simulated histories of labeling, for measuring how often a forecast's interval holds the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeler.stats.forecast import days_left

FUTURE = 3000  # days that are simulated beyond the history
History = Callable[[np.random.Generator, int], NDArray[np.int64]]


def _counts(rng: np.random.Generator, mean: NDArray | float, spread: float, n: int) -> NDArray[np.int64]:
    """Counts with this mean, and a relative spread beyond Poisson's."""
    uneven = rng.gamma(1 / spread**2, spread**2, n) if spread else np.ones(n)
    return rng.poisson(np.broadcast_to(mean, n) * uneven)


def _weekdays(rng: np.random.Generator, n: int) -> tuple[NDArray, NDArray[np.int64]]:
    """140 on weekdays and 4 on weekends, the first day drawn; and the number of each day's week."""
    day = np.arange(n) + rng.integers(7)
    return np.where(day % 7 < 5, 140.0, 4.0), day // 7


def steady(rng: np.random.Generator, past: int) -> NDArray[np.int64]:
    """100 a day, by chance alone."""
    return _counts(rng, 100.0, 0.0, past + FUTURE)


def uneven(rng: np.random.Generator, past: int) -> NDArray[np.int64]:
    """100 a day, each day half as much again or half as little."""
    return _counts(rng, 100.0, 0.5, past + FUTURE)


def weekly(rng: np.random.Generator, past: int) -> NDArray[np.int64]:
    """A working week."""
    level, _ = _weekdays(rng, past + FUTURE)
    return _counts(rng, level, 0.3, past + FUTURE)


def good_and_bad_weeks(rng: np.random.Generator, past: int) -> NDArray[np.int64]:
    """A working week; whole weeks differ by a third."""
    level, week = _weekdays(rng, past + FUTURE)
    return _counts(rng, level * rng.gamma(9, 1 / 9, week[-1] + 1)[week], 0.3, past + FUTURE)


def bursts(rng: np.random.Generator, past: int) -> NDArray[np.int64]:
    """Nothing on four days of five, 400 on the fifth."""
    n = past + FUTURE
    return np.where(rng.random(n) < 0.2, _counts(rng, 400.0, 0.6, n), 0)


def campaigns(rng: np.random.Generator, past: int) -> NDArray[np.int64]:
    """About five days of work, about nine of none."""
    n = past + FUTURE
    working, chance = np.zeros(n, dtype=bool), rng.random(n)
    on = bool(rng.random() < 5 / 14)
    for day in range(n):
        working[day] = on
        on = bool(chance[day] >= 1 / 5) if on else bool(chance[day] < 1 / 9)
    return np.where(working, _counts(rng, 200.0, 0.4, n), 0)


def _trend(rng: np.random.Generator, past: int, per_day: float) -> NDArray[np.int64]:
    level, _ = _weekdays(rng, past + FUTURE)
    day = np.arange(past + FUTURE) - past
    return _counts(rng, level * np.exp(per_day * np.clip(day, -56, 28)), 0.3, past + FUTURE)


def rising(rng: np.random.Generator, past: int) -> NDArray[np.int64]:
    """A working week, 7 % more each week; it levels off after four more weeks."""
    return _trend(rng, past, 0.01)


def falling(rng: np.random.Generator, past: int) -> NDArray[np.int64]:
    """A working week, 7 % less each week; it levels off after four more weeks."""
    return _trend(rng, past, -0.01)


def wandering(rng: np.random.Generator, past: int) -> NDArray[np.int64]:
    """A working week whose level walks by 10 % each week."""
    level, week = _weekdays(rng, past + FUTURE)
    steps = np.cumsum(rng.normal(0, 0.1, week[-1] + 1))
    return _counts(rng, level * np.exp(np.clip(steps - steps[past // 7], -1.5, 1.5))[week], 0.3, past + FUTURE)


HISTORIES: tuple[History, ...] = (
    steady, uneven, weekly, good_and_bad_weeks, bursts, campaigns, rising, falling, wandering,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the forecasts of one kind of history did."""

    held: float  # share of forecasts whose interval held the true day
    too_late: float  # the truth came before the interval
    too_early: float  # and after it
    open_ended: float  # share without an upper bound
    width: float  # median of (high - low) / true days, of those with one
    n: int


def coverage(history: History, past: int, ahead: int, n: int, seed: int = 0) -> Coverage:
    """`n` histories of `past` days, each with 100 * `ahead` labels left: about `ahead` days' work."""
    rng = np.random.default_rng(seed)
    late = early = never = made = 0
    widths = []
    while made < n:
        counts = history(rng, past)
        left = 100 * ahead
        truth = int((np.cumsum(counts[past:]) >= left).argmax()) + 1
        found = days_left(counts[:past].tolist(), left)
        if found.value is None or found.low is None:
            continue
        made += 1
        # The truth is known as a day, the interval as moments: it holds the day if it touches it.
        late += truth < found.low
        early += found.high is not None and truth - 1 > found.high
        never += found.high is None
        if found.high is not None:
            widths.append((found.high - found.low) / truth)
    return Coverage(1 - (late + early) / n, late / n, early / n, never / n, float(np.median(widths or [np.nan])), n)
