"""Hold every 2xx answer of the REST API to the OpenAPI description: status, media type, members, types, formats.

A member that the description does not name is as wrong as one that is missing. conftest.py puts `checked` around the
test client of Django, which the framework's own is built on; tests/helpers/client.py calls `check` itself. Knows
answers, not what the endpoints do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from fnmatch import fnmatch
from functools import cache, partial, wraps
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from django.test import Client
from django.urls import Resolver404, resolve
from django.utils.translation import override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import spectacular_settings
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

LINES = "application/x-ndjson"
UNDESCRIBED = {"schema", "docs"}  # the description itself, and a page
OBJECTS = ("object", ["object", "null"])

formats = FormatChecker(["date", "uuid"])


@formats.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@formats.checks("uri", raises=ValueError)
def _is_address(value: object) -> bool:
    return not isinstance(value, str) or all(urlsplit(value)[:2])


@cache
def description() -> dict[str, Any]:
    """The description as OpenAPI 3.1, where schemas are JSON Schema. What is served says the same in the words of 3.0.

    0.3 s, once in a process; in English, whatever the language of the test that needs it first.
    """
    with mock.patch.object(spectacular_settings, "OAS_VERSION", "3.1.1"), override("en"):
        return SchemaGenerator().get_schema(request=None, public=True)


@cache
def _component(name: str) -> dict[str, Any]:
    return _closed(description()["components"]["schemas"][name])


def _closed(schema: Any) -> Any:
    """The schema with its references followed, and without room for members that it does not name."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _component(schema["$ref"].rpartition("/")[2])
    closed = {name: _closed(part) for name, part in schema.items()}
    return {"additionalProperties": False, **closed} if closed.get("type") in OBJECTS else closed


@cache
def _bodies(route: str, method: str, status: int) -> dict[str, Draft202012Validator | None]:
    """Media type → what holds a body of an operation's answer under this status; None where it is bytes or text."""
    operation = description()["paths"].get(route, {}).get(method.lower())
    assert operation is not None, "it knows no such operation"
    assert str(status) in operation["responses"], f"of this operation it knows {', '.join(operation['responses'])}"
    return {
        media_type: Draft202012Validator(_closed(content["schema"]), format_checker=formats)
        if media_type in ("application/json", LINES)
        else None
        for media_type, content in operation["responses"][str(status)].get("content", {}).items()
    }


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _hold(validator: Draft202012Validator, body: bytes) -> None:
    value = json.loads(body, parse_constant=_refuse)
    if not validator.is_valid(value):
        error = best_match(validator.iter_errors(value))
        pointer = "".join(f"/{step}" for step in error.absolute_path) or "the top"
        raise AssertionError(f"{error.message[:400]}, at {pointer}: {json.dumps(error.instance)[:400]}")


def _validator(method: str, path: str, status: int, media_type: str) -> Draft202012Validator | None:
    """What holds the body of this answer; None where nothing does. Raises AssertionError if it is not described."""
    try:
        match = resolve(path)
    except Resolver404:
        return None  # a middleware answered
    if match.namespaces != ["api"] or match.url_name in UNDESCRIBED:
        return None
    bodies = _bodies(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{match.route}"), method, status)
    if not bodies and not media_type:
        return None
    known = [name for name in bodies if fnmatch(media_type, name)]
    assert known, f"it knows {', '.join(bodies) or 'no body'} here, not {media_type or 'an empty answer'}"
    return bodies[known[0]]


def check(method: str, path: str, status: int, content_type: str, body: bytes | None) -> None:
    """Raises AssertionError if a 2xx answer of the API is not what the description says; others pass.

    The error names method, path, status, the pointer into the answer and the value there. body: whole lines of JSON
    Lines; None: streamed, so status and media type alone are looked at.
    """
    if not 200 <= status < 300 or method == "OPTIONS":
        return
    media_type = content_type.partition(";")[0]
    try:
        validator = _validator("GET" if method == "HEAD" else method, path, status, media_type)
        if validator is not None and body is not None and method != "HEAD":
            for value in body.splitlines() if media_type == LINES else [body]:
                _hold(validator, value)
    except (AssertionError, ValueError) as error:
        raise AssertionError(f"{method} {path} {status} is not what the OpenAPI description says: {error}") from None


def checked(request: Callable[..., Any]) -> Callable[..., Any]:
    """`Client.request`, whose answers are held to the description. Streamed lines are while the test reads them."""

    @wraps(request)
    def held(client: Client, **environ: Any) -> Any:
        response = request(client, **environ)
        hold = partial(
            check,
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            response.status_code,
            response.get("Content-Type", ""),
        )
        hold(None if response.streaming else response.content)
        if response.streaming and response.get("Content-Type") == LINES:
            response.streaming_content = _by_line(response.streaming_content, hold)
        return response

    return held


def _by_line(chunks: Iterable[bytes], hold: Callable[[bytes], None]) -> Iterator[bytes]:
    begun = b""
    for chunk in chunks:
        *lines, begun = (begun + chunk).split(b"\n")
        for line in lines:
            hold(line)
        yield chunk
    hold(begun)
