"""The Celery application: queues, what happens when a worker dies, and what beat asks for.

The row in PostgreSQL is the truth and a message only names it (labeler/jobs/leases.py), so every setting here
may lose or repeat a message, and none may lose a row. Imports no torch: workers load it inside the task that
needs it.
"""

from __future__ import annotations

import logging
import os
from importlib import metadata

# Before Celery, which looks for it when it is imported.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeler.settings")
# Django's checks would load every page and form into each worker; `make lint` runs them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

from celery import Celery, signals
from django.conf import settings

from labeler.jobs import dispatch

logger = logging.getLogger(__name__)
# Thirteen tasks a minute look whether there is anything to do; work that is done says so itself (worker/attempt.py).
for _name in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# A message that was handed out and not acknowledged comes back after this many seconds; the row says whether
# there is still anything to do. Longer trainings are told about twice, and the second telling does nothing.
VISIBILITY_SECONDS = 3600
# What beat asks for. Whoever opens the page of a large project for the first time waits about half of "count".
EVERY_SECONDS = {"sweep": 15, "care": 20, "count": 10}
SOFT_STOP_SECONDS = 5  # below the launcher's and Docker's ten: after that the work's lease is picked up again

app = Celery("labeler", broker=settings.REDIS_URL or "redis://")
app.conf.update(
    imports=["worker.tasks"],
    task_default_queue="default",
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,  # state lives in rows
    result_expires=None,  # or Celery adds a nightly task of its own that deletes results, and there are none
    task_track_started=True,
    # Acknowledged after the work, and handed out again when the process is lost. Celery's manual warns of
    # loops (out of memory, again, out of memory): the row counts its attempts and is failed after the third.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,  # a message waiting behind a training would be invisible to an idle worker
    worker_soft_shutdown_timeout=SOFT_STOP_SECONDS,
    worker_enable_soft_shutdown_on_idle=False,
    # When the broker goes away, work goes on: it needs the database alone, and nobody can take its row
    # meanwhile.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    visibility_timeout=VISIBILITY_SECONDS,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_SECONDS,
        "socket_keepalive": True,
        "socket_connect_timeout": 5,
    },
    result_backend_transport_options={"visibility_timeout": VISIBILITY_SECONDS},
    worker_hijack_root_logger=False,  # settings.LOGGING is in charge
    worker_redirect_stdouts=False,
    timezone="UTC",
    beat_scheduler="worker.beat:PatientScheduler",
    beat_schedule={
        name: {
            "task": f"worker.tasks.{name}",
            "schedule": seconds,
            "options": {"queue": "default", "expires": seconds},
        }
        for name, seconds in EVERY_SECONDS.items()
    },
)


@signals.setup_logging.connect
def _keep_django_logging(**_: object) -> None:
    """Being connected is enough: Celery then leaves logging alone."""


class _Shown:
    """When this worker last showed itself. The main process does it, so a child that trains for an hour is no gap."""

    at = 0.0
    name = ""
    queues: tuple[str, ...] = ()
    torch = ""  # its version, for people who ask what runs here
    processes = 1


def _show() -> None:
    dispatch.show_worker(_Shown.name, list(_Shown.queues), torch=_Shown.torch, processes=_Shown.processes)


def _installed(package: str) -> str:
    """The version, without loading it; empty where it is missing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


@signals.worker_ready.connect
def _came_up(sender: object, **_: object) -> None:
    """Take back what the last process of this name was doing, and show that this one lives."""
    consumer = sender
    _Shown.name = consumer.hostname  # type: ignore[attr-defined]
    _Shown.queues = tuple(sorted(consumer.app.amqp.queues.consume_from))  # type: ignore[attr-defined]
    _Shown.torch = _installed("torch")
    _Shown.processes = int(consumer.controller.concurrency or 1)  # type: ignore[attr-defined]
    _show()
    from django.db import DatabaseError, connections

    from labeler.jobs import jobs, leases
    from labeler.models import Errand, Job, Part, TrainingRun
    from labeler.training import inference_requests, runs

    try:
        if sum(leases.end_leases_of(rows, _Shown.name) for rows in (TrainingRun, Job, Part, Errand)):
            runs.resend_lost()
            jobs.resend_lost()
            inference_requests.resend_lost()
    except DatabaseError:
        logger.warning("the database cannot be reached; the sweep will look for lost work", exc_info=True)
    finally:
        # Children are forked from this process: two processes on one connection would read each other's
        # answers.
        connections.close_all()


@signals.heartbeat_sent.connect
def _still_there(**_: object) -> None:
    """Called every two seconds by the main process's event loop."""
    import time

    now = time.monotonic()
    if _Shown.name and now - _Shown.at >= dispatch.WORKER_BEAT_SECONDS:
        _Shown.at = now
        _show()


@signals.worker_shutting_down.connect
def _going(**_: object) -> None:
    if _Shown.name:
        dispatch.hide_worker(_Shown.name)
        _Shown.name = ""
