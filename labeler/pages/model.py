"""The model of a project: what it can do on images it never learned from, how it learned, and its versions.

Knows how a run's row is shown; training, cancelling and activating are verbs of labeler/runs.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from labeler import categories, charts, dispatch, runs
from labeler.errors import LabelerError
from labeler.markers import Marker
from labeler.models import Job, Project, Role, TrainingRun
from labeler.models.job import UNFINISHED, Kind, State
from labeler.pages import findings, varying
from labeler.pages.access import Access, person, project_page
from labeler.templatetags.figures import class_tag, figure, interval, moment, percent, percent_interval

VERSIONS = 20
GPU_QUEUE = "gpu"
FEW_IMAGES = 30
CROSS_VALIDATION = "cross-validation"  # of metrics["judged_on"]: each image judged by a model that had not seen it
# The labels of a curve's points; what a candidate steps through is named by its "x".
STEPS = {"epoch": gettext_lazy("epoch"), "C": gettext_lazy("C (inverse regularisation)")}


@project_page(Role.REVIEWER)
@require_GET
def model(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    versions = list(project.runs.select_related("requested_by").order_by("-number")[:VERSIONS])
    run = next((row for row in versions if row.state in UNFINISHED), None)
    active = next((row for row in versions if row.is_active), None) or runs.active(project)
    newest = versions[0] if versions else None
    context: dict[str, Any] = {
        "run": run,
        "model": active,
        "failed": newest if newest and newest.state == State.FAILED else None,
        "too_few": "" if run else _too_few(project),
        "next_number": (newest.number if newest else 0) + 1,
        "no_worker": run is not None and run.state == State.QUEUED and _no_worker(GPU_QUEUE),
        "prelabeling": active is not None and _is_prelabeling(project),
        "versions": [_version(row) for row in versions if row is not run],
        "summary": _summary(active),
        **varying.card(project),
    }
    if active is not None:
        context |= _report(project, active)
    return render(request, "project/model.html", access.context("model", **context))


def _too_few(project: Project) -> str:
    try:
        runs.trainable(project).check(project)
    except LabelerError as error:
        return error.message
    return ""


def _no_worker(queue: str) -> bool:
    """True when it is known that nobody takes work of this queue; a broker that does not answer tells nothing."""
    alive = dispatch.workers_alive()
    return alive is not None and not any(queue in worker.queues for worker in alive)


def _is_prelabeling(project: Project) -> bool:
    return Job.objects.filter(project=project, kind=Kind.PRELABEL, state__in=UNFINISHED).exists()


def _summary(run: TrainingRun | None) -> str:
    if run is None:
        return _("Learns from the labels and suggests answers for the rest.")
    parts = []
    if run.finished_at:
        parts.append(_("trained %(day)s") % {"day": moment(run.finished_at)})
    if run.started_at and run.finished_at:
        parts.append(_("in %(time)s") % {"time": timesince(run.started_at, run.finished_at)})
    data = run.dataset or {}
    if data.get("train") is not None:
        parts.append(_("on %(n)s images") % {"n": f"{data['train']:,}"})
    if (run.metrics or {}).get("judged_on") == CROSS_VALIDATION:
        parts.append(_("judged by cross-validation, as no held-out image is settled yet"))
    elif data.get("test") is not None:
        parts.append(_("judged on %(n)s it never learned from") % {"n": f"{data['test']:,}"})
    if run.device:
        parts.append(run.device)
    words = " · ".join(parts)
    return words[:1].upper() + words[1:]


def _version(run: TrainingRun) -> dict[str, Any]:
    accuracy, of = headline(run.metrics or {})
    return {
        "run": run,
        "accuracy": percent(accuracy["value"], 1) if accuracy and accuracy["value"] is not None else "",
        "of": of,
        "may_use": run.state == State.DONE and bool(run.checkpoint) and not run.is_active,
        "why": run.note or (run.error or {}).get("message", ""),
    }


# ---------------------------------------------------------------- the report of one model


def _report(project: Project, run: TrainingRun) -> dict[str, Any]:
    metrics, markers = run.metrics or {}, categories.markers_by_name(project)
    names = _names(project, run)
    return {
        "cards": _cards(metrics),
        "few": _few(metrics),
        "judged_on": _("cross-validated") if metrics.get("judged_on") == CROSS_VALIDATION else _("held-out images"),
        "classes": [
            {
                "name": names.get(row["category"], str(row["category"])),
                "marker": markers.get(names.get(row["category"], "")),
                "n": row["n"],
                "stats": [row["precision"], row["recall"], row["f1"]],
            }
            for row in metrics.get("per_class", [])
        ],
        "confusion": _confusion(metrics, names, markers),
        "curves": _curves(run),
        "markers": markers,
        **findings.of(project, run, names),
        "candidates": [_candidate(row) for row in run.comparison or []],
    }


def _names(project: Project, run: TrainingRun) -> dict[Any, str]:
    """What a figure's category is called: today's name for an id, the name of then where it is gone; names stay."""
    then = dict(zip(run.category_ids, run.category_names, strict=True))
    names: dict[Any, str] = {name: name for name in run.category_names}
    return names | then | {pk: name for pk, name in categories.index(project).names.items() if pk in then}


def _cards(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    wanted = [
        ("accuracy", _("Right"), _right_of(metrics), True),
        ("crossed", _("Right in cross-validation"), _("of the labeled images, each judged unseen"), True),
        ("label_accuracy", _("Single answers right"), _("each class of each image counted"), True),
        ("macro_f1", _("Macro F1"), _("mean over the classes"), False),
        ("roc_auc", _("ROC AUC"), _("mean of each class against the rest"), False),
        ("ece", _("Calibration error"), _("how far its confidence is from the truth; 0 is best"), False),
    ]
    stats = {**metrics, "crossed": crossed(metrics)}
    return [
        {
            "id": f"figure-{key}",
            "title": title,
            "stat": stats[key],
            "text": percent(stats[key]["value"], 1) if as_percent else figure(stats[key]["value"]),
            "interval": percent_interval(stats[key]) if as_percent else interval(stats[key]),
            "hint": f"n {stats[key]['n']:,} · {hint}",
        }
        for key, title, hint, as_percent in wanted
        if stats.get(key)
    ]


def crossed(metrics: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Share right in cross-validation, where that is not what all figures are of."""
    if metrics.get("judged_on") == CROSS_VALIDATION:
        return None
    return (metrics.get("cross_validation") or {}).get("accuracy")


def headline(metrics: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    """The share right to speak of, and what it counts: test images, or cross-validation while those are too few."""
    tested, other = metrics.get("accuracy"), crossed(metrics)
    if tested and other and tested["n"] < FEW_IMAGES < other["n"]:
        return other, _("%(n)s images, cross-validated") % {"n": f"{other['n']:,}"}
    if tested and metrics.get("judged_on") == CROSS_VALIDATION:
        return tested, _("%(n)s images, cross-validated") % {"n": f"{tested['n']:,}"}
    return tested, _("%(n)s test images") % {"n": f"{tested['n']:,}"} if tested else ""


def _few(metrics: Mapping[str, Any]) -> str:
    """A warning in words, where the held-out images are too few to say much."""
    n = (metrics.get("accuracy") or {}).get("n", 0)
    if metrics.get("judged_on") == CROSS_VALIDATION or n >= FEW_IMAGES:
        return ""
    return ngettext(
        "Only %(n)s held-out image is settled so far: read the intervals, and the figure of cross-validation.",
        "Only %(n)s held-out images are settled so far: read the intervals, and the figure of cross-validation.",
        n,
    ) % {"n": n}


def _right_of(metrics: Mapping[str, Any]) -> str:
    chance = metrics.get("chance")
    if chance is None:
        return _("of the images it never learned from")
    return _("always the most frequent answer: %(share)s") % {"share": percent(chance)}


def _confusion(metrics: Mapping[str, Any], names: Mapping[Any, str], markers: Mapping[str, Marker]) -> SafeString | str:
    table = metrics.get("confusion")
    if not isinstance(table, Mapping) or not table.get("categories") or not metrics.get("n"):
        return ""
    # Beyond the model's own classes stand those that people settled on and the model does not know.
    called = [names.get(category, _("others")) for category in table["categories"]]
    return mark_safe(  # noqa: S308  (escaped there)
        charts.confusion_matrix(
            called,
            table["counts"],
            caption=_("What people settled on, and what the model says"),
            row_name=_("people"),
            column_name=_("model"),
            tags=[class_tag(markers.get(name), name) for name in called],
        )
    )


def _candidate(row: Mapping[str, Any]) -> dict[str, Any]:
    accuracy = row.get("accuracy") or {}
    return {
        "name": row.get("title") or row.get("candidate"),
        "chosen": row.get("chosen", False),
        "text": percent(accuracy.get("value"), 1) if row.get("tried", True) else _("not tried"),
        "interval": percent_interval(accuracy),
        "note": row.get("reason") or "",
    }


def _curves(run: TrainingRun) -> SafeString | str:
    """Share right and loss while learning, of the candidate that was kept: on what it learned from, and on the rest."""
    curve = _kept_curve(run)
    points = curve.get("points") or []
    if len(points) < 2:
        return ""
    step = curve.get("x", "epoch")
    # Regularisation runs over powers of ten: even steps, named by their value.
    ticks = [(float(place), f"{point.get(step, place):g}") for place, point in enumerate(points)]
    shown = ticks[:: max(1, len(ticks) // 8)]
    parts: tuple[tuple[str, str, Literal["l1", "l2"]], ...] = (
        ("train", _("training"), "l2"),
        ("validation", _("validation"), "l1"),
    )
    drawn = []
    for key, title, sentence, as_percent in (
        ("accuracy", _("Share right"), _("Share of images right while learning."), True),
        ("loss", _("Loss"), _("Loss while learning; lower is better."), False),
    ):
        series = [
            charts.Series(
                words, [(float(place), point.get(f"{part}_{key}")) for place, point in enumerate(points)], tone=tone
            )
            for part, words, tone in parts
            if any(point.get(f"{part}_{key}") is not None for point in points)
        ]
        if series:
            drawn.append(
                charts.line_chart(
                    title, sentence, series, x_name=str(STEPS.get(step, step)), y_name=title, x_ticks=shown,
                    percent=as_percent, width=460, height=220,
                )
            )  # fmt: skip
    return mark_safe("".join(drawn))  # noqa: S308  (escaped there)


def _kept_curve(run: TrainingRun) -> Mapping[str, Any]:
    """Of run.history, a list of {candidate, x, points}: the curve of the candidate that was kept, or the last."""
    kept = next((row.get("candidate") for row in run.comparison or [] if row.get("chosen")), None)
    curves = run.history or []
    return next((curve for curve in curves if curve.get("candidate") == kept), curves[-1] if curves else {})


# ---------------------------------------------------------------- verbs


def _find(access: Access, run_id: int) -> TrainingRun:
    run = access.project.runs.filter(pk=run_id).first()
    if run is None:
        raise Http404(_("This project has no such model."))
    return run


@project_page(Role.LEAD)
@require_POST
def train(request: HttpRequest, access: Access) -> HttpResponse:
    try:
        run = runs.request(project=access.project, requested_by=person(request))
        messages.success(request, _("Model %(n)s is on its way.") % {"n": run.number})
    except LabelerError as error:
        messages.error(request, error.message)
    return redirect("model", access.project.pk)


@project_page(Role.LEAD)
@require_POST
def cancel(request: HttpRequest, access: Access, run_id: int) -> HttpResponse:
    try:
        run = runs.cancel(_find(access, run_id), by=person(request))
        messages.success(request, _("The training of model %(n)s is cancelled.") % {"n": run.number})
    except LabelerError as error:
        messages.error(request, error.message)
    return redirect("model", access.project.pk)


@project_page(Role.LEAD)
@require_POST
def activate(request: HttpRequest, access: Access, run_id: int) -> HttpResponse:
    try:
        run = runs.activate(_find(access, run_id), by=person(request))
        messages.success(request, _("Model %(n)s is in use now; its pre-labels are being made.") % {"n": run.number})
    except LabelerError as error:
        messages.error(request, error.message)
    return redirect("model", access.project.pk)
