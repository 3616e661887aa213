"""How a claim ends: released, expired, answered, reopened; and what becomes of its seat.

Writes Claim and the seats of QueueEntry. The order of locks is in claims.py.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from labeler.labeling import drafts
from labeler.models import Claim, Project, QueueEntry
from labeler.models.queue import ClaimState, Purpose
from labeler.models.statements import fetch_one


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
        drafts.end([held.pk])
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
    return fetch_one(
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
    )[0]


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
    # By the database's clock: leases must not depend on which web server asks.
    claim.expires_at = fetch_one("SELECT now()")[0] + timedelta(seconds=project.lease_seconds)
    claim.save(update_fields=["state", "holds_seat", "expires_at"])
