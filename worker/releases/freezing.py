"""Freeze a requested release: take its job, say how far it is, keep what came of it."""

from __future__ import annotations

from labeler.jobs import jobs
from labeler.models import Release
from labeler.releases import releases
from labeler.releases.freeze import freeze
from worker.attempt import attempt

BEAT_SECONDS = 2.0  # between two writes of the progress


def freeze_job(job_id: int, *, worker: str) -> None:
    """Run one job of the kind "release"; does nothing when it is somebody else's or over."""
    taken = jobs.start(job_id, worker=worker)
    if taken is None:
        return
    job, lease = taken
    with attempt(lease, seconds=BEAT_SECONDS) as pulse:
        release = Release.objects.filter(job=job, deleted_at=None).select_related("project").first()
        if release is None or release.project.trashed_at is not None:
            lease.fail("gone", "The release was deleted, or its project is in the trash.")
            return
        lease.write(stage="Reading the images")

        def tick(done: int, all_: int) -> None:
            # The connection of this thread reads in a snapshot that may write nothing: the beat's writes it.
            pulse.changes = {"progress_done": done, "progress_total": all_}
            pulse.check()

        releases.keep(release, freeze(release, tick), lease)
