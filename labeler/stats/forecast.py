"""When will it be done? From what was made on past days and what is left: a range of days, by resampling.

Knows counts per day. Does not know calendars, people or images.

Each replicate draws a history like the real one, reads a pace from it, and lives through days drawn from the real
ones until nothing is left; the quantiles of those ends are the interval. So it holds how uncertain the pace is
and how uneven days are, without a formula for either. With three full weeks days are drawn within their weekday,
because a Sunday says nothing about Mondays. Three things are not in the days themselves and are added:

* the few: `n` resampled days spread less than the days they stand for, by what Student's t says;
* a pace that moves: weeks that differ more than their days explain (people came or went) make the pace a random
  walk, and the latest weeks count more; a little movement is expected always;
* a trend, when the weeks show one beyond chance; it fades over the coming weeks, as trends do.

How often the interval holds the truth on simulated histories: docs/agreement.md, bench/forecast.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeler.stats.intervals import SEED, FloatArray
from labeler.stats.results import Reason
from labeler.stats.special import stdtrit

FEWEST_DAYS = 3
WEEK = 7
WEEKS_READ = 8  # further back other people worked
WEEKS_BY_WEEKDAY = 3
WEEKS_FOR_A_TREND = 4
FADING = 0.9  # of a trend, from each week to the next
MOVES_ANYWAY = 0.07  # of the pace, per week: one standard deviation
LEAST_PACE = 0.1  # of the mean: a trend or a walk never ends in nothing
REPLICATES = 600
LONGEST_DAYS = 1500  # about four years: what takes longer is not foreseen
TIMES_AS_LONG = 8  # an upper bound beyond so many times the expected end is none
FAN_POINTS = 40


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days until nothing is left, if the coming days are like the past ones; with a 95 % interval."""

    value: float | None  # the median; None: nothing can be said, and reason says why
    low: float | None
    high: float | None  # None beside a value: it may take very much longer
    per_day: float | None  # mean of the days read
    reason: Reason | None = None
    fan: tuple[tuple[float, float, float, float], ...] = ()  # (day, low, median, high) of what will have been made


def days_left(per_day: Sequence[int], left: float) -> Forecast:
    """A forecast from the days up to yesterday, the ones without work included; the last one is yesterday.

    left: what is still to be made, of the same kind as was counted. The same input gives the same answer.
    """
    days = np.asarray(per_day, dtype=np.float64)[-WEEK * WEEKS_READ :]
    pace = float(days.mean()) if days.size else None
    if left <= 0:
        return Forecast(0.0, 0.0, 0.0, pace)
    if days.size < FEWEST_DAYS:
        return Forecast(None, None, None, pace, Reason("too_few_days", {"fewest": FEWEST_DAYS}))
    if not pace:
        return Forecast(None, None, None, 0.0, Reason("nothing_made_lately"))
    rng = np.random.default_rng(SEED)
    made = np.cumsum(_futures(days, left, rng), axis=1)
    ends = _ends(made, left)
    low, value, high = (float(end) for end in np.quantile(ends, (0.025, 0.5, 0.975), method="inverted_cdf"))
    if math.isinf(value):
        return Forecast(None, None, None, pace, Reason("beyond_four_years"))
    upper = None if math.isinf(high) else high
    return Forecast(value, low, upper, pace, fan=_fan(made, left, value, upper))


@dataclass(frozen=True, slots=True)
class _History:
    """Past days as rows of one period: a week where there are enough, else a day."""

    shape: FloatArray  # days relative to the level of their period, shape (n, period)
    level: FloatArray  # of each period: its sum as the trend (or the mean) has it, shape (n,)
    weight: FloatArray  # of each period in the level of now, sums to 1
    place: FloatArray  # of each period around their middle
    trend: bool
    walk: float  # standard deviation of one period's step of the pace, relative
    free: int  # periods less what was estimated from them


def _read(days: FloatArray) -> _History:
    weeks = days.size // WEEK
    period = WEEK if weeks >= WEEKS_BY_WEEKDAY else 1
    rows = days[-weeks * WEEK :].reshape(weeks, WEEK) if period == WEEK else days[:, None]
    n, sums = len(rows), rows.sum(axis=1)
    mean = float(sums.mean())
    place: FloatArray = np.arange(n, dtype=np.float64) - (n - 1) / 2
    slope = _slope(sums, place) if period == WEEK and n >= WEEKS_FOR_A_TREND else 0.0
    level = np.maximum(mean + slope * place, LEAST_PACE * mean)
    free = n - (2 if slope else 1)
    shape = rows / level[:, None]
    around = shape - shape.mean(axis=0)
    by_days = float((around**2).sum()) / free  # variance of a period's sum, if its days had nothing in common
    by_periods = float((around.sum(axis=1) ** 2).sum()) / free
    walk = MOVES_ANYWAY**2 * period / WEEK
    if period == WEEK:
        # A walk of step s over n weeks spreads them by s^2 n / 6; half of the excess is taken for one.
        walk = max(walk, 3 * (by_periods - by_days) / n)
    weight = np.full(n, 1 / n)
    if not slope and by_days > 0:
        # Exponential smoothing of a walk seen through noise (Muth 1960): the noisier, the longer the memory.
        ratio = walk / by_days
        newest = (math.sqrt(ratio * ratio + 4 * ratio) - ratio) / 2
        weight = (1 - newest) ** (n - 1 - np.arange(n))
        weight /= weight.sum()
    return _History(shape, level, weight, place, bool(slope), math.sqrt(walk), free)


def _slope(sums: FloatArray, place: FloatArray) -> float:
    """Change per week, or 0 where chance alone would often show as much (two-sided 5 %)."""
    spread = float(place @ place)
    slope = float(place @ sums) / spread
    residual = sums - sums.mean() - slope * place
    free = len(sums) - 2
    error = math.sqrt(float(residual @ residual) / free / spread)
    return slope if abs(slope) > float(stdtrit(free, 0.975)) * error else 0.0


def _futures(days: FloatArray, left: float, rng: np.random.Generator) -> FloatArray:
    """What each replicate makes on each coming day, shape (REPLICATES, days)."""
    past = _read(days)
    n, period = past.shape.shape
    # How far the level of each replicate's history is from the real one's, period by period.
    around = past.shape - past.shape.mean(axis=0)
    drawn = around[rng.integers(0, n, (REPLICATES, n, period)), np.arange(period)].sum(axis=2)
    few = math.sqrt(n / past.free) * float(stdtrit(past.free * period, 0.975) / stdtrit(np.inf, 0.975))
    levels = past.level * (1 + few * drawn)
    mean = float(past.level.mean())
    if past.trend:
        slope = (levels @ past.place) / (past.place @ past.place)
        level, now = levels.mean(axis=1) + slope * past.place[-1], float(past.level[-1])
    else:
        real = past.shape.sum(axis=1) * past.level
        slope, now = np.zeros(REPLICATES), max(float(past.weight @ real), LEAST_PACE * mean)
        level = now * (1 + few * drawn @ past.weight)
    coming = math.ceil(min(max(TIMES_AS_LONG * left / now, 4 * WEEK / period), LONGEST_DAYS / period))
    pace = level[:, None] + slope[:, None] * np.cumsum(FADING ** np.arange(1, coming + 1))
    steps = np.cumsum(rng.normal(0, past.walk, (REPLICATES, coming)), axis=1)
    pace = np.maximum(pace, LEAST_PACE * mean) * np.exp(np.clip(steps, -2, 2))
    lived = past.shape[rng.integers(0, n, (REPLICATES, coming, period)), np.arange(period)]
    return (lived * pace[:, :, None]).reshape(REPLICATES, coming * period)


def _ends(made: FloatArray, left: float) -> FloatArray:
    """The moment at which each replicate has made what was left, in days; infinite where it does not."""
    there = made >= left
    day = there.argmax(axis=1)
    row = np.arange(len(made))
    before = np.where(day > 0, made[row, day - 1], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = (left - before) / (made[row, day] - before)
    return np.where(there[:, -1], day + part, np.inf)


def _fan(
    made: NDArray[np.float64], left: float, value: float, high: float | None
) -> tuple[tuple[float, float, float, float], ...]:
    """The quantiles of what will have been made by each of some days, never more than `left`."""
    last = min(math.ceil(2 * value if high is None else min(high, 4 * value)), made.shape[1])
    at = np.unique(np.linspace(1, last, min(last, FAN_POINTS)).round().astype(int))
    low, middle, most = np.quantile(np.minimum(made[:, at - 1], left), (0.025, 0.5, 0.975), axis=0)
    rows = zip(at.tolist(), low.tolist(), middle.tolist(), most.tolist(), strict=True)
    return ((0.0, 0.0, 0.0, 0.0), *((float(day), a, b, c) for day, a, b, c in rows))
