"""Claim + save over HTTP: CPU per label, whether it stays flat, and labels per second of 16 clients without pause."""

from __future__ import annotations

import threading
import time
from uuid import uuid4

from bench.common import Client, Running, fill_project, get_ahead, labeler, show, token_for

BATCH = 5  # images per claim, as the labeling screen asks
LABELS = 300  # per reading


def label(client: Client, project_id: int, wanted: int, waits: list[float] | None = None) -> int:
    """Claim and save until `wanted` labels are in; how many were."""
    done = 0
    while done < wanted:
        status, answer = client.call("POST", f"/api/projects/{project_id}/claims/", {"count": BATCH})
        assert status == 200, (status, answer)
        if not answer["claims"]:
            break
        for claim in answer["claims"]:
            begun = time.perf_counter()
            status, saved = client.call(
                "PUT",
                f"/api/images/{claim['image']['id']}/label/",
                {"categories": ["Rust"], "seconds": 1.5},
                **{"Idempotency-Key": str(uuid4())},
            )
            assert status in (200, 201), (status, saved)
            if waits is not None:
                waits.append(time.perf_counter() - begun)
            done += 1
    return done


def cpu_per_label(running: Running, project, user, rounds: int = 5) -> tuple[list[float], list[float]]:
    """CPU seconds per label of server and database together, one reading per round; and the seconds each save took."""
    client, readings, waits = Client(running.port, token_for(user)), [], []
    label(client, project.pk, 50)  # warm caches and plans
    for _ in range(rounds):
        before = running.cpu_seconds()
        done = label(client, project.pk, LABELS, waits)
        readings.append((running.cpu_seconds() - before) / done)
    return readings, waits


def saturation(running: Running, project, users, seconds: float = 20.0) -> None:
    """All users at once, no pause, on the same cores as the server."""
    counts, stop = [0] * len(users), time.monotonic() + seconds

    def work(number: int, token: str) -> None:
        client = Client(running.port, token)
        while time.monotonic() < stop:
            counts[number] += label(client, project.pk, BATCH)

    tokens = [token_for(user) for user in users]
    threads = [threading.Thread(target=work, args=(n, token)) for n, token in enumerate(tokens)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begun
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE n_votes > %s), sum(n_votes) FROM labeler_image WHERE project_id = %s",
            [project.labels_per_image, project.pk],
        )
        over, votes = cursor.fetchone()
    print(
        f"{len(users)} clients without pause: {sum(counts) / took:.0f} labels/s over {took:.0f} s "
        f"({sum(counts)} labels, {votes} counted, {over} images over quota)   target 100, 0 over"
    )


def set_aside(project, n: int) -> None:
    """What labeler/acceptance/accepting.py leaves in the queue of n accepted images, a twentieth of them audited."""
    from labeler.labeling import seats
    from labeler.models import QueueEntry

    ids = list(QueueEntry.objects.filter(project=project).order_by("pk").values_list("pk", flat=True)[:n])
    for start in range(0, n, 500):
        part = ids[start : start + 500]
        seats.set_aside(project, accepted=part[25:], audited=part[:25])


def main() -> None:
    """Print the figures. Label Studio 1.23 on PostgreSQL, quiet machine: 95-125 ms, some 108 statements per label."""
    with labeler() as running:
        medians = {}
        for n_images in (1_000, 10_000, 100_000):
            project, [user] = fill_project(n_images, people=1, labels_per_image=2 if n_images > 1000 else 50)
            readings, waits = cpu_per_label(running, project, user, rounds=3 if n_images == 1000 else 5)
            medians[n_images] = sorted(readings)[len(readings) // 2]
            show(f"CPU per label, server and database, {n_images:,} images", readings, "ms", 1000, "≤ 10")
            show(f"  one save as the client sees it, {n_images:,} images", waits, "ms", 1000)
        project, [user] = fill_project(100_000, people=1)
        get_ahead(project, user, 50_000)
        readings, waits = cpu_per_label(running, project, user)
        show("CPU per label, 50,000 images ahead of the others", readings, "ms", 1000, "≤ 10")
        ahead = sorted(readings)[len(readings) // 2]
        base = medians[1_000]
        print(
            f"against 1,000 images: 100,000 images × {medians[100_000] / base:.2f}, "
            f"50,000 ahead × {ahead / base:.2f}   target ≤ 1.20"
        )
        project, [user] = fill_project(100_000, people=1)
        set_aside(project, 60_000)
        readings, waits = cpu_per_label(running, project, user)
        show("CPU per label, 60,000 of 100,000 images accepted by a model", readings, "ms", 1000, "≤ 10")
        project, users = fill_project(20_000, people=16)
        saturation(running, project, users)


if __name__ == "__main__":
    main()
