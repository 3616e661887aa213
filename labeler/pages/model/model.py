"""The model of a project: the report of the version in use, what is being trained, and the versions there are.

Knows how runs are listed; training, cancelling and activating are verbs of labeler/training/runs.py. The report of a
version is report.py's, the page of one run and the comparison of two run.py's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler import charts
from labeler.errors import LabelerError
from labeler.jobs import dispatch, leases
from labeler.labeling import blindness
from labeler.models import Project, Role, TrainingRun
from labeler.models.job import UNFINISHED, State
from labeler.pages.asking import Access, person, project_action, project_form, project_page
from labeler.pages.model import accepting, drawn_report, drift, report
from labeler.pages.refusals import first_or_404, refusal_as_message
from labeler.pages.settings import training_forms, variations
from labeler.templatetags.figures import moment, percent
from labeler.training import outside_models, prelabels, runs
from labeler.wording.sentences import chart_words

VERSIONS = 20
GPU_QUEUE = "gpu"
MINUTE = timedelta(minutes=1)


@project_page(Role.REVIEWER)
def model(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    versions = list(project.runs.slim().select_related("requested_by").order_by("-number")[:VERSIONS])
    run = next((row for row in versions if row.state in UNFINISHED), None)
    active = runs.active(project)
    newest = versions[0] if versions else None
    context: dict[str, Any] = {
        "run": run,
        "model": active,
        "failed": newest if newest and newest.state == State.FAILED else None,
        "too_few": "" if run else _too_few(project),
        "next_number": (newest.number if newest else 0) + 1,
        "left": time_left(run),
        "no_worker": waits_for_nobody(run),
        "prelabeling": active is not None and prelabels.are_under_way(project),
        "versions": [_version(row) for row in versions if row is not run],
        "by_labels": _by_labels(versions),
        "summary": summary(active),
        "before": _before(versions, active),
    }
    context |= variations.card(request, project)
    if not project.draws:
        context |= drift.card(project, active) if active is not None and not active.is_outside else {}
    if active is not None:
        context |= report_of(project, active)
        blindness.remember(request.user, told=context.get("told", ()))
    return access.render(request, "model/model.html", "model", **context)


def report_of(project: Project, run: TrainingRun) -> dict[str, Any]:
    """What the page says of a model: of one that names classes, or of one that draws."""
    if project.draws:
        return drawn_report.report_context(project, run) if run.metrics else {}
    accepted = {"accepting": accepting.card(project)} if run.is_active else {}
    found = report.report_context(project, run)
    told = [row["image"].pk for row in found["suspects"]]
    return {"report_template": "model/report.html", "told": told, **accepted, **found}


def _too_few(project: Project) -> str:
    try:
        runs.trainable(project).check(project)
    except LabelerError as error:
        return error.message
    return ""


def time_left(run: TrainingRun | None) -> str:
    """In words, as far as that can be foretold; static/js/pages/watch.js says the same."""
    left = runs.seconds_left(run) if run else None
    if left is None:
        return ""
    minutes = round(left / 60)
    return _("about %(n)s min left") % {"n": minutes} if minutes else _("less than a minute left")


def waits_for_nobody(run: TrainingRun | None) -> bool:
    """A run that is queued while no worker for trainings is there."""
    return run is not None and run.state == State.QUEUED and dispatch.no_worker(GPU_QUEUE)


def _before(versions: list[TrainingRun], active: TrainingRun | None) -> TrainingRun | None:
    """The version to compare the one in use with: the one trained before it."""
    number = active.number if active else 0
    return next((row for row in versions if row.state == State.DONE and row.number < number), None)


def _by_labels(versions: list[TrainingRun]) -> str:
    """What each version got right, by the labels there were: measured, unlike the curve that leaves labels out."""
    points = []
    for row in sorted(versions, key=lambda run: (run.n_labels, run.number)):
        right, _of = report.headline(row.headline or {}) if row.state == State.DONE else (None, "")
        if right and right["value"] is not None:
            points.append((float(row.n_labels), right))
    if len({x for x, _right in points}) < 3:
        return ""
    band = [(x, right["low"], right["high"]) for x, right in points if right["low"] is not None]
    return charts.line_chart(
        _("Share right of each version"),
        _("What each version got right by the labels there were when it was trained, with 95 % intervals."),
        [charts.Series(_("version"), [(x, right["value"]) for x, right in points], band=band)],
        words=chart_words(), x_name=_("labels"), y_name=_("share right"), percent=True, width=460, height=190,
    )  # fmt: skip


def summary(run: TrainingRun | None) -> str:
    if run is None:
        return _("Learns from the labels and suggests answers for the rest.")
    if run.is_outside:
        told = {"name": run.origin, "sent": outside_models.counted(run), "day": moment(run.created_at)}
        return _("“%(name)s” of another program, since %(day)s · %(sent)s") % told
    parts = []
    if run.started_at and run.finished_at and run.worked_seconds is None:
        times = {"begun": moment(run.started_at), "ended": moment(run.finished_at)}
        parts.append(_("started %(begun)s, finished %(ended)s") % times)
    elif run.finished_at:
        parts.append(_("trained %(day)s") % {"day": moment(run.finished_at)})
        if taken := time_taken(run, run.finished_at):
            parts.append(taken)
    data = run.dataset or {}
    if data.get("train") is not None:
        words = ngettext("on %(n)s image", "on %(n)s images", data["train"])
        parts.append(words % {"n": f"{data['train']:,}"})
    if (run.metrics or {}).get("judged_on") == report.CROSS_VALIDATION:
        parts.append(_("judged by cross-validation, as few held-out images are settled yet"))
    elif data.get("test") is not None:
        parts.append(_("judged on %(n)s it never learned from") % {"n": f"{data['test']:,}"})
    if run.device:
        parts.append(run.device)
    line = " · ".join(parts)
    return line[:1].upper() + line[1:]


def time_taken(run: TrainingRun, until: datetime) -> str:
    """How long workers were at it, and over how long, where that is more; empty where it was not counted."""
    worked = leases.worked_seconds(run, until)
    if worked is None or run.started_at is None:
        return ""
    over = until - run.started_at
    if run.attempt <= 1 and over - timedelta(seconds=worked) < MINUTE:
        return _("in %(time)s") % {"time": _in_words(timedelta(seconds=worked), until)}
    taken = _("for %(worked)s, over %(over)s") % {
        "worked": _in_words(timedelta(seconds=worked), until), "over": _in_words(over, until),
    }  # fmt: skip
    return f"{taken} ({interrupted(run.attempt)})" if run.attempt > 1 else taken


def interrupted(attempts: int) -> str:
    """How often, in words; attempts: more than one."""
    if attempts == 2:
        return _("interrupted once")
    return ngettext("interrupted %(n)s time", "interrupted %(n)s times", attempts - 1) % {"n": attempts - 1}


def _in_words(time: timedelta, until: datetime) -> str:
    return _("less than a minute") if time < MINUTE else timesince(until - time, until)


def _version(run: TrainingRun) -> dict[str, Any]:
    accuracy, of = report.headline(run.headline or {})
    return {
        "run": run,
        "accuracy": percent(accuracy["value"], 1) if accuracy and accuracy["value"] is not None else "",
        "of": of,
        "may_use": run.has_model and not run.is_active and (not run.is_outside or bool(run.predicted_done)),
        "why": run.note or (run.error or {}).get("message", ""),
    }


# ---------------------------------------------------------------- verbs


def _find(access: Access, run_id: int) -> TrainingRun:
    return first_or_404(access.project.runs.filter(pk=run_id), _("This project has no such model."))


@project_form(Role.LEAD)
def train(request: HttpRequest, access: Access) -> HttpResponse:
    """Train now: with the project's settings, or with those of the form, this once."""
    project = access.project
    once = request.method == "GET" or "once" in request.POST
    shape = training_forms.form_of(project, once=True)
    form = shape(request.POST or None, initial=shape.values_of(project))
    if request.method == "POST" and (not once or form.is_valid()):
        config = form.config(project) if once else None
        with refusal_as_message(request):
            run = runs.request(project=project, requested_by=person(request), config=config, instead=once)
            messages.success(request, _("Model %(n)s is on its way.") % {"n": run.number})
            if once:
                return redirect("run", project.pk, run.number)
        return redirect("model", project.pk)
    number = project.runs.values_list("number", flat=True).order_by("-number").first() or 0
    return access.render(
        request, "model/train.html", "model", form=form, next_number=number + 1, too_few=_too_few(project)
    )


@project_action(Role.LEAD)
def cancel(request: HttpRequest, access: Access, run_id: int) -> HttpResponse:
    with refusal_as_message(request):
        run = runs.cancel(_find(access, run_id), by=person(request))
        messages.success(request, _("The training of model %(n)s is cancelled.") % {"n": run.number})
    return redirect("model", access.project.pk)


@project_action(Role.LEAD)
def activate(request: HttpRequest, access: Access, run_id: int) -> HttpResponse:
    with refusal_as_message(request):
        run = runs.activate(_find(access, run_id), by=person(request))
        if run.is_outside:
            told = _("Model %(n)s is in use now: what it has sent is shown from now on.")
        else:
            told = _("Model %(n)s is in use now; its pre-labels are being made.")
        messages.success(request, told % {"n": run.number})
    return redirect("model", access.project.pk)
