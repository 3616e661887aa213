"""How well a model tells each class from the rest at every threshold: ROC curves, precision and recall.

Knows the shape of TrainingRun.metrics["curves"] (worker/ml/evaluation/curves.py); runs of before have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler import charts
from labeler.label_set.markers import Marker
from labeler.templatetags.figures import class_tag, figure, interval, percent

SHOWN = 12  # drawings of each kind; the table has all classes
FALSE_ALARMS = (0.01, 0.05, 0.1)  # at which the table says how many are found


def curves_context(
    metrics: Mapping[str, Any], names: Mapping[Any, str], markers: Mapping[str, Marker]
) -> dict[str, Any]:
    """roc, precision_recall: drawings, empty without curves; thresholds: rows of the table behind both."""
    curves = metrics.get("curves") or {}
    areas = {row["category"]: row.get("roc_auc") or {} for row in metrics.get("per_class") or []}
    rows = [
        {
            "name": (name := names.get(row["category"], str(row["category"]))),
            "marker": markers.get(name),
            "tag": class_tag(markers.get(name), name),
            "n": row["n"],
            "auc": areas.get(row["category"], {}),
            "ap": row.get("average_precision") or {},
            "roc": row.get("roc"),
            "precision_recall": row.get("precision_recall"),
            "found": _found(row.get("roc")),
        }
        for row in curves.get("classes") or []
    ]
    # The hardest classes first: with many, those are the ones to look at.
    drawn = sorted(rows, key=lambda row: 1.0 if row["auc"].get("value") is None else row["auc"]["value"])[:SHOWN]
    return {
        "roc": _drawn(drawn, "roc", "auc", "AUC", _("false alarms"), _("found"), diagonal=True),
        "precision_recall": _drawn(
            drawn, "precision_recall", "ap", _("average precision"), _("found (recall)"), _("right (precision)")
        ),
        "thresholds": rows,
        "false_alarms": [percent(share) for share in FALSE_ALARMS],
        "curves_left_out": _left_out(len(rows) - len(drawn)) if rows else "",
    }


def _drawn(
    rows: Sequence[Mapping[str, Any]], key: str, area: str, area_name: str, x: str, y: str, *, diagonal: bool = False
) -> str:
    items = []
    for row in rows:
        curve = row[key]
        if not curve or len(curve["x"]) < 2:
            continue
        value, within = figure(row[area].get("value")), interval(row[area])
        items.append(
            charts.Panel(
                name=row["tag"],
                words=_("%(name)s: %(area)s %(value)s") % {"name": row["name"], "area": area_name, "value": value},
                figure=f"{value} · {within}" if within else value,
                points=list(zip(curve["x"], curve["y"], strict=True)),
            )
        )
    return charts.panels(items, x_name=x, y_name=y, diagonal=diagonal)


def _found(curve: Mapping[str, Any] | None) -> list[str]:
    """The share that is found at each of FALSE_ALARMS; a curve is thinned, so at the last point that is not beyond."""
    if not curve:
        return []
    both = list(zip(curve["x"], curve["y"], strict=True))
    return [percent(max((y for x, y in both if x <= most), default=0.0)) for most in FALSE_ALARMS]


def _left_out(n: int) -> str:
    if n <= 0:
        return ""
    text = ngettext("The %(n)s class it knows best is not drawn.", "The %(n)s classes it knows best are not drawn.", n)
    return text % {"n": n}
