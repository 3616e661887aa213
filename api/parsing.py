"""Read what a client sent, and refuse what no later step could hold: one sentence instead of a trace.

After `SafeJSONParser` a body has sane depth, no NUL, no half surrogate, no number beyond 64 bits. Knows
shapes only; what stands in an address is read as filters of images are (labeler/curation/filters.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from labeler.curation import filters
from labeler.errors import AnotherPerson, Invalid, TooLarge

DEEPEST = 32
LARGEST = 2**63 - 1
NUMBERS = {int, float}
PERSON_HEADER = "X-Labeler-Person"


class SafeJSONParser(JSONParser):
    """JSON that the database can hold."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        # The framework reads the stream itself, past Django's own limit.
        sent = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(sent) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge(
                _("A body of JSON has at most %(value)s MB.") % {"value": settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20}
            )
        try:
            parsed = json.loads(sent.decode("utf-8"), parse_constant=_no_constant)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deep.") from error
        except ValueError as error:  # no JSON, no UTF-8, or an integer of thousands of digits
            raise ParseError(f"The body is not valid JSON in UTF-8: {str(error)[:200]}") from error
        check_storable(parsed)
        return parsed


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def check_storable(value: Any) -> None:
    """Raises ParseError for values that PostgreSQL or a later step would choke on."""
    level = [value]
    for _unused in range(DEEPEST):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, str):
                check_text(item)
            elif isinstance(item, dict):
                for key in item:
                    check_text(key)
                deeper += item.values()
            elif isinstance(item, list):
                if item and set(map(type, item)) <= NUMBERS:
                    # Coordinates, by the ten thousand: the least and the greatest stand for all.
                    deeper += (min(item), max(item))
                else:
                    deeper += item
            elif isinstance(item, int | float) and not -LARGEST - 1 <= item <= LARGEST:
                # Also infinity, which JSON can spell as 1e999.
                raise ParseError("A number is out of range.")
        if not deeper:
            return
        level = deeper
    raise ParseError(f"The JSON is nested more than {DEEPEST} levels deep.")


def check_text(text: str) -> str:
    """The same text; raises ParseError for a NUL or half of a surrogate pair, which PostgreSQL has no place for."""
    if "\x00" in text:
        raise ParseError("A text contains a NUL character.")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ParseError("A text contains half of a surrogate pair.") from error
    return text


def body(request: Request) -> dict[str, Any]:
    """The request's JSON object; an empty body is an empty object."""
    sent = request.data
    if isinstance(sent, Mapping):
        return dict(sent)
    raise ParseError("The body must be a JSON object.")


def parse(shape: type[Serializer], request: Request, *, partial: bool = False) -> dict[str, Any]:
    """The body as `shape` describes it; unknown members are ignored. Raises DRF's ValidationError."""
    serializer = shape(data=body(request), partial=partial)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def typed(sent: Mapping[str, Any], name: str, *kinds: type) -> Any:
    """A member of a body; None when it is not there. Raises Invalid where it is of none of these types."""
    value = sent.get(name)
    if value is not None and (isinstance(value, bool) != (bool in kinds) or not isinstance(value, kinds)):
        raise Invalid(_("%(name)s is of the wrong type.") % {"name": name}, fields={name: ["wrong type"]})
    return value


def idempotency_key(request: Request) -> UUID | None:
    """The Idempotency-Key header, or None. Raises Invalid when it is no UUID."""
    sent = request.headers.get("Idempotency-Key")
    return None if sent is None else uuid_of(sent, "Idempotency-Key")


def check_person(request: Request) -> None:
    """Refuse a request whose X-Labeler-Person is not who is signed in; without the header nothing is checked.

    A browser's session belongs to all its tabs: when somebody else logs in, a tab that was open before would write
    in their name. Raises AnotherPerson, and Invalid for what is no id.
    """
    sent = request.headers.get(PERSON_HEADER)
    if sent is None or not request.user.is_authenticated:
        return
    if not (sent.isascii() and sent.isdigit() and len(sent) < 20):
        raise Invalid(
            _("%(person_header)s must be the id of a person.") % {"person_header": PERSON_HEADER},
            fields={PERSON_HEADER: ["not an id"]},
        )
    if int(sent) != request.user.pk:
        raise AnotherPerson(
            _("You are logged in as %(name)s, and this was somebody else's: nothing was changed.")
            % {"name": request.user.get_username()},
            signed_in_as=request.user.get_username(),
        )


def uuid_of(value: Any, name: str) -> UUID:
    """A UUID in text, as it came under `name`. Raises Invalid."""
    try:
        return UUID(str(value))
    except ValueError as error:
        raise Invalid(_("%(name)s must be a UUID.") % {"name": name}, fields={name: ["not a UUID"]}) from error


# ---------------------------------------------------------------- the query string


def text(request: Request, name: str) -> str:
    """A parameter as text, without NUL."""
    return check_text(request.query_params.get(name, ""))


def lists(request: Request) -> dict[str, list[str]]:
    """All parameters, each with its values, without NUL."""
    sent = dict(request.query_params.lists())
    for one in (*sent, *chain(*sent.values())):
        check_text(one)
    return sent


def choice(request: Request, name: str, allowed: tuple[str, ...], default: str) -> str:
    """A parameter out of a fixed list."""
    value = text(request, name) or default
    if value not in allowed:
        raise Invalid(
            _("%(name)s must be one of %(names)s.") % {"name": name, "names": ", ".join(allowed)},
            fields={name: ["unknown"]},
        )
    return value


def integer(request: Request, name: str, *, low: int = 0, high: int = LARGEST) -> int | None:
    """A parameter as a whole number; None when it is not there."""
    value = text(request, name)
    if not value:
        return None
    # Not int() alone: it takes "1_000", other scripts' digits, and long ones take it long.
    if not (value.isascii() and value.isdigit() and len(value) < 20 and low <= int(value) <= high):
        raise Invalid(
            _("%(name)s must be a whole number from %(low)s to %(high)s.") % {"name": name, "low": low, "high": high},
            fields={name: ["not such a number"]},
        )
    return int(value)


def share(request: Request, name: str) -> float | None:
    """A parameter as a number from 0 to 1; None when it is not there."""
    return filters.share(name, text(request, name))


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """A parameter that is true or false."""
    return filters.flag(name, text(request, name) or str(default))


def moment(request: Request, name: str) -> datetime | None:
    """A parameter as a time: an ISO 8601 date or date and time, UTC unless it says otherwise."""
    value = text(request, name)
    if not value:
        return None
    found: datetime | None = None
    try:
        # A "+" that was not escaped arrives as a space; nobody means one after the time.
        found = parse_datetime(value.replace(" ", "+") if "T" in value else value)
        if found is None and (day := parse_date(value)) is not None:
            found = datetime.combine(day, time.min)
        if found is not None:
            # Comparing in UTC: the year 1 with an offset would leave what dates can say.
            found = make_aware(found, UTC) if is_naive(found) else found.astimezone(UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise Invalid(_("%(name)s must be a date or time in ISO 8601.") % {"name": name}, fields={name: ["not a time"]})
    return found
