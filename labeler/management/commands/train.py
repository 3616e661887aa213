"""`train`: ask for a training run and stay until it has ended.

With a worker running (`up` on the same data directory) the worker trains and this command watches; without
one the training runs as a child of this command.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from labeler.errors import LabelerError
from labeler.jobs import dispatch
from labeler.launch.parts import WORKER_ENVIRONMENT
from labeler.management.base import FAILED, USAGE, DataCommand
from labeler.models import Project, TrainingRun
from labeler.models.job import State
from labeler.training import runs
from labeler.wording.sentences import in_words

LOOK_SECONDS = 0.5


class Command(DataCommand):
    help = "Train a model on a project's labels, and wait for it. Exit code 0: trained, 1: not, 2: wrong usage."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="NAME", help="a project's name or number")

    def handle(self, *args: Any, **options: Any) -> None:
        project = find_project(options["project"])
        try:
            run = runs.request(project=project)
        except LabelerError as problem:
            raise CommandError(str(problem)) from None
        child = None if a_worker_trains() else train_here(run)
        try:
            self._wait(run, child)
        except KeyboardInterrupt:
            runs.cancel(run)
            raise CommandError(f"Model {run.number} was cancelled.") from None
        finally:
            if child is not None and child.poll() is None:
                child.terminate()
                child.wait()
        self.result(facts(run), summary(run))
        if run.state != State.DONE:
            self.finish(FAILED)

    def _wait(self, run: TrainingRun, child: subprocess.Popen[bytes] | None) -> None:
        """Until the run has ended; refreshes it. Raises CommandError when the child ended and the run did
        not.
        """
        stage = ""
        while True:
            ended_with = child.poll() if child is not None else None
            run.refresh_from_db()
            if run.stage and run.stage != stage:
                stage = run.stage
                self.say(stage)
            if run.is_finished:
                break
            if ended_with is not None:
                raise CommandError(f"The training process ended (exit code {ended_with}) before the run had.")
            if run.progress_total:
                self.progress(run.progress_done, run.progress_total, run.stage)
            time.sleep(LOOK_SECONDS)
        if child is not None:
            child.wait()  # it goes on to make the pre-labels


def find_project(wanted: str) -> Project:
    """By number or name. CommandError with exit code 2 when there is none, or several of that name."""
    live = Project.objects.not_in_trash()
    found = list(live.filter(name=wanted)[:2])
    if not found and wanted.isdigit():
        found = list(live.filter(pk=int(wanted)))
    if len(found) != 1:
        text = (
            f"No project is called “{wanted}”."
            if not found
            else f"Several projects are called “{wanted}”: give its number."
        )
        raise CommandError(text, returncode=USAGE)
    return found[0]


def a_worker_trains() -> bool:
    """Whether a worker that trains was alive a moment ago."""
    return any("gpu" in worker.queues for worker in dispatch.workers_alive() or [])


def train_here(run: TrainingRun) -> subprocess.Popen[bytes]:
    """Train in a process of its own."""
    return work_here("train", run.pk)


def work_here(work: str, row: int, **pipes: Any) -> subprocess.Popen[bytes]:
    """Work of a worker in a child of this process, which like all of labeler never loads torch."""
    import os

    here = {
        **os.environ,
        **WORKER_ENVIRONMENT,
        "LABELER_DATA": str(settings.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "labeler.settings"),
        "LABELER_LOG_LEVEL": os.environ.get("LABELER_LOG_LEVEL", "WARNING"),
    }
    words = [sys.executable, "-m", "worker", work, str(row)]
    return subprocess.Popen(words, env=here, cwd=Path(settings.BASE_DIR), **{"stdin": subprocess.DEVNULL, **pipes})


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
