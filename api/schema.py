"""Describe an endpoint for OpenAPI in one line. Knows the description, not what the endpoint does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers

from api.fields import ErrorAnswer
from api.parsing import PERSON_HEADER

ERRORS = {
    400: "The request cannot be understood; `fields` says what is wrong.",
    401: "Nobody is signed in, or the token is unknown, revoked or expired.",
    403: "Known to you, but not yours to do.",
    404: "Not there, or not for you to know of.",
    409: "In conflict with what is there.",
    412: "If-Match named a version that is no longer the present one; `current` is.",
    413: "Larger than this server takes.",
    422: "Understood, and not possible now.",
    429: "Too often: `Retry-After` says in how many seconds.",
    503: "The database does not answer, or other images take the memory: `Retry-After` says when to try again.",
    507: "The server's disk is full.",
}

PAGING = (
    OpenApiParameter("page_size", int, description="1 to 1000, normally 100"),
    OpenApiParameter("cursor", str, description="from `next` of the page before; follow `next` as it is"),
)
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.UUID,
    OpenApiParameter.HEADER,
    description="A new UUID per intention. The same key does the same thing once, however often it is sent.",
)
PERSON = OpenApiParameter(
    PERSON_HEADER,
    int,
    OpenApiParameter.HEADER,
    description="The id of the person you speak for. When somebody else is signed in by now, nothing is done and the "
    "answer is 409 `another_person`; without the header nothing is checked. Every call understands it.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag you saw: refuse (412) when somebody changed it since.",
)


def parameter(name: str, description: str, type_: Any = str, *, enum: Sequence[str] | None = None) -> OpenApiParameter:
    """A member of the query string."""
    return OpenApiParameter(name, type_, description=description, enum=enum)


def example(value: Any, name: str = "example", *, of_request: bool = False) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=of_request, response_only=not of_request)


def page_of(shape: type[serializers.Serializer]) -> serializers.Serializer:
    """{"results": […], "next": …}"""
    return inline_serializer(
        f"{shape.__name__.removesuffix('Shape')}Page",
        {
            "results": shape(many=True),
            "next": serializers.URLField(allow_null=True, help_text="the next page, null on the last one"),
        },
    )


def describe(
    operation: str,
    summary: str,
    *,
    tag: str,
    request: Any = None,
    answers: dict[Any, Any] | None = None,
    errors: Sequence[int] = (),
    parameters: Sequence[OpenApiParameter] = (),
    examples: Sequence[OpenApiExample] = (),
    public: bool = False,
    **more: Any,
) -> Callable[[Any], Any]:
    """The OpenAPI description of one method. `errors` beyond 400, 401, 403, 404 and 503, which all have."""
    statuses = sorted({400, 503, *(() if public else (401, 403, 404)), *errors})
    responses = dict(answers or {200: None}) | {
        status: OpenApiResponse(ErrorAnswer, description=ERRORS[status]) for status in statuses
    }
    title, _, rest = summary.partition("\n")
    return extend_schema(
        operation_id=operation,
        summary=title.rstrip("."),
        description=rest.strip() or title,
        tags=[tag],
        request=request,
        responses=responses,
        parameters=list(parameters),
        examples=list(examples),
        auth=[] if public else None,
        **more,
    )


def file(media_type: str, description: str) -> dict[Any, Any]:
    """An answer that is a file."""
    return {(200, media_type): OpenApiResponse(OpenApiTypes.BINARY, description=description)}


class TokenScheme(OpenApiAuthenticationExtension):
    """How the token reads in the OpenAPI description."""

    target_class = "api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token lb_…`, made by POST /api/tokens/ or on the account page.",
        }


class SessionScheme(OpenApiAuthenticationExtension):
    """How the browser's session reads in the OpenAPI description."""

    target_class = "api.authentication.Session"
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The login of the pages, with the header X-CSRFToken on every change.",
        }
