"""Every other address below /api/: 404 in the shape of all errors, not as a page."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import View
from labeler.errors import NotFound


@extend_schema(exclude=True)
class Nothing(View):
    authentication_classes = []
    permission_classes = [AllowAny]

    def _nothing(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        hint = "" if request.path.endswith("/") else " Addresses end with a slash."
        raise NotFound(_("There is nothing at this address.%(hint)s") % {"hint": hint})

    get = post = put = patch = delete = _nothing
