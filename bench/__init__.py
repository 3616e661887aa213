"""Repeatable measurements: `make bench`, or `python -m bench NAME…` for some of them. See bench/README.md."""
