"""Ask a worker to judge another program's predictions on the held-out images, and to calibrate them.

Knows when that is due: new predictions, or new labels. The figures are worker/training/judge_outside.py's; what another
program sends is taken in by outside_models.py.
"""

from __future__ import annotations

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from labeler.jobs import jobs
from labeler.models import Job, Label, TrainingRun
from labeler.models.job import UNFINISHED, Kind, State
from labeler.models.label import VOTES
from labeler.training.prelabels import AGAIN_AFTER, PAUSE

NEW_LABELS_SHARE = 0.01  # of the labels there were: fewer hardly move a figure


def request(run: TrainingRun) -> Job:
    """Have a worker judge this outside model; and, where it is in use, put the queue in order by what it says."""
    return jobs.create_unless_there(Kind.JUDGE, project=run.project, params={"run": run.pk}, params__run=run.pk)


def due() -> list[TrainingRun]:
    """Outside models whose figures are older than their predictions, or than enough labels."""
    busy = Job.objects.filter(kind=Kind.JUDGE, state__in=UNFINISHED).values("project")
    sent = TrainingRun.objects.outside().filter(predicted_at__isnull=False, project__trashed_at__isnull=True)
    return [run for run in sent.exclude(project__in=busy).select_related("project").slim() if _is_due(run)]


def _is_due(run: TrainingRun) -> bool:
    made = Job.objects.filter(project_id=run.project_id, kind=Kind.JUDGE, params__run=run.pk).order_by("-pk")
    last = made.first()
    if last is None:
        return True
    if last.state != State.DONE:
        return made.filter(pk=last.pk, finished_at__lt=Now() - AGAIN_AFTER).exists()
    # It may have begun before the last predictions were stored.
    if run.predicted_at is not None and last.started_at is not None and run.predicted_at > last.started_at:
        return True
    if last.finished_at is not None and timezone.now() - last.finished_at < PAUSE:
        return False
    new = Label.objects.filter(Q(id__gt=run.last_label), project=run.project_id, answer__in=VOTES).count()
    return new > max(0, NEW_LABELS_SHARE * run.n_labels)
