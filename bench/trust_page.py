"""The agreement page of a million images with three labels each: what counting costs a worker, and the page meanwhile.

BENCH_IMAGES chooses another number of images.
"""

from __future__ import annotations

import os
import resource
import time

from bench.common import labeler, seconds_of, show
from bench.overview import Visitor, fill

IMAGES, LABELS, REQUESTS = 1_000_000, 3, 40


def main() -> None:
    """Print the figures."""
    with labeler() as running:
        from labeler.agreement import reports, trust
        from labeler.consensus import reliability
        from labeler.labeling import label_arrays
        from labeler.labeling.label_arrays import Selection
        from labeler.models import Label, Snapshot
        from labeler.models.project import ConsensusMethod
        from labeler.progress import cached_reports

        images = int(os.environ.get("BENCH_IMAGES", IMAGES))
        begun = time.perf_counter()
        project, (lead, annotator, *_) = fill(images, 0, labels_per_image=LABELS)
        labels = Label.objects.filter(project=project).count()
        print(f"{labels:,} labels on {images:,} images ({time.perf_counter() - begun:.0f} s)")
        show(
            "read the labels into arrays",
            [seconds_of(lambda: label_arrays.read_labels(project)) for _ in range(3)],
            "s ",
        )
        for name, selection in (("all", Selection.with_default_sample("all")), ("blind, random", Selection())):
            counted = [seconds_of(lambda s=selection: reports.count_agreement(project, s)) for _ in range(3)]
            show(f"agreement of {name} labels, by a worker", counted, "s ", target="≤ 5 s" if name == "all" else "")
        show("everything beside it (trust), by a worker", [seconds_of(lambda: trust.figures(project))], "s ")
        for method in (ConsensusMethod.ONE_COIN, ConsensusMethod.DAWID_SKENE):
            show(f"consensus: {method}", [seconds_of(lambda m=method: reliability.infer(project, m))], "s ")
        print(f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")

        path = f"/projects/{project.pk}/agreement/"
        for _ in range(12):  # each web process loads its pages once
            Visitor(running.port, lead).first_byte("/")
        show("first visit, nothing counted: first byte", [Visitor(running.port, lead).first_byte(path)[0]], "ms", 1e3)
        while cached_reports.refresh():
            pass
        print(f"snapshots: {sum(len(str(row.value)) for row in Snapshot.objects.all()) / 1024:.0f} KiB")
        for who, user in (("lead", lead), ("annotator", annotator)):
            person = Visitor(running.port, user)
            person.first_byte(path)
            while cached_reports.refresh():
                pass
            readings = [person.first_byte(path)[0] for _ in range(REQUESTS)]
            show(f"agreement page of the {who}: first byte", readings, "ms", 1e3, "≤ 500 ms")


if __name__ == "__main__":
    main()
