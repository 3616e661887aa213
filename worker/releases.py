"""Releases, on the worker's side: a release is frozen, or one of its files built, and said how far it is.

Writes nothing itself, and does not know what is in a release (labeler/releases).
"""

from __future__ import annotations

from labeler.jobs.leases import Lease, Pulse
from labeler.models import Job, Release, ReleaseFile
from labeler.releases import files, releases
from labeler.releases.freeze import freeze
from worker.attempt import on_job

BEAT_SECONDS = 2.0  # between two writes of the progress


@on_job(seconds=BEAT_SECONDS)
def freeze_job(job: Job, lease: Lease, pulse: Pulse) -> None:
    """Freeze a requested release: a job of the kind "release"."""
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


@on_job(seconds=BEAT_SECONDS)
def build_job(job: Job, lease: Lease, pulse: Pulse) -> None:
    """Build a file of a release that was asked for: a job of the kind "export"."""
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
