"""The first page of the images of a large project under each filter alone, and under each pair of filters.

Rows are written by SQL (generate_series), statistics are taken, and each query is run as REST and the pages run it,
newest first. The plans of the slowest are printed.
"""

from __future__ import annotations

import itertools
import os
import time
from typing import Any

from bench.common import labeler, quantile

IMAGES = int(os.environ.get("BENCH_IMAGES", "1000000"))
PAGE = 60
CALLS = int(os.environ.get("BENCH_CALLS", "3"))
TARGET = 0.3
SLOWEST = 3  # whose plans are shown
MOVED = 2_000  # images that are deleted and restored, half of them labeled by two people

_FILL = """
INSERT INTO labeler_image (project_id, name, sha256, extension, width, height, n_bytes, metadata, slice, round, tally,
    n_votes, status, has_decision, disagreement, job_id, created_at)
SELECT %(project)s,
    'site-' || n %% 50 || '/' || CASE WHEN n %% 50000 = 7 THEN 'unusual' ELSE 'leaf' END || '-' || n || '.jpg',
    encode(sha256(n::text::bytea), 'hex'), 'jpg', 400 + 31 * (n %% 97), 300 + 17 * (n %% 89), 90000,
    jsonb_build_object('site', 's' || n %% 20, 'camera', CASE WHEN n %% 40000 = 11 THEN 'old' ELSE 'new' END),
    CASE n %% 10 WHEN 0 THEN 'test' WHEN 1 THEN 'calibration' ELSE '' END, 1,
    CASE WHEN n %% 5 < 2 THEN jsonb_build_object((%(classes)s)[1 + n %% 9]::text, 2) ELSE '{}' END,
    CASE WHEN n %% 5 < 2 THEN 2 ELSE 0 END,
    CASE WHEN n %% 200 = 0 THEN 'disputed' WHEN n %% 5 < 2 THEN 'settled' ELSE 'unlabeled' END, false,
    CASE WHEN n %% 200 = 0 THEN 1.0 ELSE 0.0 END, (%(jobs)s)[1 + n * 10 / (%(images)s + 1)], now()
FROM generate_series(1, %(images)s) n;
INSERT INTO labeler_queueentry (image_id, project_id, round, seats, seats_left, priority, chosen_by, accepted)
SELECT id, project_id, 1, 2, 2 - n_votes, random(), 'random', false FROM labeler_image;
INSERT INTO labeler_label (project_id, image_id, annotator_id, round, purpose, answer, kind, categories, reason,
    informed, chosen_by, seconds, guideline_version, label_set_version, extra, body_hash, created_at)
SELECT i.project_id, i.id, p.who, 1, 'vote', 'labeled', 'classification',
    ARRAY[CASE WHEN i.id %% 30000 < 2 THEN (%(classes)s)[10] ELSE (%(classes)s)[1 + i.id %% 9] END], '',
    false, 'random', 2, 1, 1, false, '', now()
FROM labeler_image i, LATERAL (SELECT (%(people)s)[1 + (i.id / 7) %% 4] UNION SELECT (%(people)s)[5]) p(who)
WHERE i.n_votes > 0;
INSERT INTO labeler_consensus (image_id, project_id, categories, confidence, is_tie, method, n_votes, votes, version,
    computed_at)
SELECT i.id, i.project_id,
    ARRAY[CASE WHEN i.id %% 30000 < 2 THEN (%(classes)s)[10] ELSE (%(classes)s)[1 + i.id %% 9] END],
    1.0, false, 'majority', 2, '', 1, now()
FROM labeler_image i WHERE i.n_votes > 0;
INSERT INTO labeler_prediction (run_id, image_id, probabilities, categories, probability, margin, created_at)
SELECT %(run)s, id, ARRAY[.9, .1],
    ARRAY[CASE WHEN id %% 50000 = 3 THEN (%(classes)s)[10] ELSE (%(classes)s)[1 + id %% 9] END],
    (hashint8(id) & 65535) / 65536.0, .5, now()
FROM labeler_image
"""


def fill() -> tuple[Any, dict[str, dict[str, list[str]]]]:
    """A project, and the filters by name."""
    from django.db import connection

    from labeler.models import Category, Job, Membership, Project, Role, TrainingRun

    project = Project.objects.create(name="Large")
    users = [_user(n) for n in range(5)]
    for user in users:
        Membership.objects.create(project=project, user=user, role=Role.ANNOTATOR)
    classes = [Category.objects.create(project=project, name=f"class {n}", position=n).pk for n in range(10)]
    jobs = [Job.objects.create(project=project, kind="import", state="done").pk for _ in range(10)]
    run = TrainingRun.objects.create(
        project=project, number=1, state="done", is_active=True, category_ids=classes[:2], category_names=["a", "b"]
    )
    params = {
        "project": project.pk, "images": IMAGES, "classes": classes, "jobs": jobs, "run": run.pk,
        "people": [user.pk for user in users],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET synchronous_commit = off")
        for statement in _FILL.split(";\n"):
            begun = time.monotonic()
            cursor.execute(statement, params)
            print(f"{statement.strip()[:40]}… {cursor.rowcount:,} rows in {time.monotonic() - begun:.0f} s", flush=True)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("RESET statement_timeout")
    common, rare = str(classes[2]), str(classes[9])
    return project, {
        "all": {},
        "status unlabeled": {"status": ["unlabeled"]},
        "status disputed": {"status": ["disputed"]},
        "search common": {"search": ["leaf"]},
        "search rare": {"search": ["unusual"]},
        "search none": {"search": ["nothing like it"]},
        "class of somebody, common": {"category": [common]},
        "class of somebody, rare": {"category": [rare]},
        "labeled by": {"labeled_by": ["person-1"]},
        "consensus, common": {"consensus": [common]},
        "consensus, rare": {"consensus": [rare]},
        "model's class, common": {"predicted": [common]},
        "model's class, rare": {"predicted": [rare]},
        "confidence .95 to 1": {"min_confidence": ["0.95"]},
        "confidence .500 to .501": {"min_confidence": ["0.5"], "max_confidence": ["0.501"]},
        "disagreement": {"disagreement": ["0.9"]},
        "metadata, common": {"metadata.site": ["s3"]},
        "metadata, rare": {"metadata.camera": ["old"]},
        "import, the oldest": {"import": [str(jobs[0])]},
        "large": {"min_pixels": ["5500000"]},
        "small": {"max_pixels": ["130000"]},
    }


def _user(n: int) -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.create(username=f"person-{n}")


def found(project: Any, sent: dict[str, list[str]]) -> Any:
    from labeler.curation import filters

    return filters.read(project, sent, is_checked=True).images(project)


def plan(rows: Any) -> str:
    """Of the keys: as they are walked, and, where that took too long, as they are found when nothing is walked."""
    from django.db.models import F

    from labeler.curation.listing import WALK_MS

    keys = rows.values_list("pk", flat=True)
    walked = keys.order_by("-id")[: PAGE + 1].explain(analyze=True)
    if float(walked.rpartition("Execution Time: ")[2].split()[0]) < WALK_MS:
        return str(walked)
    return f"{walked}\n--- given up after {WALK_MS} ms, then:\n" + str(
        keys.order_by(-(F("id") + 0))[: PAGE + 1].explain(analyze=True)
    )


def seconds_of(project: Any, sent: dict[str, list[str]], calls: int) -> list[float]:
    from django.db import OperationalError

    from labeler.curation import listing

    taken = []
    for _ in range(calls):
        begun = time.monotonic()
        try:
            listing.first(found(project, sent), ["-id"], PAGE + 1)
        except OperationalError:
            return [float("inf")]
        taken.append(time.monotonic() - begun)
    return taken


def move(project: Any) -> None:
    """How long deleting, restoring and purging takes, per image."""
    from labeler.curation import deletion
    from labeler.models import Image

    ids = list(Image.objects.filter(project=project).order_by("id").values_list("pk", flat=True)[:MOVED])
    for name, act in (("delete", deletion.delete), ("restore", deletion.restore), ("delete again", deletion.delete)):
        begun = time.monotonic()
        act(project=project, by=None, image_ids=ids)
        print(f"{name:<40} {1000 * (time.monotonic() - begun) / len(ids):8.2f} ms per image   n {len(ids)}")
    begun = time.monotonic()
    for start in range(0, len(ids), deletion.PURGED_AT_ONCE):
        deletion.purge(ids[start : start + deletion.PURGED_AT_ONCE])
    print(f"{'purge':<40} {1000 * (time.monotonic() - begun) / len(ids):8.2f} ms per image   n {len(ids)}\n")


def main() -> None:
    """Print the times."""
    with labeler():
        project, wanted = fill()
        times: dict[str, float] = {}
        for name, sent in wanted.items():
            seconds_of(project, sent, 1)  # what is read for the first time comes from the disk
            readings = seconds_of(project, sent, CALLS)
            times[name] = quantile(readings, 0.5)
            print(f"{name:<40} {1000 * times[name]:8.1f} ms   n {len(readings)}", flush=True)
        pairs: dict[str, float] = {}
        both: dict[str, dict[str, list[str]]] = {}
        for one, other in itertools.combinations(list(wanted)[1:], 2):
            if set(wanted[one]) & set(wanted[other]):
                continue
            name = f"{one} + {other}"
            both[name] = {**wanted[one], **wanted[other]}
            seconds_of(project, both[name], 1)
            pairs[name] = quantile(seconds_of(project, both[name], CALLS), 0.5)
        ordered = sorted(pairs, key=lambda name: -pairs[name])
        slow = [name for name in ordered if pairs[name] > TARGET]
        print(
            f"\n{len(pairs)} pairs: median {1000 * quantile(list(pairs.values()), 0.5):.1f} ms, "
            f"p95 {1000 * quantile(list(pairs.values()), 0.95):.1f} ms, {len(slow)} above {1000 * TARGET:.0f} ms"
        )
        move(project)
        for name in ordered[:20]:
            print(f"{name:<80} {1000 * pairs[name]:8.1f} ms")
        worst = sorted(times, key=lambda name: -times[name])[:SLOWEST]
        for name in (*worst, *ordered[:SLOWEST]):
            print(f"\n### {name}\n{plan(found(project, wanted.get(name) or both[name]))}")
