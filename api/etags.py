"""Versions in ETag and If-Match: whoever changes something they have not seen in its present state is told so (412)."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from labeler.errors import Invalid, StaleVersion


def tagged(response: Response, version: int | str) -> Response:
    response["ETag"] = f'"{version}"'
    return response


def expected(request: Request) -> str | None:
    """The version that If-Match names, without quotes; None without the header or with "*"."""
    sent = request.headers.get("If-Match", "*").strip()
    if sent == "*":
        return None
    if "," in sent:
        raise Invalid(_("If-Match names one version here."), fields={"If-Match": ["more than one"]})
    return sent.removeprefix("W/").strip('"')


def expected_number(request: Request, current: int) -> int | None:
    """As expected(), for versions that are numbers."""
    sent = expected(request)
    if sent is None:
        return None
    if not (sent.isascii() and sent.isdigit() and len(sent) < 10):
        raise StaleVersion(_("If-Match names no version of this."), current=current)
    return int(sent)
