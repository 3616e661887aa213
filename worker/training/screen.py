"""What a person sees of a run while it trains. Knows its lease; not what is trained."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from labeler.jobs.leases import Lease, Pulse
from worker.ml.training.run import Progress
from worker.training import cost

WRITE_SECONDS = 0.7  # between two writes of progress: a page looks every second or two
READ_SECONDS = 5.0  # between two readings of what it has cost so far
R = TypeVar("R")


@dataclass
class Screen:
    """What a person sees of the run: a stage in words, a bar of 100, the curve. Written at most every WRITE_SECONDS."""

    lease: Lease
    pulse: Pulse
    bill: cost.Bill
    room: tuple[int, int] = (0, 100)  # the part of the bar that the present stage fills
    curves: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _written_at: float = 0.0
    _read_at: float = 0.0

    def show(self, stage: str, share: float) -> None:
        """`share` of the present room is done. Raises LeaseLost."""
        self.pulse.check()
        now = time.monotonic()
        if now - self._written_at < WRITE_SECONDS:
            return
        first, last = self.room
        changes: dict[str, Any] = {"stage": stage[:200], "progress_total": 100}
        if self.curves:
            changes["history"] = [{"candidate": c, "x": "epoch", "points": p} for c, p in self.curves.items()]
        if now - self._read_at >= READ_SECONDS:
            changes["spent"] = self.bill.readings()
            self._read_at = now
        self.lease.write(progress_done=round(first + (last - first) * min(1.0, share)), **changes)
        self._written_at = now

    def add_epoch(self, line: dict[str, Any]) -> None:
        """One line of a curve, of the fold under way: a new fold begins it anew."""
        points = self.curves.setdefault(str(line["candidate"]), [])
        if points and points[-1].get("fold") != line.get("fold"):
            points.clear()
        points.append(line)


def watch(events: Iterable[Progress | R], screen: Screen) -> R:
    """Show progress until the result comes. Raises LeaseLost between two steps, which stops the training."""
    for event in events:
        if not isinstance(event, Progress):
            return event
        if event.epoch is not None:
            screen.add_epoch(event.epoch)
        screen.show(event.text, event.overall)
    raise RuntimeError("the training ended without a result")
