"""An import that a command does itself: by a row like that of the page, which lists it and can stop it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from labeler.errors import LabelerError
from labeler.imports.run import import_file
from labeler.intake.check import Refused
from labeler.jobs import jobs
from labeler.jobs.leases import LeaseLost, beating
from labeler.management.base import DataCommand
from labeler.models import Job, Project

EXPECTED = (LabelerError, Refused, OSError)


Tell = Callable[..., None]  # (done, total, **changes): tells the row and the terminal; raises LeaseLost
Read = Callable[[Job, Tell], tuple[dict[str, Any], int]]  # the result of the import, and how many rows it saw


def run(command: DataCommand, project: Project, params: dict[str, Any], read: Read) -> Job:
    """The job, with its result. Raises what `read` raises, and CommandError when somebody stopped it."""
    worker = f"{command.__module__.rpartition('.')[2]} {os.getpid()}"
    job, lease = jobs.begin_here(project=project, params={**params, "terminal": True}, worker=worker)

    def tell(done: int, total: int, **changes: Any) -> None:
        pulse.check()
        lease.write(progress_done=done, progress_total=total, **changes)
        command.progress(done, total, "rows")

    try:
        with beating(lease) as pulse:
            job.result, n = read(job, tell)
            lease.finish(result=job.result, progress_done=n, progress_total=n)
    except EXPECTED as error:
        lease.fail(getattr(error, "code", "unreadable"), str(error))
        raise
    except LeaseLost as lost:
        raise CommandError("Somebody stopped this import. The same command goes on from here.") from lost
    except KeyboardInterrupt:
        jobs.cancel(job)
        raise
    return job


def read_file(source: Path | None, job: Job, tell: Tell) -> tuple[dict[str, Any], int]:
    """As imports of the page do; source None: what the job's params name."""

    def progress(stage: str, done: int, total: int, result: dict[str, Any]) -> None:
        tell(done, total, stage=stage, result=result)

    ended = import_file(job, source, progress=progress)
    return ended.result, ended.seen
