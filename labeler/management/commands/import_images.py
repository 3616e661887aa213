"""`import_images FOLDER|ZIP --project NAME`: images into a project. Repeat it to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.errors import LabelerError
from labeler.intake.check import Refused
from labeler.intake.images import ImportResult, import_path
from labeler.management.base import DONE, REFUSALS, USAGE, DataCommand
from labeler.models import Project

MOST_LINES = 50  # refusals shown to a person; --json has them all


class Command(DataCommand):
    help = (
        "Take the images of a folder, a zip or a tar into a project. What is there already is passed over, so "
        "the same command continues after an interruption. Exit code 3: done, but some files were refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="FOLDER|ZIP", type=Path)
        parser.add_argument("--project", metavar="NAME", required=True, help="name or number of the project")
        parser.add_argument("--dry-run", action="store_true", help="check every file and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        project, source, dry_run = self.project(options["project"]), options["source"], options["dry_run"]
        if not source.exists():
            raise CommandError(f"There is no {source}.", returncode=USAGE)

        def progress(result: ImportResult, total: int) -> None:
            self.progress(result.seen, total or result.seen + 1, "files")

        try:
            result = import_path(source, project=project, progress=progress, dry_run=dry_run)
        except Refused as refusal:
            raise CommandError(refusal.reason) from refusal
        except (LabelerError, OSError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as stop:
            raise CommandError("Stopped. The same command goes on from here.") from stop
        self._report(result, project, dry_run)
        self.finish(REFUSALS if result.n_refused or result.stopped else DONE)

    def _report(self, result: ImportResult, project: Project, dry_run: bool) -> None:
        for file in result.refused[:MOST_LINES]:
            self.say(f"refused {file.name}: {file.reason}")
        if result.n_refused > MOST_LINES:
            self.say(f"… and {result.n_refused - MOST_LINES:,} more refused files (--json names them)")
        if result.stopped:
            self.say(f"stopped: {result.stopped}")
        text = (
            f"{'Would add' if dry_run else 'Added'} {result.added:,} images to “{project.name}”; "
            f"{result.duplicates:,} were there already, {result.n_refused:,} refused."
        )
        facts = {"project": project.pk, "dry_run": dry_run, **result.as_json()}
        self.result(facts, "" if self._quiet else text)
