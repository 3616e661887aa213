"""The ways to read labels that the export page offers, and what REST calls them."""

from __future__ import annotations

from labeler.releases import data_set

FINAL, ALL, SHARES = "final", "all", "shares"
LABELS = {FINAL: data_set.CONSENSUS, ALL: data_set.ALL, SHARES: data_set.SOFT}
