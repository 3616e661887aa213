"""From an import job to images: its file, progress on its row, and what was refused.

Knows jobs and where uploads lie. Does not know images or archives (labeler/intake).
"""

from __future__ import annotations

from labeler import jobs
from labeler.errors import NotPossibleNow
from labeler.intake import images
from labeler.intake.check import Refused
from worker.attempt import attempt

FORMATS = frozenset({"auto", "zip", "tar", "imagefolder"})


def import_job(job_id: int, *, worker: str) -> None:
    """Run one import; does nothing when it is somebody else's or over. Killed and run again, each image is in
    once.
    """
    taken = jobs.start(job_id, worker=worker)
    if taken is None:
        return
    job, lease = taken
    with attempt(lease) as pulse:
        if job.params.get("format", "auto") not in FORMATS:
            raise NotPossibleNow(f"Imports of the format {job.params['format']!r} are not possible yet.")
        source = jobs.source_of(job)

        def progress(result: images.ImportResult, total: int) -> None:
            pulse.check()
            lease.write(
                progress_done=result.seen,
                progress_total=max(total, result.seen),
                result=result.as_json(),
                stage="reading images",
            )

        lease.write(stage="opening the file")
        try:
            result = images.import_path(source, project=job.project, job=job, progress=progress)
        except Refused as refusal:
            raise NotPossibleNow(refusal.reason) from refusal
        except FileNotFoundError as error:
            raise NotPossibleNow("The file to import is gone: upload it again.") from error
        lease.finish(result=result.as_json(), progress_done=result.seen, progress_total=result.seen)
    job.refresh_from_db()
    jobs.forget_upload(job)
