"""One attempt at a row's work: its lease kept alive, its end written down, whatever happens.

Knows how work begins and can end, not what it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps

from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError

from labeler.errors import LabelerError
from labeler.jobs import leases
from labeler.jobs.leases import Lease, LeaseLost, Pulse
from labeler.models import Job
from worker.ml.errors import ModelError

logger = logging.getLogger(__name__)
JobWork = Callable[[Job, Lease, Pulse], None]


def on_job(*, seconds: float = leases.HEARTBEAT_SECONDS) -> Callable[[JobWork], Callable[..., None]]:
    """Turns work on a job into a function of (job_id, *, worker), which takes the job and makes one attempt at it.

    It does nothing when the job is somebody else's or over. seconds: as attempt() has them.
    """

    def taking(work: JobWork) -> Callable[..., None]:
        @wraps(work)
        def run(job_id: int, *, worker: str) -> None:
            taken = leases.take(Job, job_id, worker=worker)
            if taken is None:
                return
            job, lease = taken
            with attempt(lease, seconds=seconds) as pulse:
                work(job, lease, pulse)

        return run

    return taking


@contextmanager
def attempt(lease: Lease, *, seconds: float = leases.HEARTBEAT_SECONDS) -> Iterator[Pulse]:
    """Run the block under a lease. The block finishes the row; what it raises instead is written on the row.
    seconds: between two beats, and so between two writes of what the block says in `changes`.

    A lease that was lost (taken over, cancelled) ends the block in silence. A database that is away is
    raised: the lease runs out and the work is tried again. Everything else fails the row with a sentence.
    """
    name = f"{lease.model.__name__} {lease.pk}, attempt {lease.attempt}"
    logger.info("%s: begun", name)
    with leases.beating(lease, seconds=seconds) as pulse:
        try:
            yield pulse
            logger.info("%s: ended", name)
        except LeaseLost as lost:
            logger.info("%s: stopped, %s", name, lost)
        except (OperationalError, InterfaceError):
            logger.warning("%s: the database went away; it is tried again", name)
            raise
        except (LabelerError, ModelError) as problem:
            logger.warning("%s: failed, %s", name, problem)
            _fail(lease, problem.code, str(problem))
        except SoftTimeLimitExceeded:
            logger.warning("%s: failed, out of time", name)
            _fail(lease, "out_of_time", "It took longer than a worker may spend on one piece of work.")
        except MemoryError:
            logger.exception("%s: out of memory", name)
            _fail(lease, "out_of_memory", "The worker ran out of memory.")
        except Exception as error:
            # The last line of defence: without it the row would stay "running" until three workers had met
            # the same error. The traceback is in the log; the row gets what tells two such errors apart.
            logger.exception("%s: failed", name)
            _fail(
                lease,
                "internal",
                f"It stopped with an error of ours ({type(error).__name__}): see the worker's log.",
            )


def _fail(lease: Lease, code: str, message: str) -> None:
    with suppress(LeaseLost):  # then it is somebody else's to fail
        lease.fail(code, message)
