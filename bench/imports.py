"""Files of other tools: a manifest of 10,000 rows about images that are here, in processor time of this process and of
its database connection together; and an archive with labels again, as a share of its first time.
"""

from __future__ import annotations

import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import psutil

from bench.common import fill_project, labeler, show
from bench.intake import jpegs

ROWS, ROUNDS = 10_000, 3
IMAGES = 300
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


def bring_in(project: Any, path: Path) -> tuple[dict[str, Any], float, float]:
    """Take the file in: the result, seconds of processor time with the server process, and of the clock."""
    from django.db import connection

    from labeler.imports.run import import_file
    from labeler.jobs import jobs

    connection.ensure_connection()
    server = psutil.Process(connection.connection.info.backend_pid)

    def used() -> float:
        times = server.cpu_times()
        return time.process_time() + times.user + times.system

    job, _lease = jobs.begin_here(project=project, params={"path": str(path), "name": path.name}, worker="bench")
    begun, at = used(), time.perf_counter()
    ended = import_file(job, path, progress=lambda *told: None)
    return ended.result, used() - begun, time.perf_counter() - at


def main() -> None:
    """Print rows per second, and the share that the second import of one archive takes."""
    with labeler(), tempfile.TemporaryDirectory(prefix="labeler-bench-") as folder:
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
