"""Whether the seats of a queue add up, and leases that have run out."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from labeler.models import Claim


def seats_are_right(project) -> bool:
    """Seats left and seats held add up to the seats of every image."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM labeler_queueentry e WHERE e.project_id = %s AND e.seats <> e.seats_left +
               (SELECT count(*) FROM labeler_claim c
                WHERE c.image_id = e.image_id AND c.round = e.round AND c.holds_seat)""",
            [project.pk],
        )
        return cursor.fetchone()[0] == 0


def let_leases_run_out(project):
    Claim.objects.filter(project=project, state="open").update(expires_at=timezone.now() - timedelta(seconds=1))
