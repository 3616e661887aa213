"""Accept what a model is sure enough of without a person, under a promise that is checked and withdrawn when broken.

The only module that writes Guarantee and Acceptance. Off until a lead switches it on. A worker calls accept() when a
model's pre-labels are made and look() every few seconds; both may run twice, or stop half-way and run again. The
arithmetic is labeler/stats/promise.py's; docs/decisions/0008 says why the rules are these.

An accepted answer is never a label and never a vote: agreement, trust, consensus, the test and calibration slices and
training read other tables. People's word stands above it, whenever it comes.

Locks: guarantee, images, queue entries, each kind by rising key, a few hundred rows at a time (queue.py has the order).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from labeler import categories as label_set
from labeler import consensus, prelabels, seating
from labeler.accounts import audit as record
from labeler.errors import Conflict, NotPossibleNow
from labeler.models import Acceptance, Decision, Gold, Guarantee, Image, Job, Label, Project, QueueEntry, TrainingRun
from labeler.models.acceptance import Ending, Suspension, Withdrawal
from labeler.models.image import Slice, Status
from labeler.models.job import UNFINISHED, Kind, State
from labeler.stats import promise as rule

if TYPE_CHECKING:
    from django.contrib.auth.models import User

CHUNK = 2000  # rows per transaction. Nobody has been given these images, so nobody waits for them
FEWEST_VOTES = 2  # on a calibration image: one person's slip must not count as the model's error
# Imports smaller than this are taken together with the next: they have hardly a calibration image of their own.
SMALL_IMPORT = 100
# An import is spoken for when judged calibration images are in it at this share of what its size would give, at least.
SPOKEN_FOR = 0.5
KEPT = 2  # guarantees whose rows are kept when they have ended; of older ones those that people judged


# ---------------------------------------------------------------- what is promised, and what carries it


def promise_of(project: Project) -> rule.Promise:
    return rule.Promise(project.accept_precision, project.accept_confidence)


@dataclass(frozen=True, slots=True)
class _Judged:
    """Calibration images that the model and people judged, each as it is suggested and whether that is right."""

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    classes: NDArray[np.int64]
    disputed: int  # of them: people differ and nobody settled it yet, which counts as an error


def _judged(project: Project, run: TrainingRun) -> _Judged:
    """By votes and decisions alone, whatever the project's consensus is: a model may have a voice in that.

    An image on which people differ is a hard one. Left out until somebody settles it, the rest would look better than
    the images are; so it counts as an error until then. Images that do not say what they are stay out: the promise is
    about those that have an answer.
    """
    assisted = Label.objects.filter(
        image=OuterRef("pk"), superseded_at=None, shown_prediction__isnull=False, round=OuterRef("round")
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
            truth = _truth(index, image)
            if truth is None:
                continue
            right = suggested == [truth]
        rows.append((image.score, right, suggested[0] if suggested else 0))
    scores, rights, classes = zip(*rows, strict=True) if rows else ((), (), ())
    return _Judged(np.array(scores, float), np.array(rights, bool), np.array(classes, np.int64), disputed)


def _truth(index: label_set.CategoryIndex, image: Image) -> int | None:
    """What people take a settled image to be; None where they name nothing. Wants standing_decisions()."""
    standing = image.standing  # type: ignore[attr-defined]
    outcome = consensus.of(image, standing[0] if standing else None)
    named = index.present(outcome.categories or ())
    return named[0] if len(named) == 1 else None


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Images that nobody has been given, with what the model says: one entry each."""

    prediction: NDArray[np.int64]
    image: NDArray[np.int64]
    classes: NDArray[np.int64]  # as they are called today
    scores: NDArray[np.float64]
    arrival: list[str]  # the import each came with

    def where(self, chosen: NDArray[np.bool_]) -> _Candidates:
        return _Candidates(
            self.prediction[chosen], self.image[chosen], self.classes[chosen], self.scores[chosen],
            [name for name, keep in zip(self.arrival, chosen, strict=True) if keep],
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
    SELECT p.id, p.image_id, p.categories[1], p.probability, {_ARRIVAL}
    FROM labeler_prediction p JOIN labeler_image i ON i.id = p.image_id
    WHERE p.run_id = %s AND cardinality(p.categories) = 1 AND {_FREE}
    ORDER BY p.image_id
"""


def _candidates(project: Project, run: TrainingRun) -> _Candidates:
    index = label_set.index(project)
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, [run.pk])
        rows = [(*row[:2], *index.present(row[2:3]), *row[3:]) for row in cursor.fetchall()]
    known = [row for row in rows if len(row) == 5]  # not of a class that was retired
    prediction, image, classes, scores, arrival = zip(*known, strict=True) if known else ((),) * 5
    return _Candidates(
        np.array(prediction, np.int64), np.array(image, np.int64), np.array(classes, np.int64),
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
    found = rule.choose_all(
        judged.scores, judged.right, judged.classes, pool.scores, promise_of(project),
        unlabeled_classes=pool.classes, per_class=project.accept_per_class,
    )  # fmt: skip
    return {
        "n": int(judged.scores.size),
        "disputed": judged.disputed,
        "needed": rule.labels_needed(0, promise_of(project)),
        "pooled": _kept(found.pooled),
        "own": {str(code): _kept(threshold) for code, threshold in found.own.items()},
    }


def _kept(threshold: rule.Threshold) -> dict[str, Any]:
    names = ("value", "accepted", "errors", "precision_low", "n", "reason")
    return {name: getattr(threshold, name) for name in names}


def _rule_of(guarantee: Guarantee) -> rule.Acceptance:
    """The thresholds of a guarantee, to be asked."""
    kept = guarantee.thresholds
    own = {int(code): rule.Threshold(**values) for code, values in kept.get("own", {}).items()}
    none = {"value": None, "accepted": 0, "errors": 0, "precision_low": None, "n": 0}
    aim = rule.Promise(guarantee.precision, guarantee.confidence)
    return rule.Acceptance(aim, rule.Threshold(**kept.get("pooled", none)), own)


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
    thresholds = _rule_of(guarantee)
    sure = pool.where(thresholds.accepts(pool.scores, pool.classes))
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
    _withdraw_ended(project, tick)
    Guarantee.objects.filter(pk=guarantee.pk, ended_at=None, done_at=None).update(done_at=Now())
    _forget_old(project)
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
    if not TrainingRun.objects.filter(pk=run.pk, is_active=True).exists() or _obstacle(project, run):
        return None
    if there is not None:
        there.project = project
        if there.is_suspended and not _is_new_start(run, there):
            return None
        if there.run_id == run.pk and _is_as_wanted(there, project) and not there.is_suspended:
            return there
        _end(there, Ending.MODEL if there.run_id != run.pk else Ending.SETTINGS)
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


def _obstacle(project: Project, run: TrainingRun) -> Ending | None:
    """Why nothing may be accepted by this model at all."""
    if not project.auto_accept or project.is_multi:
        return Ending.OFF
    return Ending.CLASSES if unknown_classes(project, run) else None


def unknown_classes(project: Project, run: TrainingRun) -> list[str]:
    """Names of classes in use that the model has not learned: it would take their images for something else."""
    index = label_set.index(project)
    known = index.present(pk for pk in run.category_ids if pk in index.names)
    return [name for pk, name in index.names.items() if pk in index.ids_in_use and pk not in known]


def _is_as_wanted(guarantee: Guarantee, project: Project) -> bool:
    """Does it promise what the project asks for today? The share that is audited may change without a new promise."""
    return (guarantee.precision, guarantee.confidence, guarantee.per_class) == (
        project.accept_precision, project.accept_confidence, project.accept_per_class,
    )  # fmt: skip


def _is_new_start(run: TrainingRun, suspended: Guarantee) -> bool:
    """A lead asked for another model after a breach: that is a way to let it begin anew. A stop by hand stays."""
    assert suspended.suspended_at is not None
    asked_for = run.requested_by_id is not None and run.created_at > suspended.suspended_at
    return suspended.suspension == Suspension.BREACH and run.pk != suspended.run_id and asked_for


def _accept(guarantee: Guarantee, thresholds: rule.Acceptance, chosen: _Candidates) -> int | None:
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
                category_id=code, probability=score, is_audited=asked,
                threshold=thresholds.own.get(code, thresholds.pooled).value or 0.0,
            )
            for image, prediction, code, score, asked in zip(
                ids, new.prediction.tolist(), new.classes.tolist(), new.scores.tolist(), is_audited.tolist(),
                strict=True,
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


# ---------------------------------------------------------------- looking after what was accepted


def look(project: Project, image_ids: Iterable[int] | None = None) -> int:
    """Let people's word stand, follow the classes, judge the audit; how many rows changed. Safe to run twice.

    image_ids: those with new votes or decisions; None: all. Ends and suspends what has to be.
    """
    guarantee = Guarantee.objects.filter(project=project, ended_at=None).select_related("run").first()
    if guarantee is None:
        return _withdraw_ended(project)
    guarantee.project = project
    if (why := _obstacle(project, guarantee.run)) is not None:
        with transaction.atomic():
            there = Guarantee.objects.select_for_update(no_key=True).filter(pk=guarantee.pk, ended_at=None).first()
            if there is not None:
                there.project = project
                _end(there, why)
        return _withdraw_ended(project)
    rows = guarantee.acceptances.in_force()
    some = rows if image_ids is None else rows.filter(image__in=list(image_ids))
    answered = Q(image__n_votes__gt=0) | Q(image__has_decision=True)
    changed = _withdraw(project, some.filter(answered, is_audited=False), Withdrawal.PEOPLE)
    open_ = rows.filter(is_right=None)
    # Asked of the few gold images, not of the many accepted ones.
    if golden := list(Gold.objects.filter(project=project).values_list("image", flat=True)):
        changed += _withdraw(project, open_.filter(image__in=golden), Withdrawal.GOLD)
    index = label_set.index(project)
    gone = [pk for pk in index.names if not index.present([pk])]
    if gone:
        changed += _withdraw(project, open_.filter(category__in=gone), Withdrawal.CLASS)
    changed += _judge(project, some.audited())
    if guarantee.suspension != Suspension.BREACH and audit_of(guarantee).suspended:
        _suspend(guarantee, Suspension.BREACH, by=None)
    if Guarantee.objects.filter(pk=guarantee.pk, suspension=Suspension.BREACH).exists():
        # Also what a look that was killed has left.
        unanswered = rows.filter(is_right=None).exclude(answered)
        changed += _withdraw(project, unanswered, Withdrawal.BREACH)
    return changed


def _judge(project: Project, rows: QuerySet[Acceptance]) -> int:
    """Compare settled audited images with what the model said; how many verdicts changed.

    A later decision changes the verdict: people's last word is what the model is measured by.
    """
    settled = rows.filter(image__status=Status.SETTLED).select_related("image").order_by("pk")
    index, changed = label_set.index(project), []
    standing = Prefetch("image__decisions", Decision.objects.filter(withdrawn_at=None), to_attr="standing")
    for row in settled.prefetch_related(standing):
        truth = _truth(index, row.image)
        if truth is None:
            continue
        is_right = index.resolve([row.category_id]) == [truth]
        if is_right != row.is_right:
            row.is_right = is_right
            row.judged_at = row.judged_at or Now()
            changed.append(row)
    for start in range(0, len(changed), CHUNK):
        Acceptance.objects.bulk_update(changed[start : start + CHUNK], ["is_right", "judged_at"])
    return len(changed)


def audit_of(guarantee: Guarantee) -> rule.Audit:
    """The rule of this guarantee's audit on the verdicts so far, in the order in which they came."""
    verdicts = guarantee.acceptances.audited().exclude(is_right=None).order_by("judged_at", "pk")
    wrong = [not is_right for is_right in verdicts.values_list("is_right", flat=True)]
    return rule.audit(wrong, rule.Promise(guarantee.precision, guarantee.confidence))


# ---------------------------------------------------------------- taking back


def _withdraw(
    project: Project, rows: QuerySet[Acceptance], why: Withdrawal, tick: Callable[[], None] = lambda: None
) -> int:
    """Put images back into the queue, each at its place; how many. The rows stay and say when and why."""
    ids, done = sorted(rows.order_by().values_list("image_id", "pk")), 0
    for start in range(0, len(ids), CHUNK):
        tick()
        part = ids[start : start + CHUNK]
        image_ids = [image for image, _pk in part]
        with transaction.atomic():
            images = list(Image.objects.select_for_update(no_key=True).filter(pk__in=image_ids).order_by("pk"))
            list(QueueEntry.objects.select_for_update().filter(pk__in=image_ids).order_by("pk").values_list("pk"))
            done += (
                Acceptance.objects.in_force()
                .filter(pk__in=[pk for _image, pk in part])
                .update(withdrawn_at=Now(), withdrawn_why=why)
            )
            # Not those that another guarantee has accepted since.
            taken = set(Acceptance.objects.in_force().filter(image__in=image_ids).values_list("image", flat=True))
            seating.put_back(project, [image for image in images if image.pk not in taken])
    if done:
        seating.forget_frontiers(project)
    return done


def _withdraw_ended(project: Project, tick: Callable[[], None] = lambda: None) -> int:
    """What is left of guarantees that have ended."""
    ended = list(Guarantee.objects.filter(project=project).exclude(ended_at=None).values_list("pk", flat=True))
    rows = Acceptance.objects.in_force().filter(guarantee__in=ended)
    return _withdraw(project, rows, Withdrawal.ENDED, tick) if ended else 0


def _end(guarantee: Guarantee, why: Ending, by: User | None = None) -> None:
    """Call with the guarantee locked; what it accepted is withdrawn or taken over afterwards."""
    guarantee.ended_at, guarantee.ending = Now(), why
    guarantee.save(update_fields=["ended_at", "ending"])
    record(by, "acceptance.end", project=guarantee.project, subject=f"model {guarantee.run.number}", why=str(why))


def _forget_old(project: Project) -> int:
    """Delete rows of guarantees that ended long ago, those that people were asked about kept; how many.

    A guarantee says for ever how many it accepted and what its audit found; which images those were, the last few do.
    """
    ended = Guarantee.objects.filter(project=project).exclude(ended_at=None).order_by("-pk")
    old = list(ended.values_list("pk", flat=True)[KEPT:])
    rows = Acceptance.objects.filter(guarantee__in=old, is_audited=False, withdrawn_why=Withdrawal.ENDED)
    return rows.delete()[0] if old else 0


# ---------------------------------------------------------------- what leads and reviewers say


def suspend(*, project: Project, by: User) -> Guarantee:
    """Accept nothing more until somebody resumes. What is accepted stays, and goes on being audited.

    To have it all back with people, switch auto_accept off. Raises NotPossibleNow where nothing is accepted, or it is
    suspended already.
    """
    guarantee = Guarantee.objects.filter(project=project, ended_at=None).select_related("run").first()
    if guarantee is None:
        raise NotPossibleNow(_("Nothing is accepted by the model at the moment, so there is nothing to stop."))
    guarantee.project = project
    if not _suspend(guarantee, Suspension.BY_HAND, by=by):
        raise NotPossibleNow(_("Accepting is suspended already."))
    guarantee.refresh_from_db()
    return guarantee


def _suspend(guarantee: Guarantee, why: Suspension, *, by: User | None) -> bool:
    """Stop; False when it was stopped for this or a graver reason already. A breach outweighs a lead's own stop."""
    with transaction.atomic():
        there = Guarantee.objects.select_for_update(no_key=True).filter(pk=guarantee.pk, ended_at=None).first()
        if there is None or there.suspension == Suspension.BREACH or (there.is_suspended and why != Suspension.BREACH):
            return False
        Guarantee.objects.filter(pk=there.pk).update(suspended_at=Now(), suspension=why, suspended_by=by)
        found = audit_of(there)
        record(
            by, "acceptance.suspend", project=guarantee.project, subject=f"model {guarantee.run.number}",
            why=str(why), audited=found.n, wrong=found.errors,
        )  # fmt: skip
    return True


def resume(*, project: Project, by: User) -> None:
    """Let it accept again. After a breach, or with another model or promise by now, under a new guarantee.

    That one is found from all calibration labels there are, and its audit begins anew. A worker does it; what it takes
    is seconds. Raises NotPossibleNow where nothing is suspended, or accepting is switched off.
    """
    with transaction.atomic():
        row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        there = Guarantee.objects.select_for_update(no_key=True).filter(project=row, ended_at=None).first()
        if there is None or not there.is_suspended:
            raise NotPossibleNow(_("Accepting is not suspended."))
        run = TrainingRun.objects.filter(project=row, is_active=True).first()
        if run is None or not row.auto_accept:
            raise NotPossibleNow(_("Accepting is switched off in the settings of this project."))
        there.project = row
        record(by, "acceptance.resume", project=row, subject=f"model {run.number}", after=there.suspension)
        if there.suspension == Suspension.BY_HAND and there.run_id == run.pk and _is_as_wanted(there, row):
            Guarantee.objects.filter(pk=there.pk).update(suspended_at=None, suspension="", suspended_by=None)
        else:
            _end(there, Ending.RESUMED, by)
        prelabels.request(run)


def ask_people(*, project: Project, image_id: int, by: User) -> None:
    """Have people look at one accepted image; no model accepts it again. Raises Conflict when it is not accepted."""
    rows = Acceptance.objects.standing().filter(project=project, image=image_id)
    if not _withdraw(project, rows, Withdrawal.ASKED):
        raise Conflict(_("No model's answer stands for this image."))
    record(by, "acceptance.ask", project=project, subject=f"image {image_id}")


# ---------------------------------------------------------------- what is due


def due() -> list[TrainingRun]:
    """Active models that have made their pre-labels and should accept now, and nobody is at it."""
    busy = Job.objects.filter(kind=Kind.PRELABEL, state__in=UNFINISHED).values("project")
    active = TrainingRun.objects.active().filter(project__auto_accept=True, project__trashed_at__isnull=True)
    ready = active.filter(predicted_at__isnull=False).exclude(project__in=busy).select_related("project")
    return [run for run in ready if _is_due(run)]


def _is_due(run: TrainingRun) -> bool:
    project = run.project
    if _obstacle(project, run):
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
    return there.run_id != run.pk or not _is_as_wanted(there, project) or there.done_at is None
