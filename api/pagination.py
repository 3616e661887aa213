"""Lists by cursor: {"results", "next"}. No count, no offset: page 1,000 costs what page 1 costs.

A cursor holds the sort values of the last row shown. It is data from a client: wrong ones are refused, never
trusted.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from api import parsing
from labeler.errors import Invalid

PAGE_SIZE, LARGEST_PAGE = 100, 1000


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an order: a field or annotation, its direction and its type in a cursor."""

    field: str
    descending: bool = False
    type: type[int] | type[float] = int

    @property
    def ordering(self) -> str:
        return f"-{self.field}" if self.descending else self.field


BY_ID = (Key("id"),)
NEWEST_FIRST = (Key("id", descending=True),)


def page(
    request: Request,
    rows: QuerySet,
    shape: type[Serializer] | Callable[[list[Any]], Iterable[Any]],
    *,
    order: Sequence[Key] = BY_ID,
    fetch: Callable[[QuerySet, Sequence[str], int], list[Any]] | None = None,
    weigh: tuple[Callable[[list[int]], dict[int, int]], int] | None = None,
) -> Response:
    """One page of `rows` in `order`, whose last key must make it unique. shape: a row's, or what turns rows into JSON.

    fetch(rows, ordering, n): how they are read, where not by one plain query. weigh: weights of rows by their id, and
    the most that a page may hold; it ends before the row that would be too much, but has one row at least.
    """
    size = parsing.integer(request, "page_size", low=1, high=LARGEST_PAGE) or PAGE_SIZE
    if cursor := parsing.text(request, "cursor"):
        rows = rows.filter(_after(_decode(cursor, order), order))
    # One more than shown tells whether there is a next page.
    ordering = [key.ordering for key in order]
    found = fetch(rows, ordering, size + 1) if fetch else list(rows.order_by(*ordering)[: size + 1])
    shown = _light_enough(found[:size], *weigh) if weigh else found[:size]
    following = None
    if len(found) > len(shown):
        following = _url(request, _encode([_value(shown[-1], key.field) for key in order]))
    results = shape(shown, many=True).data if isinstance(shape, type) else list(shape(shown))
    return Response({"results": results, "next": following})


def _light_enough(rows: list[Any], weights_of: Callable[[list[int]], dict[int, int]], most: int) -> list[Any]:
    weights = weights_of([row.pk for row in rows])
    total = 0
    for at, row in enumerate(rows):
        total += weights.get(row.pk, 0)
        if at and total > most:
            return rows[:at]
    return rows


def _value(row: Any, field: str) -> Any:
    for name in field.split("__"):
        row = row[name] if isinstance(row, dict) else getattr(row, name)
    return row


def _after(values: Sequence[Any], order: Sequence[Key]) -> Q:
    """Rows behind these values: a > x, or a = x and b > y, and so on."""
    condition = Q()
    for at, (key, value) in enumerate(zip(order, values, strict=True)):
        equal = {k.field: v for k, v in zip(order[:at], values, strict=False)}
        condition |= Q(**equal, **{f"{key.field}__{'lt' if key.descending else 'gt'}": value})
    return condition


def _encode(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _decode(cursor: str, order: Sequence[Key]) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != len(order) or not all(map(_fits, values, order)):
        raise Invalid(
            _("This cursor does not belong to this list. Start again without it."),
            fields={"cursor": ["invalid"]},
        )
    return values


def _fits(value: Any, key: Key) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or (key.type is int and isinstance(value, float)):
        return False
    return math.isfinite(value) and -(2**63) <= value < 2**63


def _url(request: Request, cursor: str) -> str:
    query = request.query_params.copy()
    query["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
