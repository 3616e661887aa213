"""Hand each annotator the next images worth labeling, and take and return their seats.

Knows the order and the leases. Does not know how many people an image is for (seating.py), which images are mixed in
(mixing.py), what a label means (labeling.py) or why an image is uncertain (prelabels.py). With seating.py the only
module that takes locks for the queue; the only one that changes claims of people who label.

Why this holds under concurrency. A seat is a number on one narrow row (`seats_left`). A claim locks the rows it
wants with SKIP LOCKED, and PostgreSQL evaluates `seats_left > 0` again on the newest version of each row it locks:
nobody can act on a count older than a neighbour's commit, and neighbours pass each other instead of waiting.
docs/decisions/0002 has the numbers.

Locks are taken in this order everywhere: membership, claim, image, queue entry; several of one kind by rising key.
Handing out goes the other way, from entries to claims, in an order of its own: it waits for neither. A search that
found nothing holds entries all the same: PostgreSQL keeps the lock of a row that turned out to be full once it was
locked. So the last seat is waited for in a transaction that has searched nothing, one entry at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from labeler import categories as label_set
from labeler.errors import Invalid, NotFound, NotPossibleNow, Paused
from labeler.mixing import Seat, mix_in
from labeler.models import Claim, Image, Prediction, Project, QueueEntry, TrainingRun
from labeler.models.partial import partly
from labeler.models.queue import ChosenBy, ClaimState, Purpose

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST_CLAIMS = 50
# The top of the queue is looked at by everyone, whatever their frontier: that is where seats that were given back and
# newly urgent images appear. Each entry costs two index look-ups, also for somebody who has seen all of them.
WINDOW = 50
Frontier = tuple[float, int]  # a place in the order: priority and image id
REMAINING_SECONDS = 10  # how long an approximate count of open images is reused


# ---------------------------------------------------------------- claims


def claim(
    *,
    project: Project,
    annotator: User,
    count: int = 1,
    client: UUID | None = None,
    predicted: int | None = None,
    min_confidence: float = 0.0,
) -> list[Claim]:
    """Lease up to `count` images (1 to 50) to one person, most urgent first; their own open claims come first, renewed.

    So an answer of this call that was lost costs nothing: asking again gives the same images. `client` names the
    tab: another tab's open claims are handed over only when nothing else is left. `predicted` (a category id) and
    `min_confidence` fill a page of images that the active model puts in that class.
    Empty when nothing is left for this person. Raises NotFound for people who are not in the project, Invalid for a
    bad count, NotPossibleNow for `predicted` in a project that shows no pre-labels.
    """
    _check_count(count)
    expire_leases(project)
    with transaction.atomic():
        member = lock_member(project, annotator)
        claims = open_claims(project=project, annotator=annotator, client=client, count=count)
        if member.is_paused:
            if not claims:
                refuse_paused(member)
            return claims
        if len(claims) < count and predicted is not None:
            claims += claim_predicted(
                project=project,
                annotator=annotator,
                client=client,
                member=member,
                predicted=predicted,
                confidence=(min_confidence, 1.0),
                count=count - len(claims),
            )
        elif len(claims) < count:
            entries, frontier = _next(project, annotator, member, count - len(claims))
            claims += _mixed(project, annotator, client, member, entries, frontier)
    if not claims and predicted is None:
        claims = _last_seat(project, annotator, client)
        if not claims and client is not None:
            with transaction.atomic():
                lock_member(project, annotator)
                claims = open_claims(project=project, annotator=annotator, client=None, count=count)
    return claims


def _last_seat(project: Project, annotator: User, client: UUID | None) -> list[Claim]:
    """One image whose seat a neighbour is about to take or to leave, after waiting for what becomes of it.

    Call with no locks held. A try that fails gives up what it holds before the next one waits; each failure is a seat
    that somebody else took, so there are not more of them than seats.
    """
    params = {"project": project.pk, "annotator": annotator.pk}
    while True:
        with transaction.atomic():
            member = lock_member(project, annotator)
            refuse_paused(member)
            wanted = _rows(LAST_SEAT, params)
            if not wanted:
                return []
            held = _rows(THAT_SEAT, params | {"image": wanted[0][0]})
            if held:
                return _mixed(project, annotator, client, member, held, None)


def _mixed(
    project: Project,
    annotator: User,
    client: UUID | None,
    member: Member,
    entries: Sequence[EntryRow],
    frontier: Frontier | None,
) -> list[Claim]:
    """Lease these locked entries, gold images and repeats among them."""
    seats = mix_in(project, annotator, [Seat(*entry) for entry in entries])
    return _sit_down(project, annotator, client, member, seats, frontier, run=None)


def _check_count(count: int) -> None:
    if not 1 <= count <= MOST_CLAIMS:
        raise Invalid(
            _("count must be between 1 and %(most_claims)s.") % {"most_claims": MOST_CLAIMS},
            fields={"count": ["out of range"]},
        )


def open_claims(*, project: Project, annotator: User, client: UUID | None, count: int = MOST_CLAIMS) -> list[Claim]:
    """The person's open claims (of one tab, when it is named), oldest first, their leases renewed."""
    return _with_images(project, annotator, client, _renew_own(project, annotator, count, client))


def claim_predicted(
    *,
    project: Project,
    annotator: User,
    client: UUID | None,
    member: Member,
    predicted: int,
    confidence: tuple[float, float],
    count: int,
) -> list[Claim]:
    """Lease up to `count` images that the active model puts in one class, surest first, never a blind one.

    confidence: between which the model's is. What the model says is shown with each, and so remembered in its claim.
    Call in a transaction, after expire_leases, with the member locked. Raises NotPossibleNow in a project that
    shows no pre-labels: an answer to "the model says" would pass for one that was given without help.
    """
    _check_count(count)
    if not project.show_prelabels:
        raise NotPossibleNow(_("This project shows no pre-labels, so there are none to review."))
    run = TrainingRun.objects.filter(project=project, is_active=True).only("id").first()
    if run is None:
        return []
    low, high = confidence
    params = {
        "project": project.pk,
        "annotator": annotator.pk,
        "run": run.pk,
        "predicted": predicted,
        "in_use": list(label_set.index(project).ids_in_use),
        "min_confidence": low,
        "max_confidence": high,
        "count": count,
    }
    seats = [Seat(*entry) for entry in _rows(PREDICTED, params)]
    return _sit_down(project, annotator, client, member, seats, None, run=run)


def release(*, image_id: int, annotator: User) -> bool:
    """Give an open claim back; True when there was one. The image may be offered to the same person again."""
    with transaction.atomic():
        held = (
            Claim.objects.select_for_update(no_key=True)
            .filter(image_id=image_id, annotator=annotator, state=ClaimState.OPEN)
            .order_by("-round", "-id")
            .first()
        )
        if held is None:
            return False
        give_back(held, ClaimState.RELEASED)
    return True


def release_client(*, project: Project, annotator: User, client: UUID) -> int:
    """Give back all open claims of one tab; how many there were. Its images may be offered to the person again."""
    return _end_claims(
        "project_id = %(project)s AND annotator_id = %(annotator)s AND client = %(client)s",
        ClaimState.RELEASED,
        {"project": project.pk, "annotator": annotator.pk, "client": str(client)},
    )


def expire_leases(project: Project) -> int:
    """Return the seats of claims whose lease ran out; how many there were."""
    return _end_claims("project_id = %(project)s AND expires_at < now()", ClaimState.EXPIRED, {"project": project.pk})


def _end_claims(which: str, state: ClaimState, params: dict) -> int:
    """End the open claims that fit, and return their seats; how many there were.

    One statement, and so a transaction of its own: it waits for queue entries, and must not hold any before.
    Claims that are being answered at this moment are locked and passed by.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH due AS (
                SELECT id, image_id, round, holds_seat FROM labeler_claim
                WHERE {which} AND state = 'open'
                FOR UPDATE SKIP LOCKED
            ), gone AS (
                UPDATE labeler_claim c SET state = %(state)s, holds_seat = false FROM due WHERE c.id = due.id
                RETURNING c.id
            ), owed AS (
                SELECT e.image_id, d.n
                FROM (SELECT image_id, round, count(*) AS n FROM due WHERE holds_seat GROUP BY image_id, round) d
                JOIN labeler_queueentry e USING (image_id, round)
                ORDER BY e.image_id FOR UPDATE OF e
            ), returned AS (
                UPDATE labeler_queueentry e SET seats_left = e.seats_left + owed.n FROM owed
                WHERE e.image_id = owed.image_id
            )
            SELECT count(*) FROM gone
            """,
            params | {"state": str(state)},
        )
        return cursor.fetchone()[0]


def remaining(project: Project) -> int:
    """About how many images still have an open seat. Counted at most once in ten seconds per process and project."""

    key = f"remaining:{project.pk}"
    counted: int | None = cache.get(key)
    if counted is None:
        counted = QueueEntry.objects.filter(project=project, seats_left__gt=0, accepted=False).count()
        cache.set(key, counted, REMAINING_SECONDS)
    return counted


# ---------------------------------------------------------------- seats, for labeling.py


def take_seat(claim: Claim) -> bool:
    """Sit down again after the seat was given back (a late answer, a skip undone). False: the image is full.

    Call with the claim locked; changes the claim in memory only, its row is the caller's to write.
    """
    if claim.purpose != Purpose.VOTE:
        return False
    if not claim.holds_seat:
        # Only in its own round: an image that was sent back has seats for new answers, not for late ones.
        free = QueueEntry.objects.filter(pk=claim.image_id, round=claim.round, seats_left__gt=0)
        claim.holds_seat = bool(free.update(seats_left=F("seats_left") - 1))
    return claim.holds_seat


def give_back(claim: Claim, state: ClaimState) -> None:
    """End a locked claim without an answer and return its seat."""
    if claim.holds_seat:
        # Only to its own round: a new one began with all of its seats.
        QueueEntry.objects.filter(pk=claim.image_id, round=claim.round).update(seats_left=F("seats_left") + 1)
    claim.state, claim.holds_seat = state, False
    claim.save(update_fields=["state", "holds_seat"])


def reopen(claim: Claim, project: Project) -> None:
    """Lease an answered or skipped image again to the same person, who took the answer back."""
    take_seat(claim)
    claim.state = ClaimState.OPEN
    claim.expires_at = _database_now() + timedelta(seconds=project.lease_seconds)
    claim.save(update_fields=["state", "holds_seat", "expires_at"])


# ---------------------------------------------------------------- steps of claim()


def _database_now() -> datetime:
    """The database's clock: leases must not depend on which web server asks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]


# All of a claim is SQL by hand: with the ORM a call took 13 ms of processor time, two thirds of it to build queries.
# The first lines have this transaction read the queue in index order, whatever the statistics say: after an import,
# until autovacuum has counted (a minute), the planner believes the tables to be tiny and sorts or scans all of them,
# 380 ms instead of 1 for a claim among 2,000 images.
_LOCK_MEMBER = """
    SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off;
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_material = off;
    SELECT id, frontier_priority, frontier_image, paused_at IS NOT NULL FROM labeler_membership
    WHERE project_id = %s AND user_id = %s FOR NO KEY UPDATE
"""


@dataclass(frozen=True, slots=True)
class Member:
    """The locked membership: its id, and where the person's last search ended."""

    id: int
    frontier: Frontier | None
    is_paused: bool


def lock_member(project: Project, annotator: User) -> Member:
    """The person's place in the project, locked until the transaction ends. Raises NotFound for strangers.

    Locks the person, not the project: two tabs of one person must not take the same image twice, while other people
    go on.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_MEMBER, [project.pk, annotator.pk])
        row = cursor.fetchone()
    if row is None:
        raise NotFound(_("There is no such project, or you are not a member of it."))
    return Member(row[0], None if row[2] is None else (row[1], row[2]), row[3])


def refuse_paused(member: Member) -> None:
    """Raises Paused where a lead has stopped handing images to this person."""
    if member.is_paused:
        raise Paused(_("A lead has paused your labeling in this project. Ask them what is open; nothing is lost."))


_CLAIM = ("id", "image_id", "round", "chosen_by", "shown_prediction_id", "claimed_at", "expires_at", "purpose")
# OFFSET 0 keeps the planner from walking all claims by id to be spared the sort: 12 ms for somebody with 50,000 claims.
_RENEW = f"""
    WITH mine AS MATERIALIZED (
        SELECT id FROM labeler_claim
        WHERE state = 'open' AND id = ANY (ARRAY (
            SELECT own.id FROM (
                SELECT id FROM labeler_claim
                WHERE project_id = %(project)s AND annotator_id = %(annotator)s AND state = 'open'
                  AND (%(client)s::uuid IS NULL OR client = %(client)s)
                OFFSET 0) own
            ORDER BY own.id LIMIT %(count)s))
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE labeler_claim c SET expires_at = greatest(c.expires_at, now() + make_interval(secs => %(lease)s)),
                               client = %(client)s
    FROM mine WHERE c.id = mine.id
    RETURNING {", ".join(f"c.{name}" for name in _CLAIM)}
"""


def _renew_own(project: Project, annotator: User, count: int, client: UUID | None) -> list[tuple]:
    """The person's open claims (of one tab, when it is named), oldest first, their leases renewed. Rows of _CLAIM."""
    params = {
        "lease": project.lease_seconds,
        "client": client and str(client),
        "project": project.pk,
        "annotator": annotator.pk,
        "count": count,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, params)
        return sorted(cursor.fetchall())


_UNSEEN = """
    NOT EXISTS (
        SELECT 1 FROM labeler_claim c
        WHERE c.image_id = e.image_id AND c.annotator_id = %(annotator)s AND c.round = e.round
          AND c.state IN ('open', 'answered', 'skipped'))
"""
_SELECT = "SELECT e.image_id, e.priority, e.chosen_by, e.round FROM labeler_queueentry e"
# With the words of the index that holds these alone: what a model's answer stands for is not in it.
_OPEN = "WHERE e.project_id = %(project)s AND e.seats_left > 0 AND NOT e.accepted"
_ORDER = "ORDER BY e.priority DESC, e.image_id DESC LIMIT %(count)s"

TOP = f"""
    {_SELECT}
    WHERE e.image_id = ANY (ARRAY (
        SELECT e.image_id FROM labeler_queueentry e {_OPEN} ORDER BY e.priority DESC, e.image_id DESC LIMIT {WINDOW}))
      AND e.seats_left > 0 AND NOT e.accepted AND {_UNSEEN} {_ORDER} FOR UPDATE OF e SKIP LOCKED
"""
BEYOND_FRONTIER = f"""
    {_SELECT} {_OPEN} AND (e.priority, e.image_id) < (%(frontier_priority)s, %(frontier_image)s) AND {_UNSEEN}
    {_ORDER} FOR UPDATE OF e SKIP LOCKED
"""
ANYWHERE = f"{_SELECT} {_OPEN} AND {_UNSEEN} {_ORDER} FOR UPDATE OF e SKIP LOCKED"
# Chosen without a lock and locked by name: with both in one statement the search would go on past an image that is full
# by the time it is locked, and wait for the next one with that lock in hand.
LAST_SEAT = f"{_SELECT} {_OPEN} AND {_UNSEEN} ORDER BY e.priority DESC, e.image_id DESC LIMIT 1"
THAT_SEAT = f"{_SELECT} {_OPEN} AND e.image_id = %(image)s AND {_UNSEEN} FOR UPDATE OF e"
# What a person has seen on the review grid and sent back is not shown to them there again; in labeling it may be.
# A class that was retired since the training cannot be confirmed: no label could name it.
# An audited one is judged blind: it comes to labeling alone.
UNREVIEWED = """
    e.seats_left > 0 AND NOT e.accepted AND e.chosen_by <> 'audit' AND i.slice = ''
    AND p.categories <@ %(in_use)s::bigint[] AND NOT EXISTS (
        SELECT 1 FROM labeler_claim c
        WHERE c.image_id = e.image_id AND c.annotator_id = %(annotator)s AND c.round = e.round
          AND c.state IN ('open', 'answered', 'skipped', 'sent_back'))
"""
# Walks the predictions of one model in the order of their index, and asks of each whether it is still to be had.
PREDICTED = f"""
    SELECT e.image_id, e.priority, e.chosen_by, e.round
    FROM labeler_prediction p
    JOIN labeler_queueentry e ON e.image_id = p.image_id AND e.project_id = %(project)s
    JOIN labeler_image i ON i.id = p.image_id
    WHERE p.run_id = %(run)s AND p.probability BETWEEN %(min_confidence)s AND %(max_confidence)s
      AND %(predicted)s = ANY (p.categories) AND {UNREVIEWED}
    ORDER BY p.probability DESC, p.image_id DESC LIMIT %(count)s FOR UPDATE OF e SKIP LOCKED
"""

EntryRow = tuple[int, float, str, int]  # image id, priority, why it was chosen, round


def _rows(sql: str, params: dict) -> list[EntryRow]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def _next(project: Project, annotator: User, member: Member, count: int) -> tuple[list[EntryRow], Frontier | None]:
    """Up to `count` queue entries, locked; and the person's new frontier, when it moves.

    The top of the queue first. Somebody far ahead of the others finds only their own images there, so the search
    goes on behind their frontier, where their last one ended. When that gives too few, the whole queue is searched
    once more: the frontier is a short cut, and may never hide an image.
    """
    params: dict[str, float | None] = {"project": project.pk, "annotator": annotator.pk, "count": count}
    found = _rows(TOP, params)
    frontier = None
    if len(found) < count:
        beyond: list[EntryRow] = []
        # What is locked already is mine, but has no claim yet: ask for as many more and leave those out.
        if member.frontier is not None:
            priority, image = member.frontier
            behind = params | {"frontier_priority": priority, "frontier_image": image}
            beyond = _new(found, _rows(BEYOND_FRONTIER, behind))
        if len(found) + len(beyond) < count:
            beyond = _new(found, _rows(ANYWHERE, params | {"count": count + len(found)}))
        found += beyond[: count - len(found)]
        if beyond:
            frontier = (found[-1][1], found[-1][0])
    return found, frontier


def _new(known: Sequence[EntryRow], rows: Iterable[EntryRow]) -> list[EntryRow]:
    seen = {row[0] for row in known}
    return [row for row in rows if row[0] not in seen]


# A claim that was given back before is opened again. A pre-label that was shown with an earlier lease stays the one
# that was shown: the person may remember it. On the review grid the present model's is what they answer to.
_SIT_DOWN = f"""
    WITH seated AS (
        UPDATE labeler_queueentry SET seats_left = seats_left - 1 WHERE image_id = ANY (%(seated)s)
    ), moved AS (
        UPDATE labeler_membership SET frontier_priority = %(frontier_priority)s, frontier_image = %(frontier_image)s
        WHERE id = %(member)s AND %(frontier_image)s::bigint IS NOT NULL
    )
    INSERT INTO labeler_claim AS c (project_id, image_id, annotator_id, round, state, holds_seat, client, chosen_by,
                                    purpose, shown_prediction_id, claimed_at, expires_at)
    SELECT %(project)s, e.image, %(annotator)s, e.round, 'open', e.purpose = 'vote', %(client)s, e.chosen_by,
           e.purpose, e.shown, now(), now() + make_interval(secs => %(lease)s)
    FROM unnest(%(images)s::bigint[], %(rounds)s::int[], %(chosen_by)s::text[], %(purposes)s::text[],
                %(shown)s::bigint[]) AS e (image, round, chosen_by, purpose, shown)
    ON CONFLICT ON CONSTRAINT one_claim_per_annotator_image_round_and_purpose DO UPDATE
    SET state = 'open', holds_seat = excluded.holds_seat, client = excluded.client, claimed_at = excluded.claimed_at,
        expires_at = excluded.expires_at, chosen_by = excluded.chosen_by,
        shown_prediction_id = CASE WHEN excluded.chosen_by = 'review' THEN excluded.shown_prediction_id
                                   ELSE coalesce(c.shown_prediction_id, excluded.shown_prediction_id) END
    RETURNING {", ".join(_CLAIM)}
"""


# A claim of one's own that was given back may be answered late at this very moment: that request holds the claim and
# waits for the queue entry, which is held here. Such images are left to it, instead of waiting for each other until
# PostgreSQL ends one of them. What is locked here cannot be answered before this commits; what was answered since the
# entries were chosen must not be opened again.
_BUSY = """
    WITH own AS (
        SELECT c.id, c.image_id FROM labeler_claim c
        JOIN unnest(%(images)s::bigint[], %(rounds)s::int[], %(purposes)s::text[]) AS e (image, round, purpose)
          ON c.image_id = e.image AND c.round = e.round AND c.purpose = e.purpose
        WHERE c.annotator_id = %(annotator)s
    ), free AS (
        SELECT id FROM labeler_claim
        WHERE id IN (SELECT id FROM own) AND state NOT IN ('open', 'answered', 'skipped')
        FOR NO KEY UPDATE SKIP LOCKED
    )
    SELECT image_id FROM own WHERE id NOT IN (SELECT id FROM free)
"""


def _without_busy(annotator: User, seats: Sequence[Seat]) -> list[Seat]:
    params: dict[str, Any] = {
        "annotator": annotator.pk,
        "images": [seat.image for seat in seats],
        "rounds": [seat.round for seat in seats],
        "purposes": [seat.purpose for seat in seats],
    }
    with connection.cursor() as cursor:
        cursor.execute(_BUSY, params)
        busy = {row[0] for row in cursor.fetchall()}
    return [seat for seat in seats if seat.image not in busy]


def _sit_down(
    project: Project,
    annotator: User,
    client: UUID | None,
    member: Member,
    seats: Sequence[Seat],
    frontier: Frontier | None,
    *,
    run: TrainingRun | None,
) -> list[Claim]:
    """Take a seat of each locked entry, move the frontier, and write the claims with the pre-label each one shows.

    run: they are for the review grid, and show what this model says.
    """
    seats = _without_busy(annotator, seats) if seats else []
    if not seats:
        return []
    ids = [seat.image for seat in seats]
    votes = [seat.image for seat in seats if seat.purpose == Purpose.VOTE]
    images = _images(ids)
    # Gold and repeats are judged blind: they are to show the person, not the model. So are audited images, which are to
    # show the model.
    helped = [seat.image for seat in seats if seat.purpose == Purpose.VOTE and seat.chosen_by != ChosenBy.AUDIT]
    shown = _prelabels(project, ids, run) if run else _prelabels_to_show(project, {pk: images[pk] for pk in helped})
    params = {
        "project": project.pk,
        "annotator": annotator.pk,
        "member": member.id,
        "client": client and str(client),
        "lease": project.lease_seconds,
        "images": ids,
        "seated": votes,
        "rounds": [seat.round for seat in seats],
        "purposes": [seat.purpose for seat in seats],
        "chosen_by": [str(ChosenBy.REVIEW) if run else seat.chosen_by for seat in seats],
        "shown": [shown[pk].pk if pk in shown else None for pk in ids],
        "frontier_priority": frontier and frontier[0],
        "frontier_image": frontier and frontier[1],
    }
    with connection.cursor() as cursor:
        cursor.execute(_SIT_DOWN, params)
        rows = {row[1]: row for row in cursor.fetchall()}
    predictions = {prediction.pk: prediction for prediction in shown.values()}
    return _claims(project, annotator, client, [rows[pk] for pk in ids], images, predictions)


def _with_images(project: Project, annotator: User, client: UUID | None, rows: Sequence[tuple]) -> list[Claim]:
    """Claims from rows of _CLAIM, with their images and the pre-labels they showed."""
    return _claims(project, annotator, client, rows, _images([row[1] for row in rows]), {}) if rows else []


def _claims(
    project: Project,
    annotator: User,
    client: UUID | None,
    rows: Sequence[tuple],
    images: dict[int, Image],
    predictions: dict[int, Prediction],
) -> list[Claim]:
    earlier = {row[4] for row in rows if row[4] is not None} - predictions.keys()
    if earlier:
        found = Prediction.objects.filter(pk__in=earlier).select_related("run")
        predictions = predictions | {prediction.pk: prediction for prediction in found}
    claims = []
    for row in rows:
        claim = Claim(
            **dict(zip(_CLAIM, row, strict=True)), project=project, annotator=annotator, state=ClaimState.OPEN,
            holds_seat=row[7] == Purpose.VOTE, client=client,
        )  # fmt: skip
        claim.image = images[claim.image_id]
        claim.shown_prediction = predictions.get(row[4])
        claims.append(claim)
    return claims


_IMAGE = ("id", "project_id", "name", "sha256", "extension", "width", "height", "slice", "round", "status")


def _images(ids: Sequence[int]) -> dict[int, Image]:
    """Images by id, with the columns a claim shows; the others are fetched when asked for."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(_IMAGE)} FROM labeler_image WHERE id = ANY (%s)", [list(ids)])
        return {row[0]: partly(Image, dict(zip(_IMAGE, row, strict=True))) for row in cursor.fetchall()}


_PREDICTION = ("id", "run_id", "image_id", "categories", "probability", "margin")
_RUN = ("id", "number", "is_calibrated")
_PRELABELS = f"""
    SELECT {", ".join(f"p.{name}" for name in _PREDICTION)}, {", ".join(f"r.{name}" for name in _RUN)}
    FROM labeler_trainingrun r JOIN labeler_prediction p ON p.run_id = r.id
    WHERE r.project_id = %(project)s AND p.image_id = ANY (%(images)s)
      AND CASE WHEN %(run)s::bigint IS NULL THEN r.is_active ELSE r.id = %(run)s END
"""


def _prelabels_to_show(project: Project, images: dict[int, Image]) -> dict[int, Prediction]:
    """The active model's predictions, by image, for those images that may be judged with its help."""
    open_ids = [pk for pk, image in images.items() if not image.is_blind]
    return _prelabels(project, open_ids) if project.show_prelabels and open_ids else {}


def _prelabels(project: Project, ids: Sequence[int], run: TrainingRun | None = None) -> dict[int, Prediction]:
    """What one model says, the active one unless another is given, by image; only what can be chosen today."""
    with connection.cursor() as cursor:
        cursor.execute(_PRELABELS, {"project": project.pk, "images": list(ids), "run": run.pk if run else None})
        rows = cursor.fetchall()
    in_use = label_set.index(project).ids_in_use if rows else frozenset()
    shown = {}
    for row in rows:
        prediction = partly(Prediction, dict(zip(_PREDICTION, row[: len(_PREDICTION)], strict=True)))
        prediction.run = partly(TrainingRun, dict(zip(_RUN, row[len(_PREDICTION) :], strict=True)))
        # A class that was retired since the training cannot be suggested: no key would accept it.
        if in_use.issuperset(prediction.categories):
            shown[prediction.image_id] = prediction
    return shown
