"""The plots and tables of the checks page: how classes, people, groups and measures are spread.

Knows how figures are drawn; what is counted is labeler/data_checks/report.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from labeler import charts
from labeler.label_set import categories
from labeler.models import Project
from labeler.pages.images import filters
from labeler.stats import coverage
from labeler.templatetags.figures import thousands
from labeler.wording.sentences import chart_words

WIDTH, HEIGHT = 460, 200
LEVELS = 5  # shades of the heat map


def context(project: Project, counted: Mapping[str, Any] | None) -> dict[str, Any]:
    """Context of the lower half of templates/checks/checks.html; nothing before the first count."""
    if counted is None:
        return {"is_counted": False}
    return {
        "is_counted": True,
        "balance": _balance(project, counted["classes"]),
        "balance_n": counted["classes"]["n"],
        "ratio": _ratio(counted["classes"]["rows"]),
        "people": _people(project, counted["people"]),
        "people_more": counted["people"]["more"],
        "groups": [_group(row) for row in counted["groups"]["rows"]],
        "tests": counted["groups"]["tests"],
        "histograms": [_histogram(name, one) for name, one in counted["histograms"].items() if sum(one["counts"])],
    }


def _balance(project: Project, classes: Mapping[str, Any]) -> str:
    index = categories.index(project)
    lines = [
        charts.Share(
            name=index.names.get(row["category"], ""), value=row["share"], low=row["low"], high=row["high"], n=row["n"],
            reason=_("no image has an answer yet"),
        )
        for row in sorted(classes["rows"], key=lambda row: -row["n"])
    ]  # fmt: skip
    if not lines:
        return ""
    return charts.shares(
        _("Classes by the consensus of people"), lines, words=chart_words(), name_head=_("Class"), n_head=_("Images")
    )


def _ratio(rows: list[Mapping[str, Any]]) -> float | None:
    """How many times the largest class is as large as the smallest one that has any; None with fewer than two."""
    counts = [row["n"] for row in rows if row["n"]]
    return round(max(counts) / min(counts), 1) if len(counts) > 1 else None


def _people(project: Project, people: Mapping[str, Any]) -> dict[str, Any] | None:
    """A heat map as a table: a row for each person, a column for each class. The shade is the share of the person's own
    answers, so that who labeled little can be compared with who labeled much.
    """
    if not people["rows"]:
        return None
    index = categories.index(project)
    ids = [pk for pk in index.names if pk in index.ids_in_use]
    rows = []
    for row in people["rows"]:
        named = sum(row["counts"].values())
        cells = []
        for pk in ids:
            n = row["counts"].get(str(pk), 0)
            share = n / named if named else 0.0
            cells.append(
                {
                    "n": n,
                    "share": share,
                    "level": f"q{min(LEVELS, 1 + int(share * LEVELS))}" if n else "none",
                    "name": index.names[pk],
                }
            )
        url = filters.url(project, by=row["person"])
        rows.append({"person": row["person"], "n": row["n"], "cells": cells, "url": url})
    return {"classes": [index.names[pk] for pk in ids], "rows": rows}


REASONS = {
    coverage.TOO_FEW: lambda: _("fewer than %(n)s images with two answers here or elsewhere") % {"n": coverage.FEWEST},
    coverage.ONE_GROUP: lambda: _("no other group has two answers for an image"),
    coverage.NOBODY: lambda: _("no image has two answers"),
}


def _group(row: Mapping[str, Any]) -> dict[str, Any]:
    reason = REASONS[row["reason"]]() if row["reason"] else ""
    share_low, share_high = row["share_within"] or (None, None)
    low, high = row["agreement_within"] or (None, None)
    return {
        **row,
        "share": {"value": row["share"], "low": share_low, "high": share_high},
        "agreement": {"value": row["agreement"], "low": low, "high": high},
        "reason": reason,
        "p_text": "" if row["p"] is None else _("under 0.001") if row["p"] < 0.001 else f"{row['p']:.3f}",
    }


NAMES = {
    "brightness": lambda: (_("Brightness"), _("0 black to 255 white")),
    "contrast": lambda: (_("Contrast"), _("deviation of grey levels")),
    "saturation": lambda: (_("Saturation"), _("0 grey to 255 pure colours")),
    "blur": lambda: (_("Blur"), _("0 sharp to 1 blurred")),
}


def _histogram(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    title, unit = NAMES[name]()
    low, high, n = one["low"], one["high"], len(one["counts"])
    width = (high - low) / n
    points = [(low + (k + 0.5) * width, float(count)) for k, count in enumerate(one["counts"])]
    quarters = [low + part * (high - low) / 4 for part in range(5)]
    marks = [] if one["limit"] is None else [(one["limit"], _("a finding from here"))]
    drawn = charts.line_chart(
        title, _("Images by %(what)s: %(unit)s.") % {"what": title.lower(), "unit": unit},
        [charts.Series(_("images"), points)], words=chart_words(), x_name=unit, y_name=_("images"), marks=marks,
        x_words=lambda x: f"{x - width / 2:.3g} – {x + width / 2:.3g}",
        x_ticks=[(tick, f"{tick:.0f}" if high > 1 else f"{tick:g}") for tick in quarters],
        width=WIDTH, height=HEIGHT, empty=thousands(0),
    )  # fmt: skip
    return {"title": title, "drawn": drawn}
