"""Cells of CSV files, out and in again: what spreadsheets would run is disarmed, several classes stand in one cell.

Knows text only.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

# A cell that begins so is a formula to a spreadsheet, and formulas can send data away (OWASP: CSV injection). The last
# four are the full-width forms of the first four, which spreadsheets of East Asian languages read alike.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
SEPARATOR = "|"
CHUNK_BYTES = 64 * 1024


def cell(value: Any) -> Any:
    """A value as a CSV cell. Text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if value is None:
        return ""
    return _WAYS[type(value)](value) if type(value) in _WAYS else value


def _text(value: str) -> str:
    return f"'{value}" if _is_formula(value) else value


def without_formula_guard(text: str) -> str:
    """The text that cell() was given."""
    return text[1:] if text.startswith("'") and _is_formula(text) else text


def _is_formula(text: str) -> bool:
    # Behind apostrophes too, or a text that had one of its own would come back without it.
    return text.lstrip("'").startswith(FORMULA_STARTS)


def classes(names: Sequence[str] | None, *, multi: bool) -> str:
    """Classes in one cell: the name; in multi-label projects all of them with | between (\\| is one in a name)."""
    if not names:
        return ""
    if not multi:
        return names[0]
    return SEPARATOR.join(name.replace("\\", "\\\\").replace(SEPARATOR, f"\\{SEPARATOR}") for name in names)


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC, to the microsecond, ending in Z."""
    # Naive, because a time zone makes isoformat three times as slow.
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


_WAYS: dict[type, Callable[[Any], str]] = {
    str: _text,
    bool: lambda value: "true" if value else "false",
    datetime: timestamp,
}


def csv_chunks(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """A CSV file (RFC 4180, UTF-8) in pieces of about CHUNK_BYTES."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    for row in rows:
        # csv writes numbers and None as cell() would; a call for each of 30 million cells would take minutes.
        writer.writerow([_WAYS[type(value)](value) if type(value) in _WAYS else value for value in row])
        if buffer.tell() >= CHUNK_BYTES:
            yield buffer.getvalue().encode("utf-8", "replace")
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode("utf-8", "replace")


def csv_line(row: Sequence[Any]) -> bytes:
    """One line of such a file."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow([cell(value) for value in row])
    return buffer.getvalue().encode("utf-8", "replace")
