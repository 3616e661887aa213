"""`import_metadata FILE --project NAME`: what is known of images besides their pixels. Repeat it to go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.errors import LabelerError
from labeler.intake import import_metadata
from labeler.intake.formats import metadata
from labeler.management.base import DONE, REFUSALS, USAGE, DataCommand


class Command(DataCommand):
    help = (
        "Take metadata of images (camera, place, date, a description) into a project whose images are in: a CSV with a "
        "row per image, or JSON Lines with an object per image. file_name (or sha256, or id) names the image, every "
        "other column is a field. Fields that are not named stay. Exit code 3: done, but some rows were refused."
    )
    expected = (LabelerError, OSError)
    goes_on = True

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

        with source.open("rb") as file:
            rows = metadata.Table(file, remove_empty=options["empty_removes"])
            outcome = import_metadata.describe(project=project, by=None, rows=rows, progress=progress)
        self.say_refusals(refusals(outcome), outcome.n_refused)
        text = f"“{project.name}”: {summary(outcome)}."
        self.result({"project": project.pk, **outcome.as_json()}, "" if self._quiet else text)
        self.finish(REFUSALS if outcome.n_refused else DONE)


def refusals(outcome: import_metadata.MetadataResult) -> Iterator[str]:
    """A line for each row that was refused."""
    return (f"refused row {row.row}{row.name and f' ({row.name})'}: {row.reason}" for row in outcome.refused)


def summary(outcome: import_metadata.MetadataResult) -> str:
    return (
        f"Changed the metadata of {outcome.updated:,} images; {outcome.unchanged:,} had it already, "
        f"{outcome.n_refused:,} rows refused"
    )
