"""Which settings the candidates of a run tried beside those they were given: a table, and a word for each candidate.

Knows the settings of a run's comparison rows (worker/ml/candidates/network_search.py and classical.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.templatetags.figures import figure, percent


def in_a_word(row: Mapping[str, Any]) -> str:
    """How many settings a candidate compared, for its row; empty where it does not search."""
    n = (row.get("settings") or {}).get("tried")
    if n is None:
        return ""
    return ngettext("%(n)s setting tried.", "%(n)s settings tried.", n) % {"n": n}


def table(comparison: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The settings that a network tried, for templates/model/tried_settings.html; empty where none did."""
    for row in comparison:
        settings = row.get("settings") or {}
        if settings.get("search"):
            folds = len(settings.get("by_fold") or [])
            return [_line(tried, folds) for tried in settings["search"]]
    return []


def _line(tried: Mapping[str, Any], folds: int) -> dict[str, Any]:
    settings, missing = tried["settings"], folds - tried["folds"]
    note = ""
    if missing:
        words = ngettext(
            "Not tried to the end in %(missing)s part of %(folds)s: %(reason)s",
            "Not tried to the end in %(missing)s parts of %(folds)s: %(reason)s",
            missing,
        )
        note = words % {"missing": missing, "folds": folds, "reason": tried.get("reason") or ""}
    accuracy = tried.get("accuracy")
    return {
        **{name: f"{settings[name]:g}" for name in ("learning_rate", "weight_decay", "dropout", "first_stage")},
        "chosen": tried.get("chosen", False),
        "loss": "–" if tried.get("loss") is None else figure(tried["loss"]),
        "accuracy": "–" if accuracy is None else percent(accuracy, 1),
        "chosen_in": _("%(n)s of %(folds)s") % {"n": tried["chosen_in"], "folds": folds},
        "note": note,
    }
