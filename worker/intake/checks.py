"""From a job to checks on the data set: its lease, and how far it is.

Knows jobs; what is looked for is labeler/data_checks/check.py's. Loads no torch.
"""

from __future__ import annotations

from dataclasses import asdict

from labeler.data_checks import check
from labeler.jobs import jobs
from labeler.models import Image
from worker.attempt import attempt


def checks_job(job_id: int, *, worker: str) -> None:
    """Run one check; does nothing when it is somebody else's or over. Killed and run again, no image is measured twice
    but those of the last step.
    """
    taken = jobs.start(job_id, worker=worker)
    if taken is None:
        return
    job, lease = taken
    with attempt(lease) as pulse:
        total = Image.objects.filter(project=job.project_id, check_row=None).count()
        lease.write(stage="measuring images", progress_total=total)

        def tell(done: int) -> None:
            pulse.check()
            lease.write(progress_done=done, progress_total=max(done, total))

        done = check.run(job.project, files=bool(job.params.get("files")), tell=tell)
        lease.finish(result=asdict(done), progress_done=done.measured, progress_total=max(done.measured, total))
