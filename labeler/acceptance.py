"""Accept what a model is sure enough of without a person, under a promise that calibration images carry.

What is accepted, and promised to be right, is a whole answer: one class, or the set of an image that may have several.

With guarantees.py, which checks the promise and takes back what is accepted, the only module that writes Guarantee and
Acceptance. Off until a lead switches it on. A worker calls accept() when a model's pre-labels are made; it may run
twice, or stop half-way and run again. The arithmetic is labeler/stats/promise.py's; docs/decisions/0008 says why the
rules are these.

An accepted answer is never a label and never a vote: agreement, trust, consensus, the test and calibration slices and
training read other tables.

Locks: guarantee, images, queue entries, each kind by rising key, a few hundred rows at a time (queue.py has the order).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now
from numpy.typing import NDArray

from labeler import categories as label_set
from labeler import consensus, guarantees, prelabels, seating
from labeler.accounts import audit as record
from labeler.guarantees import CHUNK
from labeler.models import Acceptance, Guarantee, Image, Job, Label, Project, QueueEntry, TrainingRun
from labeler.models.acceptance import Ending, Suspension, Withdrawal
from labeler.models.image import Slice, Status
from labeler.models.job import UNFINISHED, Kind, State
from labeler.models.label import TOUCHED_BY_MODEL
from labeler.stats import promise as rule
from labeler.stats import tally as votes

Answer = tuple[int, ...]  # ids of its classes as they are called today, ascending; of several labels () is one too

FEWEST_VOTES = 2  # on a calibration image: one person's slip must not count as the model's error
# Imports smaller than this are taken together with the next: they have hardly a calibration image of their own.
SMALL_IMPORT = 100
# An import is spoken for when judged calibration images are in it at this share of what its size would give, at least.
SPOKEN_FOR = 0.5


# ---------------------------------------------------------------- what is promised, and what carries it


def promise_of(project: Project) -> rule.Promise:
    return rule.Promise(project.accept_precision, project.accept_confidence)


@dataclass(frozen=True, slots=True)
class _Judged:
    """Calibration images that the model and people judged, each as it is suggested and whether that is right."""

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    answers: list[Answer]
    disputed: int  # of them: people differ and nobody settled it yet, which counts as an error


def _judged(project: Project, run: TrainingRun) -> _Judged:
    """By votes and decisions alone, whatever the project's consensus is: a model may have a voice in that.

    An image on which people differ is a hard one. Left out until somebody settles it, the rest would look better than
    the images are; so it counts as an error until then. Images that do not say what they are stay out: the promise is
    about those that have an answer.
    """
    assisted = Label.objects.filter(
        TOUCHED_BY_MODEL, image=OuterRef("pk"), superseded_at=None, round=OuterRef("round")
    )
    images = (
        Image.objects.filter(project=project, slice=Slice.CALIBRATION, predictions__run=run)
        .filter(status__in=(Status.SETTLED, Status.DISPUTED), n_votes__gte=FEWEST_VOTES)
        .exclude(Exists(assisted))
        .annotate(suggested=F("predictions__categories"), score=F("predictions__probability"))
        .prefetch_related(consensus.standing_decisions())
        .order_by("pk")
    )
    index, rows, disputed = label_set.index(project), [], 0
    for image in images:
        suggested = index.resolve(image.suggested)
        if image.status == Status.DISPUTED:
            disputed += 1
            right = False
        else:
            truth = guarantees.truth(project, image)
            if truth is None:
                continue
            right = suggested == truth
        rows.append((image.score, right, tuple(suggested)))
    scores, rights, answers = zip(*rows, strict=True) if rows else ((), (), ())
    return _Judged(np.array(scores, float), np.array(rights, bool), list(answers), disputed)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Images that nobody has been given, with what the model says: one entry each."""

    prediction: NDArray[np.int64]
    image: NDArray[np.int64]
    answers: list[Answer]
    scores: NDArray[np.float64]
    arrival: list[str]  # the import each came with

    def where(self, chosen: NDArray[np.bool_]) -> _Candidates:
        return _Candidates(
            self.prediction[chosen], self.image[chosen], list(compress(self.answers, chosen)), self.scores[chosen],
            list(compress(self.arrival, chosen)),
        )  # fmt: skip


_ARRIVAL = "coalesce('import ' || i.job_id, 'day ' || (i.created_at AT TIME ZONE 'UTC')::date)"
# Not one that anybody was ever given: who answers late answers as a person, and an image that was sent back is to be
# judged anew. Not the blind ones, which judge models; not gold or planted ones, which judge people; not those that a
# lead wants people to look at.
_FREE = """
    i.status = 'unlabeled' AND i.slice = '' AND i.n_votes = 0 AND NOT i.has_decision
    AND NOT EXISTS (SELECT 1 FROM labeler_claim c WHERE c.image_id = i.id)
    AND NOT EXISTS (SELECT 1 FROM labeler_gold g WHERE g.image_id = i.id)
    AND NOT EXISTS (SELECT 1 FROM labeler_plant t WHERE t.image_id = i.id)
    AND NOT EXISTS (SELECT 1 FROM labeler_queueentry e WHERE e.image_id = i.id AND e.chosen_by = 'lead')
    AND NOT EXISTS (SELECT 1 FROM labeler_acceptance a WHERE a.image_id = i.id AND a.withdrawn_why = 'asked')
"""
_CANDIDATES = f"""
    SELECT p.id, p.image_id, p.categories, p.probability, {_ARRIVAL}
    FROM labeler_prediction p JOIN labeler_image i ON i.id = p.image_id
    WHERE p.run_id = %s AND (%s OR cardinality(p.categories) = 1) AND {_FREE}
    ORDER BY p.image_id
"""


def _candidates(project: Project, run: TrainingRun) -> _Candidates:
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, [run.pk, project.is_multi])
        rows = cursor.fetchall()
    # One look-up per different answer: there are few of these, and of images many.
    index = label_set.index(project)
    today = {named: index.resolve(named) for named in {tuple(row[2]) for row in rows}}
    in_use = {named: tuple(ids) for named, ids in today.items() if ids == index.present(named)}
    known = [row for row in rows if tuple(row[2]) in in_use]
    prediction, image, answers, scores, arrival = zip(*known, strict=True) if known else ((),) * 5
    return _Candidates(
        np.array(prediction, np.int64), np.array(image, np.int64), [in_use[tuple(named)] for named in answers],
        np.array(scores, float), list(arrival),
    )  # fmt: skip


_ARRIVALS = f"""
    SELECT {_ARRIVAL}, count(*), min(i.created_at), count(*) FILTER (
        WHERE i.slice = 'calibration' AND i.n_votes >= {FEWEST_VOTES} AND i.status IN ('settled', 'disputed'))
    FROM labeler_image i WHERE i.project_id = %s GROUP BY 1 ORDER BY min(i.id)
"""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """An import, or small ones that came one after the other."""

    names: frozenset[str]
    images: int
    since: Any
    judged: int  # calibration images that people have judged
    needed: int  # of these, before the promise speaks for the import

    @property
    def is_spoken_for(self) -> bool:
        return self.judged >= self.needed


def _arrivals(project: Project) -> list[_Arrival]:
    """Which imports the judged calibration images speak for.

    The promise is about images as random as those were. An import of which people have not judged its part of the
    calibration images may hold anything, so it waits for people.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ARRIVALS, [project.pk])
        rows = cursor.fetchall()
    found: list[list[tuple[str, int, Any, int]]] = []
    for row in rows:
        if found and sum(one[1] for one in found[-1]) < SMALL_IMPORT:
            found[-1].append(row)
        else:
            found.append([row])
    images, judged = sum(row[1] for row in rows), sum(row[3] for row in rows)
    return [
        _Arrival(
            frozenset(row[0] for row in part), (n := sum(row[1] for row in part)), part[0][2],
            sum(row[3] for row in part), max(1, int(np.ceil(SPOKEN_FOR * judged * n / images))),
        )
        for part in found
    ]  # fmt: skip


def _thresholds(project: Project, run: TrainingRun, pool: _Candidates) -> dict[str, Any]:
    """Thresholds that carry the project's promise, as they are kept with a guarantee."""
    judged = _judged(project, run)
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
    names = ("value", "accepted", "errors", "precision_low", "n", "reason")
    return {name: getattr(threshold, name) for name in names}


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

    def accepts(self, pool: _Candidates) -> NDArray[np.bool_]:
        return self._rule.accepts(pool.scores, [self._codes.get(answer, -1) for answer in pool.answers])

    def from_score(self, answer: Answer) -> float:
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
    arrivals = _arrivals(project)
    speaks_for = {name for arrival in arrivals if arrival.is_spoken_for for name in arrival.names}
    pool = _candidates(project, run)
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
    guarantees.withdraw_ended(project, tick)
    Guarantee.objects.filter(pk=guarantee.pk, ended_at=None, done_at=None).update(done_at=Now())
    guarantees.forget_old(project)
    # Audited images lie at the top of the queue now.
    seating.forget_frontiers(project)
    return accepted


def _coverage(arrivals: Sequence[_Arrival], waiting: int) -> dict[str, Any]:
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
    if not TrainingRun.objects.filter(pk=run.pk, is_active=True).exists() or guarantees.obstacle(project, run):
        return None
    if there is not None:
        there.project = project
        if there.is_suspended and not _is_new_start(run, there):
            return None
        if there.run_id == run.pk and guarantees.is_as_wanted(there, project) and not there.is_suspended:
            return there
        guarantees.end(there, Ending.MODEL if there.run_id != run.pk else Ending.SETTINGS)
    pool = _candidates(project, run)
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


def _accept(guarantee: Guarantee, thresholds: _Rule, chosen: _Candidates) -> int | None:
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
        seating.set_aside(
            guarantee.project, accepted=new.image[~is_audited].tolist(), audited=new.image[is_audited].tolist()
        )
        Guarantee.objects.filter(pk=guarantee.pk).update(accepted=F("accepted") + len(ids))
    return len(ids)


def _lock_free(ids: list[int]) -> set[int]:
    """Lock these images and their entries, and see which of them still nobody has been given."""
    list(Image.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    list(QueueEntry.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    with connection.cursor() as cursor:
        # A statement of its own, after the locks: it sees the claims that were being made meanwhile.
        cursor.execute(f"SELECT i.id FROM labeler_image i WHERE i.id = ANY (%s) AND {_FREE}", [ids])
        return {row[0] for row in cursor.fetchall()}


def _seed(guarantee: Guarantee) -> int:
    """Of the draw of audited images: the project's secret is in it, so that nobody can tell from an id."""
    digest = hashlib.sha256(f"{guarantee.project.salt}:audit:{guarantee.pk}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


# ---------------------------------------------------------------- what is due


def due() -> list[TrainingRun]:
    """Active models that have made their pre-labels and should accept now, and nobody is at it."""
    busy = Job.objects.filter(kind=Kind.PRELABEL, state__in=UNFINISHED).values("project")
    active = TrainingRun.objects.active().filter(project__auto_accept=True, project__trashed_at__isnull=True)
    ready = active.filter(predicted_at__isnull=False).exclude(project__in=busy).select_related("project")
    return [run for run in ready if _is_due(run)]


def _is_due(run: TrainingRun) -> bool:
    project = run.project
    if guarantees.obstacle(project, run):
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
    return there.run_id != run.pk or not guarantees.is_as_wanted(there, project) or there.done_at is None
