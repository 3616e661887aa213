"""What holds for every address: who asks, behind a proxy or not; bodies of known length; no private answers in shared
caches; words for a 405.
"""

from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _


class _Step:
    """What stands between a request and the rest of its way."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response


class KnownLength(_Step):
    """Refuses a body that does not say how long it is (`Transfer-Encoding: chunked`).

    Django takes such a body for an empty one, so that a program would be told that everything is missing.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" not in request.META:
            return self.get_response(request)
        message = _("Send the body with its length (Content-Length), not in chunks.")
        if not request.path.startswith("/api/"):
            raise BadRequest(message)
        error = {"code": "length_required", "message": message, "fields": {}}
        return JsonResponse({"error": error}, status=411)


FOR, PROTO, HOST = "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"
# gunicorn changes the scheme for each of these when its peer is on this machine, and everybody is where a proxy is.
SCHEMES = (PROTO, "HTTP_X_FORWARDED_PROTOCOL", "HTTP_X_FORWARDED_SSL")


class ProxyHeaders(_Step):
    """Makes REMOTE_ADDR and the scheme those of the client, where LABELER_BEHIND_PROXY says that a proxy tells them.

    Of a list only the last entry is believed: the proxy wrote it; what stands before, anybody may have sent. Without
    a proxy nothing is believed. No later step sees the headers.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        sent = {name: _last(meta.pop(name)) for name in (FOR, HOST, *SCHEMES) if name in meta}
        if any(name in sent for name in SCHEMES):
            meta["wsgi.url_scheme"] = "http"
        if settings.BEHIND_PROXY:
            if sent.get(PROTO) == "https":
                meta["wsgi.url_scheme"] = "https"
            if address := _address(sent.get(FOR, "")):
                meta["REMOTE_ADDR"] = address
        return self.get_response(request)


def _last(entries: str) -> str:
    return entries.rpartition(",")[2].strip()


def _address(entry: str) -> str | None:
    """The IP address of an entry, which may have a port; None for anything else."""
    bare = entry[1:].partition("]")[0] if entry.startswith("[") else entry
    for text in (bare, bare.rpartition(":")[0]):
        try:
            return str(ip_address(text))
        except ValueError:
            continue
    return None


class PrivateResponses(_Step):
    """Adds `Cache-Control: no-store` to pages and JSON that carry no caching rule of their own.

    Without it a proxy, or the back button after signing out, shows one person's page to the next.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response


class WordsForNotAllowed(_Step):
    """Gives a page to somebody who typed or reloaded the address of a form: Django's own answer is empty."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and request.method == "GET" and not response.content:
            from labeler.pages.shell.errors import not_allowed

            allowed = response["Allow"]
            response = not_allowed(request)
            response["Allow"] = allowed
        return response
