"""One shape for everything that goes wrong: {"error": {"code", "message", "fields"}} with the right status.

Knows exceptions of the domain, of Django, of the framework and of the database. Nothing a client can send may
end as a 500.
"""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.signals import got_request_exception
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from labeler.errors import LabelerError
from labeler.intake.incoming import FilesNotTaken

logger = logging.getLogger(__name__)

RETRY_SECONDS = 3
_FULL = {errno.ENOSPC, errno.EDQUOT}
_CODES = {"parse_error": "malformed", "method_not_allowed": "method_not_allowed"}


def answer(
    status: int,
    code: str,
    message: str,
    *,
    fields: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
    **details: Any,
) -> Response:
    """The error object. `details` are further members of it, such as the current version of what was stale."""
    error = {"code": code, "message": message, "fields": dict(fields or {}), **details}
    return Response({"error": error}, status=status, headers=dict(headers or {}))


_AWAY = re.compile(r"(go|goes)_with_(their|its)_image")  # the names of these foreign keys


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """What a client is told about an exception that a view raised (settings.REST_FRAMEWORK names this)."""
    set_rollback()
    if isinstance(error, LabelerError):
        return _domain(error)
    if isinstance(error, Http404):
        return answer(404, "not_found", "There is nothing here, or it is not for you to see.")
    if isinstance(error, PermissionDenied):
        return answer(403, "not_allowed", str(error) or "You may not do this.")
    if isinstance(error, exceptions.APIException):
        return _framework(error)
    if isinstance(error, OperationalError | InterfaceError):
        # Away, restarting, too busy, or a lock that was not to be had: all of it passes.
        logger.warning("the database did not answer: %s", error)
        return answer(
            503,
            "database_unavailable",
            "The database does not answer right now. Try again in a moment; nothing is lost.",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    if isinstance(error, FilesNotTaken):
        return answer(400, "malformed", str(error))
    if isinstance(error, RequestDataTooBig):
        return answer(413, "too_large", "The request is larger than this server takes.")
    if isinstance(error, TooManyFieldsSent | TooManyFilesSent):
        return answer(413, "too_many_parts", "The form has more parts than this server takes: send it in several.")
    if isinstance(error, UnreadablePostError | MultiPartParserError):
        return answer(400, "malformed", "The request did not arrive whole.")
    if isinstance(error, IntegrityError) and _AWAY.search(str(error)):
        # What was written speaks of an image that somebody deleted at this moment (docs/decisions/0017).
        return answer(404, "not_found", "There is no such image, or you are not a member of its project.")
    if isinstance(error, DataError | UnicodeError) or (isinstance(error, ValueError) and "NUL (0x00)" in str(error)):
        # The parsers refuse what PostgreSQL cannot hold; this is the net below them.
        logger.warning("a value that the database cannot hold came through", exc_info=error)
        return answer(
            400,
            "invalid",
            "A value cannot be stored: a number out of range, or text with forbidden characters.",
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        return answer(507, "storage_full", "The disk of the server is full. Free some space, then try again.")
    return _our_fault(error, context)


def _domain(error: LabelerError) -> Response:
    details = dict(error.details)
    headers = {}
    if (seconds := details.pop("retry_after", None)) is not None:
        headers["Retry-After"] = str(seconds)
    return answer(error.status, error.code, error.message, fields=error.fields, headers=headers, **details)


def _framework(error: exceptions.APIException) -> Response:
    headers = {}
    if (scheme := getattr(error, "auth_header", None)) is not None:
        headers["WWW-Authenticate"] = str(scheme)
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait))
    if isinstance(error, exceptions.ValidationError):
        fields = _fields(error.detail)
        name, texts = next(iter(fields.items()), ("", ["The request is not valid."]))
        message = f"{name}: {texts[0]}" if name else texts[0]
        return answer(400, "invalid", message, fields=fields)
    detail = error.detail
    code = getattr(detail, "code", error.default_code)
    return answer(error.status_code, _CODES.get(code, code), str(detail), headers=headers)


def _fields(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Nested messages of serializers, flattened: {"categories.0.name": ["…"]}."""
    if isinstance(detail, Mapping):
        items: Any = detail.items()
    elif isinstance(detail, list) and any(isinstance(part, Mapping | list) for part in detail):
        items = enumerate(detail)
    else:
        return {path or "body": [str(text) for text in (detail if isinstance(detail, list) else [detail])]}
    found: dict[str, list[str]] = {}
    for name, part in items:
        if part:
            # What is wrong with a list or an object as a whole belongs to its own name.
            below = path if name == "non_field_errors" else f"{path}.{name}" if path else str(name)
            found.update(_fields(part, below))
    return found


def _our_fault(error: Exception, context: dict[str, Any]) -> Response:
    """A mistake of ours. The client gets the same shape and no secrets; the log, and tests, get the trace."""
    request = context["request"]
    got_request_exception.send(sender=None, request=request._request)
    kind = "the database refused" if isinstance(error, DatabaseError) else "unexpected"
    logger.error("%s: %s %s", kind, request.method, request.path, exc_info=error)
    return answer(500, "internal", "Something went wrong on the server. It is written in its log.")
