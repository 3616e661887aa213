"""Long work that a server's worker does: imports, trainings, releases. Follow it by asking until it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Self

from labeler_client.errors import TimedOut, WorkFailed
from labeler_client.transport import Transport

Progress = Callable[[int, int], None]
"""Called with how much is done, and of how much; the latter is 0 before that is known."""

FIRST_POLL, LONGEST_POLL = 0.25, 5.0


class Work:
    """A row to poll. `raw` is what the server said last."""

    path = ""  # of the row, with its id to be put in

    def __init__(self, transport: Transport, raw: dict[str, Any]) -> None:
        self._transport = transport
        self.raw = raw

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}: {self.state}>"

    @property
    def id(self) -> int:
        """The server's number for it."""
        return int(self.raw["id"])

    @property
    def state(self) -> str:
        """queued, running, done, failed or cancelled, when the server was last asked."""
        return str(self.raw["state"])

    @property
    def is_over(self) -> bool:
        """Has it ended, well or not?"""
        return self.state not in ("queued", "running")

    @property
    def progress(self) -> tuple[int, int]:
        """How much is done, and of how much."""
        said = self.raw.get("progress") or {}
        return int(said.get("done") or 0), int(said.get("total") or 0)

    def refresh(self) -> Self:
        """Ask the server how it is now."""
        self.raw = self._transport.json("GET", self.path.format(self.id))
        return self

    def wait(self, progress: Progress | None = None, timeout: float | None = None) -> Self:
        """Ask until it is done. timeout: seconds; None: as long as it takes.

        Raises WorkFailed when it failed or was cancelled, and TimedOut, which leaves it going.
        """
        until = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_POLL
        while True:
            if progress is not None:
                progress(*self.progress)
            if self.is_over:
                break
            if until is not None and time.monotonic() >= until:
                raise TimedOut(f"{self!r} had not ended after {timeout:g} s.", code="timed_out")
            self._transport.sleep(pause)
            pause = min(LONGEST_POLL, pause * 1.5)
            self.refresh()
        if self.state != "done":
            error = self.raw.get("error") or {}
            raise WorkFailed(
                str(error.get("message") or f"It was {self.state}."), code=str(error.get("code") or self.state)
            )
        return self

    def cancel(self) -> Self:
        """Stop it. Raises Conflict when it has ended."""
        self.raw = self._transport.json("POST", self.path.format(self.id) + "cancellation/")
        return self


class Job(Work):
    """An import."""

    path = "/api/imports/{}/"

    @property
    def added(self) -> int:
        """Images that came in."""
        return int(self.raw.get("added") or 0)

    @property
    def labels_added(self) -> int:
        """Judgements that came in."""
        return int(self.raw.get("labels_added") or 0)

    @property
    def objects_added(self) -> int:
        """Drawn objects that came in with them."""
        return int(self.raw.get("objects_added") or 0)

    @property
    def refused(self) -> list[dict[str, Any]]:
        """What did not, each `{name, row?, object?, reason}`; with `object`, only that one of the image."""
        return list(self.raw.get("refused") or [])

    @property
    def found(self) -> dict[str, Any] | None:
        """Of a dry run: what the file holds. None for other imports."""
        return self.raw.get("found")


class Run(Work):
    """A training."""

    path = "/api/runs/{}/"

    @property
    def number(self) -> int:
        """The version of its model, counted per project."""
        return int(self.raw["number"])

    @property
    def is_active(self) -> bool:
        """Does its model make the pre-labels?"""
        return bool(self.raw.get("active"))

    @property
    def metrics(self) -> dict[str, Any]:
        """On held-out images, with intervals; of a run from a list only the headline."""
        return dict(self.raw.get("metrics") or self.raw.get("headline") or {})

    def activate(self) -> Self:
        """Have its model make the pre-labels from now on."""
        self.raw = self._transport.json("POST", self.path.format(self.id) + "activation/")
        return self
