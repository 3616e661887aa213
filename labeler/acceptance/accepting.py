"""Accept predictions of high confidence without a person, with a precision that is promised from calibration images.

An accepted answer is a whole one: one class, or the set of classes of an image that may have several.

With promises.py, which checks the promise and takes back what is accepted, the only module that writes Guarantee and
Acceptance. Off until a lead switches it on. A worker calls accept() when a model's pre-labels are made; it may run
twice, or stop half-way and run again. The arithmetic is labeler/stats/promise.py's; docs/decisions/0008 says why the
rules are these.

An accepted answer is never a label and never a vote: agreement, trust, consensus, the test and calibration slices and
training read other tables.

Locks: guarantee, images, queue entries, each kind by rising key, a few hundred rows at a time (labeling/claims.py has
the order).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from numpy.typing import NDArray

from labeler.acceptance import promises
from labeler.acceptance.candidates import (
    FREE,
    Arrival,
    Candidates,
    ClassSet,
    candidates,
    judged_images,
    recent_arrivals,
)
from labeler.acceptance.promises import CHUNK
from labeler.accounts.audit import audit as record
from labeler.labeling import seats
from labeler.models import Acceptance, Guarantee, Image, Job, Project, QueueEntry, TrainingRun
from labeler.models.acceptance import Ending, Suspension, Withdrawal
from labeler.models.job import UNFINISHED, Kind, State
from labeler.models.statements import fetch
from labeler.stats import promise as rule
from labeler.stats import tally as votes
from labeler.stats.results import plain
from labeler.training import prelabels

# ---------------------------------------------------------------- what is promised, and what carries it


def promise_of(project: Project) -> rule.Promise:
    return rule.Promise(project.accept_precision, project.accept_confidence)


def _thresholds(project: Project, run: TrainingRun, pool: Candidates) -> dict[str, Any]:
    """Thresholds that carry the project's promise, as they are kept with a guarantee."""
    judged = judged_images(project, run)
    different = list(dict.fromkeys([*judged.answers, *pool.answers]))
    codes = {answer: code for code, answer in enumerate(different)}
    found = rule.choose_all(
        judged.scores, judged.right, [codes[answer] for answer in judged.answers], pool.scores, promise_of(project),
        unlabeled_classes=[codes[answer] for answer in pool.answers], per_class=project.accept_per_class,
    )  # fmt: skip
    return {
        "n": int(judged.scores.size),
        "disputed": judged.disputed,
        "needed": rule.labels_needed(0, promise_of(project)),
        "pooled": _kept(found.pooled),
        "own": {votes.key(different[code]): _kept(threshold) for code, threshold in found.own.items()},
    }


def _kept(threshold: rule.Threshold) -> dict[str, Any]:
    names = ("value", "accepted", "errors", "precision_low", "n")
    return {name: getattr(threshold, name) for name in names} | {"reason": plain(threshold.reason)}


class _Rule:
    """The thresholds of a guarantee, to be asked."""

    def __init__(self, guarantee: Guarantee) -> None:
        kept = guarantee.thresholds
        own = kept.get("own", {})
        self._codes = {tuple(votes.categories_of(answer)): code for code, answer in enumerate(own)}
        none = {"value": None, "accepted": 0, "errors": 0, "precision_low": None, "n": 0}
        self._rule = rule.Acceptance(
            rule.Promise(guarantee.precision, guarantee.confidence), rule.Threshold(**kept.get("pooled", none)),
            {code: rule.Threshold(**values) for code, values in enumerate(own.values())},
        )  # fmt: skip

    def accepts(self, pool: Candidates) -> NDArray[np.bool_]:
        return self._rule.accepts(pool.scores, [self._codes.get(answer, -1) for answer in pool.answers])

    def from_score(self, answer: ClassSet) -> float:
        """From which score on this answer is accepted; 0 where it is not."""
        code = self._codes.get(answer, -1)
        return self._rule.own.get(code, self._rule.pooled).value or 0.0


# ---------------------------------------------------------------- accepting


def accept(run: TrainingRun, *, tick: Callable[[], None] = lambda: None) -> int:
    """Accept what the project's promise allows of the images this model has judged; how many it newly accepted.

    Does nothing where it is switched off or suspended, or the model is not the active one. The thresholds are found
    once per model and promise and then stay: asked again with every new calibration label, one would pass by luck in
    the end. What an earlier guarantee accepted and this one does not goes back to people. tick: called between two
    chunks; what it raises stops the work, and the next call goes on from there.
    """
    guarantee = _begin(run)
    if guarantee is None:
        return 0
    project = guarantee.project
    arrivals = recent_arrivals(project)
    speaks_for = {name for arrival in arrivals if arrival.is_spoken_for for name in arrival.names}
    pool = candidates(project, run)
    thresholds = _Rule(guarantee)
    sure = pool.where(thresholds.accepts(pool))
    covered = np.array([name in speaks_for for name in sure.arrival], dtype=bool)
    Guarantee.objects.filter(pk=guarantee.pk).update(coverage=_coverage(arrivals, int((~covered).sum())))
    there = np.array(guarantee.acceptances.order_by().values_list("image", flat=True), np.int64)
    chosen = sure.where(covered & ~np.isin(sure.image, there))
    accepted = 0
    for start in range(0, chosen.image.size, CHUNK):
        tick()
        part = np.zeros(chosen.image.size, dtype=bool)
        part[start : start + CHUNK] = True
        taken = _accept(guarantee, thresholds, chosen.where(part))
        if taken is None:
            return accepted
        accepted += taken
    promises.withdraw_ended(project, tick)
    Guarantee.objects.filter(pk=guarantee.pk, ended_at=None, done_at=None).update(done_at=Now())
    promises.forget_old(project)
    # Audited images lie at the top of the queue now.
    seats.forget_frontiers(project)
    return accepted


def _coverage(arrivals: Sequence[Arrival], waiting: int) -> dict[str, Any]:
    unspoken = [arrival for arrival in arrivals if not arrival.is_spoken_for]
    return {
        "waiting": waiting,
        "imports": [
            {
                "images": arrival.images, "since": arrival.since.isoformat(), "judged": arrival.judged,
                "needed": arrival.needed,
            }
            for arrival in unspoken
        ],
    }  # fmt: skip


@transaction.atomic
def _begin(run: TrainingRun) -> Guarantee | None:
    """The guarantee under which this model may accept now, made where there is none yet; None where it may not."""
    # Locked: two workers, or a worker and a lead, must not each begin one.
    project = Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
    there = Guarantee.objects.select_for_update(no_key=True).filter(project=project, ended_at=None).first()
    if not TrainingRun.objects.filter(pk=run.pk, is_active=True).exists() or promises.obstacle(project, run):
        return None
    if there is not None:
        there.project = project
        if there.is_suspended and not _is_new_start(run, there):
            return None
        if there.run_id == run.pk and promises.is_as_wanted(there, project) and not there.is_suspended:
            return there
        promises.end(there, Ending.MODEL if there.run_id != run.pk else Ending.SETTINGS)
    pool = candidates(project, run)
    guarantee = Guarantee.objects.create(
        project=project, run=run, precision=project.accept_precision, confidence=project.accept_confidence,
        per_class=project.accept_per_class, audited_share=project.audited_share,
        thresholds=_thresholds(project, run, pool),
    )  # fmt: skip
    record(
        None, "acceptance.begin", project=project, subject=f"model {run.number}", precision=guarantee.precision,
        confidence=guarantee.confidence, threshold=guarantee.thresholds["pooled"]["value"],
    )  # fmt: skip
    return guarantee


def _is_new_start(run: TrainingRun, suspended: Guarantee) -> bool:
    """A lead asked for another model after a breach: that is a way to let it begin anew. A stop by hand stays."""
    assert suspended.suspended_at is not None
    asked_for = run.requested_by_id is not None and run.created_at > suspended.suspended_at
    return suspended.suspension == Suspension.BREACH and run.pk != suspended.run_id and asked_for


def _accept(guarantee: Guarantee, thresholds: _Rule, chosen: Candidates) -> int | None:
    """One chunk in one transaction: how many were accepted; None when the guarantee is not in force any more."""
    with transaction.atomic():
        in_force = Guarantee.objects.select_for_update(no_key=True).filter(pk=guarantee.pk, ended_at=None)
        if not in_force.filter(suspended_at=None).exists():
            return None
        images = _lock_free(chosen.image.tolist())
        there = set(Acceptance.objects.filter(guarantee=guarantee, image__in=images).values_list("image", flat=True))
        fresh = np.array([pk in images and pk not in there for pk in chosen.image.tolist()], dtype=bool)
        new = chosen.where(fresh)
        ids = new.image.tolist()
        Acceptance.objects.in_force().filter(image__in=ids).update(withdrawn_at=Now(), withdrawn_why=Withdrawal.ENDED)
        is_audited = rule.audited(new.image, guarantee.project.audited_share, _seed(guarantee))
        Acceptance.objects.bulk_create(
            Acceptance(
                guarantee=guarantee, project_id=guarantee.project_id, image_id=image, prediction_id=prediction,
                categories=list(answer), probability=score, is_audited=asked, threshold=thresholds.from_score(answer),
            )
            for image, prediction, answer, score, asked in zip(
                ids, new.prediction.tolist(), new.answers, new.scores.tolist(), is_audited.tolist(), strict=True
            )
        )  # fmt: skip
        seats.set_aside(
            guarantee.project, accepted=new.image[~is_audited].tolist(), audited=new.image[is_audited].tolist()
        )
        Guarantee.objects.filter(pk=guarantee.pk).update(accepted=F("accepted") + len(ids))
    return len(ids)


def _lock_free(ids: list[int]) -> set[int]:
    """Lock these images and their entries, and see which of them still nobody has been given."""
    list(Image.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    list(QueueEntry.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    # A statement of its own, after the locks: it sees the claims that were being made meanwhile.
    return {row[0] for row in fetch(f"SELECT i.id FROM labeler_image i WHERE i.id = ANY (%s) AND {FREE}", [ids])}


def _seed(guarantee: Guarantee) -> int:
    """Of the draw of audited images: the project's secret is in it, so that nobody can tell from an id."""
    digest = hashlib.sha256(f"{guarantee.project.salt}:audit:{guarantee.pk}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


# ---------------------------------------------------------------- what is due


def due() -> list[TrainingRun]:
    """Active models that have made their pre-labels and should accept now, and nobody is at it."""
    busy = Job.objects.filter(kind=Kind.PRELABEL, state__in=UNFINISHED).values("project")
    active = TrainingRun.objects.active().own().filter(project__auto_accept=True, project__trashed_at__isnull=True)
    ready = active.filter(predicted_at__isnull=False).exclude(project__in=busy).select_related("project")
    return [run for run in ready if _is_due(run)]


def _is_due(run: TrainingRun) -> bool:
    project = run.project
    if promises.obstacle(project, run):
        return False
    last = Job.objects.filter(project=project, kind=Kind.PRELABEL, params__run=run.pk).first()
    if last is not None and last.state == State.FAILED:
        rested = Job.objects.filter(pk=last.pk, finished_at__lt=Now() - prelabels.AGAIN_AFTER)
        if not rested.exists():
            return False
    there = Guarantee.objects.filter(project=project, ended_at=None).first()
    if there is None:
        return True
    if there.is_suspended:
        return _is_new_start(run, there)
    return there.run_id != run.pk or not promises.is_as_wanted(there, project) or there.done_at is None
