"""Read the probabilities that a table gives: of one answer, and of each class."""

from __future__ import annotations

import json
import math
from typing import Any


def of_one(value: Any) -> float | None:
    """From 0 to 1; None where nothing stands. Raises ValueError."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError
    number = float(value)
    if not (math.isfinite(number) and 0 <= number <= 1):
        raise ValueError
    return number


def of_each(value: Any) -> dict[str, float]:
    """By the name of the class, from an object or its JSON; empty where nothing stands. Raises ValueError."""
    given = json.loads(value) if isinstance(value, str) and value else value or {}
    if not isinstance(given, dict):
        raise ValueError
    return {str(name): of_one(one) or 0.0 for name, one in given.items()}
