"""From an import job to rows: its file, progress on its row, and what was refused.

Knows jobs and where uploads lie. Does not know formats, images or archives (labeler/imports).
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.imports import run
from labeler.intake.budget import give_back
from labeler.intake.check import Refused
from labeler.jobs import jobs
from worker.attempt import attempt


def import_job(job_id: int, *, worker: str) -> None:
    """Run one import; does nothing when it is somebody else's or over. Killed and run again, each image is in
    once.
    """
    taken = jobs.start(job_id, worker=worker)
    if taken is None:
        return
    job, lease = taken
    with attempt(lease) as pulse:

        def progress(stage: str, done: int, total: int, result: dict[str, Any]) -> None:
            pulse.check()
            lease.write(progress_done=done, progress_total=total, stage=stage, result=result)

        source = jobs.source_of(job) if "path" in job.params else None
        lease.write(stage="opening the file")
        try:
            ended = run.import_file(job, source, progress=progress)
        except Refused as refusal:
            raise NotPossibleNow(refusal.reason) from refusal
        except FileNotFoundError as error:
            raise NotPossibleNow(_("The file to import is gone: upload it again.")) from error
        lease.finish(
            result=ended.result | ({"asks": True} if ended.asks else {}),
            progress_done=ended.seen,
            progress_total=ended.seen,
        )
    # The process lives on, and what unpacking took would stay with it.
    give_back()
    job.refresh_from_db()
    jobs.forget_upload(job)
