"""Hand each annotator the next images to label, and take a seat of each.

Knows the leases and the locks. Does not know which image comes next (search.py), how many people it is for
(seats.py), which images are mixed in (gold_and_repeats.py), what a label means (labels.py) or why an image is uncertain
(training/prelabels.py). How a claim ends is claim_ends.py's.

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

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.utils.translation import gettext as _

from labeler.errors import Invalid, NotPossibleNow
from labeler.labeling import search
from labeler.labeling.claim_ends import expire_leases
from labeler.labeling.claim_rows import COLUMNS, claims_of, images_of, prelabels_of, prelabels_to_show
from labeler.labeling.gold_and_repeats import Seat, add_gold_and_repeats
from labeler.labeling.member_lock import Member, lock_member, refuse_paused
from labeler.labeling.search import EntryRow, Frontier
from labeler.models import Claim, Project, QueueEntry, TrainingRun
from labeler.models.queue import ChosenBy, ClaimState, Purpose
from labeler.models.statements import fetch

MOST_CLAIMS = 50
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
    check_count(count)
    expire_leases(project)
    with transaction.atomic():
        member = lock_member(project, annotator)
        claims = open_claims(member, client, count)
        if member.is_paused:
            if not claims:
                refuse_paused(member)
            return claims
        if len(claims) < count and predicted is not None:
            claims += claim_predicted(member, client, predicted, (min_confidence, 1.0), count - len(claims))
        elif len(claims) < count:
            entries, frontier = search.most_urgent(project, annotator, count - len(claims), member.frontier)
            claims += _mixed(member, client, entries, frontier)
    if not claims and predicted is None:
        claims = _last_seat(project, annotator, client)
        if not claims and client is not None:
            # A tab that is closing gives its images back at any moment, also between the two looks: held by it in the
            # first and by nobody in the second, they would be missed, and the person told that they have finished.
            claims = _of_another_tab(project, annotator, count) or _last_seat(project, annotator, client)
    return claims


def _of_another_tab(project: Project, annotator: User, count: int) -> list[Claim]:
    """The person's open claims of any tab, taken over."""
    with transaction.atomic():
        return open_claims(lock_member(project, annotator), None, count)


def _last_seat(project: Project, annotator: User, client: UUID | None) -> list[Claim]:
    """One image whose seat a neighbour is about to take or to leave, after waiting for what becomes of it.

    Call with no locks held. A try that fails gives up what it holds before the next one waits; each failure is a seat
    that somebody else took, so there are not more of them than seats.
    """
    while True:
        with transaction.atomic():
            member = lock_member(project, annotator)
            refuse_paused(member)
            wanted = search.most_urgent_image(project, annotator)
            if wanted is None:
                return []
            held = search.lock_entry(project, annotator, wanted)
            if held:
                return _mixed(member, client, held, None)


def _mixed(member: Member, client: UUID | None, entries: Sequence[EntryRow], frontier: Frontier | None) -> list[Claim]:
    """Lease these locked entries, gold images and repeats among them."""
    seats = add_gold_and_repeats(member.project, member.person, [Seat(*entry) for entry in entries])
    return _sit_down(member, client, seats, frontier)


def check_count(count: int) -> None:
    """Raises Invalid for more images than are handed out at once, or none."""
    if not 1 <= count <= MOST_CLAIMS:
        raise Invalid(
            _("count must be between 1 and %(most_claims)s.") % {"most_claims": MOST_CLAIMS},
            fields={"count": ["out of range"]},
        )


def open_claims(member: Member, client: UUID | None, count: int = MOST_CLAIMS) -> list[Claim]:
    """The person's open claims (of one tab, when it is named), oldest first, their leases renewed.

    A tab that holds none yet takes over those with a draft, whichever tab drew it: it was closed, or crashed, or runs
    on another computer, and what was drawn is to be there again.
    """
    rows = _renew_own(member, client, count)
    if not rows and client is not None and member.project.draws:
        rows = _renew_own(member, client, count, statement=_RENEW_DRAFTED)
    return claims_of(member, client, rows, images_of([row[1] for row in rows]), {}) if rows else []


def claim_predicted(
    member: Member, client: UUID | None, predicted: int, confidence: tuple[float, float], count: int
) -> list[Claim]:
    """Lease up to `count` images that the active model puts in one class, surest first, never a blind one.

    confidence: between which the model's is. What the model says is shown with each, and so remembered in its claim.
    Call after expire_leases. Raises NotPossibleNow in a project that shows no pre-labels: an answer to "the model says"
    would pass for one that was given without help.
    """
    check_count(count)
    project = member.project
    if not project.show_prelabels:
        raise NotPossibleNow(_("This project shows no pre-labels, so there are none to review."))
    run = TrainingRun.objects.filter(project=project, is_active=True).only("id").first()
    if run is None:
        return []
    entries = search.predicted_as(project, member.person, run, predicted, confidence, count)
    return _sit_down(member, client, [Seat(*entry) for entry in entries], run=run)


def claim_these(*, project: Project, annotator: User, image_ids: Sequence[int]) -> list[int]:
    """Lease those of these images that the person may still judge; those they have open now, by id.

    For who labels many at once from a list: images that are judged blind are not leased, nor those that are full or
    that the person has answered. Raises NotFound for people who are not in the project, Paused.
    """
    expire_leases(project)
    with transaction.atomic():
        member = lock_member(project, annotator)
        refuse_paused(member)
        entries = search.these(project, annotator, image_ids)
        _sit_down(member, None, [Seat(*entry) for entry in entries])
    mine = Claim.objects.filter(project=project, annotator=annotator, image__in=image_ids, state=ClaimState.OPEN)
    return list(mine.filter(purpose=Purpose.VOTE, image__slice="").order_by("image").values_list("image", flat=True))


def remaining(project: Project) -> int:
    """About how many images still have an open seat. Counted at most once in ten seconds per process and project."""

    key = f"remaining:{project.pk}"
    counted: int | None = cache.get(key)
    if counted is None:
        counted = QueueEntry.objects.filter(project=project, seats_left__gt=0, accepted=False).count()
        cache.set(key, counted, REMAINING_SECONDS)
    return counted


# ---------------------------------------------------------------- steps of claim()


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
    RETURNING {", ".join(f"c.{name}" for name in COLUMNS)}
"""


_OF_THE_TAB = "(%(client)s::uuid IS NULL OR client = %(client)s)"
_RENEW_DRAFTED = _RENEW.replace(_OF_THE_TAB, "EXISTS (SELECT FROM labeler_draft d WHERE d.claim_id = labeler_claim.id)")


def _renew_own(member: Member, client: UUID | None, count: int, *, statement: str = _RENEW) -> list[tuple]:
    """The person's open claims (of one tab, when it is named), oldest first, their leases renewed. Rows of COLUMNS."""
    params = {
        "lease": member.project.lease_seconds,
        "client": client and str(client),
        "project": member.project.pk,
        "annotator": member.person.pk,
        "count": count,
    }
    return sorted(fetch(statement, params))


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
    RETURNING {", ".join(COLUMNS)}
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
    busy = {row[0] for row in fetch(_BUSY, params)}
    return [seat for seat in seats if seat.image not in busy]


def _sit_down(
    member: Member,
    client: UUID | None,
    seats: Sequence[Seat],
    frontier: Frontier | None = None,
    *,
    run: TrainingRun | None = None,
) -> list[Claim]:
    """Take a seat of each locked entry, move the frontier, and write the claims with the pre-label each one shows.

    run: they are for the review grid, and show what this model says.
    """
    seats = _without_busy(member.person, seats) if seats else []
    if not seats:
        return []
    project = member.project
    ids = [seat.image for seat in seats]
    votes = [seat.image for seat in seats if seat.purpose == Purpose.VOTE]
    images = images_of(ids)
    # Gold and repeats are judged blind: they are to show the person, not the model. So are audited images, which are to
    # show the model.
    helped = [seat.image for seat in seats if seat.purpose == Purpose.VOTE and seat.chosen_by != ChosenBy.AUDIT]
    shown = prelabels_of(project, ids, run) if run else prelabels_to_show(project, {pk: images[pk] for pk in helped})
    params = {
        "project": project.pk,
        "annotator": member.person.pk,
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
    rows = {row[1]: row for row in fetch(_SIT_DOWN, params)}
    predictions = {prediction.pk: prediction for prediction in shown.values()}
    return claims_of(member, client, [rows[pk] for pk in ids], images, predictions)
