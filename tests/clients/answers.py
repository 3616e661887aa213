"""A server that is not there: answers of the contract, for calls of the client that this server may not have yet."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
from labeler_client import Client

FILE = b"file_name,label\nnorth/leaf-1.jpg,healthy\n" * 5000
TAG = f'"{hashlib.sha256(FILE).hexdigest()}"'
RUN = {"id": 7, "number": 3, "state": "done", "outside": True, "active": False, "progress": {"done": 0, "total": 0}}
RELEASE = {
    "id": 4, "number": 2, "name": "v1", "state": "queued", "progress": {"done": 0, "total": 0}, "error": None,
    "checksum": None, "splits": {"train": 0.8, "validation": 0.1, "test": 0.1}, "created_at": "2026-11-22T10:00:00Z",
}  # fmt: skip
Handler = Callable[[httpx.Request], httpx.Response]


class Answers:
    """Answers as the contract has them; what was asked is in `asked`."""

    def __init__(self, project_id: int) -> None:
        self.project_id = project_id
        self.asked: list[httpx.Request] = []
        self.polls = 0
        self.cut_after: int | None = None  # bytes of the next download before the connection breaks

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        project = f"/api/projects/{self.project_id}/"
        match request.method, request.url.path.removeprefix(project):
            case "GET", "":
                return httpx.Response(200, json={"id": self.project_id, "name": "leaf"})
            case "POST", "outside-models/":
                return httpx.Response(201, json={**RUN, **json.loads(request.content)})
            case "POST", "/api/outside-models/7/predictions/":
                return httpx.Response(200, json=self._stored(json.loads(request.content)["items"]))
            case "POST", "/api/outside-models/7/activation/":
                return httpx.Response(200, json={**RUN, "active": True})
            case "POST", "releases/":
                return httpx.Response(202, json=RELEASE)
            case "GET", "releases/":
                return httpx.Response(200, json={"results": [{**RELEASE, "state": "done"}], "next": None})
            case "GET", "/api/releases/4/":
                return httpx.Response(200, json={**RELEASE, "state": "done", "checksum": "0" * 64})
            case "GET", "/api/releases/4/files/csv/":
                return self._file(request)
        return httpx.Response(404, json={"error": {"code": "not_found", "message": "Nothing here.", "fields": {}}})

    def _stored(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        unknown = [at for at, item in enumerate(items) if item.get("file_name") == "nobody.jpg"]
        refused = [{"item": at, "reason": "There is no such image."} for at in unknown]
        return {"stored": len(items) - len(refused), "refused": refused}

    def _file(self, request: httpx.Request) -> httpx.Response:
        self.polls += 1
        if self.polls == 1:
            row = {"id": 1, "format": "csv", "state": "running", "progress": {"done": 0, "total": 1}, "error": None}
            return httpx.Response(202, json=row, headers={"Retry-After": "2"})
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        start = int(wanted[1]) if wanted and request.headers.get("If-Range") == TAG else 0
        if start >= len(FILE):
            return httpx.Response(416, headers={"ETag": TAG, "Content-Disposition": 'attachment; filename="v1.csv"'})
        headers = {"ETag": TAG, "Content-Disposition": 'attachment; filename="../../v1.csv"'}
        headers["Content-Length"] = str(len(FILE) - start)
        stream = _Cut(FILE[start:], self.cut_after)
        self.cut_after = None
        return httpx.Response(206 if start else 200, headers=headers, stream=stream)


class _Cut(httpx.SyncByteStream):
    """A body, or the beginning of one whose connection breaks."""

    def __init__(self, body: bytes, after: int | None) -> None:
        self.body, self.after = body, after

    def __iter__(self):
        yield self.body if self.after is None else self.body[: self.after]
        if self.after is not None:
            raise httpx.ReadError("cut")


def client_of(handler: Handler, slept: list[float] | None = None) -> Client:
    waits = [] if slept is None else slept
    return Client("https://labels.example.org", "lb_secret", transport=httpx.MockTransport(handler), sleep=waits.append)


def mocked(project_id: int) -> Client:
    return client_of(Answers(project_id))
