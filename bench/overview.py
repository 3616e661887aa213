"""The overview of a project with a million labels: time to the first byte, and what counting it costs.

Also the largest project that is still counted in the request, because its page must not be slow either.
"""

from __future__ import annotations

import http.client
import os
import time
from typing import Any

from bench.browser import session_of
from bench.common import labeler, seconds_of, show

IMAGES, UNLABELED, PEOPLE = 500_000, 20_000, 12
CATEGORIES = ("Rust", "Leaf spot", "Mildew", "Blight", "Healthy")
SHOWN = 0.2  # share of labels that were given under a suggestion
REQUESTS = 100


def fill(n_images: int, n_unlabeled: int, *, labels_per_image: int = 2) -> tuple[Any, list[Any]]:
    """A project whose first n_images have their labels, made over sixty days, with a model that was active for a part.

    Returns the project and its people; the first of them leads it.
    """
    from django.contrib.auth import get_user_model
    from django.db import connection

    from labeler.models import Category, Membership, Project, Role, TrainingRun

    users = [get_user_model().objects.get_or_create(username=f"person-{n:02}")[0] for n in range(PEOPLE)]
    project = Project.objects.create(name=f"{n_images:,} images", labels_per_image=labels_per_image)
    categories = [Category.objects.create(project=project, name=n, position=p) for p, n in enumerate(CATEGORIES)]
    for number, user in enumerate(users):
        Membership.objects.create(project=project, user=user, role=Role.ANNOTATOR if number else Role.LEAD)
    run = TrainingRun.objects.create(
        project=project, number=1, state="done", is_active=True, category_ids=[c.pk for c in categories],
        category_names=list(CATEGORIES),
    )  # fmt: skip
    words = {
        "project": project.pk, "people": [u.pk for u in users], "n_people": PEOPLE, "run": run.pk, "shown": SHOWN,
        "categories": [c.pk for c in categories], "n_categories": len(categories), "labeled": n_images,
        "n": n_images + n_unlabeled, "k": labels_per_image,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            """
            INSERT INTO labeler_image (project_id, name, sha256, extension, width, height, n_bytes, metadata, slice,
                                       round, tally, n_votes, status, has_decision, disagreement, created_at)
            SELECT %(project)s, 'image-' || n, encode(sha256((%(project)s || ':' || n)::bytea), 'hex'), 'jpg', 640, 480,
                   1000, '{}', CASE WHEN n %% 7 = 0 THEN 'test' WHEN n %% 11 = 0 THEN 'calibration' ELSE '' END, 1,
                   '{}', 0, 'unlabeled', false, 0, now() - interval '61 days'
            FROM generate_series(1, %(n)s) n
            """,
            words,
        )
        cursor.execute(
            """
            INSERT INTO labeler_prediction (run_id, image_id, probabilities, categories, probability, margin,
                                            created_at)
            SELECT %(run)s, id, array_fill(0.2::float8, ARRAY[%(n_categories)s]),
                   ARRAY[(%(categories)s::bigint[])[1 + (CASE WHEN random() < 0.9 THEN id ELSE id + 1 END)
                         %% %(n_categories)s]],
                   0.5 + random() / 2, random(), now() - interval '20 days'
            FROM labeler_image WHERE project_id = %(project)s AND random() < 0.5
            """,
            words,
        )
        # Two neighbours in a ring label each image; 85 % say its class, the others the next one, which they mix up.
        cursor.execute(
            """
            INSERT INTO labeler_label (project_id, image_id, annotator_id, round, purpose, answer, kind, categories,
                reason, chosen_by, seconds, guideline_version, label_set_version, extra, body_hash, created_at,
                shown_prediction_id)
            SELECT %(project)s, i.id, (%(people)s::int[])[1 + (i.n * 5 + k * 7) %% %(n_people)s], 1, 'vote', 'labeled',
                'classification',
                ARRAY[(%(categories)s::bigint[])[1 + (CASE WHEN random() < 0.85 THEN i.id ELSE i.id + 1 END)
                      %% %(n_categories)s]],
                '', 'random', 1 + random() * 4, 1, 1, false, '',
                now() - interval '1 day' * (60.0 * (%(labeled)s - i.n) / %(labeled)s + random()),
                CASE WHEN random() < %(shown)s THEN p.id END
            FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM labeler_image
                  WHERE project_id = %(project)s ORDER BY id LIMIT %(labeled)s) i
                 CROSS JOIN generate_series(0, %(k)s - 1) k
                 LEFT JOIN labeler_prediction p ON p.image_id = i.id AND p.run_id = %(run)s
            """,
            words,
        )
        cursor.execute(
            """
            WITH said AS (
                SELECT image_id, categories[1]::text AS answer, count(*) AS n FROM labeler_label
                WHERE project_id = %(project)s GROUP BY 1, 2
            ), tallied AS (
                SELECT image_id, jsonb_object_agg(answer, n) AS tally, sum(n) AS votes, max(n) AS most
                FROM said GROUP BY 1
            )
            UPDATE labeler_image i SET tally = t.tally, n_votes = t.votes,
                   status = CASE WHEN 2 * t.most > t.votes THEN 'settled' ELSE 'disputed' END,
                   disagreement = CASE WHEN t.most < t.votes THEN 1 ELSE 0 END
            FROM tallied t WHERE t.image_id = i.id
            """,
            words,
        )
        cursor.execute(
            """
            INSERT INTO labeler_queueentry (image_id, project_id, round, seats, seats_left, priority, chosen_by)
            SELECT id, project_id, 1, %(k)s, %(k)s - n_votes, random(), 'random' FROM labeler_image
            WHERE project_id = %(project)s
            """,
            words,
        )
        for table in ("image", "label", "prediction", "queueentry"):
            cursor.execute(f"VACUUM ANALYZE labeler_{table}")
        cursor.execute("RESET statement_timeout")
    return project, users


class Visitor:
    """A browser with one kept connection."""

    def __init__(self, port: int, user: Any):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers = {"Cookie": f"sessionid={session_of(user)}"}

    def first_byte(self, path: str) -> tuple[float, str]:
        """Seconds until the answer begins, and the page."""
        begun = time.perf_counter()
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        answer.read(1)
        took = time.perf_counter() - begun
        body = answer.read().decode()
        assert answer.status == 200, (answer.status, body[:500])
        return took, body


def main() -> None:
    """Print the figures."""
    with labeler() as running:
        from labeler.labeling import label_arrays
        from labeler.models import Label, Project, Snapshot
        from labeler.progress import cache, cached_reports, overview
        from labeler.progress import counts as progress_counts

        images, unlabeled = int(os.environ.get("BENCH_IMAGES", IMAGES)), UNLABELED
        begun = time.perf_counter()
        project, (lead, annotator, *_) = fill(images, unlabeled)
        path = f"/projects/{project.pk}/"
        labels = Label.objects.filter(project=project).count()
        took = time.perf_counter() - begun
        print(f"{labels:,} labels of {PEOPLE} people on {images + unlabeled:,} images ({took:.0f} s)")

        for _ in range(12):  # each web process loads its pages once
            Visitor(running.port, lead).first_byte("/")
        print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        took, page = Visitor(running.port, lead).first_byte(path)
        show("first visit, before anything was counted: first byte", [took], "ms", 1e3, "≤ 300 ms")
        assert "being counted" in page
        counts = [seconds_of(lambda: overview.figures(project)) for _ in range(3)]
        show("counting it all, by a worker", counts, "s ")
        show(
            "  of that: read the labels",
            [seconds_of(lambda: label_arrays.read_labels(project)) for _ in range(3)],
            "s ",
        )
        show(
            "  of that: progress", [seconds_of(lambda: progress_counts.count_progress(project)) for _ in range(3)], "s "
        )
        assert cached_reports.refresh() == 1
        row = Snapshot.objects.get(project=project)
        print(f"the snapshot takes {len(str(row.value)) / 1024:.0f} KiB")
        for who, user in (("lead", lead), ("annotator", annotator)):
            person = Visitor(running.port, user)  # a connection of its own: the server closes what is idle
            person.first_byte(path)
            before = running.cpu_seconds()
            readings = [person.first_byte(path)[0] for _ in range(REQUESTS)]
            spent = (running.cpu_seconds() - before) / REQUESTS * 1e3
            show(f"overview of the {who}: first byte", readings, "ms", 1e3, "p95 ≤ 300 ms")
            print(f"  of that {spent:.0f} ms of processor time, server and database together")
        Snapshot.objects.update(wanted_at=None, computed_at=row.computed_at - cache.UNMOVED_MAX_AGE * 2)
        show(
            "the same when a count is due and no worker is there",
            [Visitor(running.port, lead).first_byte(path)[0]],
            "ms",
            1e3,
        )
        assert Snapshot.objects.exclude(wanted_at=None).exists()

        size = cache.LARGE // 2 - 200
        small, (lead, *_) = fill(size, 200)
        visitor = Visitor(running.port, lead)
        path = f"/projects/{small.pk}/"
        visitor.first_byte(path)
        readings, before = [], running.cpu_seconds()
        for n in range(10):
            # Something changed: nothing that was kept may answer.
            Project.objects.filter(pk=small.pk).update(version=1000 + n)
            readings.append(visitor.first_byte(path)[0])
        spent = (running.cpu_seconds() - before) / len(readings) * 1e3
        show(f"counted in the request, {2 * size:,} labels: first byte", readings, "ms", 1e3, "≤ 300 ms")
        print(f"  of that {spent:.0f} ms of processor time, server and database together")
        assert not Snapshot.objects.filter(project=small).exists()


if __name__ == "__main__":
    main()
