"""Repeatable measurements: `make bench`, or `python -m bench NAME…` for some of them. See bench/README.md."""

import worker  # noqa: F401 - before anything loads torch: how its threads wait is a setting of the process
