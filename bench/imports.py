"""Files of other tools: a manifest of 10,000 rows about images that are here, in processor time of this process and of
its database connection together; an archive with labels again, as a share of its first time; and what a person who
labels notices of a worker that imports 5,000 pictures with a manifest into the same project.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from bench.common import Client, Running, fill_project, labeler, quantile, show, token_for
from bench.intake import jpegs
from bench.queue import label

ROWS, ROUNDS = 10_000, 3
IMAGES = 300
PICTURES = int(os.environ.get("BENCH_PICTURES", "5000"))  # of the import beside which somebody labels
THERE = 10_000  # images of that project before
QUIET = 300  # saves before the import begins
PAUSE_SECONDS = 1.0  # between two claims of five images each, which are saved without pause
NAMES = ("Rust", "Leaf spot", "Mildew", "Blight", "Healthy")
MANIFESTS = {
    "metadata and split": "file_name,metadata.camera,metadata.n,split",
    "metadata, split and label": "file_name,metadata.camera,metadata.n,split,label",
}


def table(path: Path, head: str) -> None:
    """A row for each image."""
    with path.open("w") as file:
        file.write(head + "\n")
        for n in range(ROWS):
            label = f",{NAMES[n % len(NAMES)]}" if head.endswith("label") else ""
            file.write(f"image-{n + 1},Canon,{n},train{label}\n")


def bring_in(project: Any, path: Path, **said: Any) -> tuple[dict[str, Any], float, float]:
    """Take the file in: the result, seconds of processor time with the server process, and of the clock.

    said: answers about the file.
    """
    from django.db import connection

    from labeler.imports.run import import_file
    from labeler.jobs import jobs

    connection.ensure_connection()
    server = psutil.Process(connection.connection.info.backend_pid)

    def used() -> float:
        times = server.cpu_times()
        return time.process_time() + times.user + times.system

    job, _lease = jobs.begin_here(project=project, params={"path": str(path), "name": path.name} | said, worker="bench")
    begun, at = used(), time.perf_counter()
    ended = import_file(job, path, progress=lambda *told: None)
    return ended.result, used() - begun, time.perf_counter() - at


def pictures_with_manifest(path: Path) -> None:
    """PICTURES different small JPEGs, each with a label of one source and metadata."""
    random = np.random.default_rng(5)
    rows = ["file_name,label,metadata.camera"]
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(PICTURES):
            content = io.BytesIO()
            patches = Image.fromarray(random.integers(0, 255, (9, 12, 3), np.uint8))
            patches.resize((400, 300), Image.Resampling.BICUBIC).save(content, "JPEG", quality=85)
            archive.writestr(f"{n}.jpg", content.getvalue())
            rows.append(f"{n}.jpg,{NAMES[n % len(NAMES)]},Canon")
        archive.writestr("manifest.csv", "\n".join(rows))


def drawn_objects() -> None:
    """The polygons of the facades, of one source, for pictures that are there: 10,054 on 300 of them."""
    path = Path(os.environ.get("LABELER_TEST_DATA", "")) / "facades" / "coco.json"
    if not path.is_file():
        print("The objects of facades/coco.json: LABELER_TEST_DATA names no folder that has it.")
        return
    from labeler.models import Image

    named = [(one["file_name"], one["width"], one["height"]) for one in json.loads(path.read_text())["images"]]
    rates, clock = [], []
    for _ in range(ROUNDS):
        project, _users = fill_project(len(named), people=0)
        type(project).objects.filter(pk=project.pk).update(task="polygons")
        project.refresh_from_db()
        images = list(Image.objects.filter(project=project).order_by("pk"))
        for image, one in zip(images, named, strict=True):
            image.name, image.width, image.height = one
        Image.objects.bulk_update(images, ["name", "width", "height"])
        result, cpu, wall = bring_in(project, path, labels_as={"source": "cmp"}, new_categories="make")
        assert not result["refused"], result["refused"][:2]
        rates.append(result["objects_added"] / cpu)
        clock.append(result["objects_added"] / wall)
    show("objects of facades/coco.json, of processor time", rates, "objects/s", target=">= 5000")
    show("the same, on the clock", clock, "objects/s")


def labeling_beside_an_import(running: Running) -> None:
    """Saves of one person over HTTP, quiet and while the worker imports into the same project."""
    from django.conf import settings

    from labeler.jobs import jobs

    project, [user] = fill_project(THERE, people=1)
    client = Client(running.port, token_for(user))
    label(client, project.pk, 50)  # warm caches and plans
    upload = Path(settings.MEDIA_DIR) / "uploads" / "beside.zip"
    upload.parent.mkdir(parents=True, exist_ok=True)
    pictures_with_manifest(upload)
    quiet: list[float] = []
    while len(quiet) < QUIET:
        label(client, project.pk, 1, quiet)
        time.sleep(PAUSE_SECONDS)
    params = {"path": "uploads/beside.zip", "name": upload.name, "labels_as": {"source": "atlas"}}
    job, begun = jobs.request_import(project=project, requested_by=None, params=params), time.monotonic()
    beside: list[float] = []
    while not job.is_finished:
        label(client, project.pk, 1, beside)
        time.sleep(PAUSE_SECONDS)
        job.refresh_from_db()
    took = time.monotonic() - begun
    assert (job.state, job.result.get("added")) == ("done", PICTURES), (job.error, str(job.result)[:500])
    show(f"one save, quiet, {THERE:,} images", quiet, "ms", 1000)
    show(f"one save beside an import of {PICTURES:,} pictures ({took:.0f} s)", beside, "ms", 1000)
    times = quantile(beside, 0.95) / quantile(quiet, 0.95)
    print(f"p95 of a save beside the import: {times:.1f} times the quiet one   target <= 2")


def main() -> None:
    """Print rows per second, the share that the second import of one archive takes, and saves beside an import."""
    with labeler(worker=True) as running, tempfile.TemporaryDirectory(prefix="labeler-bench-") as folder:
        for what, head in MANIFESTS.items():
            path = Path(folder) / "rows.csv"
            table(path, head)
            spent, clock, again = [], [], []
            for _ in range(ROUNDS):
                project, _users = fill_project(ROWS, people=0)
                result, cpu, wall = bring_in(project, path)
                assert not result["refused"], result["refused"][:2]
                spent.append(ROWS / cpu)
                clock.append(ROWS / wall)
                again.append(ROWS / bring_in(project, path)[2])
            show(f"{ROWS} rows with {what}, of processor time", spent, "rows/s", target=">= 10000")
            show("the same, on the clock", clock, "rows/s")
            show("the same again, on the clock", again, "rows/s")
        shares = []
        contents = jpegs(IMAGES)
        path = Path(folder) / "set.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for n, content in enumerate(contents):
                archive.writestr(f"train/{NAMES[n % len(NAMES)]}/{n}.jpg", content)
        for _ in range(ROUNDS):
            project, _users = fill_project(0, people=0)
            first = bring_in(project, path)
            second = bring_in(project, path)
            assert (first[0]["added"], second[0]["added"], second[0]["duplicates"]) == (IMAGES, 0, IMAGES), second[0]
            shares.append(second[2] / first[2])
        show("an ImageFolder again, as a share of the first time", shares, "of it", target="<= 0.2")
        drawn_objects()
        labeling_beside_an_import(running)
