"""The pages people meet when something is wrong: what happened, what was kept, what to do next. No secrets.

Those for broken requests and broken servers know neither the person nor the database: whatever is broken must not
break them too.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

from django.core.exceptions import DisallowedHost, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from labeler.errors import StorageFull
from labeler.intake.incoming import FilesNotTaken

RETRY_SECONDS = 5


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, and 413 for what is too large: Django calls both a bad request."""
    if isinstance(exception, TooManyFilesSent):
        return _apart(request, 413, _("That were too many files for one form. Send them in several goes, or as a zip."))
    if isinstance(exception, FilesNotTaken):
        return _apart(request, 400, _("This page takes no files. Nothing of what was sent was kept."))
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return _apart(request, 413, _("The form was larger than this server takes. Send less at once."))
    if isinstance(exception, DisallowedHost):
        return _apart(
            request,
            400,
            _("This server does not answer to the name in the address bar. Its operator can add it to ALLOWED_HOSTS."),
        )
    return _apart(request, 400, _("The request did not arrive as it was sent. Go back, reload the page and try again."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: known to the person, but not theirs. The sentence is the view's own."""
    return render(request, "403.html", {"why": str(exception)}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404. A view may have said what is missing; the resolver's own exception holds all our addresses."""
    said = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    return render(request, "404.html", {"why": said}, status=404)


def not_allowed(request: HttpRequest) -> HttpResponse:
    """405: somebody reloaded or typed the address of a form."""
    return render(request, "405.html", status=405)


def server_error(request: HttpRequest) -> HttpResponse:
    """500; 503 while the database is away, 507 when the disk is full: both pass."""
    problem = sys.exc_info()[1]
    if isinstance(problem, OperationalError | InterfaceError):
        response = _apart(request, 503, "")
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    if isinstance(problem, StorageFull):
        return _apart(request, 507, "")
    return _apart(request, 500, "")


def _apart(request: HttpRequest, status: int, why: str) -> HttpResponse:
    """A page that asks nothing of the request but its address and the nonce of its scripts."""
    plain = SimpleNamespace(csp_nonce=str(getattr(request, "csp_nonce", "")), path=request.path)
    context: dict[str, Any] = {"request": plain, "why": why, "again": request.method == "GET"}
    return HttpResponse(render_to_string(f"{status}.html", context), status=status)
