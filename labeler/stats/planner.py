"""How many more images must several people judge, until an interval is as narrow as wanted?

Knows one figure with its interval. An interval on Fisher's z scale shrinks with the root of the number of images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from labeler.stats.results import Reason, Stat

STEP = 10  # nobody plans 137 images


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """What it takes. images, more: None where nothing can be said; reason then says why."""

    images: int | None  # in all
    more: int | None  # beyond those there are, rounded up to tens; 0: it is narrow enough
    reason: Reason | None = None


def images_for(stat: Stat, half_width: float) -> SamplePlan:
    """Shared images needed until the 95 % interval of an agreement figure is the value plus or minus half_width.

    Taken on Fisher's z scale, on which the interval's half-width is proportional to 1 / sqrt(n); the value and the
    habits of the people are taken to stay as they are. Raises ValueError for a half-width outside (0, 1).
    """
    if not 0 < half_width < 1:
        raise ValueError("the half-width must lie between 0 and 1")
    if stat.value is None:
        return SamplePlan(None, None, stat.reason)
    if stat.low is None or stat.high is None or not -1 < stat.low < stat.high:
        return SamplePlan(None, None, Reason("no_interval_to_plan_from"))
    top = min(stat.high, 1 - 1e-9)
    now = (math.atanh(top) - math.atanh(stat.low)) / 2
    aim = _half_on_z(stat.value, half_width)
    images = math.ceil(stat.n * (now / aim) ** 2)
    missing = max(0, images - stat.n)
    return SamplePlan(images, math.ceil(missing / STEP) * STEP)


def _half_on_z(value: float, half_width: float) -> float:
    """The half-width on the z scale whose interval around value is 2 * half_width wide."""
    z = math.atanh(max(-1 + 1e-9, min(1 - 1e-9, value)))
    low, high = 0.0, 20.0
    for _step in range(80):
        middle = (low + high) / 2
        wide = math.tanh(z + middle) - math.tanh(z - middle)
        low, high = (low, middle) if wide > 2 * half_width else (middle, high)
    return high
