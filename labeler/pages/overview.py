"""The first page of a project: how far it is, how far people agree, what the model can do, and what to do next.

An annotator sees the project's progress and their own. Knows what is shown to whom; the numbers are
labeler/reports.py's.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import accumulate
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from labeler import charts, reports, runs
from labeler.errors import LabelerError
from labeler.models import Project
from labeler.pages.access import Access, person, project_page
from labeler.pages.agreement import confusions, matrix
from labeler.pages.model import headline
from labeler.pages.needs import needs
from labeler.reports import Selection
from labeler.templatetags.figures import day, interval

MATRIX_PEOPLE = 6  # more are on the agreement page
CONFUSIONS = 5
DAYS_DRAWN = 60


@project_page()
@require_GET
def overview(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    progress = reports.progress(project)
    members = list(project.memberships.select_related("user").order_by("user__username"))
    model, run = runs.active(project), project.runs.unfinished().first()
    accuracy, accuracy_of = headline(model.metrics if model else {})
    context: dict[str, Any] = {
        "progress": progress,
        "bar": _bar(progress["images"]),
        "chart": labels_over_time(progress),
        "pace": _pace(progress),
        "model": model,
        "accuracy": accuracy,
        "accuracy_of": accuracy_of,
        "run": run,
        "n_members": len(members),
        "subtitle": _subtitle(project, len(members)),
        "own_labels": _labels_by(progress).get(person(request).get_username(), 0),
    }
    if access.may_review:
        context |= _for_reviewers(access, progress, members, has_model=model is not None, is_training=run is not None)
    else:
        report = reports.agreement(project, Selection.of("all"))
        own = next((row for row in report["annotators"] if row["username"] == person(request).get_username()), None)
        context["own"] = own
    return render(request, "project/overview.html", access.context("project", **context))


def _subtitle(project: Project, people: int) -> str:
    parts = [
        project.get_task_display(),
        ngettext("%(n)s person", "%(n)s people", people) % {"n": f"{people:,}"},
        ngettext("%(n)s label per image", "%(n)s labels per image", project.labels_per_image)
        % {"n": project.labels_per_image},
        _("guideline %(n)s") % {"n": project.guideline_version},
    ]
    return " · ".join(str(part) for part in parts)


def _bar(images: dict[str, int]) -> dict[str, Any]:
    """The parts of the stacked bar, in thousandths of its width, and the shares beside it."""
    total = images["total"]
    parts, left = [], 0.0
    for name, style in (("settled", "done"), ("disputed", "split"), ("partly labeled", "some"), ("unlabeled", "left")):
        width = 1000 * images[name] / total if total else 0.0
        # SVG reads a dot, whatever the language of the page writes.
        parts.append({"name": name, "style": style, "n": images[name], "x": f"{left:.1f}", "width": f"{width:.1f}"})
        left += width
    labeled = total - images["unlabeled"]
    return {
        "parts": parts,
        "settled": images["settled"] / total if total else None,
        "labeled": labeled,
    }


def _labels_by(progress: dict[str, Any]) -> dict[str, int]:
    return {row["username"]: row["labels"] for row in progress["by_annotator"]}


def labels_over_time(progress: dict[str, Any]) -> SafeString:
    """Labels so far, day by day, against all that are wanted; the last sixty days."""
    counts = {date.fromisoformat(row["day"]): row["labels"] for row in progress["by_day"]}
    if not counts:
        return mark_safe("")
    last = max(max(counts), timezone.now().date())
    # A day before the first label, at zero: with labels of one day only there would be no line.
    first = min(counts) - timedelta(days=1)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    points = list(zip(range(len(days)), accumulate(counts.get(one, 0) for one in days), strict=True))[-DAYS_DRAWN:]
    total, wanted = progress["labels"]["total"], progress["labels"]["wanted"]
    step = max(1, -(-len(points) // 5))
    shown = points[::-1][::step][::-1]
    return mark_safe(  # noqa: S308  (escaped there)
        charts.line_chart(
            _("Labels over time"),
            _("%(n)s labels by %(day)s, of %(wanted)s wanted.")
            % {"n": f"{total:,}", "day": day(last), "wanted": f"{wanted:,}"},
            [charts.Series(_("labels"), points)],
            x_name=_("day"),
            y_name=_("labels"),
            x_ticks=[(x, date_format(days[x], "j M")) for x, _y in shown],
            y_range=(0, max(wanted, total)),
            target=(wanted, _("all that are wanted: %(n)s") % {"n": f"{wanted:,}"}) if wanted else None,
            width=480,
            height=230,
        )
    )


def _pace(progress: dict[str, Any]) -> dict[str, Any]:
    """Labels a day, and in words when it will be done."""
    forecast = progress["forecast"]
    today = timezone.now().date()
    words = ""
    if forecast["days"] == 0:
        words = _("all labels are there")
    elif forecast["days"] is not None:
        likely = today + timedelta(days=round(forecast["days"]))
        words = _("done about %(day)s") % {"day": date_format(likely, "j F")}
        if forecast["low"] is not None and forecast["high"] is not None:
            low, high = (date_format(today + timedelta(days=round(forecast[end])), "j M") for end in ("low", "high"))
            words += " · " + _("%(low)s to %(high)s") % {"low": low, "high": high}
    todays = next((row["labels"] for row in progress["by_day"] if row["day"] == today.isoformat()), 0)
    return {"per_day": progress["pace"]["labels_per_day"], "words": words or forecast["reason"], "today": todays}


def _for_reviewers(
    access: Access, progress: dict[str, Any], members: list[Any], *, has_model: bool, is_training: bool
) -> dict[str, Any]:
    project = access.project
    headline = reports.agreement(project, Selection.of("blind"))
    everything = reports.agreement(project, Selection.of("all"))
    if headline["alpha"]["value"] is None and everything["alpha"]["value"] is not None:
        # Nothing was judged blind by two people yet: better the figure of all labels, and say so.
        headline = everything
    figures = {row["username"]: row for row in everything["annotators"]}
    labels = _labels_by(progress)
    people = [
        {
            "name": member.user.get_username(),
            "role": member.get_role_display(),
            "labels": labels.get(member.user.get_username(), 0),
            **{
                name: figures.get(member.user.get_username(), {}).get(name) for name in ("mean_kappa", "seconds_median")
            },
        }
        for member in members
    ]
    gone = [
        {"name": name, "role": "", "labels": n, "mean_kappa": None, "seconds_median": None}
        | {key: figures[name][key] for key in ("mean_kappa", "seconds_median") if name in figures}
        for name, n in labels.items()
        if name not in {row["name"] for row in people}
    ]
    busy = sum(1 for row in everything["annotators"] if row["n"])
    return {
        "needs": needs(
            project,
            progress=progress,
            report=everything,
            people=len(members),
            has_model=has_model,
            too_few=_too_few(project) if not has_model else "",
            is_training=is_training,
        )
        if access.may_lead
        else [],
        "alpha": headline["alpha"],
        "alpha_interval": interval(headline["alpha"]),
        "alpha_of": _("blind labels") if headline["labels"] == "blind" else _("all labels"),
        "matrix": matrix(project, everything) if 2 <= busy <= MATRIX_PEOPLE else "",
        "confusions": confusions(project, everything, CONFUSIONS),
        "people": sorted(people + gone, key=lambda row: -row["labels"]),
    }


def _too_few(project: Project) -> str:
    try:
        runs.trainable(project).check(project)
    except LabelerError as error:
        return error.message
    return ""
