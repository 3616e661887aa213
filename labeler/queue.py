"""Hand each annotator the next images worth labeling, and keep the seats of each image.

Knows the order, the quota and the leases. Does not know what a label means (labeling.py) or why an image is
uncertain (prelabels.py). The only module that takes locks for the queue, and the only one that changes seats and
claims.

Why this holds under concurrency. A seat is a number on one narrow row (`seats_left`). A claim locks the rows it
wants with SKIP LOCKED, and PostgreSQL evaluates `seats_left > 0` again on the newest version of each row it locks:
nobody can act on a count older than a neighbour's commit, and neighbours pass each other instead of waiting.
docs/decisions/0002 has the numbers.

Locks are taken in this order everywhere: membership, claim, image, queue entry. Anything that waits for a queue entry
while holding another one would deadlock with its mirror image; nothing here does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from labeler import categories as label_set
from labeler.errors import Invalid, NotFound
from labeler.models import Claim, Image, Membership, Prediction, Project, QueueEntry
from labeler.models.image import Slice
from labeler.models.queue import ChosenBy, ClaimState

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST_CLAIMS = 50
# The top of the queue is looked at by everyone, whatever their frontier: that is where seats that were given back
# and newly urgent images appear. Two hundred index entries take a third of a millisecond.
WINDOW = 200
HELD_OUT_SEATS = 2  # test and calibration images need at least two people to count
REMAINING_SECONDS = 10  # how long an approximate count of open images is reused


# ---------------------------------------------------------------- images enter the queue


def draw(project: Project, sha256: str, purpose: str) -> float:
    """A number in [0, 1) that is random to everyone without the project's salt, and the same for ever."""
    digest = hashlib.sha256(f"{project.salt}:{purpose}:{sha256}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def draw_slice(project: Project, sha256: str) -> Slice:
    """Which images are judged blind: two fifths of the blind share to test, two to calibration, the rest just blind."""
    position = draw(project, sha256, "slice")
    if position >= project.blind_share:
        return Slice.NONE
    part = position / project.blind_share
    return Slice.TEST if part < 0.4 else Slice.CALIBRATION if part < 0.8 else Slice.BLIND


def seats_for(project: Project, image: Image) -> int:
    """The quota of one image: the project's, and never under two for the images that judge models."""
    return max(project.labels_per_image, HELD_OUT_SEATS) if image.is_held_out else project.labels_per_image


def enter(project: Project, images: Iterable[Image]) -> None:
    """Give new images their seats and a random place. Call in the transaction that creates them."""
    QueueEntry.objects.bulk_create(
        QueueEntry(
            image=image,
            project=project,
            seats=(seats := seats_for(project, image)),
            seats_left=seats,
            priority=draw(project, image.sha256, "priority"),
        )
        for image in images
    )


def forget_frontiers(project: Project) -> None:
    """Let every search begin at the top again. Call after a new order or new images, when all of it is committed."""
    Membership.objects.filter(project=project, frontier_image__isnull=False).update(
        frontier_priority=None, frontier_image=None
    )


def set_seats(project: Project) -> int:
    """Bring the seats of all images in line with the project's quota; returns how many changed.

    A quota below what is already claimed or answered leaves no seat open; nothing is taken from anybody.
    """
    changed, last = 0, 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            params = {"project": project.pk, "seats": project.labels_per_image, "last": last}
            cursor.execute(_SET_SEATS, {**params, "held_out": max(project.labels_per_image, HELD_OUT_SEATS)})
            last, n = cursor.fetchone()
        if last is None:
            break
        changed += n
    forget_frontiers(project)
    return changed


# A thousand images per transaction, so that nobody who saves waits long; locked by rising key, as in expire_leases.
# Never fewer seats than are taken: the invariant "left + held = seats" must survive.
_SET_SEATS = """
    WITH batch AS (
        SELECT e.image_id, CASE WHEN i.slice IN ('test', 'calibration') THEN %(held_out)s ELSE %(seats)s END AS wanted
        FROM labeler_queueentry e JOIN labeler_image i ON i.id = e.image_id
        WHERE e.project_id = %(project)s AND e.image_id > %(last)s
        ORDER BY e.image_id LIMIT 1000 FOR UPDATE OF e
    ), changed AS (
        UPDATE labeler_queueentry e
        SET seats = greatest(b.wanted, e.seats - e.seats_left),
            seats_left = greatest(b.wanted, e.seats - e.seats_left) - (e.seats - e.seats_left)
        FROM batch b
        WHERE e.image_id = b.image_id AND e.seats <> greatest(b.wanted, e.seats - e.seats_left)
        RETURNING e.image_id
    )
    SELECT (SELECT max(image_id) FROM batch), (SELECT count(*) FROM changed)
"""


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
    bad count.
    """
    if not 1 <= count <= MOST_CLAIMS:
        raise Invalid(f"count must be between 1 and {MOST_CLAIMS}.", fields={"count": ["out of range"]})
    expire_leases(project)
    with transaction.atomic():
        _plan_by_index()
        member = _lock_member(project, annotator)
        claims = _renew_own(project, annotator, count, client)
        if len(claims) < count:
            if predicted is None:
                entries = _take_next(project, annotator, member, count - len(claims))
            else:
                entries = _take_predicted(project, annotator, predicted, min_confidence, count - len(claims))
            claims += _open_claims(project, annotator, client, entries, review=predicted is not None)
        if not claims and client is not None:
            claims = _renew_own(project, annotator, count, None)
    return claims


def release(*, image_id: int, annotator: User) -> bool:
    """Give an open claim back; True when there was one. The image may be offered to the same person again."""
    with transaction.atomic():
        held = (
            Claim.objects.select_for_update(no_key=True)
            .filter(image_id=image_id, annotator=annotator, state=ClaimState.OPEN)
            .order_by("-round")
            .first()
        )
        if held is None:
            return False
        give_back(held, ClaimState.RELEASED)
    return True


def expire_leases(project: Project) -> int:
    """Return the seats of claims whose lease ran out; how many there were.

    One statement, in its own transaction: it waits for queue entries, so it must not hold any.
    Claims that are being answered at this moment are locked and passed by.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS (
                SELECT id, image_id, holds_seat FROM labeler_claim
                WHERE project_id = %s AND state = 'open' AND expires_at < now()
                FOR UPDATE SKIP LOCKED
            ), gone AS (
                UPDATE labeler_claim c SET state = 'expired', holds_seat = false FROM due WHERE c.id = due.id
                RETURNING c.id
            ), owed AS (
                SELECT e.image_id, d.n
                FROM (SELECT image_id, count(*) AS n FROM due WHERE holds_seat GROUP BY image_id) d
                JOIN labeler_queueentry e USING (image_id)
                ORDER BY e.image_id FOR UPDATE OF e
            ), returned AS (
                UPDATE labeler_queueentry e SET seats_left = e.seats_left + owed.n FROM owed
                WHERE e.image_id = owed.image_id
            )
            SELECT count(*) FROM gone
            """,
            [project.pk],
        )
        return cursor.fetchone()[0]


def remaining(project: Project) -> int:
    """About how many images still have an open seat. Counted at most once in ten seconds per process and project."""

    key = f"remaining:{project.pk}"
    counted: int | None = cache.get(key)
    if counted is None:
        counted = QueueEntry.objects.filter(project=project, seats_left__gt=0).count()
        cache.set(key, counted, REMAINING_SECONDS)
    return counted


# ---------------------------------------------------------------- seats, for labeling.py


def take_seat(claim: Claim) -> bool:
    """Sit down again after the seat was given back (a late answer, a skip undone). False: the image is full.

    Call with the claim locked; changes the claim in memory only, its row is the caller's to write.
    """
    if not claim.holds_seat:
        claim.holds_seat = bool(
            QueueEntry.objects.filter(pk=claim.image_id, seats_left__gt=0).update(seats_left=F("seats_left") - 1)
        )
    return claim.holds_seat


def give_back(claim: Claim, state: ClaimState) -> None:
    """End a locked claim without an answer and return its seat."""
    if claim.holds_seat:
        QueueEntry.objects.filter(pk=claim.image_id).update(seats_left=F("seats_left") + 1)
    claim.state, claim.holds_seat = state, False
    claim.save(update_fields=["state", "holds_seat"])


def reopen(claim: Claim, project: Project) -> None:
    """Lease an answered or skipped image again to the same person, who took the answer back."""
    take_seat(claim)
    claim.state = ClaimState.OPEN
    claim.expires_at = _database_now() + timedelta(seconds=project.lease_seconds)
    claim.save(update_fields=["state", "holds_seat", "expires_at"])


# ---------------------------------------------------------------- steps of claim()


def _plan_by_index() -> None:
    """Have this transaction read the queue in index order, whatever the statistics say.

    After an import, until autovacuum has counted (a minute), the planner believes the tables to be tiny and sorts or
    scans all of them: 380 ms instead of 1 for a claim among 2,000 images.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; "
            "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_material = off"
        )


def _database_now():
    """The database's clock: leases must not depend on which web server asks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]


def _lock_member(project: Project, annotator: User) -> Membership:
    # Lock the person, not the project: two tabs of one person must not take the same image twice, while other people
    # go on.
    try:
        return Membership.objects.select_for_update(no_key=True).get(project=project, user=annotator)
    except Membership.DoesNotExist as error:
        raise NotFound("There is no such project, or you are not a member of it.") from error


def _renew_own(project: Project, annotator: User, count: int, client: UUID | None) -> list[Claim]:
    own = Claim.objects.filter(project=project, annotator=annotator, state=ClaimState.OPEN)
    if client is not None:
        own = own.filter(client=client)
    claims = list(own.select_related("image", "shown_prediction").order_by("id")[:count])
    if claims:
        expires_at = _database_now() + timedelta(seconds=project.lease_seconds)
        # A claim may have expired since it was read, by a neighbour's sweep: only those still open are renewed and
        # returned.
        renewed = set(
            Claim.objects.select_for_update(no_key=True)
            .filter(pk__in=[c.pk for c in claims], state=ClaimState.OPEN)
            .values_list("pk", flat=True)
        )
        Claim.objects.filter(pk__in=renewed).update(expires_at=Greatest(F("expires_at"), expires_at), client=client)
        claims = [c for c in claims if c.pk in renewed]
        for c in claims:
            c.expires_at = max(c.expires_at, expires_at)
    return claims


_UNSEEN = """
    NOT EXISTS (
        SELECT 1 FROM labeler_claim c
        WHERE c.image_id = e.image_id AND c.annotator_id = %(annotator)s AND c.round = e.round
          AND c.state IN ('open', 'answered', 'skipped'))
"""
_SELECT = "SELECT e.image_id, e.priority, e.chosen_by, e.round FROM labeler_queueentry e"
_OPEN = "WHERE e.project_id = %(project)s AND e.seats_left > 0"
_ORDER = "ORDER BY e.priority DESC, e.image_id DESC LIMIT %(count)s"

TOP = f"""
    {_SELECT}
    WHERE e.image_id = ANY (ARRAY (
        SELECT e.image_id FROM labeler_queueentry e {_OPEN} ORDER BY e.priority DESC, e.image_id DESC LIMIT {WINDOW}))
      AND e.seats_left > 0 AND {_UNSEEN} {_ORDER} FOR UPDATE OF e SKIP LOCKED
"""
BEYOND_FRONTIER = f"""
    {_SELECT} {_OPEN} AND (e.priority, e.image_id) < (%(frontier_priority)s, %(frontier_image)s) AND {_UNSEEN}
    {_ORDER} FOR UPDATE OF e SKIP LOCKED
"""
ANYWHERE = f"{_SELECT} {_OPEN} AND {_UNSEEN} {_ORDER} FOR UPDATE OF e SKIP LOCKED"
# Waits for a neighbour's lock instead of passing by. One row only: whoever waits holds no other queue entry.
LAST_SEAT = f"{_SELECT} {_OPEN} AND {_UNSEEN} ORDER BY e.priority DESC, e.image_id DESC LIMIT 1 FOR UPDATE OF e"
PREDICTED = f"""
    {_SELECT} JOIN labeler_prediction p ON p.image_id = e.image_id
    JOIN labeler_trainingrun r ON r.id = p.run_id AND r.is_active AND r.project_id = e.project_id
    JOIN labeler_image i ON i.id = e.image_id AND i.slice = ''
    {_OPEN} AND %(predicted)s = ANY(p.categories) AND p.probability >= %(min_confidence)s AND {_UNSEEN}
    ORDER BY p.probability DESC, e.image_id DESC LIMIT %(count)s FOR UPDATE OF e SKIP LOCKED
"""

EntryRow = tuple[int, float, str, int]  # image id, priority, why it was chosen, round


def _rows(sql: str, params: dict) -> list[EntryRow]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def _take_next(project: Project, annotator: User, member: Membership, count: int) -> list[EntryRow]:
    """Up to `count` queue entries, locked, with a seat taken from each.

    The top of the queue first. Somebody far ahead of the others finds only their own images there, so the search
    goes on behind their frontier, where their last one ended. When that gives too few, the whole queue is searched
    once more: the frontier is a short cut, and may never hide an image.
    """
    params: dict[str, float | None] = {"project": project.pk, "annotator": annotator.pk, "count": count}
    found = _rows(TOP, params)
    if len(found) < count:
        beyond: list[EntryRow] = []
        # What is locked already is mine, but has no claim yet: ask for as many more and leave those out.
        if member.frontier_image is not None:
            params |= {"frontier_priority": member.frontier_priority, "frontier_image": member.frontier_image}
            beyond = _new(found, _rows(BEYOND_FRONTIER, params))
        if len(found) + len(beyond) < count:
            beyond = _new(found, _rows(ANYWHERE, params | {"count": count + len(found)}))
        found += beyond[: count - len(found)]
        if beyond:
            _, priority, _, _ = last = found[-1]
            Membership.objects.filter(pk=member.pk).update(frontier_priority=priority, frontier_image=last[0])
    if not found:
        found = _rows(LAST_SEAT, params)
    _sit_down(found)
    return found


def _take_predicted(
    project: Project, annotator: User, predicted: int, min_confidence: float, count: int
) -> list[EntryRow]:
    params = {"project": project.pk, "annotator": annotator.pk, "count": count}
    found = _rows(PREDICTED, params | {"predicted": predicted, "min_confidence": min_confidence})
    _sit_down(found)
    return found


def _new(known: Sequence[EntryRow], rows: Iterable[EntryRow]) -> list[EntryRow]:
    seen = {row[0] for row in known}
    return [row for row in rows if row[0] not in seen]


def _sit_down(entries: Sequence[EntryRow]) -> None:
    if entries:
        QueueEntry.objects.filter(pk__in=[image_id for image_id, *_ in entries]).update(seats_left=F("seats_left") - 1)


def _open_claims(
    project: Project, annotator: User, client: UUID | None, entries: Sequence[EntryRow], *, review: bool
) -> list[Claim]:
    """Write the claims, with the pre-label each one shows. A claim that was given back before is opened again."""
    if not entries:
        return []
    ids = [image_id for image_id, *_ in entries]
    images = Image.objects.in_bulk(ids)
    shown = _prelabels_to_show(project, images)
    values, params = [], []
    for image_id, _, chosen_by, round_ in entries:
        prediction = shown.get(image_id)
        values.append("(%s, %s, %s, %s, 'open', true, %s, %s, %s, now(), now() + make_interval(secs => %s))")
        params += [
            project.pk, image_id, annotator.pk, round_, client, ChosenBy.REVIEW if review else chosen_by,
            prediction.pk if prediction else None, project.lease_seconds,
        ]  # fmt: skip
    with connection.cursor() as cursor:
        # A pre-label that was shown with an earlier lease stays the one that was shown: the person may remember it.
        cursor.execute(
            f"""
            INSERT INTO labeler_claim AS c (project_id, image_id, annotator_id, round, state, holds_seat, client,
            chosen_by,
                                            shown_prediction_id, claimed_at, expires_at)
            VALUES {", ".join(values)}
            ON CONFLICT ON CONSTRAINT one_claim_per_annotator_image_and_round DO UPDATE
            SET state = 'open', holds_seat = true, client = excluded.client, claimed_at = excluded.claimed_at,
                expires_at = excluded.expires_at, chosen_by = excluded.chosen_by,
                shown_prediction_id = coalesce(c.shown_prediction_id, excluded.shown_prediction_id)
            RETURNING id, image_id, round, chosen_by, shown_prediction_id, claimed_at, expires_at
            """,
            params,
        )
        rows = cursor.fetchall()
    earlier = Prediction.objects.in_bulk(
        {row[4] for row in rows if row[4] is not None} - {prediction.pk for prediction in shown.values()}
    )
    by_pk = {prediction.pk: prediction for prediction in shown.values()} | earlier
    claims = {}
    for pk, image_id, round_, chosen_by, shown_id, claimed_at, expires_at in rows:
        claims[image_id] = Claim(
            pk=pk, project=project, image=images[image_id], annotator=annotator, round=round_, state=ClaimState.OPEN,
            holds_seat=True, client=client, chosen_by=chosen_by,
            shown_prediction=by_pk.get(shown_id), claimed_at=claimed_at, expires_at=expires_at,
        )  # fmt: skip
    return [claims[image_id] for image_id in ids]


def _prelabels_to_show(project: Project, images: dict[int, Image]) -> dict[int, Prediction]:
    """The active model's predictions for those images that may be judged with its help."""
    open_ids = [pk for pk, image in images.items() if not image.is_blind]
    if not project.show_prelabels or not open_ids:
        return {}
    in_use = label_set.index(project).ids_in_use
    predictions = Prediction.objects.filter(
        image_id__in=open_ids, run__project=project, run__is_active=True
    ).select_related("run")
    # A class that was retired since the training cannot be suggested: no key would accept it.
    return {p.image_id: p for p in predictions if in_use.issuperset(p.categories)}
