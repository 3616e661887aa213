"""A worker in a thread of the test's own process: whatever jobs are asked for are done, without seconds of starting."""

from __future__ import annotations

import threading
from types import TracebackType

from django.db import connection

from labeler.jobs.jobs import TASKS
from labeler.models import Job
from labeler.models.job import Kind, State


class InlineWorker:
    """Takes queued jobs one after the other while the block runs. Trainings are left alone."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.troubles: list[str] = []

    def __enter__(self) -> InlineWorker:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(30)

    def _work(self) -> None:
        from worker.celery import app

        app.loader.import_default_modules()
        try:
            while not self._over.wait(0.05):
                for pk, job_kind in Job.objects.filter(state=State.QUEUED).values_list("pk", "kind"):
                    done = app.tasks[TASKS[Kind(job_kind)]].apply(args=[pk])
                    if done.failed():
                        self.troubles.append(str(done.traceback))
                        return
        finally:
            connection.close()
