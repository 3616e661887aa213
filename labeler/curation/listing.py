"""One page of a list of images, in bounded time whatever the filters have in common.

A planner that shall give the first 60 rows in order walks the order and looks at each row: at once done where many fit.
Where two filters exclude each other it walks all of a million. So the walk is given a short time; after that all that
fit are found first, behind a fence that keeps the planner from knowing how few are wanted, and then sorted. Keys first,
then the rows: most filters are then answered from indexes alone (bench/image_list.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import OperationalError, transaction
from django.db.models import QuerySet

from labeler.models import Image
from labeler.models.statements import execute, fetch, fetch_one

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
        ids = _all_first(rows, ordering, n, start)
    found = Image.objects.in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def _all_first(rows: QuerySet[Image], ordering: Sequence[str], n: int, start: int) -> list[int]:
    """The keys of all images that fit, found as if all were wanted, then ordered and cut.

    An order that no index has was not enough of a fence: for “unlabeled” and “labeled by somebody” the planner sorted
    all of the one, and asked for each whether it is of the other, 180,000 times, hoping for 60 soon.
    """
    names = [name.lstrip("-").replace("pk", "id") for name in ordering]
    wanted = list(dict.fromkeys(["id", *names]))
    fitting, params = rows.order_by().values_list(*wanted).query.sql_with_params()
    order = ", ".join(
        f"{name} DESC" if asked.startswith("-") else name for name, asked in zip(names, ordering, strict=True)
    )
    # OFFSET 0 is PostgreSQL's fence: what is inside is planned for itself. Names are those of PLAIN.
    found = fetch(
        f"SELECT id FROM ({fitting} OFFSET 0) AS fitting({', '.join(wanted)}) ORDER BY {order} LIMIT %s OFFSET %s",
        [*params, n, start],
    )
    return [row[0] for row in found]


def _in_time(keys: QuerySet[Image, int]) -> list[int]:
    """Raises OperationalError when it takes longer than WALK_MS."""
    with transaction.atomic():
        # The value from before comes first: the list of a SELECT is worked out from left to right.
        before, _set = fetch_one(
            "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)", [str(WALK_MS)]
        )
        ids = list(keys)
        execute("SELECT set_config('statement_timeout', %s, true)", [before])
    return ids
