"""One page of a list of images, in bounded time whatever the filters have in common.

A planner that shall give the first 60 rows in order walks the order and looks at each row: at once done where many fit.
Where two filters exclude each other it walks all of a million. So the walk is given a short time; after that the same
question is asked in an order that no index has, and the planner finds all that fit first, by what is rarest, and sorts
them. Keys first, then the rows: most filters are then answered from indexes alone (bench/image_list.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import OperationalError, connection, transaction
from django.db.models import F, QuerySet

from labeler.models import Image

WALK_MS = 50
PLAIN = ("id", "-id", "pk", "-pk", "disagreement", "-disagreement")


def first(rows: QuerySet[Image], ordering: Sequence[str], n: int, *, start: int = 0) -> list[Image]:
    """The images from place `start` on, at most n, in this order."""
    if not set(ordering) <= set(PLAIN):
        return list(rows.order_by(*ordering)[start : start + n])
    keys = rows.values_list("pk", flat=True)
    try:
        ids = _in_time(keys.order_by(*ordering)[start : start + n])
    except OperationalError:
        unindexed = [-(F(name[1:]) + 0) if name.startswith("-") else F(name) + 0 for name in ordering]
        ids = list(keys.order_by(*unindexed)[start : start + n])
    found = Image.objects.in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def _in_time(keys: QuerySet[Image, int]) -> list[int]:
    """Raises OperationalError when it takes longer than WALK_MS."""
    with transaction.atomic(), connection.cursor() as cursor:
        # The value from before comes first: the list of a SELECT is worked out from left to right.
        cursor.execute(
            "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)", [str(WALK_MS)]
        )
        before, _set = cursor.fetchone()
        ids = list(keys)
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
    return ids
