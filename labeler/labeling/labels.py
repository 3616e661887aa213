"""Save, change, skip and take back a person's judgement. With save_rows.py, which has the statements, import_rows.py,
for imports, and trash_rows.py, which deletes for good, the only module that writes Label.

One transaction per answer, three statements: read and lock (claim, image), write the label, count it (claim, image).
Where people draw, at most five more: what was shown, the objects, those of the other votes, and the draft that ends.
PostgreSQL alone is needed: no message is sent; workers find new labels by themselves. Does not know how images
are chosen (claims.py) or how votes become a consensus (consensus/snapshots.py).

A person's work is never thrown away: an answer whose lease ran out is kept, and marked as extra when the image is full
by then. Changing an answer writes a new row and supersedes the old one; taking it back writes a row that says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from labeler.errors import Invalid, KeyReused, NoClaim, NotFound, NothingToUndo
from labeler.label_set.categories import check_answer, index
from labeler.labeling import claim_ends, drafts, drawn_votes, object_rows, objects
from labeler.labeling.save_rows import COUNT, INSERT, Case, read_case
from labeler.labeling.wanted import Wanted, answering, taking_back
from labeler.models import Claim, Image, Label
from labeler.models.image import Status
from labeler.models.label import VOTES, Answer
from labeler.models.queue import ClaimState, Purpose
from labeler.models.statements import execute, fetch_one
from labeler.stats import tally as votes

TRIES = 3


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of an answer."""

    id: int
    image_id: int
    annotator: User
    answer: str
    categories: list[int]
    category_names: list[str]
    created_at: datetime
    supersedes: int | None
    extra: bool
    informed: bool  # others' answers or the model's had been shown: counted, but never as blind
    purpose: str  # vote, gold or repeat: for what follows, not for the person to know
    created: bool  # the first answer of this person on this image; False: it changed one, or was a replay
    replayed: bool  # the same idempotency key had been here before: nothing was written
    drawing: objects.Drawing | None = None  # where people draw

    @property
    def names(self) -> dict[int, str]:
        return dict(zip(self.categories, self.category_names, strict=True))


def save_label(
    *,
    image_id: int,
    annotator: User,
    answer: str = Answer.LABELED,
    categories: Sequence[int | str] = (),
    drawn: Sequence[Any] | None = None,
    keep_all: bool = False,
    mend: bool = False,
    reason: str = "",
    seconds: float | None = None,
    label_set: int | None = None,
    idempotency_key: UUID | None = None,
    at: datetime | None = None,
) -> Saved:
    """Keep one answer of one person: a label, cannot tell, or skip. Its members are those of answering().

    Needs a claim of the person on the image, open or not (NoClaim). With an idempotency key, the same call again writes
    nothing and gives the same answer; another answer under that key is refused. Raises NotFound, NoClaim,
    CategoryNotInProject, WrongTask, Invalid, ObjectsRefused, TooMany, KeyReused.
    """
    wanted = answering(
        image_id, answer, categories, drawn=drawn, keep_all=keep_all, mend=mend, reason=reason, seconds=seconds,
        label_set=label_set, key=idempotency_key, at=at,
    )  # fmt: skip
    return _once(annotator, wanted)


def undo(*, image_id: int, annotator: User, idempotency_key: UUID | None = None) -> Saved:
    """Take back one's answer on an image: it is superseded, not deleted, and the image is leased to the person again.

    The same key again gives the same answer and takes nothing more back, also after a new label.
    Raises NothingToUndo, NotFound, KeyReused.
    """
    return _once(annotator, taking_back(image_id, key=idempotency_key))


# ---------------------------------------------------------------- several at once


def save_in_turn(*, annotator: User, wanted: Wanted) -> Saved:
    """Save one of several answers of a transaction; when it is refused, what the others wrote stays.

    The caller has locked the membership, then the claims and the images of all of them, and comes by rising image id:
    so it waits for nobody who could be waiting for it. Raises as save_label and undo do.
    """
    with transaction.atomic():
        return _answer(annotator, wanted)


# ---------------------------------------------------------------- how


def _once(annotator: User, wanted: Wanted) -> Saved:
    """Answer; when another answer of this person came between, answer again with the image held before it is read.

    Locks are waited for after a statement's snapshot was taken: two answers of one person at the same moment both read
    "nothing here yet". The second one's write is refused, by a unique constraint or by the history's trigger. What is
    read by a later statement than the one that locks is what stands. Locking first would cost every answer a statement.
    """
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                if attempt > 1:
                    _hold(wanted.image_id, annotator)
                return _answer(annotator, wanted)
        except IntegrityError:
            if attempt == TRIES:
                raise
    raise AssertionError("unreachable")


def _hold(image_id: int, annotator: User) -> None:
    """Lock the person's claims on the image, then the image, until the transaction ends."""
    list(Claim.objects.select_for_update(no_key=True).filter(image=image_id, annotator=annotator).order_by("pk"))
    list(Image.objects.select_for_update(no_key=True).filter(pk=image_id).values_list("pk"))


def _answer(annotator: User, wanted: Wanted) -> Saved:
    case = read_case(wanted.image_id, annotator, wanted.key)
    if case is None or not case.is_member:
        _explain_missing_claim(wanted.image_id, annotator)
    case.now = wanted.at or case.now
    if case.twin is not None:
        return _replay(case, annotator, wanted)
    present = case.present if case.present and case.present["answer"] != Answer.UNDONE else None
    if wanted.answer == Answer.UNDONE and present is None:
        raise NothingToUndo(_("There is no answer of yours on this image to take back."))
    drawing = _drawing(case, wanted)
    if drawing is not None:
        ids = drawing.categories
    else:
        ids = check_answer(case.project, wanted.categories) if wanted.answer == Answer.LABELED else []
    if wanted.label_set is not None and not 1 <= wanted.label_set <= case.project.label_set_version:
        raise Invalid(_("label_set is not a version of this project's classes."), fields={"label_set": ["unknown"]})

    was_extra = bool(present and present["extra"])
    voted = present is not None and present["answer"] in VOTES
    extra = _settle_seat(case, wanted.answer, voted=voted)
    if voted and wanted.answer in VOTES:
        extra = was_extra
    # What was known when an answer was given is known when it is changed, too.
    informed = case.was_shown or bool(case.present and case.present["informed"])
    label_id = _write(case, wanted, ids, drawing, extra=extra, informed=informed)
    # An answer that named a class which was merged since is counted as what it was merged into (counters.py).
    named = index(case.project).resolve(present["categories"]) if present else []
    before = _vote_key(present["answer"], named) if present and not was_extra else None
    after = _vote_key(wanted.answer, ids) if not extra else None
    _count(case, before, after, drawing)
    if case.project.draws and wanted.answer != Answer.UNDONE:
        drafts.end([case.claim.pk])
    return Saved(
        id=label_id,
        image_id=wanted.image_id,
        annotator=annotator,
        answer=wanted.answer,
        categories=ids,
        category_names=index(case.project).label(ids),
        created_at=case.now,
        supersedes=case.present["id"] if case.present else None,
        extra=extra,
        informed=informed,
        purpose=case.claim.purpose,
        created=present is None,
        replayed=False,
        drawing=drawing,
    )


def _drawing(case: Case, wanted: Wanted) -> objects.Drawing | None:
    """The objects of an answer, checked; None where there are none to draw. Raises WrongTask, and as objects.check."""
    if wanted.answer != Answer.LABELED:
        return None
    sent = objects.sent_for(case.project, wanted.drawn, wanted.categories)
    if sent is None:
        return None
    return objects.check(
        project=case.project, width=case.image.width, height=case.image.height, sent=sent,
        prelabel=object_rows.shown(case.claim.shown_prediction_id), keep_all=wanted.keep_all, mend=wanted.mend,
    )  # fmt: skip


def _explain_missing_claim(image_id: int, annotator: User) -> NoReturn:
    if Image.objects.filter(pk=image_id, project__trashed_at=None, project__memberships__user=annotator).exists():
        raise NoClaim(_("You have not been given this image. Ask for the next images first, then answer those."))
    raise NotFound(_("There is no such image, or you are not a member of its project."))


def _replay(case: Case, annotator: User, wanted: Wanted) -> Saved:
    twin = case.twin
    assert twin is not None  # the caller looked
    if twin["body_hash"] != wanted.body_hash:
        raise KeyReused(_("This idempotency key was used for another answer. Use a new key for a new answer."))
    has_objects = case.project.draws and twin["answer"] == Answer.LABELED
    return Saved(
        id=twin["id"],
        image_id=case.claim.image_id,
        annotator=annotator,
        answer=twin["answer"],
        categories=twin["categories"],
        category_names=index(case.project).label(twin["categories"]),
        created_at=twin["created_at"],
        supersedes=twin["supersedes_id"],
        extra=twin["extra"],
        informed=twin["informed"],
        purpose=case.claim.purpose,
        created=False,
        replayed=True,
        drawing=objects.Drawing(object_rows.read([twin["id"]])[twin["id"]], [], []) if has_objects else None,
    )


def _settle_seat(case: Case, answer: str, *, voted: bool) -> bool:
    """Take or return the claim's seat as the answer asks; True when the answer is one more than the quota.

    `voted`: there is a vote already, which has a seat or is extra. Changes the claim in memory; _count writes it.
    """
    claim = case.claim
    if answer == Answer.SKIP:
        claim_ends.give_back(claim, ClaimState.SKIPPED)
        return False
    if answer == Answer.UNDONE:
        claim_ends.reopen(claim, case.project)
        return False
    if voted:
        return False
    has_seat = claim_ends.take_seat(claim)
    claim.state = ClaimState.ANSWERED
    return not has_seat and claim.purpose == Purpose.VOTE


def _write(
    case: Case, wanted: Wanted, ids: list[int], drawing: objects.Drawing | None, *, extra: bool, informed: bool
) -> int:
    """Insert the row, after marking the one it takes the place of; its id."""
    earlier = case.present["id"] if case.present else None
    if earlier is not None:
        # Where another answer took its place a moment ago, the trigger refuses this: _once reads again.
        Label.objects.filter(pk=earlier).update(superseded_at=case.now)
    claim, project = case.claim, case.project
    params = [
        project.pk, claim.image_id, claim.annotator_id, claim.round, claim.purpose, wanted.answer,
        "classification" if drawing is None else "objects", ids,
        json.dumps({"deleted": drawing.deleted}) if drawing and drawing.deleted else None, wanted.reason,
        # From the claim, which remembers what the server sent; a client's word would not do.
        claim.shown_prediction_id, informed, claim.chosen_by, wanted.seconds, project.guideline_version,
        wanted.label_set or project.label_set_version, extra, wanted.key and str(wanted.key), wanted.body_hash,
        earlier, case.now,
    ]  # fmt: skip
    label_id = fetch_one(INSERT, params)[0]
    if drawing is not None:
        object_rows.insert([(label_id, drawing.objects)])
    return label_id


def _vote_key(answer: str, ids: Sequence[int]) -> str | None:
    if answer == Answer.LABELED:
        return votes.key(ids)
    return votes.CANNOT_TELL if answer == Answer.CANNOT_TELL else None


def status_of(image: Image, seats: int) -> Status:
    """Where an image stands: a decision settles it; else its votes do, once there are as many as its quota."""
    if image.has_decision:
        return Status.SETTLED
    if image.n_votes == 0:
        return Status.UNLABELED
    if image.tally.get(votes.CANNOT_TELL, 0) >= votes.CANNOT_TELL_LIMIT:
        return Status.DISPUTED
    if image.n_votes < seats:
        return Status.PARTLY
    if image.disputed_objects is not None:
        # People draw: whether they agree is a matter of places, not of which classes there are.
        return Status.DISPUTED if image.disputed_objects else Status.SETTLED
    return Status.SETTLED if votes.is_settled(image.tally) else Status.DISPUTED


def _count(case: Case, before: str | None, after: str | None, drawing: objects.Drawing | None = None) -> None:
    """Write claim and image counters in one statement. Only votes of the present round count, and no extra ones."""
    claim, image = case.claim, case.image
    counts = claim.round == image.round and claim.purpose == Purpose.VOTE
    if counts:
        for answer, step in ((before, -1), (after, +1)):
            if answer is not None:
                image.tally = votes.count(image.tally, answer, step)
                image.n_votes += step
    image.disagreement = votes.disagreement(image.tally)
    if case.project.draws:
        own = (claim.annotator_id, drawing.objects) if drawing and counts and after is not None else None
        drawn_votes.compare(case.project, [image], own=own)
    image.status = status_of(image, case.seats)
    params = [
        claim.state, claim.holds_seat, claim.pk, json.dumps(image.tally), image.n_votes, image.status,
        image.disagreement, image.disputed_objects, image.pk,
    ]  # fmt: skip
    execute(COUNT, params)
