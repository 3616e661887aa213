"""`import_metadata FILE --project NAME`: what is known of images besides their pixels. Repeat it to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.errors import LabelerError
from labeler.intake import import_metadata
from labeler.intake.formats import metadata
from labeler.management.base import DONE, REFUSALS, USAGE, DataCommand

MOST_LINES = 50  # refusals shown to a person; --json has more


class Command(DataCommand):
    help = (
        "Take metadata of images (camera, place, date, a description) into a project whose images are in: a CSV with a "
        "row per image, or JSON Lines with an object per image. file_name (or sha256, or id) names the image, every "
        "other column is a field. Fields that are not named stay. Exit code 3: done, but some rows were refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="FILE", type=Path)
        parser.add_argument("--project", metavar="NAME", required=True, help="name or number of the project")
        parser.add_argument(
            "--empty-removes", action="store_true", help="an empty cell takes the field away (else it says nothing)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project, source = self.project(options["project"]), options["source"]
        if not source.is_file():
            raise CommandError(f"There is no file {source}.", returncode=USAGE)

        def progress(outcome: import_metadata.MetadataResult, total: int) -> None:
            self.progress(outcome.seen, total, "rows")

        try:
            with source.open("rb") as file:
                rows = metadata.Table(file, remove_empty=options["empty_removes"])
                outcome = import_metadata.describe(project=project, by=None, rows=rows, progress=progress)
        except (LabelerError, OSError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as stop:
            raise CommandError("Stopped. The same command goes on from here.") from stop
        for line in refusals(outcome):
            self.say(line)
        text = f"“{project.name}”: {summary(outcome)}."
        self.result({"project": project.pk, **outcome.as_json()}, "" if self._quiet else text)
        self.finish(REFUSALS if outcome.n_refused else DONE)


def refusals(outcome: import_metadata.MetadataResult) -> list[str]:
    """A line for each row that was refused, as far as a person reads them."""
    lines = [
        f"refused row {row.row}{row.name and f' ({row.name})'}: {row.reason}" for row in outcome.refused[:MOST_LINES]
    ]
    if outcome.n_refused > MOST_LINES:
        lines.append(f"… and {outcome.n_refused - MOST_LINES:,} more refused rows (--json names them)")
    return lines


def summary(outcome: import_metadata.MetadataResult) -> str:
    return (
        f"Changed the metadata of {outcome.updated:,} images; {outcome.unchanged:,} had it already, "
        f"{outcome.n_refused:,} rows refused"
    )
