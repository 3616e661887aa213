"""Many threads at once, on real connections, and whether the counters are right after them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from labeler.models import Image, Label


def together(tasks):
    """Run the callables at the same moment, each on its own connection; their results in order."""
    start = threading.Barrier(len(tasks))

    def run(task):
        try:
            start.wait(timeout=30)
            return task()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result(timeout=300) for future in [pool.submit(run, task) for task in tasks]]


def wait_for_waiting(n) -> None:
    """Until this many connections of this database wait for somebody's lock."""
    for _ in range(600):
        with connection.cursor() as cursor:
            # Seen afresh: inside a transaction the statistics are those of the first look.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone()[0] >= n:
                return
        threading.Event().wait(0.05)
    raise AssertionError(f"{n} were to wait for a lock")


def counters_are_right(project) -> bool:
    """Image counters equal a count over the labels."""
    for image in Image.objects.filter(project=project):
        current = list(Label.objects.filter(image=image, extra=False).votes())
        if image.n_votes != len(current) or sum(image.tally.values()) != len(current):
            return False
    return True
