"""What every figure looks like: a value with its evidence.

Knows how a figure is carried, not how it is computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from labeler.stats.words import gettext as _
from labeler.stats.words import gettext_noop

# A figure below this many images is shown, with its interval, but marked: at n = 20 the nominal
# 95 % intervals of a skewed kappa cover the truth in as few as 45 of 100 simulated samples.
FEW_IMAGES = 30

# Kept in English, and translated where a figure takes one for its reason.
NO_SHARED_IMAGES = gettext_noop("no image has labels of two people")
ONE_CLASS_ONLY = gettext_noop("everyone always chose the same class: agreement beyond chance is undefined")
TOO_FEW_IMAGES = gettext_noop("too few shared images: read the interval, not the value")
NO_SPREAD = gettext_noop("too few or one-sided labels: no interval can be estimated")


@dataclass(frozen=True, slots=True)
class Stat:
    """One figure: its value, 95 % interval and the number of images behind it.

    value: None where undefined; reason then says why.
    low, high: None where no interval can be estimated; reason then says why.
    reason: also set as a caution beside a defined value ("too few shared images ..."); else None.
    Raises ValueError for NaN or infinity: they must never reach a reader.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None

    def __post_init__(self) -> None:
        for number in (self.value, self.low, self.high):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"a figure must be finite or None, not {number}")
        if self.value is None and not self.reason:
            raise ValueError("an undefined figure needs a reason")

    def as_dict(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n, "reason": self.reason}


def undefined(reason: str, n: int = 0) -> Stat:
    return Stat(None, None, None, n, reason)


def caution(n: int, interval: tuple[float, float] | None) -> str | None:
    """The reason that goes beside a defined value, if one is due."""
    if interval is None:
        return _(NO_SPREAD)
    return _(TOO_FEW_IMAGES) if n < FEW_IMAGES else None


def with_interval(value: float, interval: tuple[float, float] | None, n: int) -> Stat:
    """A defined figure, with the caution that is due."""
    low, high = interval if interval else (None, None)
    return Stat(value, low, high, n, caution(n, interval))
