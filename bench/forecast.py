"""How often the forecast's 95 % interval holds the true day, on simulated histories; and what a forecast costs."""

from __future__ import annotations

import time

import numpy as np

from bench.common import show
from bench.histories import HISTORIES, coverage, weekly
from labeler.stats.forecast import days_left

CASES = ((7, 10), (14, 10), (28, 10), (28, 30), (56, 20), (56, 60))
SIMULATED = 300


def main() -> None:
    """One line per kind of history and case: the table of docs/agreement.md."""
    print(f"days of history, days ahead: share of {SIMULATED} intervals that hold the truth (width; without an end)")
    print(f"{'':<20}" + "".join(f"{f'{past}, {ahead}':>20}" for past, ahead in CASES))
    for history in HISTORIES:
        cells = []
        for past, ahead in CASES:
            found = coverage(history, past, ahead, SIMULATED)
            cells.append(f"{found.held:.3f} ({found.width:.2f}; {found.open_ended:.2f})")
        print(f"{history.__name__:<20}" + "".join(f"{cell:>20}" for cell in cells), flush=True)
    days = weekly(np.random.default_rng(1), 56)[:56].tolist()
    took = []
    for _ in range(30):
        begun = time.perf_counter()
        days_left(days, 30_000)
        took.append(time.perf_counter() - begun)
    show("one forecast, 56 days of history, about 300 ahead", took, "ms", 1e3)


if __name__ == "__main__":
    main()
