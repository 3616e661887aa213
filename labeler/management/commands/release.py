"""`release`: freeze a project as its next release, and stay until it is there."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.jobs import jobs
from labeler.management import image_filter
from labeler.management.base import FAILED, USAGE, DataCommand
from labeler.management.work import a_worker_serves, wait_for, work_here
from labeler.models import Release
from labeler.models.job import State
from labeler.models.release import ReleaseLabels
from labeler.releases import releases


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
        release = releases.request(
            project=self.project(options["project"]), by=None, name=options["name"], labels=options["labels"],
            splits=shares(options["splits"]), group_by=options["group_by"], seed=options["seed"],
            location=options["location"], filter=image_filter.sent(options["filter"] or ()),
        )  # fmt: skip
        assert release.job is not None
        job = release.job
        child = None if a_worker_serves("default") else work_here("release", job.pk)
        wait_for(job, child, command=self, name=f"Release {release.number}", cancel=lambda: jobs.cancel(job))
        release.refresh_from_db()
        if release.frozen_at is None:
            reason = job.error["message"] if job.error else job.get_state_display()
            self.result({"number": release.number, "state": job.state, "error": job.error}, f"Not made: {reason}")
            self.finish(FAILED)
            return
        self.result(facts(release), summary(release))


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
