"""`import_labels FILE --project NAME`: judgements that people gave elsewhere, into a project. Repeat it to go on.

It is an import like one from the page: a row that the page lists, and that can be stopped there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.errors import LabelerError
from labeler.intake import import_labels
from labeler.intake.formats import judgements
from labeler.jobs import jobs
from labeler.jobs.leases import Lease, LeaseLost, Pulse, beating
from labeler.management.base import DONE, REFUSALS, USAGE, DataCommand
from labeler.models import Job

MOST_LINES = 50  # refusals shown to a person; --json has more


class Command(DataCommand):
    help = (
        "Take the judgements of a CSV (file_name, annotator, label; perhaps created_at, seconds, answer) into a "
        "project whose images are in. They count as votes, marked as imported, and with --blind as given blind; names "
        "without an account become people who cannot log in. As its operator you may name those who can. What is there "
        "already is passed over. Exit code 3: done, but some rows were refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="FILE", type=Path)
        parser.add_argument("--project", metavar="NAME", required=True, help="name or number of the project")
        parser.add_argument(
            "--blind", action="store_true",
            help="these judgements were given without seeing others' answers or a model's suggestion: they count in "
            "the blind agreement",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        project, source = self.project(options["project"]), options["source"]
        if not source.is_file():
            raise CommandError(f"There is no file {source}.", returncode=USAGE)

        params = {
            "path": str(source.absolute()), "name": source.name, "format": jobs.JUDGEMENTS, "blind": options["blind"],
            "terminal": True,
        }  # fmt: skip
        job, lease = jobs.begin_here(project=project, params=params, worker=f"import_labels {os.getpid()}")
        try:
            with beating(lease) as pulse:
                outcome = self._bring_in(job, source, pulse, lease)
                lease.finish(result=outcome.as_json(), progress_done=outcome.seen, progress_total=outcome.seen)
        except (LabelerError, OSError) as error:
            lease.fail(getattr(error, "code", "unreadable"), str(error))
            raise CommandError(str(error)) from error
        except LeaseLost as lost:
            raise CommandError("Somebody stopped this import. The same command goes on from here.") from lost
        except KeyboardInterrupt as stop:
            jobs.cancel(job)
            raise CommandError("Stopped. The same command goes on from here.") from stop
        self._report(outcome, job)
        self.finish(REFUSALS if outcome.n_refused else DONE)

    def _bring_in(self, job: Job, source: Path, pulse: Pulse, lease: Lease) -> import_labels.LabelImportResult:
        def progress(outcome: import_labels.LabelImportResult, total: int) -> None:
            pulse.check()
            lease.write(progress_done=outcome.seen, progress_total=total)
            self.progress(outcome.seen, total, "rows")

        return import_labels.import_judgements(
            job=job, rows=judgements.read(source, multi=job.project.is_multi), progress=progress
        )

    def _report(self, outcome: import_labels.LabelImportResult, job: Job) -> None:
        for row in outcome.refused[:MOST_LINES]:
            self.say(f"refused row {row.row}{row.name and f' ({row.name})'}: {row.reason}")
        if outcome.n_refused > MOST_LINES:
            self.say(f"… and {outcome.n_refused - MOST_LINES:,} more refused rows (--json names them)")
        text = (
            f"Added {outcome.labels_added:,} labels to “{job.project.name}”; "
            f"{outcome.duplicates:,} were there already, {outcome.n_refused:,} refused."
        )
        self.result({"project": job.project_id, "import": job.pk, **outcome.as_json()}, "" if self._quiet else text)
