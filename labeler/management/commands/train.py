"""`train`: ask for a training run and stay until it has ended."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from labeler.management.base import FAILED, DataCommand
from labeler.management.work import a_worker_serves, wait_for, work_here
from labeler.models import TrainingRun
from labeler.models.job import State
from labeler.training import runs
from labeler.wording.sentences import in_words


class Command(DataCommand):
    help = "Train a model on a project's labels, and wait for it. Exit code 0: trained, 1: not, 2: wrong usage."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="NAME", help="a project's name or number")

    def handle(self, *args: Any, **options: Any) -> None:
        run = runs.request(project=self.project(options["project"]))
        child = None if a_worker_serves("gpu") else work_here("train", run.pk)
        wait_for(
            run, child, command=self, name=f"Model {run.number}", cancel=lambda: runs.cancel(run), is_training=True
        )
        self.result(facts(run), summary(run))
        if run.state != State.DONE:
            self.finish(FAILED)


def facts(run: TrainingRun) -> dict[str, Any]:
    """What --json prints."""
    return {
        "id": run.pk,
        "project": run.project_id,
        "number": run.number,
        "state": run.state,
        "active": run.is_active,
        "note": run.note,
        "error": run.error,
        "dataset": run.dataset,
        "metrics": in_words(run.metrics),
        "device": run.device,
        "attempt": run.attempt,
        "predicted": run.predicted_done,
    }


def summary(run: TrainingRun) -> str:
    """What a person reads."""
    if run.state != State.DONE:
        reason = f" {run.error['message']}" if run.error else ""
        return f"Model {run.number}: {run.get_state_display()}.{reason}"
    in_use = "is in use now" if run.is_active else "is not in use"
    return f"Model {run.number} is trained and {in_use}. {run.note}".rstrip()
