"""Audit what a model has accepted: whether the promised precision holds, and which images go back to people.

With accepting.py, which begins guarantees and accepts under them, the only module that writes Guarantee and Acceptance.
A worker calls audit_acceptance() every few seconds; it may run twice, or stop half-way and run again. The audit's
arithmetic is labeler/stats/promise.py's; docs/decisions/0008 says why the rules are these.

A person's answer always replaces an accepted one.

Locks: guarantee, images, queue entries, each kind by rising key, a few hundred rows at a time (labeling/claims.py has
the order).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit as record
from labeler.consensus import snapshots
from labeler.errors import Conflict, NotPossibleNow
from labeler.label_set import categories as label_set
from labeler.labeling import seats
from labeler.models import Acceptance, Decision, Gold, Guarantee, Image, Project, QueueEntry, TrainingRun
from labeler.models.acceptance import Ending, Suspension, Withdrawal
from labeler.models.image import Status
from labeler.stats import promise as rule
from labeler.training import prelabels

CHUNK = 2000  # rows per transaction. Nobody has been given these images, so nobody waits for them
KEPT = 2  # guarantees whose rows are kept when they have ended; of older ones those that people judged


# ---------------------------------------------------------------- whether one may be in force


def obstacle(project: Project, run: TrainingRun) -> Ending | None:
    """Why nothing may be accepted by this model at all."""
    if not project.auto_accept:
        return Ending.OFF
    if run.is_outside:
        # It may have learned from the very images that a promise is measured on: nobody here knows.
        return Ending.MODEL
    return Ending.CLASSES if unknown_classes(project, run) else None


def unknown_classes(project: Project, run: TrainingRun) -> list[str]:
    """Names of classes in use that the model has not learned: it would take their images for something else."""
    index = label_set.index(project)
    known = index.present(pk for pk in run.category_ids if pk in index.names)
    return [name for pk, name in index.names.items() if pk in index.ids_in_use and pk not in known]


def is_as_wanted(guarantee: Guarantee, project: Project) -> bool:
    """Does it promise what the project asks for today? The share that is audited may change without a new promise."""
    return (guarantee.precision, guarantee.confidence, guarantee.per_class) == (
        project.accept_precision, project.accept_confidence, project.accept_per_class,
    )  # fmt: skip


# ---------------------------------------------------------------- what people say of what was accepted


def audit_acceptance(project: Project, image_ids: Iterable[int] | None = None) -> int:
    """Let people's word stand, follow the classes, judge the audit; how many rows changed. Safe to run twice.

    image_ids: those with new votes or decisions; None: all. Ends and suspends what has to be.
    """
    guarantee = Guarantee.objects.filter(project=project, ended_at=None).select_related("run").first()
    if guarantee is None:
        return withdraw_ended(project)
    guarantee.project = project
    outside = TrainingRun.objects.active().outside().filter(project=project).exists()
    if (why := Ending.MODEL if outside else obstacle(project, guarantee.run)) is not None:
        with transaction.atomic():
            there = Guarantee.objects.select_for_update(no_key=True).filter(pk=guarantee.pk, ended_at=None).first()
            if there is not None:
                there.project = project
                end(there, why)
        return withdraw_ended(project)
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
        changed += _withdraw(project, open_.filter(categories__overlap=gone), Withdrawal.CLASS)
    changed += _judge(project, some.audited())
    if guarantee.suspension != Suspension.BREACH and audit_of(guarantee).suspended:
        _suspend(guarantee, Suspension.BREACH, by=None)
    if Guarantee.objects.filter(pk=guarantee.pk, suspension=Suspension.BREACH).exists():
        # Also what a look that was killed has left.
        unanswered = rows.filter(is_right=None).exclude(answered)
        changed += _withdraw(project, unanswered, Withdrawal.BREACH)
    return changed


def truth(project: Project, image: Image) -> list[int] | None:
    """What people take a settled image to be, as classes are called today; None where they do not say.

    Of several labels, none at all is an answer. Wants standing_decisions().
    """
    standing = image.standing  # type: ignore[attr-defined]
    outcome = snapshots.consensus_of(image, standing[0] if standing else None)
    if outcome.categories is None:
        return None
    named = label_set.index(project).present(outcome.categories)
    return named if project.is_multi or len(named) == 1 else None


def _judge(project: Project, rows: QuerySet[Acceptance]) -> int:
    """Compare settled audited images with what the model said; how many verdicts changed.

    A later decision changes the verdict: people's last word is what the model is measured by.
    """
    settled = rows.filter(image__status=Status.SETTLED).select_related("image").order_by("pk")
    index, changed = label_set.index(project), []
    standing = Prefetch("image__decisions", Decision.objects.filter(withdrawn_at=None), to_attr="standing")
    for row in settled.prefetch_related(standing):
        known = truth(project, row.image)
        if known is None:
            continue
        is_right = index.resolve(row.categories) == known
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
            seats.reopen_seats(project, [image for image in images if image.pk not in taken])
    if done:
        seats.forget_frontiers(project)
    return done


def withdraw_ended(project: Project, tick: Callable[[], None] = lambda: None) -> int:
    """What is left of guarantees that have ended."""
    ended = list(Guarantee.objects.filter(project=project).exclude(ended_at=None).values_list("pk", flat=True))
    rows = Acceptance.objects.in_force().filter(guarantee__in=ended)
    return _withdraw(project, rows, Withdrawal.ENDED, tick) if ended else 0


def end(guarantee: Guarantee, why: Ending, by: User | None = None) -> None:
    """Call with the guarantee locked; what it accepted is withdrawn or taken over afterwards."""
    guarantee.ended_at, guarantee.ending = Now(), why
    guarantee.save(update_fields=["ended_at", "ending"])
    record(by, "acceptance.end", project=guarantee.project, subject=f"model {guarantee.run.number}", why=str(why))


def forget_old(project: Project) -> int:
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
        if there.suspension == Suspension.BY_HAND and there.run_id == run.pk and is_as_wanted(there, row):
            Guarantee.objects.filter(pk=there.pk).update(suspended_at=None, suspension="", suspended_by=None)
        else:
            end(there, Ending.RESUMED, by)
        prelabels.request(run)


def ask_people(*, project: Project, image_id: int, by: User) -> None:
    """Have people look at one accepted image; no model accepts it again. Raises Conflict when it is not accepted."""
    rows = Acceptance.objects.standing().filter(project=project, image=image_id)
    if not _withdraw(project, rows, Withdrawal.ASKED):
        raise Conflict(_("No model's answer stands for this image."))
    record(by, "acceptance.ask", project=project, subject=f"image {image_id}")
