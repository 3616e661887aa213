"""`import_images FOLDER|ZIP --project NAME`: images into a project. Repeat it to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.errors import LabelerError
from labeler.intake import import_metadata as metadata_import
from labeler.intake.check import Refused
from labeler.intake.formats import metadata
from labeler.intake.images import import_path
from labeler.intake.outcomes import ImportResult
from labeler.management.base import DONE, REFUSALS, USAGE, DataCommand
from labeler.management.commands import import_metadata
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
        parser.add_argument(
            "--metadata", metavar="FILE", type=Path, help="what is known of the images: as import_metadata takes it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project, source, dry_run = self.project(options["project"]), options["source"], options["dry_run"]
        if not source.exists():
            raise CommandError(f"There is no {source}.", returncode=USAGE)
        table: Path | None = options["metadata"]
        if table is not None:
            self._check(table)

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
        described = self._describe(table, project) if table is not None and not dry_run else None
        self._report(result, described, project, dry_run)
        is_whole = not (result.n_refused or result.stopped or (described and described.n_refused))
        self.finish(DONE if is_whole else REFUSALS)

    def _check(self, table: Path) -> None:
        """Before many images are read: is the table one at all?"""
        if not table.is_file():
            raise CommandError(f"There is no file {table}.", returncode=USAGE)
        try:
            with table.open("rb") as file:
                for _row in metadata.Table(file):
                    pass
        except (LabelerError, OSError) as error:
            raise CommandError(f"{table}: {error}") from error

    def _describe(self, table: Path, project: Project) -> metadata_import.MetadataResult:
        try:
            with table.open("rb") as file:
                return metadata_import.describe(project=project, by=None, rows=metadata.Table(file))
        except (LabelerError, OSError) as error:
            raise CommandError(f"The images are in, but {table} could not be read: {error}") from error
        except KeyboardInterrupt as stop:
            raise CommandError("Stopped. The same command goes on from here.") from stop

    def _report(
        self, result: ImportResult, described: metadata_import.MetadataResult | None, project: Project, dry_run: bool
    ) -> None:
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
        if described is not None:
            for line in import_metadata.refusals(described):
                self.say(line)
            text += f" {import_metadata.summary(described)}."
            facts["metadata"] = described.as_json()
        self.result(facts, "" if self._quiet else text)
