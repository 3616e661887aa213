"""Is a webhook's message from the server that has its secret? Needs nothing but the standard library."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

from labeler_client.errors import InvalidSignature

TOLERANCE = 300.0  # seconds


def verify_signature(
    secret: str, header: str, body: bytes | str, *, tolerance: float = TOLERANCE, now: float | None = None
) -> dict[str, Any]:
    """The message `{id, event, project, created_at, data}`, once its signature is found right.

    header: `Labeler-Signature`. body: the bytes as they came, before any parsing. tolerance: how many seconds old it
    may be. now: Unix time, for tests. Raises InvalidSignature. A message may come twice: `id` says which it is.
    """
    raw = body.encode() if isinstance(body, str) else body
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not given or not (times[0].isascii() and times[0].isdigit() and len(times[0]) < 16):
        raise InvalidSignature("The header Labeler-Signature is not t=…,v1=….", code="malformed")
    expected = hmac.new(secret.encode(), f"{times[0]}.".encode() + raw, hashlib.sha256).hexdigest()
    if not any(hmac.compare_digest(expected.encode(), value.encode()) for value in given):
        raise InvalidSignature("The signature does not fit body and secret.", code="mismatch")
    if abs((time.time() if now is None else now) - int(times[0])) > tolerance:
        raise InvalidSignature("The message is too old, or the clocks differ.", code="too_old")
    try:
        message = json.loads(raw)
    except ValueError as error:
        raise InvalidSignature("The body is no JSON.", code="malformed") from error
    if not isinstance(message, dict):
        raise InvalidSignature("The body is no JSON object.", code="malformed")
    return message
