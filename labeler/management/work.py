"""Work of a worker that a command asks for and waits for: done by a worker that runs on the same data directory (`up`
has some), else by a child of the command.

Knows rows with a state; which work it is, the commands know.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from labeler.jobs import dispatch
from labeler.launch.parts import WORKER_ENVIRONMENT
from labeler.management.base import DataCommand
from labeler.models import Job, TrainingRun

LOOK_SECONDS = 0.3


def a_worker_serves(queue: str) -> bool:
    """Whether a worker of this queue was alive a moment ago."""
    return any(queue in worker.queues for worker in dispatch.workers_alive() or [])


def work_here(work: str, row: int, **pipes: Any) -> subprocess.Popen[bytes]:
    """Work of a worker in a child of this process, which like all of labeler never loads torch."""
    here = {
        **os.environ,
        **WORKER_ENVIRONMENT,
        "LABELER_DATA": str(settings.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "labeler.settings"),
        "LABELER_LOG_LEVEL": os.environ.get("LABELER_LOG_LEVEL", "WARNING"),
    }
    words = [sys.executable, "-m", "worker", work, str(row)]
    return subprocess.Popen(words, env=here, cwd=Path(settings.BASE_DIR), **{"stdin": subprocess.DEVNULL, **pipes})


def wait_for(
    row: TrainingRun | Job,
    child: subprocess.Popen[bytes] | None,
    *,
    command: DataCommand,
    name: str,
    cancel: Callable[[], object],
    is_training: bool = False,
) -> None:
    """Stay until the row has ended, and refresh it; Ctrl-C cancels it. name: what it is, for that sentence.
    is_training: the stages are told, and the child is waited for, which goes on to make the pre-labels.

    Raises CommandError when it was cancelled so, or when the child ended and the row did not.
    """
    said = ""
    try:
        while True:
            ended_with = child.poll() if child is not None else None
            row.refresh_from_db()
            if is_training and row.stage and row.stage != said:
                said = row.stage
                command.say(said)
            if row.is_finished:
                break
            if ended_with is not None:
                raise CommandError(f"The process that works on it ended (exit code {ended_with}) before it was done.")
            if row.progress_total:
                command.progress(row.progress_done, row.progress_total, row.stage)
            time.sleep(LOOK_SECONDS)
        if is_training and child is not None:
            child.wait()
    except KeyboardInterrupt:
        cancel()
        raise CommandError(f"{name} was cancelled.") from None
    finally:
        if child is not None and child.poll() is None:
            child.terminate()
            child.wait()
