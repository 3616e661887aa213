"""Imports, checks on the data set, and what is done to many images: from a job to rows, with its progress.

Knows jobs and where uploads lie. Does not know formats, images or archives (labeler/imports), what is looked for
(labeler/data_checks/check.py), nor what is done (labeler/curation/work.py, labeler/intake/tiles.py). Loads no torch.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _

from labeler.curation import work
from labeler.data_checks import check
from labeler.errors import NotPossibleNow
from labeler.imports import run
from labeler.intake import tile_jobs, tiles
from labeler.intake.budget import give_back
from labeler.intake.check import Refused
from labeler.jobs import jobs, leases
from labeler.jobs.leases import Lease, Pulse
from labeler.models import Image, Job
from worker.attempt import attempt, on_job


def import_job(job_id: int, *, worker: str) -> None:
    """Run one import; does nothing when it is somebody else's or over. Killed and run again, each image is in once."""
    taken = leases.take(Job, job_id, worker=worker)
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


@on_job()
def checks_job(job: Job, lease: Lease, pulse: Pulse) -> None:
    """Run one check. Killed and run again, no image is measured twice but those of the last step."""
    total = Image.objects.filter(project=job.project_id, check_row=None).count()
    lease.write(stage="measuring images", progress_total=total)

    def tell(done: int) -> None:
        pulse.check()
        lease.write(progress_done=done, progress_total=max(done, total))

    done = check.run(job.project, files=bool(job.params.get("files")), tell=tell)
    lease.finish(result=asdict(done), progress_done=done.measured, progress_total=max(done.measured, total))


@on_job()
def image_work_job(job: Job, lease: Lease, pulse: Pulse) -> None:
    """Do what is left of one job on many images."""
    carry_out = tiles.carry_out if job.params["do"] == tile_jobs.DO else work.carry_out
    carry_out(job, lease, pulse.check)
