"""From a job to something done to many images: its progress on its row.

Knows jobs. What is done is labeler/curation/work.py's; tiles are cut by labeler/intake/tiles.py.
"""

from __future__ import annotations

from labeler.curation import work
from labeler.intake import tile_jobs, tiles
from labeler.jobs import jobs
from worker.attempt import attempt


def image_work_job(job_id: int, *, worker: str) -> None:
    """Do what is left of one job; does nothing when it is somebody else's or over."""
    taken = jobs.start(job_id, worker=worker)
    if taken is None:
        return
    job, lease = taken
    with attempt(lease) as pulse:
        carry_out = tiles.carry_out if job.params["do"] == tile_jobs.DO else work.carry_out
        carry_out(job, lease, pulse.check)
