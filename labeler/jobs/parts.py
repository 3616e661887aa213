"""Cut a pre-labeling into parts, and hand them out: several workers, one job. The only module that writes Part.

A part is taken by its lease like any work (labeler/jobs/leases.py): one whose worker died is taken again by whoever
asks next, and what had been stored of it is not done twice. Knows rows and workers; not what is done with the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Func, IntegerField, Q, Sum

from labeler.jobs import dispatch, leases
from labeler.jobs.leases import Lease
from labeler.models import Job, Part
from labeler.models.job import UNFINISHED, State

# Images of a part: some ten seconds of one core where their features are not kept yet. Small enough that workers end
# together, large enough that loading a model and telling each other costs little beside it.
SIZE = 1024


def cut(job: Job, image_ids: Sequence[int]) -> None:
    """Make the parts of a job, in the order given."""
    Part.objects.bulk_create(
        Part(job=job, number=number, images=list(image_ids[start : start + SIZE]))
        for number, start in enumerate(range(0, len(image_ids), SIZE))
    )


def call_helpers(job: Job) -> int:
    """Tell other workers that there are parts to take; how many are told. One part needs nobody's help."""
    waiting = job.parts.filter(state=State.QUEUED).count()
    queue = dispatch.QUEUES[dispatch.HELP]
    processes = sum(worker.processes for worker in dispatch.workers_alive() or () if queue in worker.queues)
    # the one that asks is among them
    return sum(dispatch.send(dispatch.HELP, job.pk) for _ in range(min(waiting, processes) - 1))


def is_help_wanted(job_id: int) -> bool:
    """Whether somebody works on the job and there are parts that nobody has taken."""
    return Part.objects.filter(leases.free(), job=job_id, job__state=State.RUNNING).exists()


def take(job: Job, *, worker: str) -> tuple[Part, Lease] | None:
    """The first part that nobody works on; None: there is none just now."""
    while (pk := job.parts.filter(leases.free()).order_by("number").values_list("pk", flat=True).first()) is not None:
        if (taken := leases.take(Part, pk, worker=worker)) is not None:
            return taken
        # Somebody was quicker: that part is not free any more, so this ends.
    return None


@dataclass(frozen=True, slots=True)
class Together:
    """How far a job's parts are."""

    images: int
    done: int  # images, read or not
    unreadable: int
    unfinished: int  # parts that wait or are worked on
    error: dict[str, Any] | None  # of the first part that failed


def together(job: Job) -> Together:
    """The parts added up. Those whose worker died on every attempt count as failed."""
    leases.fail_rows_without_attempts_left(Part)
    length = Func(F("images"), function="cardinality", output_field=IntegerField())
    found = job.parts.aggregate(
        images=Sum(length, default=0),
        done=Sum("progress_done", default=0),
        unreadable=Sum("unreadable", default=0),
        unfinished=Count("pk", filter=Q(state__in=UNFINISHED)),
    )
    failed = job.parts.filter(state=State.FAILED).order_by("number").first()
    return Together(**found, error=failed.error if failed else None)


def forget_ended() -> int:
    """Delete the parts of jobs that have ended, also by being cancelled: who works on one notices. How many."""
    return Part.objects.exclude(job__state__in=UNFINISHED).delete()[0]
