"""Ask the server, and ask again where that is safe: the one place that knows httpx, the token and how long to wait."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from labeler_client.errors import BY_STATUS, LabelerError, ServerError, Unreachable

TRIES = 6
LONGEST_WAIT = 120.0  # seconds: a server that wants more is believed, and the caller told
FIRST_WAIT = 0.5
TIMEOUT = httpx.Timeout(60.0, connect=10.0)
PASSING = (502, 503, 504)  # of servers and proxies; nothing is known to have been done
SAFE = ("GET", "HEAD", "PUT", "DELETE")


class Transport:
    """One server, one token. Redirects are not followed, so the token goes to that server alone."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float | httpx.Timeout = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"The address must look like https://labels.example.org, not {url!r}.")
        if not token or not token.isascii() or any(letter.isspace() for letter in token):
            raise ValueError("The token is empty, or has letters that no token has.")
        self.url = url.rstrip("/")
        self.sleep = sleep
        self._http = httpx.Client(
            headers={"Authorization": f"Token {token}", "User-Agent": "labeler-client/0.1"},
            timeout=timeout,
            transport=transport,
            follow_redirects=False,
        )

    def __repr__(self) -> str:
        return f"Transport({self.url!r})"

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def address(self, path: str) -> str:
        """The whole address of a path; of a whole address (`next` of a list) its path, on this server."""
        if path.startswith(("http://", "https://")):
            parts = urlsplit(path)
            start = urlsplit(self.url).path
            path = parts.path.removeprefix(start) + (f"?{parts.query}" if parts.query else "")
        return self.url + path

    def json(self, method: str, path: str, *, once: bool = False, **more: Any) -> Any:
        """The decoded answer. once: send a new Idempotency-Key, so that asking again does the thing once.

        Raises the class of errors.BY_STATUS that fits, ServerError, and Unreachable.
        """
        response = self.send(method, path, once=once, **more)
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise ServerError(
                "The answer is no JSON: is there another program at this address?", status=response.status_code
            ) from error

    def send(
        self,
        method: str,
        path: str,
        *,
        once: bool = False,
        headers: Mapping[str, str] | None = None,
        rewind: Callable[[], None] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """The answer, a success. rewind: called before each try, to have files read from their start."""
        sent = dict(headers or {})
        if once:
            sent.setdefault("Idempotency-Key", str(uuid4()))
        may_repeat = method in SAFE or "Idempotency-Key" in sent
        for nth in range(1, TRIES + 1):
            if rewind is not None:
                rewind()
            try:
                response = self._http.request(method, self.address(path), headers=sent, **more)
            except httpx.TransportError as error:
                if not may_repeat or nth == TRIES:
                    raise Unreachable(f"{self.url} did not answer: {error or type(error).__name__}.") from error
                self.sleep(_backoff(nth))
                continue
            if response.is_success:
                return response
            wait = waiting_time(response, nth, may_repeat=may_repeat)
            if wait is None or nth == TRIES:
                raise error_of(response)
            self.sleep(wait)
        raise AssertionError("unreachable")  # the last try has returned or raised

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str], params: Mapping[str, Any]) -> Iterator[httpx.Response]:
        """An answer whose body is read by the caller, whatever its status. Raises httpx.TransportError."""
        with self._http.stream("GET", self.address(path), headers=dict(headers), params=params) as response:
            yield response


def waiting_time(response: httpx.Response, nth: int, *, may_repeat: bool) -> float | None:
    """Seconds to wait before asking again; None: do not. A server that says when (429, 503) has done nothing."""
    said = response.headers.get("Retry-After", "")
    if response.status_code in (429, 503) and said.isascii() and said.isdigit():
        return float(said) if float(said) <= LONGEST_WAIT else None
    if response.status_code in PASSING and may_repeat:
        return _backoff(nth)
    return None


def _backoff(nth: int) -> float:
    """0.5 s, 1, 2, 4, 8, the last half of it drawn: many clients do not come back in step."""
    return float(FIRST_WAIT * 2 ** (nth - 1) * (0.5 + 0.5 * random.random()))  # noqa: S311 - no secret


def error_of(response: httpx.Response) -> LabelerError:
    """What the server said is wrong, as an exception."""
    kind = BY_STATUS.get(response.status_code, ServerError)
    said: Any = None
    with suppress(ValueError, KeyError, TypeError):
        said = response.json()["error"]
    if not isinstance(said, dict):
        return kind(f"The server answered {response.status_code}.", status=response.status_code)
    more = {name: value for name, value in said.items() if name not in ("code", "message", "fields")}
    fields = said.get("fields")
    return kind(
        str(said.get("message", "")) or f"The server answered {response.status_code}.",
        code=str(said.get("code", "error")),
        status=response.status_code,
        fields={name: value if isinstance(value, list) else [value] for name, value in fields.items()}
        if isinstance(fields, dict)
        else {},
        details=more,
    )
