"""From an import job to images: its file, progress on its row, and what was refused.

Knows jobs and where uploads lie. Does not know images or archives (labeler/intake).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.intake import images, import_labels, outcomes
from labeler.intake.budget import give_back
from labeler.intake.check import Refused
from labeler.intake.formats import judgements
from labeler.jobs import jobs
from labeler.jobs.leases import Lease, Pulse
from labeler.models import Job
from worker.attempt import attempt

ARCHIVES = frozenset({"auto", "zip", "tar", "imagefolder"})


def import_job(job_id: int, *, worker: str) -> None:
    """Run one import; does nothing when it is somebody else's or over. Killed and run again, each image is in
    once.
    """
    taken = jobs.start(job_id, worker=worker)
    if taken is None:
        return
    job, lease = taken
    with attempt(lease) as pulse:
        format_ = job.params.get("format", "auto")
        if format_ != jobs.JUDGEMENTS and format_ not in ARCHIVES:
            raise NotPossibleNow(_("Imports of the format %(name)s are not possible yet.") % {"name": repr(format_)})
        source = jobs.source_of(job)
        lease.write(stage="opening the file")
        try:
            is_judgements = format_ == jobs.JUDGEMENTS or (format_ == "auto" and judgements.is_table(source))
            take_in = _judgements if is_judgements else _images
            seen, result = take_in(job, source, pulse, lease)
        except Refused as refusal:
            raise NotPossibleNow(refusal.reason) from refusal
        except FileNotFoundError as error:
            raise NotPossibleNow(_("The file to import is gone: upload it again.")) from error
        lease.finish(result=result, progress_done=seen, progress_total=seen)
    # The process lives on, and what unpacking took would stay with it.
    give_back()
    job.refresh_from_db()
    jobs.forget_upload(job)


def _images(job: Job, source: Path, pulse: Pulse, lease: Lease) -> tuple[int, dict[str, Any]]:
    def progress(result: outcomes.ImportResult, total: int) -> None:
        pulse.check()
        lease.write(
            progress_done=result.seen,
            progress_total=max(total, result.seen),
            result=result.as_json(),
            stage="reading images",
        )

    result = images.import_path(source, project=job.project, job=job, progress=progress)
    return result.seen, result.as_json()


def _judgements(job: Job, source: Path, pulse: Pulse, lease: Lease) -> tuple[int, dict[str, Any]]:
    def progress(outcome: import_labels.LabelImportResult, total: int) -> None:
        pulse.check()
        lease.write(progress_done=outcome.seen, progress_total=total, stage="taking judgements in")

    rows = judgements.read(source, multi=job.project.is_multi)
    outcome = import_labels.import_judgements(job=job, rows=rows, progress=progress)
    return outcome.seen, outcome.as_json()
