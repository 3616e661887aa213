"""Build a file of a release that was asked for: take its job, say how far it is."""

from __future__ import annotations

from labeler.jobs import jobs
from labeler.models import ReleaseFile
from labeler.releases import files
from worker.attempt import attempt

BEAT_SECONDS = 2.0


def build_job(job_id: int, *, worker: str) -> None:
    """Run one job of the kind "export"; does nothing when it is somebody else's or over."""
    taken = jobs.start(job_id, worker=worker)
    if taken is None:
        return
    job, lease = taken
    with attempt(lease, seconds=BEAT_SECONDS) as pulse:
        row = ReleaseFile.objects.filter(job=job).select_related("release__project", "release__created_by").first()
        if row is None or row.release.deleted_at is not None or row.release.project.trashed_at is not None:
            lease.fail("gone", "The release was deleted or renamed, or its project is in the trash: ask again.")
            return
        lease.write(stage="Writing the file")

        def tick(n_bytes: int) -> None:
            # How long a file will be nobody knows before it is written: kilobytes, and no total.
            pulse.changes = {"progress_done": n_bytes // 1000}
            pulse.check()

        files.build(row, lease, tick)
