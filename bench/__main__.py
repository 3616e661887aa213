"""Run measurements by name, or all of them, and print each with its n, spread and hardware."""

from __future__ import annotations

import importlib
import signal
import sys
import time

from bench.common import hardware, show_yardsticks
from bench.yardstick import YARDSTICKS

# In the order of the README's table. Each module has a main() that prints.
MEASUREMENTS = (
    "startup", "queue", "objects", "lists", "agreement", "trust", "report", "releases", "overview",
    "trust_page", "forecast", "intake", "judgements", "imports", "features", "loop", "serving", "gpu",
    "candidates", "screen", "draw", "promise", "promise_sets", "accepting", "economy", "economy_live",
    "economy_rows", "learning", "curves", "drift", "duplicates", "image_list", "agreement_objects", "detect",
    "drawn_loop", "clicks",
)  # fmt: skip


def main(names: list[str]) -> int:
    """0 when all ran; 2 for an unknown name."""
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        print(
            f"No measurement called {', '.join(sorted(unknown))}. There are: {', '.join(MEASUREMENTS)}.",
            file=sys.stderr,
        )
        return 2
    # Ended by another program, it still stops the servers that it has started: as an exception, not at once.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    print(f"# {hardware()}\n")
    for name in names or MEASUREMENTS:
        begun = time.monotonic()
        print(f"## {name}")
        YARDSTICKS.begin()
        importlib.import_module(f"bench.{name}").main()
        show_yardsticks()
        print(f"({time.monotonic() - begun:.0f} s)\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
