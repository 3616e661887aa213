"""The agreement report of 50 annotators x 100,000 images x 3 labels: query, arrays, statistics, and kept.

Also what exports of that project cost, in time and in memory.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from bench.common import labeler, show

ANNOTATORS, IMAGES, LABELS, CATEGORIES = 50, 100_000, 3, 10
ROUNDS = 7
USUAL = 5_000, 2  # images and labels of each: a project of usual size, with a model


def fill(name: str = "Report", images: int = IMAGES, labels: int = LABELS, *, model: bool = False) -> int:
    """One project with its labels, by COPY-like inserts inside the database; its id. model: one looked at all images"""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from labeler.models import Category, Project, TrainingRun

    people = get_user_model().objects.bulk_create(
        [get_user_model()(username=f"{name.lower()}-{n:02}", password="!") for n in range(ANNOTATORS)]
    )
    project = Project.objects.create(name=name, labels_per_image=labels)
    categories = Category.objects.bulk_create(
        [Category(project=project, name=f"class {n}", position=n) for n in range(CATEGORIES)]
    )
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            """
            INSERT INTO labeler_image (project_id, name, sha256, extension, width, height, n_bytes, metadata, slice,
                                       round, tally, n_votes, status, has_decision, disagreement, created_at)
            SELECT %s, 'image-' || n || '.jpg', encode(sha256(n::text::bytea), 'hex'), 'jpg', 640, 480, 1, '{}', '', 1,
                   '{}', %s, 'settled', false, 0, now()
            FROM generate_series(1, %s) n
            """,
            [project.pk, labels, images],
        )
        # Three neighbours in a ring of 50 label each image; 80 % say the same class, the others anything.
        cursor.execute(
            """
            INSERT INTO labeler_label (project_id, image_id, annotator_id, round, purpose, answer, kind, categories,
                reason, chosen_by, seconds, guideline_version, label_set_version, extra, body_hash, created_at)
            SELECT %(project)s, i.id, (%(people)s::int[])[1 + ((hashint8(i.id) & 65535) + 7 * k * k) %% %(n)s], 1,
                'vote', 'labeled', 'classification', ARRAY[(%(categories)s::bigint[])[1 +
                    (CASE WHEN random() < 0.8 THEN i.id ELSE (random() * 1000)::bigint END) %% %(c)s]],
                '', 'random', random() * 5, 1, 1, false, '', now() - interval '1 day' * random() * 30
            FROM labeler_image i CROSS JOIN generate_series(0, %(k)s - 1) k
            WHERE i.project_id = %(project)s
            """,
            {"project": project.pk, "people": [p.pk for p in people], "n": ANNOTATORS, "k": labels,
             "categories": [c.pk for c in categories], "c": CATEGORIES},
        )  # fmt: skip
        cursor.execute(
            """
            UPDATE labeler_image i SET tally = t.tally FROM (
                SELECT image_id, jsonb_object_agg(answer, n) AS tally FROM (
                    SELECT image_id, categories[1]::text AS answer, count(*) AS n FROM labeler_label
                    WHERE project_id = %s GROUP BY 1, 2) c GROUP BY 1) t
            WHERE i.id = t.image_id
            """,
            [project.pk],
        )
        if model:
            ids = [c.pk for c in categories]
            run = TrainingRun.objects.create(project=project, number=1, state="done", is_active=True, category_ids=ids)
            cursor.execute(
                """
                INSERT INTO labeler_prediction (run_id, image_id, probabilities, categories, probability, margin,
                                                created_at)
                SELECT %s, id, array_fill(.1::float8, ARRAY[%s]), ARRAY[%s], .1, 0, now() FROM labeler_image
                WHERE project_id = %s
                """,
                [run.pk, len(ids), ids[0], project.pk],
            )
        cursor.execute("ANALYZE")
    return project.pk


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def processor_time(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    with labeler():
        from django.core.cache import cache

        from labeler import releases
        from labeler.agreement import reports
        from labeler.labeling import label_arrays
        from labeler.models import Project
        from labeler.progress import counts
        from labeler.stats.agreement import summarize

        project = Project.objects.get(pk=fill())
        everything = label_arrays.Selection.with_default_sample("all")
        rows = label_arrays.read_labels(project, everything)
        n = len(rows.image)
        print(f"{n:,} labels of {len(rows.annotators)} people on {len(np.unique(rows.image)):,} images")

        def statistics() -> object:
            return summarize(rows.image, rows.annotator, rows.answers, ANNOTATORS, CATEGORIES, "single")

        def uncached() -> None:
            cache.clear()
            reports.agreement(project, everything)

        show(
            "agreement: query and arrays",
            [timed(lambda: label_arrays.read_labels(project)) for _ in range(ROUNDS)],
            "ms",
            1e3,
        )
        show("agreement: statistics in process", [timed(statistics) for _ in range(ROUNDS)], "ms", 1e3, "<= 50 ms")
        show("agreement: the whole report", [timed(uncached) for _ in range(ROUNDS)], "ms", 1e3)
        again = [timed(lambda: reports.agreement(project, everything)) for _ in range(ROUNDS)]
        show("agreement: the whole report, kept", again, "ms", 1e3)
        show("progress", [timed(lambda: (cache.clear(), counts.count_progress(project))) for _ in range(3)], "ms", 1e3)
        for format_ in ("csv", "jsonl"):
            export_costs(format_, lambda f=format_: releases.export(project, f).chunks)
        usual = Project.objects.get(pk=fill("Usual", *USUAL, model=True))
        for format_ in ("csv", "jsonl"):
            readings = [processor_time(lambda f=format_: deque(releases.export(usual, f).chunks, 0))
                        for _ in range(ROUNDS)]  # fmt: skip
            show(f"export {format_} of 10,000 labels: processor time", readings, "s ", target="<= 0.5 s")


def export_costs(name: str, chunks: Callable[[], object]) -> None:
    """One export: seconds, size, and how much the process grew over it."""
    import psutil

    process = psutil.Process()
    before = process.memory_info().rss
    most, size, begun = before, 0, time.perf_counter()
    for chunk in chunks():  # type: ignore[attr-defined]
        size += len(chunk)
        most = max(most, process.memory_info().rss)
    seconds = time.perf_counter() - begun
    show(f"export {name}: {size / 2**20:.0f} MiB, process grows {(most - before) / 2**20:.0f} MiB", [seconds], "s ")


if __name__ == "__main__":
    main()
