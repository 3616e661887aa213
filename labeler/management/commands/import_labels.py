"""`import_labels FILE --project NAME`: judgements that people gave elsewhere, into a project. Repeat it to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler import existing
from labeler.errors import LabelerError
from labeler.intake import judgements
from labeler.management.base import DONE, REFUSALS, USAGE, DataCommand
from labeler.models import Project

MOST_LINES = 50  # refusals shown to a person; --json has more


class Command(DataCommand):
    help = (
        "Take the judgements of a CSV (file_name, annotator, label; perhaps created_at, seconds, answer) into a "
        "project whose images are in. They count as blind votes; names without an account become people who cannot log "
        "in. What is there already is passed over. Exit code 3: done, but some rows were refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="FILE", type=Path)
        parser.add_argument("--project", metavar="NAME", required=True, help="name or number of the project")

    def handle(self, *args: Any, **options: Any) -> None:
        project, source = self.project(options["project"]), options["source"]
        if not source.is_file():
            raise CommandError(f"There is no file {source}.", returncode=USAGE)

        def progress(outcome: existing.Outcome, total: int) -> None:
            self.progress(outcome.seen, total, "rows")

        try:
            rows = judgements.read(source, multi=project.is_multi)
            outcome = existing.bring_in(project=project, by=None, rows=rows, progress=progress)
        except (LabelerError, OSError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as stop:
            raise CommandError("Stopped. The same command goes on from here.") from stop
        self._report(outcome, project)
        self.finish(REFUSALS if outcome.n_refused else DONE)

    def _report(self, outcome: existing.Outcome, project: Project) -> None:
        for row in outcome.refused[:MOST_LINES]:
            self.say(f"refused row {row.row}{row.name and f' ({row.name})'}: {row.reason}")
        if outcome.n_refused > MOST_LINES:
            self.say(f"… and {outcome.n_refused - MOST_LINES:,} more refused rows (--json names them)")
        text = (
            f"Added {outcome.labels_added:,} labels to “{project.name}”; "
            f"{outcome.duplicates:,} were there already, {outcome.n_refused:,} refused."
        )
        self.result({"project": project.pk, **outcome.as_json()}, "" if self._quiet else text)
