"""Agreement on drawn objects: three people, 1,000 images, 20 objects each; what counting costs a worker, and the page.

Boxes and masks, drawn by simulated people who shift, miss and confuse. BENCH_IMAGES chooses another number of images.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from bench.common import fill_project, labeler, seconds_of, show
from bench.overview import Visitor

IMAGES, PEOPLE, OBJECTS, READINGS, REQUESTS = 1_000, 3, 20, 5, 20


def draw(task: str, images: int) -> tuple[Any, list[Any]]:
    """A project whose people have drawn on every image."""
    from django.db import connection
    from django.utils import timezone

    from labeler.geometry import masks
    from labeler.labeling import object_rows
    from labeler.labeling.objects import Drawn
    from labeler.models import Category, Label, Project

    project, users = fill_project(images, people=PEOPLE)
    Project.objects.filter(pk=project.pk).update(task=task)
    project.refresh_from_db()
    classes = list(Category.objects.filter(project=project).values_list("pk", flat=True))
    now = timezone.now()
    labels = Label.objects.bulk_create(
        Label(
            project=project, image_id=pk, annotator=user, answer="labeled", kind="objects", categories=classes[:1],
            round=1, chosen_by="random", seconds=30.0, guideline_version=1, label_set_version=1, created_at=now,
        )
        for pk in project.images.order_by("pk").values_list("pk", flat=True)
        for user in users
    )  # fmt: skip
    rng = np.random.default_rng(7)
    # A mask is a disc of the size of its box, one of sixty that are made once.
    discs = [_disc(side) for side in range(40, 100)]
    for start in range(0, len(labels), 300):
        rows = []
        for label in labels[start : start + 300]:
            truth = np.random.default_rng(label.image_id)
            corners, sides = truth.uniform(0, 500, (OBJECTS, 2)), truth.integers(50, 90, OBJECTS)
            kinds = truth.integers(0, len(classes), OBJECTS)
            objects = []
            for (x, y), side, kind in zip(corners.tolist(), sides.tolist(), kinds.tolist(), strict=True):
                if rng.random() < 0.05:
                    continue
                x, y = max(0.0, x + rng.normal(0, 4)), max(0.0, min(y, 380) + rng.normal(0, 4))
                box = (x, y, x + side, y + side)
                shape: dict[str, Any] = {"box": [x, y, side, side]}
                if task == "masks":
                    shape = masks.encode(discs[side - 40], int(x), int(y))
                category = classes[int(kind if rng.random() < 0.95 else rng.integers(0, len(classes)))]
                objects.append(Drawn(len(objects) + 1, category, shape, box, side * side, {}, None, "", None))
            rows.append((label.pk, objects))
        object_rows.insert(rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE labeler_label; ANALYZE labeler_labelobject")
    return project, users


def _disc(side: int) -> Any:
    at = np.arange(side) - side / 2 + 0.5
    return at[:, None] ** 2 + at[None, :] ** 2 <= (side / 2) ** 2


def main() -> None:
    """Print the figures."""
    with labeler() as running:
        from labeler.agreement import object_differences, objects, trust
        from labeler.labeling import drawn_arrays
        from labeler.labeling.label_arrays import Selection
        from labeler.progress import cached_reports

        images = int(os.environ.get("BENCH_IMAGES", IMAGES))
        everything = Selection.with_default_sample("all")
        for task, aim in (("boxes", "≤ 2 s"), ("masks", "≤ 20 s")):
            begun = time.perf_counter()
            project, users = draw(task, images)
            rows = drawn_arrays.read(project)
            print(
                f"{task}: {rows.drawings.n_objects:,} objects in {rows.n_answers:,} answers on {images:,} images, "
                f"{rows.drawings.first.size:,} pairs overlap ({time.perf_counter() - begun:.0f} s to make)"
            )
            readings = [seconds_of(lambda p=project: drawn_arrays.read(p)) for _ in range(READINGS)]
            show(f"{task}: read answers and measure overlaps", readings, "s ")
            readings = [seconds_of(lambda r=rows: objects.distance_of(r, r.drawings)) for _ in range(READINGS)]
            show(f"{task}: of it distance alpha", readings, "s ")
            readings = [
                seconds_of(lambda r=rows: object_differences.summary(r, r.drawings, r.annotators))
                for _ in range(READINGS)
            ]
            show(f"{task}: of it what differs", readings, "s ")
            readings = [seconds_of(lambda p=project: objects.count(p, everything)) for _ in range(READINGS)]
            show(f"{task}: agreement, by a worker", readings, "s ", target=aim)
            show(f"{task}: everything beside it (trust)", [seconds_of(lambda p=project: trust.figures(p))], "s ")
            path = f"/projects/{project.pk}/agreement/"
            lead = Visitor(running.port, users[0])
            lead.first_byte(path)
            while cached_reports.refresh():
                pass
            readings = [lead.first_byte(path)[0] for _ in range(REQUESTS)]
            show(f"{task}: agreement page, first byte", readings, "ms", 1e3, "≤ 500 ms")


if __name__ == "__main__":
    main()
