"""Give images their places in the queue: by what a model is unsure of, by what gains most, as a lead wants it.

Knows places, and how they are written beside people who label. Which order is a good one is computed elsewhere
(training/prelabels.py, consensus/label_economy.py); where an image begins is seats.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from labeler.accounts.audit import audit
from labeler.labeling import seats
from labeler.models import Project, QueueEntry
from labeler.models.image import Slice
from labeler.models.queue import ChosenBy

# Rows per transaction: a claim passes by the queue entries that are locked, and these few are locked for milliseconds.
CHUNK = 500
MOST_FIRST = 1_000  # images that are put first at once
Place = tuple[float, str]  # priority, why
# Others keep the place that they were given.
ORDERED = (ChosenBy.RANDOM, ChosenBy.UNCERTAINTY, ChosenBy.GAIN, ChosenBy.COVER)


def place(project: Project, places: Mapping[int, Place]) -> int:
    """Give images these places in the queue, a chunk at a time; how many."""
    moved = sorted(places.items())
    for start in range(0, len(moved), CHUNK):
        _place(moved[start : start + CHUNK])
    # Now that all of it is committed: everybody's next search begins at the new top.
    seats.forget_frontiers(project)
    return len(moved)


def _place(moved: Sequence[tuple[int, Place]]) -> None:
    """One short transaction. Rows are locked by rising key, as in claim_ends.expire_leases: the two never wait for each
    other in a circle.
    """
    ids = [pk for pk, _ in moved]
    with transaction.atomic(), connection.cursor() as cursor:
        recomputable(cursor)
        cursor.execute(
            """
            WITH n AS MATERIALIZED (
                SELECT * FROM unnest(%s::bigint[], %s::float8[], %s::text[]) AS n(image_id, priority, chosen_by)),
            locked AS MATERIALIZED (
                SELECT q.image_id FROM labeler_queueentry q JOIN n USING (image_id)
                ORDER BY q.image_id FOR NO KEY UPDATE OF q)
            UPDATE labeler_queueentry e SET priority = n.priority, chosen_by = n.chosen_by
            FROM n JOIN locked USING (image_id) WHERE e.image_id = n.image_id
            """,
            [ids, [priority for _, (priority, _) in moved], [why for _, (_, why) in moved]],
        )


def recomputable(cursor: CursorWrapper) -> None:
    """Do not wait for the disk at the end of this transaction: what it writes can be computed again.

    A later commit that does wait (that a part is done, say) brings this one to the disk before itself, so after a power
    cut nothing is taken for done that is lost. https://www.postgresql.org/docs/current/wal-async-commit.html
    """
    cursor.execute("SET LOCAL synchronous_commit = off")


def may_go_first(project: Project, image_ids: Iterable[int]) -> QuerySet[QueueEntry]:
    """Of these images, the entries that somebody is still wanted for and whose place is not random by design."""
    return QueueEntry.objects.filter(
        project=project, image__in=sorted(set(image_ids)), image__slice=Slice.NONE, seats_left__gt=0,
        accepted=False, chosen_by__in=(*ORDERED, ChosenBy.LEAD),
    )  # fmt: skip


@transaction.atomic
def put_first(*, project: Project, by: User, image_ids: Iterable[int]) -> int:
    """Hand these images out before all others; returns how many. Those that are judged blind, and those that nobody is
    wanted for any more, stay where they are: whoever chooses what is blind has no random sample left.
    """
    entries = may_go_first(project, image_ids)
    # By rising key, as everywhere (see _place).
    ids = list(entries.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    moved = QueueEntry.objects.filter(pk__in=ids).update(priority=1.0, chosen_by=ChosenBy.LEAD)
    if moved:
        audit(by, "queue.put_first", project=project, subject=f"{moved} images", images=ids)
        transaction.on_commit(lambda: seats.forget_frontiers(project))
    return moved
