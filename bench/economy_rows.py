"""Ordering 100,000 images by what one more judgement gains, to rows: posterior, gain, seats, queue, readings.

BENCH_IMAGES chooses another number. First the look after a new model, when every place changes; then the one after
2,000 more answers.
"""

from __future__ import annotations

import os
import time
from typing import Any

from bench.common import fill_project, labeler, show

IMAGES, ANSWERED, MORE, CLASSES, PEOPLE = 100_000, 30_000, 2_000, 10, 6


def main() -> None:
    """Print the figures."""
    with labeler():
        from django.db import connection

        from labeler.consensus import economy_standing, label_economy
        from labeler.models import Category, Project
        from labeler.stats import economy as stats

        n = int(os.environ.get("BENCH_IMAGES", IMAGES))
        project, people = fill_project(n, people=PEOPLE, labels_per_image=1)
        for place in range(5, CLASSES):
            Category.objects.create(project=project, name=f"Class {place}", position=place)
        Project.objects.filter(pk=project.pk).update(
            ask_by_gain=True, most_labels=PEOPLE, consensus_method="with_model", model_fills=True
        )
        project.refresh_from_db()
        ids = list(project.categories.order_by("position").values_list("pk", flat=True))
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE labeler_image SET slice = CASE id %% 20 WHEN 0 THEN 'test' ELSE 'calibration' END "
                "WHERE project_id = %s AND id %% 20 < 2",
                [project.pk],
            )
            predict(cursor, project, ids)
            answer(cursor, project, [user.pk for user in people], ids, 0, ANSWERED)
            for table in ("image", "queueentry", "label", "prediction"):
                cursor.execute(f"ANALYZE labeler_{table}")
        for what, first in (("after a new model: every place changes", True), ("after 2,000 more answers", False)):
            if not first:
                with connection.cursor() as cursor:
                    answer(cursor, project, [user.pk for user in people], ids, ANSWERED, ANSWERED + MORE)
            begun, cpu = time.perf_counter(), time.process_time()
            changed = label_economy.ask_where_gain_is_highest(project)
            show(f"{what} ({changed:,} rows)", [time.perf_counter() - begun], "s ", target="< 10 s" if first else "")
            print(f"    of it processor time of the worker {time.process_time() - cpu:.1f} s")
        now = economy_standing.standing(project)
        assert now is not None
        began = time.process_time()
        stats.gain(now.posterior, now.accuracy)
        print(
            f"    the gain of {len(now.posterior):,} images of {CLASSES} classes: {time.process_time() - began:.2f} s"
        )


def predict(cursor: Any, project: Any, ids: list[int]) -> None:
    """An active model that has looked at all images; how sure it is varies."""
    from labeler.models import TrainingRun

    run = TrainingRun.objects.create(
        project=project, number=1, state="done", is_active=True, is_calibrated=True, temperature=1.0,
        category_ids=ids, category_names=[str(pk) for pk in ids], last_label=0,
    )  # fmt: skip
    cursor.execute(
        """
        INSERT INTO labeler_prediction (run_id, image_id, probabilities, categories, probability, margin, created_at)
        SELECT %(run)s, i.id,
               ARRAY(SELECT CASE WHEN k = 1 + i.id %% %(k)s THEN d.p ELSE (1 - d.p) / (%(k)s - 1) END
                     FROM generate_series(1, %(k)s) k),
               ARRAY[(%(ids)s::bigint[])[1 + i.id %% %(k)s]], d.p, d.p - (1 - d.p) / (%(k)s - 1), now()
        FROM labeler_image i, LATERAL (SELECT 0.3 + 0.69 * sqrt(random() + 0 * i.id) AS p) d
        WHERE i.project_id = %(project)s
        """,
        {"run": run.pk, "k": len(ids), "ids": ids, "project": project.pk},
    )


def answer(cursor: Any, project: Any, people: list[int], ids: list[int], first: int, last: int) -> None:
    """One answer each on some images, as if they had been claimed and saved."""
    cursor.execute(
        """
        WITH numbered AS (
            SELECT id, row_number() OVER (ORDER BY id) AS n FROM labeler_image WHERE project_id = %(project)s
        ), chosen AS (
            SELECT id, (%(people)s::int[])[1 + n %% %(m)s] AS person,
                   (%(ids)s::bigint[])[1 + CASE WHEN random() < .85 THEN id %% %(k)s ELSE (id + 3) %% %(k)s END] AS said
            FROM numbered WHERE n > %(first)s AND n <= %(last)s
        ), written AS (
            INSERT INTO labeler_label (project_id, image_id, annotator_id, round, purpose, answer, kind, categories,
                reason, chosen_by, guideline_version, label_set_version, extra, body_hash, created_at)
            SELECT %(project)s, id, person, 1, 'vote', 'labeled', 'classification', ARRAY[said], '', 'random', 1, 1,
                   false, '', now() FROM chosen
        ), sat AS (
            UPDATE labeler_queueentry e SET seats_left = 0 FROM chosen c WHERE e.image_id = c.id
        )
        UPDATE labeler_image i SET n_votes = 1, status = 'settled', tally = jsonb_build_object(c.said::text, 1)
        FROM chosen c WHERE i.id = c.id
        """,
        {
            "project": project.pk, "people": people, "m": len(people), "ids": ids, "k": len(ids), "first": first,
            "last": last,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
