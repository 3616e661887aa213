"""Which rows of long work have ended since a webhook began to listen, and what is said of them.

The rows are the truth: the periodic worker looks for those that ended and have no message yet. It may look twice, or on
two machines: one webhook is told once of one thing, which the database holds. After a week without any worker, what
ended before that week is not told any more. Makes messages; sending them is deliveries.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from labeler.models import AuditEvent, Job, TrainingRun, Webhook
from labeler.models.job import State
from labeler.models.webhook import Event
from labeler.webhooks import deliveries
from labeler.webhooks.deliveries import Ended

# Less than the 30 days that the log is kept: what was told must still be known to have been.
LOOKED_BACK = timedelta(days=7)
AUDIT_ROWS = 1000  # of a project, the newest: activations are few, and looked for every few seconds
# (kind of job, state) -> event. By their stored words: some kinds are newer than this.
OF_JOBS = {
    ("import", State.DONE): Event.IMPORT_FINISHED,
    ("import", State.FAILED): Event.IMPORT_FAILED,
    ("release", State.DONE): Event.RELEASE_READY,
    ("export", State.DONE): Event.EXPORT_READY,
    ("images", State.DONE): Event.IMAGES_DELETED,
}
OF_RUNS = {State.DONE: Event.RUN_FINISHED, State.FAILED: Event.RUN_FAILED}
LONGEST_TEXT = 500


def collect() -> int:
    """Make the messages that are not made yet, for all webhooks that listen; how many."""
    webhooks = Webhook.objects.filter(active=True, project__trashed_at=None).order_by("pk")
    return sum(map(collect_for, webhooks))


def collect_for(webhook: Webhook) -> int:
    """The same for one webhook; also while it is paused, so that nothing is lost by that."""
    since = max(webhook.listens_since, timezone.now() - LOOKED_BACK)
    told = deliveries.told(webhook)
    wanted = frozenset(webhook.events)
    found = [*_jobs(webhook.project_id, since, wanted, told), *_runs(webhook.project_id, since, wanted, told)]
    if Event.MODEL_ACTIVATED in wanted:
        found += [one for one in _activated(webhook.project_id, since) if one.subject not in told]
    return deliveries.add(webhook, found) if found else 0


def _jobs(project_id: int, since: datetime, wanted: Set[str], told: Set[str]) -> Iterator[Ended]:
    kinds = Q()
    for (kind, state), event in OF_JOBS.items():
        if event in wanted:
            kinds |= Q(kind=kind, state=state)
    if not kinds:
        return
    # What was told is not read again: what came of an import can be a megabyte of refused rows.
    jobs = (
        Job.objects.filter(kinds, project_id=project_id, finished_at__gte=since)
        .exclude(pk__in=_ids(told, "job"))
        # An upload by a form is a row only to know its key again, and what only looked has brought nothing in. Work on
        # images is of many sorts.
        .exclude(
            Q(params__has_key="upload") | Q(params__contains={"dry_run": True}) | Q(result__contains={"asks": True})
        )
        .filter(~Q(kind="images") | Q(params__do="delete"))
    )
    for job in jobs.order_by("pk"):
        yield Ended(OF_JOBS[job.kind, State(job.state)], f"job:{job.pk}", _of_job(job))


def _runs(project_id: int, since: datetime, wanted: Set[str], told: Set[str]) -> Iterator[Ended]:
    states = [state for state, event in OF_RUNS.items() if event in wanted]
    # Begun by a worker: another program's model is a run that was never trained here, and only comes into use.
    begun = TrainingRun.objects.filter(started_at__isnull=False)
    runs = begun.filter(project_id=project_id, state__in=states, finished_at__gte=since)
    runs = runs.exclude(pk__in=_ids(told, "run")).defer("config", "history", "comparison", "spent")
    for run in runs.order_by("pk"):
        yield Ended(OF_RUNS[State(run.state)], f"run:{run.pk}", _of_run(run))


def _ids(told: Set[str], of: str) -> list[int]:
    return [int(subject.partition(":")[2]) for subject in told if subject.startswith(f"{of}:")]


def _activated(project_id: int, since: datetime) -> Iterator[Ended]:
    """Models that people chose are in the audit; one that a worker made active is the active one, and is not."""
    newest = AuditEvent.objects.filter(project_id=project_id).order_by("-id")[:AUDIT_ROWS]
    rows = list(newest.values("pk", "action", "subject", "at"))
    chosen = [row for row in reversed(rows) if row["action"] == "run.activate"]  # in the order in which it was done
    runs = dict(TrainingRun.objects.filter(project_id=project_id).values_list("number", "pk"))
    for row in chosen:
        number = re.search(r"\d+$", row["subject"])
        if row["at"] >= since and number and (pk := runs.get(int(number[0]))):
            yield Ended(Event.MODEL_ACTIVATED, f"audit:{row['pk']}", {"run": pk, "number": int(number[0])})
    active = TrainingRun.objects.filter(project_id=project_id, is_active=True, finished_at__gte=since).first()
    if active is not None and all(row["subject"] != f"model {active.number}" for row in chosen):
        yield Ended(Event.MODEL_ACTIVATED, f"active:{active.pk}", {"run": active.pk, "number": active.number})


def _of_job(job: Job) -> dict[str, Any]:
    """Counts and short words of what came of a job: lists as their lengths, whatever the kind of work keeps there."""
    told: dict[str, Any] = {
        "job": job.pk, "kind": job.kind, "state": job.state, "error": job.error, "finished_at": _time(job.finished_at)
    }  # fmt: skip
    for name in ("name", "format", "number"):
        if isinstance(job.params.get(name), str | int):
            told[name] = job.params[name]
    result = {
        name: len(value) if isinstance(value, list) else value[:LONGEST_TEXT] if isinstance(value, str) else value
        for name, value in job.result.items()
        if isinstance(value, list | str | int | float)
    }
    return told | {"result": result}


def _of_run(run: TrainingRun) -> dict[str, Any]:
    figures = {name: run.metrics[name] for name in ("accuracy", "macro_f1") if name in run.metrics}
    return {
        "run": run.pk, "number": run.number, "state": run.state, "active": run.is_active, "metrics": figures,
        "error": run.error, "finished_at": _time(run.finished_at),
    }  # fmt: skip


def _time(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat().replace("+00:00", "Z")
