"""What every figure looks like: a value with its evidence, and a code where something must be said of it.

Knows how a figure is carried, not how it is computed, and no sentence: labeler/wording/sentences.py has one for each
code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# A figure below this many images is shown, with its interval, but marked: at n = 20 the nominal
# 95 % intervals of a skewed kappa cover the truth in as few as 45 of 100 simulated samples.
FEW_IMAGES = 30


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a figure is undefined, or what to know beside it: a code, and the numbers that its sentence names."""

    code: str
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON and caches: {"code": ..., numbers}."""
        return {"code": self.code, **self.numbers}


NO_SHARED_IMAGES = Reason("no_shared_images")
ONE_CLASS_ONLY = Reason("one_class_only")
TOO_FEW_IMAGES = Reason("too_few_images")
NO_SPREAD = Reason("no_spread")


def plain(reason: Reason | None) -> dict[str, Any] | None:
    return None if reason is None else reason.as_dict()


@dataclass(frozen=True, slots=True)
class Stat:
    """One figure: its value, 95 % interval and the number of images behind it.

    value: None where undefined; reason then says why.
    low, high: None where no interval can be estimated; reason then says why.
    reason: also set as a caution beside a defined value (TOO_FEW_IMAGES); else None.
    Raises ValueError for NaN or infinity: they must never reach a reader.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: Reason | None = None

    def __post_init__(self) -> None:
        for number in (self.value, self.low, self.high):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"a figure must be finite or None, not {number}")
        if self.value is None and not self.reason:
            raise ValueError("an undefined figure needs a reason")

    def as_dict(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n, "reason": plain(self.reason)}


def undefined(reason: Reason, n: int = 0) -> Stat:
    return Stat(None, None, None, n, reason)


def caution(n: int, interval: tuple[float, float] | None) -> Reason | None:
    """The reason that goes beside a defined value, if one is due."""
    if interval is None:
        return NO_SPREAD
    return TOO_FEW_IMAGES if n < FEW_IMAGES else None


def with_interval(value: float, interval: tuple[float, float] | None, n: int) -> Stat:
    """A defined figure, with the caution that is due."""
    low, high = interval if interval else (None, None)
    return Stat(value, low, high, n, caution(n, interval))
