"""Findings of a run on the model page, beyond how often it is right.

Whether its confidence can be trusted, what more labels are expected to bring, from which score on suggestions would be
right often enough, which labels it doubts, and where it is worse. Knows the shape of TrainingRun.metrics
(worker/training/run_report.py, worker/ml/evaluation/curves.py); runs of before lack some of it, and then the part is
left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler import charts
from labeler.label_set import categories
from labeler.models import Project, TrainingRun
from labeler.pages.images.images import tile
from labeler.review import label_errors
from labeler.stats.intervals import wilson
from labeler.templatetags.figures import percent
from labeler.wording.sentences import chart_words, in_words

SUSPECTS = 12  # the others stand in the list to walk through
SLICES = 4  # of a field of metadata
FIELDS = 4
WIDTH, HEIGHT = 460, 240
FIGURES_DRAWN = {"ap50": "AP50", "miou": "mIoU"}  # of a learning curve


def findings_context(project: Project, run: TrainingRun, names: Mapping[Any, str]) -> dict[str, Any]:
    """Context of templates/model/findings.html; names: of categories, by id."""
    metrics = in_words(run.metrics or {})
    suspects = metrics.get("label_errors") or {}
    return {
        "coverage": _coverage(metrics),
        "confidence": _confidence(metrics),
        "ece": (metrics.get("ece") or {}).get("value"),
        "learning": learning_chart(metrics.get("learning_curve") or {}),
        "orders": orders_chart(metrics.get("orders") or {}),
        "advice": (metrics.get("learning_curve") or {}).get("advice") or "",
        "promises": [_promise(row) for row in metrics.get("acceptance") or []],
        **_doubts(project, suspects, names),
        "n_suspects": suspects.get("n", 0),
        "slices": slices_of(metrics.get("slices") or []),
    }


def _coverage(metrics: Mapping[str, Any]) -> str:
    """What share of the images a threshold on the confidence lets through, and what share of those is right."""
    bins = (metrics.get("curves") or {}).get("reliability") or []
    # Of several labels the bins are of single answers: they say nothing about whole images.
    if len(bins) < 2 or metrics.get("task", "single") != "single":
        return ""
    n = sum(row["n"] for row in bins)
    above = []
    for k, row in enumerate(bins):
        through = sum(b["n"] for b in bins[k:])
        right = sum(b["n"] * b["right"]["value"] for b in bins[k:])
        above.append((row["from"], through / n, wilson(right, through), right / through))
    series = [
        charts.Series(_("images covered"), [(x, share) for x, share, _within, _right in above], tone="l1", dots=False),
        charts.Series(
            _("right when covered"), [(x, right) for x, _share, _within, right in above], tone="l2", dots=False,
            band=[(x, *within) for x, _share, within, _right in above if within],
        ),
    ]  # fmt: skip
    return charts.line_chart(
        _("Images covered and right, by the confidence asked for"),
        _("The more confidence is asked for, the fewer images are covered, and the more of them are right."), series,
        words=chart_words(), x_name=_("confidence at least"), y_name=_("share of images"), y_range=(0.0, 1.0),
        percent=True, x_words=lambda x: percent(x, 1), width=WIDTH, height=HEIGHT,
        x_ticks=[(at / 4, percent(at / 4)) for at in range(int(above[0][0] * 4), 5)],
    )  # fmt: skip


def _confidence(metrics: Mapping[str, Any]) -> str:
    """Share right against stated confidence, with Wilson's intervals."""
    bins = (metrics.get("curves") or {}).get("reliability") or []
    if len(bins) < 2:
        return ""
    stats = [(row["confidence"], row["right"]) for row in bins]
    points = [(x, stat["value"]) for x, stat in stats]
    band = [(x, stat["low"], stat["high"]) for x, stat in stats if stat["low"] is not None]
    series = [
        charts.Series(_("it was right"), points, band=band),
        charts.Series(_("as it says"), [(0.0, 0.0), (1.0, 1.0)], tone="l2", dashed=True, dots=False),
    ]
    return charts.line_chart(
        _("Share right by stated confidence"),
        _("Where the line lies below the dashed one, the model is surer than it should be."), series,
        words=chart_words(), x_name=_("stated confidence"), y_name=_("share right"), y_range=(0.0, 1.0), percent=True,
        x_ticks=[(at / 4, percent(at / 4)) for at in range(5)], x_words=lambda x: percent(x, 1),
        width=WIDTH, height=HEIGHT,
    )  # fmt: skip


def learning_chart(curve: Mapping[str, Any]) -> str:
    """Accuracy by labels learned from, and what more are expected to bring, with its 95 % band.

    Of models that draw the figure is AP50 or mIoU, and each measured point has a band by images, too.
    """
    figure = FIGURES_DRAWN.get(curve.get("figure", ""))
    points, ahead = curve.get("points") or [], curve.get("ahead") or []
    if len(points) < 2:
        return ""
    measured = [(row["size"], row["value" if figure else "accuracy"]) for row in points]
    around = [(row["size"], row["low"], row["high"]) for row in points] if figure else []
    series = [charts.Series(_("measured"), measured, band=around)]
    if ahead:
        series.append(
            charts.Series(
                _("expected"), [(row["size"], row["expected"]) for row in ahead],
                band=[(row["size"], row["low"], row["high"]) for row in ahead], tone="l2", dashed=True,
            )
        )  # fmt: skip
    said = _("Measured by leaving labels out, with frozen features.")
    if ahead:
        said = _(
            "Measured by leaving labels out, with frozen features; ahead of it what is expected, with a 95 % band."
        )
    title, x_name, y_name = _("Share right by labels learned from"), _("labels"), _("share right")
    if figure:
        title = _("%(figure)s by answered images learned from") % {"figure": figure}
        x_name, y_name = _("answered images"), figure
        said = _("Measured by leaving images out, with a small network on frozen features.")
        if ahead:
            said = _(
                "Measured by leaving images out, with a small network on frozen features; ahead of it what is "
                "expected. Both with 95 % bands."
            )
    return charts.line_chart(
        title, said, series, words=chart_words(), x_name=x_name, y_name=y_name, percent=not figure,
        width=WIDTH, height=HEIGHT,
    )  # fmt: skip


def orders_chart(found: Mapping[str, Any]) -> str:
    """Share right by labels, as they were asked for and drawn at random, on the same test images.

    Of models that draw: AP50 or mIoU by answered images.
    """
    figure = FIGURES_DRAWN.get(found.get("figure") or "")
    points = found.get("points") or []
    if len(points) < 2:
        return ""
    lines: tuple[tuple[str, str, Literal["l1", "l2"], bool], ...] = (
        ("asked", _("as they were asked for"), "l1", False),
        ("random", _("drawn at random"), "l2", True),
    )
    series = [
        charts.Series(
            words, [(row["size"], row[key]["value"]) for row in points], tone=tone, dashed=dashed,
            band=[(row["size"], row[key]["low"], row[key]["high"]) for row in points if row[key]["low"] is not None],
        )
        for key, words, tone, dashed in lines
    ]  # fmt: skip
    title, x_name, y_name = _("Share right, asked for and at random"), _("labels"), _("share right")
    said = _("What the same number of labels teaches when the model chooses most of them, and when nothing does.")
    if figure:
        title = _("%(figure)s, asked for and at random") % {"figure": figure}
        x_name, y_name = _("answered images"), figure
        said = _("What as many images teach a small network when the model chooses some of them, and when none.")
    return charts.line_chart(
        title, said, series, words=chart_words(), x_name=x_name, y_name=y_name, percent=not figure,
        width=WIDTH, height=HEIGHT,
    )  # fmt: skip


def _promise(row: Mapping[str, Any]) -> dict[str, Any]:
    threshold, coverage = row["threshold"], row.get("coverage")
    return {
        "promise": _("%(precision)s right, with %(confidence)s confidence")
        % {"precision": percent(row["precision"]), "confidence": percent(row["confidence"])},
        "from": "" if threshold is None else f"{threshold:.3f}",
        "coverage": percent(coverage) if threshold is not None and coverage is not None else "",
        "evidence": ngettext("%(errors)s wrong of %(n)s", "%(errors)s wrong of %(n)s", row["accepted"])
        % {"errors": row["errors"], "n": f"{row['accepted']:,}"}
        if threshold is not None
        else "",
        "reason": row.get("reason") or "",
    }


def _doubts(project: Project, found: Mapping[str, Any], names: Mapping[Any, str]) -> dict[str, Any]:
    """The clearest of the doubts that nobody has looked at, how many there are, and how often a doubt was right."""
    waiting = label_errors.still_open(project, label_errors.rows_of(found))
    queue = reverse("adjudicate", args=[project.pk])
    index, shown = categories.index(project), []
    for one in waiting[:SUSPECTS]:
        label, suggested = names.get(one.doubt.label, ""), one.doubt.suggested
        shown.append(
            {
                **tile(one.image, index),
                "url": f"{queue}?doubted=1&image={one.image.pk}",
                "label": label,
                # Of several classes: whether the image should have this one.
                "suggested": names.get(suggested, "") if not isinstance(suggested, bool) else "",
                "missing": isinstance(suggested, bool) and suggested,
                "surplus": isinstance(suggested, bool) and not suggested,
            }
        )
    return {"suspects": shown, "n_doubts": len(waiting), "checked": label_errors.checked(project)}


def slices_of(reports: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each field of metadata the slices that are worst, those that are worse beyond chance marked."""
    return [{"field": report["field"], "rows": report["slices"][:SLICES]} for report in reports[:FIELDS]]
