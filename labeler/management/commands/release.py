"""`release`: freeze a project as its next release, and stay until it is there.

With a worker running on the same data directory the worker freezes and this command watches; without one a child of
this command does.
"""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.errors import LabelerError
from labeler.jobs import dispatch, jobs
from labeler.management import image_filter
from labeler.management.base import FAILED, USAGE, DataCommand
from labeler.management.commands.train import find_project, work_here
from labeler.models import Release
from labeler.models.job import State
from labeler.models.release import ReleaseLabels
from labeler.releases import releases

LOOK_SECONDS = 0.3


class Command(DataCommand):
    help = "Freeze a project as its next release, and wait for it. Exit code 0: made, 1: not, 2: wrong usage."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="NAME", help="a project's name or number")
        parser.add_argument("--name", default="", help="for people; the number is given")
        parser.add_argument("--labels", choices=ReleaseLabels.values, default=ReleaseLabels.CONSENSUS)
        parser.add_argument(
            "--splits", metavar="SHARES", help="as train=0.8,validation=0.1,test=0.1 (default: not split)"
        )
        parser.add_argument("--group-by", default="", metavar="KEY", help="of the metadata: its groups stay together")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--location", action="store_true", help="leave places and personal fields in its files")
        image_filter.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        project = find_project(options["project"])
        try:
            release = releases.request(
                project=project, by=None, name=options["name"], labels=options["labels"],
                splits=shares(options["splits"]), group_by=options["group_by"], seed=options["seed"],
                location=options["location"], filter=image_filter.sent(options["filter"] or ()),
            )  # fmt: skip
        except LabelerError as problem:
            raise CommandError(str(problem)) from None
        assert release.job is not None
        child = None if a_worker_exports() else work_here("release", release.job.pk)
        try:
            self._wait(release, child)
        except KeyboardInterrupt:
            jobs.cancel(release.job)
            raise CommandError(f"Release {release.number} was cancelled.") from None
        finally:
            if child is not None and child.poll() is None:
                child.terminate()
                child.wait()
        release.refresh_from_db()
        job = release.job
        if release.frozen_at is None:
            reason = job.error["message"] if job.error else job.get_state_display()
            self.result({"number": release.number, "state": job.state, "error": job.error}, f"Not made: {reason}")
            self.finish(FAILED)
            return
        self.result(facts(release), summary(release))

    def _wait(self, release: Release, child: Any) -> None:
        """Until its job has ended. Raises CommandError when the child ended and the job did not."""
        job = release.job
        assert job is not None
        while True:
            ended_with = child.poll() if child is not None else None
            job.refresh_from_db()
            if job.is_finished:
                return
            if ended_with is not None:
                raise CommandError(f"The process that froze it ended (exit code {ended_with}) before it was done.")
            if job.progress_total:
                self.progress(job.progress_done, job.progress_total, job.stage)
            time.sleep(LOOK_SECONDS)


def a_worker_exports() -> bool:
    """Whether a worker that freezes releases was alive a moment ago."""
    return any("default" in worker.queues for worker in dispatch.workers_alive() or [])


def shares(said: str | None) -> dict[str, float] | None:
    """train=0.8,test=0.2 as shares by name. Raises CommandError (usage)."""
    if said is None:
        return None
    try:
        pairs = [part.split("=") for part in said.split(",")]
        return {name.strip(): float(share) for name, share in pairs}
    except ValueError:
        raise CommandError(
            "--splits are shares by name, as train=0.8,validation=0.1,test=0.1.", returncode=USAGE
        ) from None


def facts(release: Release) -> dict[str, Any]:
    """What --json prints."""
    told = ("filter", "images", "judgements", "outcomes", "counts", "decided_by", "groups_divided", "diff", "left_out")
    return {
        "id": release.pk, "project": release.project_id, "number": release.number, "name": release.name,
        "state": State.DONE, "checksum": release.checksum, "bytes": release.n_bytes,
        **{name: release.manifest[name] for name in told},
    }  # fmt: skip


def summary(release: Release) -> str:
    """What a person reads."""
    manifest = release.manifest
    rows = [f"{row['split']} {row['images']:,}" for row in manifest["counts"] if row["split"]]
    splits = f" Splits: {', '.join(rows)}." if rows else ""
    return (
        f"Release {release.number}: {manifest['images']:,} images, {manifest['judgements']:,} judgements, "
        f"{manifest['outcomes']:,} with an outcome.{splits} SHA-256 {release.checksum}."
    )
