"""The life of a training run: requested, taken, reported on, finished, perhaps activated; and what is due.

The only module that writes TrainingRun. A request is a row and, after commit, a message to a worker; the
work itself is a worker's (worker/training/train_run.py). Knows when training makes sense and which model is active; not
how a network is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler import train_settings
from labeler.accounts.audit import audit
from labeler.errors import NotCancellable, NotPossibleNow, RunInProgress, TooFewLabels
from labeler.jobs import dispatch, leases
from labeler.jobs.leases import Lease
from labeler.label_set import categories as label_set
from labeler.models import Decision, Image, Label, Project, TrainingRun
from labeler.models.image import NEVER_TRAINED
from labeler.models.job import State
from labeler.models.label import VOTES
from labeler.stats import tally as votes
from labeler.training import judging, prelabels, run_answers, run_settings

# Below, cross-validation has nothing to divide: five folds need four images each, and every class one on
# either side.
FEWEST_IMAGES = 20
FEWEST_PER_CLASS = 2
# When beat asks for a run by itself: enough that is new, and a pause (prelabels.PAUSE), so that a busy group does not
# train without end.
NEW_LABELS, NEW_LABELS_SHARE = 32, 0.05
MOST_OUTSIDE = 100  # models of other programs, each version counted


@dataclass(frozen=True, slots=True)
class Trainable:
    """Images that can be trained on: those with a consensus, held-out ones left out."""

    n_images: int
    by_category: dict[int, int]  # category id -> images whose consensus names it

    def check(self, project: Project) -> None:
        """Raises TooFewLabels with a sentence that says what is missing."""
        if self.n_images < FEWEST_IMAGES:
            text = _(
                "There are %(n_images)s labeled images to train on, and %(fewest_images)s are needed. Images that are "
                "held out for testing do not count, nor do those whose votes are tied."
            )
            words = {"n_images": self.n_images, "fewest_images": FEWEST_IMAGES}
            raise TooFewLabels(text % words, have=self.n_images, need=FEWEST_IMAGES)
        enough = [n for n in self.by_category.values() if n >= FEWEST_PER_CLASS]
        if project.draws:
            return  # one class is enough: there is the rest of the image to tell it from
        if project.is_multi:
            # Yes or no for each class: it can be learned where there are a few of both.
            if not any(n <= self.n_images - FEWEST_PER_CLASS for n in enough):
                text = _(
                    "No class has %(fewest_per_class)s images with it and %(fewest_per_class)s without it yet, so "
                    "there is nothing to tell apart."
                )
                raise TooFewLabels(text % {"fewest_per_class": FEWEST_PER_CLASS})
        elif len(enough) < 2:
            text = _(
                "Two classes with %(fewest_per_class)s labeled images each are needed to train; there %(value)s %(n)s."
            )
            value = "is" if len(enough) == 1 else "are"
            raise TooFewLabels(text % {"fewest_per_class": FEWEST_PER_CLASS, "value": value, "n": len(enough)})


def trainable(project: Project) -> Trainable:
    """Count what could be trained on now, from the counters that saving a label keeps: one grouped query."""
    index = label_set.index(project)
    n_images, by_category = 0, dict.fromkeys(sorted(index.ids_in_use), 0)
    if project.draws:  # also an answer that nothing is there teaches something
        answered = Image.objects.filter(project=project).may_train().filter(Q(n_votes__gt=0) | Q(has_decision=True))
        return Trainable(answered.count(), by_category)
    labeled = Image.objects.filter(project=project).may_train().order_by()
    outcomes = [
        (votes.vote(row["tally"]).categories, row["n"])
        for row in labeled.filter(n_votes__gt=0, has_decision=False).values("tally").annotate(n=Count("id"))
    ] + [
        (row["categories"], row["n"])
        for row in Decision.objects.filter(image__project=project, withdrawn_at=None, undecidable=False)
        .exclude(image__slice__in=NEVER_TRAINED)
        .order_by()
        .values("categories")
        .annotate(n=Count("id"))
    ]
    for named, n in outcomes:
        ids = index.present(named or ())
        if named is None or (not project.is_multi and len(ids) != 1):
            continue
        n_images += n
        for pk in ids:
            by_category[pk] += n
    return Trainable(n_images, by_category)


# ---------------------------------------------------------------- asked for by people, and by beat


def request(
    *, project: Project, requested_by: User | None = None, config: dict[str, Any] | None = None, instead: bool = False
) -> TrainingRun:
    """Ask for a training run; a worker is told after commit. `config` is laid over the project's own
    settings, or stands in their place.

    Raises RunInProgress (one unfinished run per project), TooFewLabels, Invalid.
    """
    settled = train_settings.laid_over({} if instead else project.training_config, run_settings.check(config or {}))
    run_settings.check(settled)
    if unfinished := project.runs.unfinished().first():
        raise _in_progress(unfinished)
    trainable(project).check(project)
    try:
        with transaction.atomic():
            # Numbers are counted per project: without the lock two requests would take the same one.
            Project.objects.select_for_update(no_key=True).get(pk=project.pk)
            number = (project.runs.aggregate(Max("number"))["number__max"] or 0) + 1
            run = TrainingRun.objects.create(
                project=project,
                number=number,
                requested_by=requested_by,
                config=settled,
                last_label=Label.objects.filter(project=project).aggregate(Max("id"))["id__max"] or 0,
                n_labels=Label.objects.filter(project=project).current().count(),
                stage="waiting for a worker",
            )
            dispatch.send_after_commit(dispatch.TRAIN, run.pk)
    except IntegrityError as error:
        unfinished = project.runs.unfinished().first()
        if unfinished is None:
            raise
        raise _in_progress(unfinished) from error
    return run


def _in_progress(run: TrainingRun) -> RunInProgress:
    return RunInProgress(
        _("Model %(number)s is being trained already. Wait for it, or cancel it first.") % {"number": run.number},
        run=run.pk,
        number=run.number,
    )


def cancel(run: TrainingRun, by: User | None = None) -> TrainingRun:
    """Stop a run; its worker notices within a step. Raises NotCancellable when it has ended already."""
    if not leases.cancel(TrainingRun, run.pk):
        run.refresh_from_db()
        raise NotCancellable(
            _("Model %(number)s is %(state)s already.") % {"number": run.number, "state": run.get_state_display()}
        )
    audit(by, "run.cancel", project=run.project_id, subject=f"model {run.number}")
    run.refresh_from_db()
    return run


def activate(run: TrainingRun, by: User | None = None) -> TrainingRun:
    """Make a finished model the one that pre-labels. Raises NotPossibleNow for a run without a model."""
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
        run.refresh_from_db()
        if not run.has_model:
            raise NotPossibleNow(
                _("Model %(number)s was not trained to its end, so it cannot be used.") % {"number": run.number}
            )
        if run.is_outside and not run.predictions.exists():
            raise NotPossibleNow(
                _("Nothing that model %(number)s (%(name)s) predicts was sent yet, so it cannot be used.")
                % {"number": run.number, "name": run.origin}
            )
        if not run.is_active:
            _make_active(run)
            audit(by, "run.activate", project=run.project_id, subject=f"model {run.number}")
    return run


def _make_active(run: TrainingRun) -> None:
    """Call with the project locked."""
    TrainingRun.objects.filter(project_id=run.project_id, is_active=True).exclude(pk=run.pk).update(is_active=False)
    TrainingRun.objects.filter(pk=run.pk).update(is_active=True)
    run.is_active = True
    if run.is_outside:
        prelabels.stop(run.project)
        judging.request(run)
    else:
        prelabels.request(run)


def active(project: Project) -> TrainingRun | None:
    """The model whose pre-labels are shown, or None before there is one."""
    return TrainingRun.objects.filter(project=project, is_active=True).first()


def seconds_left(run: TrainingRun, now: datetime | None = None) -> int | None:
    """How long a run will take yet, by how long workers have been at it; None before that can be said, and while no
    worker is.

    Its bar is roughly one of time. Seconds before the first tenth are loading and measuring and foretell nothing.
    """
    now = now or timezone.now()
    spent = leases.worked_seconds(run, now)
    if run.state != State.RUNNING or spent is None or not run.progress_total:
        return None
    if run.lease_until is None or run.lease_until < now:
        return None
    share = run.progress_done / run.progress_total
    if share < 0.1 or spent < 2:
        return None
    return max(1, round(spent * (1 - share) / share))


def new_labels_since(run: TrainingRun) -> int:
    """Votes written after a run looked, changes of earlier ones included."""
    return Label.objects.filter(project_id=run.project_id, id__gt=run.last_label, answer__in=VOTES).count()


def due(now: datetime | None = None) -> list[Project]:
    """Projects whose next model should be trained by itself: enough new labels, and the last run a minute
    ago.
    """
    now = now or timezone.now()
    busy = TrainingRun.objects.unfinished().values("project")
    projects = Project.objects.not_in_trash().filter(train_automatically=True).exclude(pk__in=busy)
    return [project for project in projects.order_by("pk") if _is_due(project, now)]


def _is_due(project: Project, now: datetime) -> bool:
    last = project.runs.own().first()
    if last is None:
        return Label.objects.filter(project=project, answer__in=VOTES)[:NEW_LABELS].count() >= NEW_LABELS
    if now - (last.finished_at or last.created_at) < prelabels.PAUSE:
        return False
    return new_labels_since(last) >= max(NEW_LABELS, NEW_LABELS_SHARE * last.n_labels)


# ---------------------------------------------------------------- models of other programs (outside_models.py)


def register_outside(
    *, project: Project, by: User | None, name: str, version: str, config: dict[str, Any] | None = None
) -> tuple[TrainingRun, bool]:
    """The run that stands for another program's model, and whether it is new. Raises NotPossibleNow: too many."""
    with transaction.atomic():
        # Numbers are counted per project, as in request().
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        there = project.runs.filter(outside_name=name, outside_version=version).first()
        if there is not None:
            return there, False
        if project.runs.outside().count() >= MOST_OUTSIDE:
            raise NotPossibleNow(_("A project has at most %(most)s models of other programs.") % {"most": MOST_OUTSIDE})
        run = TrainingRun.objects.create(
            project=project,
            number=(project.runs.aggregate(Max("number"))["number__max"] or 0) + 1,
            requested_by=by,
            state=State.DONE,
            finished_at=Now(),
            outside_name=name,
            outside_version=version,
            config=config or {},
            n_labels=Label.objects.filter(project=project).current().count(),
        )
        run.refresh_from_db()
        audit(by, "outside_model.register", project=project.pk, subject=f"model {run.number}", name=run.origin)
    return run, True


def set_classes(run: TrainingRun, ids: Sequence[int], names: Sequence[str]) -> None:
    """What the places of an outside model's probabilities mean; before its first prediction is stored."""
    run.category_ids, run.category_names = list(ids), list(names)
    TrainingRun.objects.filter(pk=run.pk).update(category_ids=run.category_ids, category_names=run.category_names)


def record_outside_predictions(run: TrainingRun, n_new: int) -> None:
    """So many images more have a prediction of this outside model; the last ones came in now."""
    done = F("predicted_done") + n_new
    TrainingRun.objects.filter(pk=run.pk).update(predicted_done=done, predicted_total=done, predicted_at=Now())


def record_judgement(run: TrainingRun, *, answers: Sequence[run_answers.Answers], **figures: Any) -> None:
    """What a worker found out about an outside model on the held-out images: metrics, temperature and the like."""
    with transaction.atomic():
        TrainingRun.objects.filter(pk=run.pk).update(**figures)
        run_answers.keep(run, answers)


# ---------------------------------------------------------------- for the worker that has taken the run


def name_features(run_ids: Sequence[int], name: str) -> None:
    """Say of finished runs under which name the features are kept that their models stand on."""
    TrainingRun.objects.filter(pk__in=run_ids).update(features=name)


def finish(
    lease: Lease,
    *,
    activate: bool,
    instead_of: TrainingRun | None,
    note: str,
    answers: Sequence[run_answers.Answers] = (),
    **outcome: Any,
) -> TrainingRun:
    """Store a trained model's row and, with `activate`, let it pre-label from now on. Raises LeaseLost,
    having changed nothing.

    `note` says in words why it was or was not made active; `answers` are kept with the run. instead_of: the model it
    was compared with. Where a person has chosen another one since, theirs stays: this one was not held against it.
    """
    with transaction.atomic():
        run = TrainingRun.objects.get(pk=lease.pk)
        project = Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
        in_use = active(project)
        if activate and in_use != instead_of:
            activate = False
            chosen = f"model {in_use.number}" if in_use else "no model"
            note = f"Not used: while it was trained, somebody chose {chosen}. {note}"
        lease.finish(note=note, **outcome)
        run.refresh_from_db()
        run_answers.keep(run, answers)
        if activate:
            _make_active(run)
    return run


def record_prelabel_progress(run: TrainingRun, done: int, total: int, *, finished: bool = False) -> None:
    """How far the pre-labels of this model are; the job that makes them holds the lease
    (labeler/training/prelabels.py)."""
    changes: dict[str, Any] = {"predicted_at": Now()} if finished else {}
    TrainingRun.objects.filter(pk=run.pk).update(predicted_done=done, predicted_total=total, **changes)


def resend_lost() -> int:
    """Tell workers about runs they have not heard of or have dropped, and fail those that killed three; how
    many are told.
    """
    leases.fail_rows_without_attempts_left(TrainingRun)
    return sum(dispatch.send_again(dispatch.TRAIN, run.pk) for run in leases.waiting(TrainingRun))
