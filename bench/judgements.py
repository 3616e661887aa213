"""Judgements from elsewhere: a CSV of 10,000 rows into a project, in processor time of this process and of its database
connection together.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from bench.common import fill_project, labeler, show

ROWS, ROUNDS = 10_000, 5
SHAPES = ((5000, 2), (10_000, 1), (1000, 10))  # images, judgements of each
NAMES = ("Rust", "Leaf spot", "Mildew", "Blight", "Healthy")


def table(path: Path, n_images: int, people: int) -> None:
    """Two thirds of the people agree on each image; times and seconds as another tool exports them."""
    with path.open("w") as file:
        file.write("file_name,annotator,label,created_at,seconds\n")
        for n in range(n_images):
            for person in range(people):
                name = NAMES[(n + (person % 3 == 2)) % len(NAMES)]
                at = f"2026-03-{1 + n % 28:02}T{8 + n % 10:02}:{n % 60:02}:{person:02}Z"
                file.write(f"image-{n + 1},person{person},{name},{at},{1 + n % 7 / 2}\n")


def bring_in(project: Any, path: Path) -> float:
    """Take the file in; seconds of processor time, of this process and of the connection's server process."""
    from django.db import connection

    from labeler.intake import import_labels
    from labeler.intake.formats import judgements
    from labeler.jobs import jobs

    connection.ensure_connection()
    server = psutil.Process(connection.connection.info.backend_pid)

    def used() -> float:
        times = server.cpu_times()
        return time.process_time() + times.user + times.system

    job, _lease = jobs.begin_here(project=project, params={"format": "labels-csv", "blind": True}, worker="bench")
    begun = used()
    outcome = import_labels.import_judgements(job=job, rows=judgements.read(path, multi=False))
    spent = used() - begun
    assert outcome.labels_added == ROWS and not outcome.n_refused, outcome
    return spent


def main() -> None:
    """Print rows per second of processor time, for few and many judgements of an image."""
    with labeler(), tempfile.TemporaryDirectory(prefix="labeler-bench-") as folder:
        path = Path(folder) / "labels.csv"
        for n_images, people in SHAPES:
            table(path, n_images, people)
            rates = []
            for _ in range(ROUNDS):
                project, _users = fill_project(n_images, people=0)
                rates.append(ROWS / bring_in(project, path))
            show(f"{n_images} images, {people} judgements of each", rates, "rows/s", target=">= 5000")
