"""`import_labels FILE --project NAME`: judgements that people gave elsewhere, into a project. Repeat it to go on.

It is an import like one from the page: a row that the page lists, and that can be stopped there. Where people draw it
is read as the page reads a manifest with objects, or a file of a tool.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.intake import import_labels
from labeler.intake.formats import judgements
from labeler.jobs import jobs
from labeler.management import import_here
from labeler.management.base import DONE, REFUSALS, USAGE, DataCommand
from labeler.models import Job

# By the end of a file's name; anything else is recognised by what is in it.
OBJECTS_IN = {".csv": "csv", ".jsonl": "jsonl"}


class Command(DataCommand):
    help = (
        "Take the judgements of a CSV (file_name, annotator, label; perhaps created_at, seconds, answer) into a "
        "project whose images are in. They count as votes, marked as imported, and with --blind as given blind; names "
        "without an account become people who cannot log in. As its operator you may name those who can. What is there "
        "already is passed over. Where people draw, a CSV or JSON Lines with file_name, annotator and objects, or a "
        "file of COCO, CVAT or Label Studio. Exit code 3: done, but some rows were refused."
    )
    expected = import_here.EXPECTED
    goes_on = True
    _n_refused = 0  # of judgements: the result names some of them only

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
        }  # fmt: skip
        if project.draws:
            params |= {"format": OBJECTS_IN.get(source.suffix.lower(), "auto"), "labels_as": {"people": "annotator"}}
        read = import_here.read_file if project.draws else self._read
        job = import_here.run(self, project, params, partial(read, source))
        self._report(job)
        self.finish(REFUSALS if job.result["refused"] else DONE)

    def _read(self, source: Path, job: Job, tell: import_here.Tell) -> tuple[dict[str, Any], int]:
        rows = judgements.read(source, multi=job.project.is_multi)
        outcome = import_labels.import_judgements(
            job=job, rows=rows, progress=lambda outcome, total: tell(outcome.seen, total)
        )
        self._n_refused = outcome.n_refused
        return outcome.as_json(), outcome.seen

    def _report(self, job: Job) -> None:
        result = job.result
        n_refused = self._n_refused or len(result["refused"])
        self.say_refusals(map(_refusal, result["refused"]), n_refused)
        text = (
            f"Added {result['labels_added']:,} labels to “{job.project.name}”; "
            f"{result['duplicates']:,} were there already, {n_refused:,} refused."
        )
        self.result({"project": job.project_id, "import": job.pk, **result}, "" if self._quiet else text)


def _refusal(one: dict[str, Any]) -> str:
    place = "".join(f" {name} {one[name]}" for name in ("row", "object") if one.get(name))
    name = one["name"] and f" ({one['name']})"
    return f"refused{place}{name}: {one['reason']}"
