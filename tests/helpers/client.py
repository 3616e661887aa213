"""A REST client for journeys: it asks with the standard library only, as any script of a user would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.helpers import openapi


class Client:
    """Calls of one account, with a token of its own."""

    def __init__(self, url: str, username: str, password: str, *scopes: str):
        self.url = url.rstrip("/")
        self.token = ""
        wanted = {"username": username, "password": password, "name": "journey"}
        self.token = self.post("/api/tokens/", wanted | ({"scopes": list(scopes)} if scopes else {}))["token"]

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and raw answer; `path` may be a whole address, as `next` is."""
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(path if path.startswith("http") else self.url + path, sent, method=method)
        request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Token {self.token}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                openapi.check(
                    method, urlsplit(request.full_url).path, answer.status, answer.headers["Content-Type"] or "", text
                )
                return answer.status, text
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def json(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The decoded answer; anything but a 2xx fails the test with what was said."""
        status, text = self.call(method, path, body, headers)
        assert 200 <= status < 300, (method, path, status, text.decode(errors="replace")[:2000])
        return json.loads(text) if text else None

    def get(self, path: str) -> Any:
        return self.json("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.json("POST", path, {} if body is None else body)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self.json("PUT", path, body, **headers)

    def list(self, path: str) -> Iterator[dict[str, Any]]:
        """All rows of a list, page by page."""
        step: str | None = path
        while step:
            page = self.get(step)
            yield from page["results"]
            step = page["next"]

    def upload(self, path: str, files: Mapping[str, bytes], field: str = "files") -> Any:
        """A multipart form with files by name."""
        edge = uuid.uuid4().hex
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
            f"Content-Type: application/octet-stream\r\n\r\n".encode()
            + content
            + b"\r\n"
            for name, content in files.items()
        ]
        body = b"".join(parts) + f"--{edge}--\r\n".encode()
        return self.json("POST", path, body, **{"Content-Type": f"multipart/form-data; boundary={edge}"})
