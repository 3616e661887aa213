"""Beat's scheduler, which stays silent while nobody listens.

Messages expire, but an expired message is only thrown away by the worker that receives it: with the workers
gone for a week, beat alone would fill the broker's memory.
"""

from __future__ import annotations

from typing import Any

from celery.beat import PersistentScheduler

from labeler.jobs import dispatch

MANY_WAITING = 10


class PatientScheduler(PersistentScheduler):
    """Sends nothing into a queue in which messages pile up already, or when the broker cannot be asked."""

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        waiting = dispatch.queue_length(entry.options.get("queue", self.app.conf.task_default_queue))
        if waiting is not None and waiting < MANY_WAITING:
            super().apply_entry(entry, producer=producer)
