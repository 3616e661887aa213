"""Freezing 1,000,000 labels as a release with splits, and writing its files: time and memory; the processor time of the
files of a usual project.

BENCH_IMAGES images with three labels each (normally 333,334). Memory is the most that this process held meanwhile.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.common import labeler, show
from bench.report import ROUNDS, USUAL, fill, processor_time

IMAGES, LABELS = int(os.environ.get("BENCH_IMAGES", "333334")), 3
SPLITS = {"train": 0.8, "validation": 0.1, "test": 0.1}


@contextmanager
def watched(said: Callable[[float, float], None]) -> Iterator[None]:
    """Tell how long the block took, in seconds, and the most memory that the process held in it, in MiB."""
    import psutil

    process, most, over = psutil.Process(), [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            most[0] = max(most[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - begun
        over.set()
        watcher.join()
        said(seconds, most[0] / 2**20)


def frozen(project: Any) -> Any:
    """A release of it, frozen here."""
    from labeler.models import Release
    from labeler.releases import releases
    from labeler.releases.freeze import freeze

    release = releases.request(project=project, by=None, splits=SPLITS)
    found = freeze(release)
    release.frozen_at, release.checksum = release.created_at, found.checksum
    release.n_bytes, release.manifest = found.n_bytes, found.manifest
    release.save()
    return Release.objects.get(pk=release.pk)


def main() -> None:
    with labeler():
        from labeler import releases as exports
        from labeler.models import Project
        from labeler.releases import releases

        def told(what: str) -> Callable[[float, float], None]:
            return lambda seconds, mib: show(f"{what}: at most {mib:.0f} MiB", [seconds], "s ", target="<= 250 MiB")

        large = Project.objects.get(pk=fill("Large", IMAGES, LABELS))
        for nth in ("first", "second"):
            with watched(told(f"{nth} release of {IMAGES * LABELS:,} labels frozen and split")):
                release = frozen(large)
        for format_ in ("csv", "jsonl"):
            with watched(told(f"the release as {format_}")):
                deque(exports.as_file(releases.data_set(release), format_).chunks, 0)
        small = frozen(Project.objects.get(pk=fill("Usual", *USUAL, model=True)))
        for format_ in ("csv", "jsonl"):
            readings = [
                processor_time(lambda f=format_: deque(exports.as_file(releases.data_set(small), f).chunks, 0))
                for _ in range(ROUNDS)
            ]
            show(f"release of 10,000 labels as {format_}: processor time", readings, "s ", target="<= 0.5 s")


if __name__ == "__main__":
    main()
