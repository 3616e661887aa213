"""When will it be done? From the labels of past days and what is left, with an interval.

Knows counts per day. Does not know calendars, people or images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z = 1.959964
FEWEST_DAYS = 3


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days until nothing is left, in days of the same kind as those that were counted."""

    value: float | None  # None: nothing can be said; reason says why
    low: float | None
    high: float | None  # None beside a value: perhaps never
    per_day: float | None
    reason: str | None = None


def days_left(per_day: Sequence[int], left: int) -> Forecast:
    """A forecast with a 95 % interval, if the coming days are like the given ones.

    per_day: labels of each past day, days without labels included; left: labels still to be made.
    The sum over T coming days has the mean m T and, with the mean itself estimated from d days, the variance
    s^2 (T + T^2 / d) (a prediction interval, e.g. Hahn and Meeker 1991); the bounds are where that sum, plus
    or minus 1.96 standard deviations, reaches `left`.
    """
    d = len(per_day)
    mean = sum(per_day) / d if d else 0.0
    if left <= 0:
        return Forecast(0.0, 0.0, 0.0, mean if d else None)
    if d < FEWEST_DAYS:
        return Forecast(
            None, None, None, mean if d else None, f"labels of {FEWEST_DAYS} days are needed for a forecast"
        )
    if mean == 0:
        return Forecast(None, None, None, 0.0, "no labels came in during the last days")
    # Not below Poisson: three equal days by chance must not promise certainty.
    variance = max(sum((n - mean) ** 2 for n in per_day) / (d - 1), mean)
    return Forecast(left / mean, _reaches(left, mean, variance, d, +Z), _reaches(left, mean, variance, d, -Z), mean)


def _reaches(left: float, mean: float, variance: float, d: int, z: float) -> float | None:
    """The T at which mean T + z sqrt(variance (T + T^2/d)) = left; None if it never does."""
    slope = mean + z * math.sqrt(variance / d)
    if slope <= 0:
        return None

    def total(days: float) -> float:
        return mean * days + z * math.sqrt(variance * (days + days * days / d))

    low, high = 0.0, 1.0
    while total(high) < left:
        low, high = high, 2 * high
        if high > 1e9:
            return None
    # For the pessimistic bound total() falls before it rises, but it is below `left` all the while.
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if total(middle) < left else (low, middle)
    return high
