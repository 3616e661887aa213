"""Where everything begins: a server and a token."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import httpx

from labeler_client.errors import Conflict, NotFound
from labeler_client.project import Project
from labeler_client.rows import Rows
from labeler_client.transport import TIMEOUT, Transport


class Client:
    """A Labeler server, as one person with a token of theirs (made on their account page).

    timeout: seconds for each answer. transport, sleep: for tests. Use it in a `with` block, or `close` it.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float | httpx.Timeout = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = Transport(url, token, timeout=timeout, transport=transport, sleep=sleep)

    def __repr__(self) -> str:
        return f"Client({self._transport.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()

    def me(self) -> dict[str, Any]:
        """Whose token it is: `{id, username, projects: [{id, name, role}]}`."""
        said: dict[str, Any] = self._transport.json("GET", "/api/me/")
        return said

    def projects(self) -> Rows[Project]:
        """The projects of this person."""
        return Rows(self._transport, "/api/projects/", {}, lambda raw: Project(self._transport, raw))

    def project(self, which: int | str) -> Project:
        """One of them, by id or by its exact name. Raises NotFound, and Conflict when several have the name."""
        if isinstance(which, int):
            return Project(self._transport, self._transport.json("GET", f"/api/projects/{which}/"))
        found = [project for project in self.projects() if project.name == which]
        if not found:
            raise NotFound(f"You are in no project that is called “{which}”.", code="not_found")
        if len(found) > 1:
            ids = ", ".join(str(project.id) for project in found)
            raise Conflict(f"Several projects are called “{which}”: name one by its id ({ids}).", code="ambiguous")
        return found[0]
