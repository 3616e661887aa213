"""Take work, keep it, finish it: by compare-and-swap on (id, attempt), so that one worker's result alone counts.

A row is running as long as its worker renews the lease. A worker that dies lets it run out, and the next one takes the
row with the next attempt; should the first wake up again, its attempt is no longer the row's and every write of it is
refused. Cancelling is the same thing from outside: the row is not running any more, so the worker's next write says so.

Knows rows that are Leased (runs, jobs), not what the work is. Times are the database's: clocks of workers may be wrong.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import DatabaseError, connection, models, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Extract, Greatest, Least, Now
from django.utils import timezone

from labeler.models.job import MAX_ATTEMPTS, UNFINISHED, Leased, State

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
HEARTBEAT_SECONDS = 15.0  # four chances before the lease runs out
UNSENT_AFTER = timedelta(seconds=10)  # a queued row this old may never have reached the broker

Row = TypeVar("Row", bound=Leased)

# To be written with each heartbeat, and when work ends: the time since the last one, as far as the lease went. Beyond
# it nobody knows that the worker was there: it may have died, or its machine have slept. Null stays null.
_WORKED = F("worked_seconds") + Greatest(
    Value(0.0),
    Coalesce(Extract(Least(Now(), Coalesce("lease_until", "heartbeat_at")) - F("heartbeat_at"), "epoch"), Value(0.0)),
    output_field=models.FloatField(),
)


class LeaseLost(Exception):
    """The row is somebody else's now, or was cancelled: stop, and write nothing more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write one row, for as long as its attempt is this one."""

    model: type[Leased]
    pk: int
    attempt: int

    def write(self, **changes: Any) -> None:
        """Change the row and renew the lease. Raises LeaseLost, having changed nothing."""
        self._change(lease_until=Now() + LEASE, heartbeat_at=Now(), **changes)

    def finish(self, **changes: Any) -> None:
        """The work is done. Raises LeaseLost, having changed nothing."""
        self._end(state=State.DONE, error=None, **changes)

    def fail(self, code: str, message: str, **changes: Any) -> None:
        """The work cannot be done; `message` is one sentence a person can act on. Raises LeaseLost."""
        self._end(state=State.FAILED, error={"code": code, "message": message}, **changes)

    def _end(self, **changes: Any) -> None:
        self._change(lease_until=None, finished_at=Now(), stage="", **changes)

    def _change(self, **changes: Any) -> None:
        mine = self.model._default_manager.filter(pk=self.pk, attempt=self.attempt, state=State.RUNNING)
        if not mine.update(worked_seconds=_WORKED, **changes):
            raise LeaseLost(f"{self.model.__name__} {self.pk} is no longer ours (attempt {self.attempt})")


def _unattended() -> Q:
    """Nobody works on it: queued, or its worker has let the lease run out."""
    return Q(state=State.QUEUED) | Q(state=State.RUNNING, lease_until__lt=Now())


def free() -> Q:
    """Rows that may be taken."""
    return Q(attempt__lt=MAX_ATTEMPTS) & _unattended()


def take(model: type[Row], pk: int, *, worker: str) -> tuple[Row, Lease] | None:
    """Make a row one's own: a queued one, or a running one whose worker has let its lease run out.

    None when there is nothing to take: finished, cancelled, somebody's, or tried too often already. So a message that
    arrives twice does nothing the second time.
    """
    with transaction.atomic():
        taken = model._default_manager.filter(free(), pk=pk).update(
            state=State.RUNNING,
            attempt=F("attempt") + 1,
            lease_until=Now() + LEASE,
            heartbeat_at=Now(),
            started_at=Coalesce(F("started_at"), Now()),
            worked_seconds=Case(When(started_at=None, then=0.0), default=F("worked_seconds")),
            worker=worker[:200],
            stage="",
            error=None,
        )
        if not taken:
            return None
        # Still in the transaction that changed it: nobody can have raised the attempt in between.
        row = model._default_manager.get(pk=pk)
    return row, Lease(model, pk, row.attempt)


def worked_seconds(row: Leased, now: datetime | None = None) -> float | None:
    """How long workers have been at it, the attempt under way included; the time between two of them is not.

    None before a worker took it, and for work begun before this was counted.
    """
    if row.worked_seconds is None or row.state != State.RUNNING or not row.heartbeat_at or not row.lease_until:
        return row.worked_seconds
    since = min(now or timezone.now(), row.lease_until) - row.heartbeat_at
    return row.worked_seconds + max(0.0, since.total_seconds())


def cancel(model: type[Leased], pk: int) -> bool:
    """End unfinished work from outside; its worker notices at the next write. False when it had ended already."""
    unfinished = model._default_manager.filter(pk=pk, state__in=UNFINISHED)
    return bool(
        unfinished.update(state=State.CANCELLED, finished_at=Now(), lease_until=None, worked_seconds=_WORKED, stage="")
    )


def try_again(rows: models.QuerySet[Row]) -> int:
    """Put work that has failed back into the queue, as if it were asked for now; how much."""
    return rows.update(state=State.QUEUED, attempt=0, error=None, created_at=Now(), finished_at=None)


def give_up(rows: models.QuerySet[Row], code: str, message: str, **changes: Any) -> int:
    """Fail unfinished work that nobody waits for any more; how much. message: a sentence a person can act on."""
    return rows.filter(state__in=UNFINISHED).update(
        state=State.FAILED, finished_at=Now(), lease_until=None, error={"code": code, "message": message}, **changes
    )


def fail_rows_without_attempts_left(model: type[Leased]) -> int:
    """Fail rows whose worker died on each of the allowed attempts; how many."""
    message = (
        f"The worker died {MAX_ATTEMPTS} times while doing this, so it is not tried again. Perhaps it needs more "
        "memory than there is; the worker's log says more."
    )
    return give_up(
        model._default_manager.filter(_unattended(), attempt__gte=MAX_ATTEMPTS), "worker_died", message, stage=""
    )


def waiting(model: type[Row]) -> list[Row]:
    """Rows a worker should be told about: leases that ran out, and queued ones whose message may be lost."""
    lost = Q(state=State.RUNNING) | Q(created_at__lt=Now() - UNSENT_AFTER)
    return list(model._default_manager.filter(free() & lost).order_by("pk"))


def end_leases_of(model: type[Leased], worker: str) -> int:
    """What a worker process of this name did when it ended may be taken at once. Call when its successor starts."""
    return model._default_manager.filter(state=State.RUNNING, worker=worker).update(lease_until=Now())


@dataclass
class Pulse:
    """Renews a lease beside the work, from a thread with its own database connection."""

    lease: Lease
    seconds: float = HEARTBEAT_SECONDS
    # Written with the next beat: for work whose own connection may write nothing, or holds a long transaction.
    changes: dict[str, Any] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _lost: threading.Event = field(default_factory=threading.Event)

    @property
    def is_lost(self) -> bool:
        return self._lost.is_set()

    def check(self) -> None:
        """Raises LeaseLost when the thread has seen that the row is not ours any more. Costs nothing."""
        if self.is_lost:
            raise LeaseLost(f"{self.lease.model.__name__} {self.lease.pk} was taken over or cancelled")

    def run(self) -> None:
        try:
            while not self._stopped.wait(self.seconds):
                try:
                    self.lease.write(**self.changes)
                except LeaseLost:
                    self._lost.set()
                    return
                except DatabaseError:
                    # The database restarts, say. The lease may run out meanwhile; then the next write finds out.
                    name = self.lease.model.__name__
                    logger.warning("could not renew the lease of %s %s", name, self.lease.pk, exc_info=True)
                    connection.close()
        finally:
            connection.close()

    def stop(self) -> None:
        self._stopped.set()


@contextmanager
def beating(lease: Lease, *, seconds: float = HEARTBEAT_SECONDS) -> Iterator[Pulse]:
    """Keep a lease alive while the block works, however long its steps are."""
    pulse = Pulse(lease, seconds)
    thread = threading.Thread(target=pulse.run, name=f"lease of {lease.model.__name__} {lease.pk}", daemon=True)
    thread.start()
    try:
        yield pulse
    finally:
        pulse.stop()
        thread.join()
