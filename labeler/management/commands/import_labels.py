"""`import_labels FILE --project NAME`: judgements that people gave elsewhere, into a project. Repeat it to go on.

It is an import like one from the page: a row that the page lists, and that can be stopped there. Where people draw it
is read as the page reads a manifest with objects, or a file of a tool.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.errors import LabelerError
from labeler.imports.run import import_file
from labeler.intake import import_labels
from labeler.intake.check import Refused
from labeler.intake.formats import judgements
from labeler.intake.outcomes import LabelImportResult
from labeler.jobs import jobs
from labeler.jobs.leases import Lease, LeaseLost, Pulse, beating
from labeler.management.base import DONE, REFUSALS, USAGE, DataCommand
from labeler.models import Job

# By the end of a file's name; anything else is recognised by what is in it.
OBJECTS_IN = {".csv": "csv", ".jsonl": "jsonl"}
MOST_LINES = 50  # refusals shown to a person; --json has more


class Command(DataCommand):
    help = (
        "Take the judgements of a CSV (file_name, annotator, label; perhaps created_at, seconds, answer) into a "
        "project whose images are in. They count as votes, marked as imported, and with --blind as given blind; names "
        "without an account become people who cannot log in. As its operator you may name those who can. What is there "
        "already is passed over. Where people draw, a CSV or JSON Lines with file_name, annotator and objects, or a "
        "file of COCO, CVAT or Label Studio. Exit code 3: done, but some rows were refused."
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
        if project.draws:
            params |= {"format": OBJECTS_IN.get(source.suffix.lower(), "auto"), "labels_as": {"people": "annotator"}}
        job, lease = jobs.begin_here(project=project, params=params, worker=f"import_labels {os.getpid()}")
        try:
            with beating(lease) as pulse:
                bring_in = self._bring_objects_in if project.draws else self._bring_in
                result, n = bring_in(job, source, pulse, lease)
                lease.finish(result=result, progress_done=n, progress_total=n)
        except (LabelerError, Refused, OSError) as error:
            lease.fail(getattr(error, "code", "unreadable"), str(error))
            raise CommandError(str(error)) from error
        except LeaseLost as lost:
            raise CommandError("Somebody stopped this import. The same command goes on from here.") from lost
        except KeyboardInterrupt as stop:
            jobs.cancel(job)
            raise CommandError("Stopped. The same command goes on from here.") from stop
        self._report(result, job)
        self.finish(REFUSALS if result["refused"] else DONE)

    def _bring_in(self, job: Job, source: Path, pulse: Pulse, lease: Lease) -> tuple[dict[str, Any], int]:
        """The result of the import, and how many rows it saw."""

        def progress(outcome: LabelImportResult, total: int) -> None:
            pulse.check()
            lease.write(progress_done=outcome.seen, progress_total=total)
            self.progress(outcome.seen, total, "rows")

        outcome = import_labels.import_judgements(
            job=job, rows=judgements.read(source, multi=job.project.is_multi), progress=progress
        )
        self._n_refused = outcome.n_refused
        return outcome.as_json(), outcome.seen

    def _bring_objects_in(self, job: Job, source: Path, pulse: Pulse, lease: Lease) -> tuple[dict[str, Any], int]:
        """As _bring_in, of drawn objects."""

        def progress(stage: str, done: int, total: int, result: dict[str, Any]) -> None:
            pulse.check()
            lease.write(progress_done=done, progress_total=total, stage=stage, result=result)
            self.progress(done, total, "rows")

        ended = import_file(job, source, progress=progress)
        self._n_refused = len(ended.result["refused"])
        return ended.result, ended.seen

    def _report(self, result: dict[str, Any], job: Job) -> None:
        for one in result["refused"][:MOST_LINES]:
            place = "".join(f" {name} {one[name]}" for name in ("row", "object") if one.get(name))
            name = one["name"] and f" ({one['name']})"
            self.say(f"refused{place}{name}: {one['reason']}")
        if self._n_refused > MOST_LINES:
            self.say(f"… and {self._n_refused - MOST_LINES:,} more refused rows (--json names them)")
        text = (
            f"Added {result['labels_added']:,} labels to “{job.project.name}”; "
            f"{result['duplicates']:,} were there already, {self._n_refused:,} refused."
        )
        self.result({"project": job.project_id, "import": job.pk, **result}, "" if self._quiet else text)
