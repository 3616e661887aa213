"""Claims, seats and labels of images that go to the trash, and of those that are deleted for good.

Knows rows. Their project column changes with the image's (docs/decisions/0017); which images go is labeler/intake/
trash.py's, and who may say so labeler/curation/deletion.py's.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import OperationalError, transaction

from labeler.models.queue import ClaimState
from labeler.models.statements import execute

TRIES = 20


class InUse(Exception):
    """Somebody took one of the images while they were being locked: undo this transaction and begin again."""


def hold(image_ids: Sequence[int]) -> None:
    """Lock what a save or a claim would change of these images, and give back those that somebody has open.

    Call in the transaction that moves them. In the order of claims.py: claims, images, queue entries. Who claimed one
    between the first look and the last lock has a claim that is not locked, and may be saving on it, waiting for us:
    then InUse is raised, because waiting for them would be a circle.
    """
    ids = list(image_ids)
    execute("SELECT FROM labeler_claim WHERE image_id = ANY (%s) ORDER BY id FOR NO KEY UPDATE", [ids])
    execute("SELECT FROM labeler_image WHERE id = ANY (%s) ORDER BY id FOR NO KEY UPDATE", [ids])
    execute("SELECT FROM labeler_queueentry WHERE image_id = ANY (%s) ORDER BY image_id FOR UPDATE", [ids])
    try:
        with transaction.atomic():
            execute("SELECT FROM labeler_claim WHERE image_id = ANY (%s) FOR NO KEY UPDATE NOWAIT", [ids])
    except OperationalError as busy:
        raise InUse from busy
    execute(_GIVE_BACK, {"images": ids, "open": ClaimState.OPEN, "released": ClaimState.RELEASED})


_GIVE_BACK = """
    WITH ended AS (
        UPDATE labeler_claim c SET state = %(released)s, holds_seat = false
        FROM labeler_claim before
        WHERE c.image_id = ANY (%(images)s) AND c.state = %(open)s AND before.id = c.id
        RETURNING c.image_id, c.round, before.holds_seat
    ), owed AS (
        SELECT image_id, round, count(*) AS n FROM ended WHERE holds_seat GROUP BY image_id, round
    )
    UPDATE labeler_queueentry e SET seats_left = e.seats_left + owed.n
    FROM owed WHERE e.image_id = owed.image_id AND e.round = owed.round
"""


def purge(image_ids: Sequence[int]) -> None:
    """Delete labels and claims for good. The database refuses that of labels everywhere but in such a transaction."""
    ids = list(image_ids)
    execute("SET LOCAL labeler.purge = 'on'")
    execute("DELETE FROM labeler_label WHERE image_id = ANY (%s)", [ids])
    execute("DELETE FROM labeler_claim WHERE image_id = ANY (%s)", [ids])
