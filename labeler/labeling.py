"""Save, change, skip and take back a person's judgement. The only module that writes Label.

One transaction per answer, three statements: read and lock (claim, image), write the label, count it (claim, image).
PostgreSQL alone is needed: nothing is sent to a worker, who looks for himself what is new. Does not know how images
are chosen (queue.py) or how votes become a consensus (consensus.py).

A person's work is never thrown away: an answer whose lease ran out is kept, and marked as extra when the image is full
by then. Changing an answer writes a new row and supersedes the old one; taking it back writes a row that says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, JSONField, OuterRef, Subquery, Value
from django.db.models.functions import JSONObject, Now

from labeler import queue
from labeler.categories import check_answer
from labeler.errors import Invalid, KeyReused, NoClaim, NotFound, NothingToUndo
from labeler.models import Claim, Image, Label, Membership
from labeler.models.image import Status
from labeler.models.label import VOTES, Answer, Purpose
from labeler.models.queue import ClaimState
from labeler.stats import tally as votes

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LONGEST_ANSWER = 24 * 3600.0  # seconds: more is a tab left open, and would ruin every mean
LONGEST_REASON = 1000
TRIES = 3


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of an answer."""

    id: int
    image_id: int
    annotator: User
    answer: str
    categories: list[int]
    created_at: datetime
    supersedes: int | None
    extra: bool
    created: bool  # the first answer of this person on this image; False: it changed one, or was a replay
    replayed: bool  # the same idempotency key had been here before: nothing was written


def save_label(
    *,
    image_id: int,
    annotator: User,
    answer: str = Answer.LABELED,
    categories: Sequence[int | str] = (),
    reason: str = "",
    seconds: float | None = None,
    label_set: int | None = None,
    idempotency_key: UUID | None = None,
) -> Saved:
    """Keep one answer of one person: a label (its categories by id or by any name they had), cannot tell, or skip.

    Needs a claim of the person on the image, open or not (NoClaim). `seconds` from painted to answered. `label_set`: the version
    of the label set the person had on screen, when older than the present one.
    With an idempotency key, the same call again writes nothing and gives the same answer; another answer under that key is refused.
    Raises NotFound, NoClaim, CategoryNotInProject, WrongTask, Invalid, KeyReused.
    """
    if answer not in (Answer.LABELED, Answer.CANNOT_TELL, Answer.SKIP):
        raise Invalid("answer must be skip or cannot_tell.", fields={"answer": ["unknown"]})
    if seconds is not None and not 0 <= seconds < float("inf"):
        raise Invalid("seconds must be a number from 0.", fields={"seconds": ["out of range"]})
    body = {"answer": str(answer), "categories": [str(c) for c in categories], "reason": reason}
    wanted = _Wanted(
        answer=str(answer),
        categories=list(categories),
        reason=reason[:LONGEST_REASON],
        seconds=None if seconds is None else min(float(seconds), LONGEST_ANSWER),
        label_set=label_set,
        key=idempotency_key,
        body_hash=_hash(image_id, body),
    )
    return _once(image_id, annotator, wanted)


def undo(*, image_id: int, annotator: User, idempotency_key: UUID | None = None) -> Saved:
    """Take back one's answer on an image: it is superseded, not deleted, and the image is leased to the person again.

    The same key again gives the same answer and takes nothing more back, also after a new label.
    Raises NothingToUndo, NotFound, KeyReused.
    """
    body_hash = _hash(image_id, {"answer": str(Answer.UNDONE)})
    wanted = _Wanted(answer=str(Answer.UNDONE), key=idempotency_key, body_hash=body_hash)
    return _once(image_id, annotator, wanted)


# ---------------------------------------------------------------- how


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One request, checked for shape."""

    answer: str
    body_hash: str
    categories: Sequence[int | str] = ()
    reason: str = ""
    seconds: float | None = None
    label_set: int | None = None
    key: UUID | None = None


def _hash(image_id: int, body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([image_id, body], sort_keys=True).encode()).hexdigest()


def _once(image_id: int, annotator: User, wanted: _Wanted) -> Saved:
    """Answer, and again when a twin of this very request won the race.

    Two equal requests at the same moment both read "nothing here yet": the second one's INSERT meets a unique constraint, and
    reading again shows it what the first one wrote.
    """
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                return _answer(image_id, annotator, wanted)
        except IntegrityError:
            if attempt == TRIES:
                raise
    raise AssertionError("unreachable")


_EARLIER = JSONObject(
    id="id",
    image="image_id",
    answer="answer",
    categories="categories",
    extra="extra",
    body_hash="body_hash",
    supersedes="supersedes_id",
    created_at="created_at",
)


def _locked_claim(image_id: int, annotator: User, key: UUID | None) -> Claim | None:
    """The person's claim of the latest round with image, project, seats, present label and earlier twin: one statement.

    Locks claim and image: two people who answer the same image at once count one after the other.
    """
    present = Label.objects.filter(
        image=OuterRef("image"), annotator=annotator, round=OuterRef("round"), purpose=Purpose.VOTE, superseded_at=None
    )
    twin = Label.objects.filter(annotator=annotator, idempotency_key=key) if key else Label.objects.none()
    return (
        Claim.objects.select_for_update(of=("self", "image"), no_key=True)
        .select_related("image__entry", "project")
        .filter(image_id=image_id, annotator=annotator, project__trashed_at=None)
        .annotate(
            is_member=Exists(Membership.objects.filter(project=OuterRef("project"), user=annotator)),
            present=Subquery(present.values(json=_EARLIER), output_field=JSONField()),
            twin=Subquery(twin.values(json=_EARLIER), output_field=JSONField())
            if key
            else Value(None, output_field=JSONField()),
            at=Now(),
        )
        .order_by("-round")
        .first()
    )


def _answer(image_id: int, annotator: User, wanted: _Wanted) -> Saved:
    claim = _locked_claim(image_id, annotator, wanted.key)
    if claim is None or not claim.is_member:
        _explain_missing_claim(image_id, annotator)
    project, image = claim.project, claim.image
    if claim.twin is not None:
        return _replay(claim.twin, annotator, wanted)
    present = claim.present if claim.present and claim.present["answer"] != Answer.UNDONE else None
    if wanted.answer == Answer.UNDONE and present is None:
        raise NothingToUndo("There is no answer of yours on this image to take back.")
    ids = check_answer(project, wanted.categories) if wanted.answer == Answer.LABELED else []
    if wanted.label_set is not None and not 1 <= wanted.label_set <= project.label_set_version:
        raise Invalid("label_set is not a version of this project's classes.", fields={"label_set": ["unknown"]})

    was_extra = bool(present and present["extra"])
    extra = _settle_seat(claim, wanted.answer, answered_before=present is not None and present["answer"] in VOTES)
    if present is not None and present["answer"] in VOTES and wanted.answer in VOTES:
        extra = was_extra
    label = _write(claim, wanted, ids, extra)
    before = _vote_key(present["answer"], present["categories"]) if present and not was_extra else None
    after = _vote_key(wanted.answer, ids) if not extra else None
    _count(claim, image, before, after)
    return Saved(
        id=label.pk,
        image_id=image.pk,
        annotator=annotator,
        answer=wanted.answer,
        categories=ids,
        created_at=label.created_at,
        supersedes=label.supersedes_id,
        extra=extra,
        created=present is None,
        replayed=False,
    )


def _explain_missing_claim(image_id: int, annotator: User) -> None:
    if Image.objects.filter(
        pk=image_id, project__trashed_at=None, project__memberships__user=annotator
    ).exists():
        raise NoClaim("You have not been given this image. Ask for the next images first, then answer those.")
    raise NotFound("There is no such image, or you are not a member of its project.")


def _replay(twin: dict[str, Any], annotator: User, wanted: _Wanted) -> Saved:
    if twin["body_hash"] != wanted.body_hash:
        raise KeyReused("This idempotency key was used for another answer. Use a new key for a new answer.")
    return Saved(
        id=twin["id"],
        image_id=twin["image"],
        annotator=annotator,
        answer=twin["answer"],
        categories=twin["categories"],
        created_at=datetime.fromisoformat(twin["created_at"]),
        supersedes=twin["supersedes"],
        extra=twin["extra"],
        created=False,
        replayed=True,
    )


def _settle_seat(claim: Claim, answer: str, *, answered_before: bool) -> bool:
    """Take or return the claim's seat as the answer asks; True when the answer is one more than the quota.

    Changes the claim in memory; _count writes it, but for skip and undo, which are rare and write at once.
    """
    if answer == Answer.SKIP:
        queue.give_back(claim, ClaimState.SKIPPED)
        return False
    if answer == Answer.UNDONE:
        queue.reopen(claim, claim.project)
        return False
    if answered_before:
        return False
    has_seat = queue.take_seat(claim)
    claim.state = ClaimState.ANSWERED
    return not has_seat


def _write(claim: Claim, wanted: _Wanted, ids: list[int], extra: bool) -> Label:
    """Insert the row, after marking the one it takes the place of. `present` may itself be an undone answer."""
    project = claim.project
    if claim.present is not None:
        Label.objects.filter(pk=claim.present["id"]).update(superseded_at=claim.at)
    return Label.objects.create(
        project=project,
        image_id=claim.image_id,
        annotator_id=claim.annotator_id,
        round=claim.round,
        answer=wanted.answer,
        categories=ids,
        reason=wanted.reason,
        # From the claim, which remembers what the server sent; a client's word would not do.
        shown_prediction_id=claim.shown_prediction_id,
        chosen_by=claim.chosen_by,
        seconds=wanted.seconds,
        guideline_version=project.guideline_version,
        label_set_version=wanted.label_set or project.label_set_version,
        extra=extra,
        idempotency_key=wanted.key,
        body_hash=wanted.body_hash,
        supersedes_id=claim.present["id"] if claim.present else None,
        created_at=claim.at,
    )


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
    return Status.SETTLED if votes.is_settled(image.tally) else Status.DISPUTED


def _count(claim: Claim, image: Image, before: str | None, after: str | None) -> None:
    """Write claim and image counters in one statement. Votes of an earlier round, and extra ones, are not counted."""
    if claim.round == image.round:
        for answer, step in ((before, -1), (after, +1)):
            if answer is not None:
                image.tally = votes.count(image.tally, answer, step)
                image.n_votes += step
        image.status = status_of(image, image.entry.seats)
        image.disagreement = votes.disagreement(image.tally)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH answered AS (UPDATE labeler_claim SET state = %s, holds_seat = %s WHERE id = %s)
            UPDATE labeler_image SET tally = %s, n_votes = %s, status = %s, disagreement = %s WHERE id = %s
            """,
            [
                claim.state, claim.holds_seat, claim.pk,
                json.dumps(image.tally), image.n_votes, image.status, image.disagreement, image.pk,
            ],  # fmt: skip
        )
