"""Read what is known of images besides their pixels: camera, place, date, a description.

A CSV with one row per image or JSON Lines with one object per image: one column names the image, every other one is a
field. Values are flat: text, a number, true or false. Knows text; which images there are, and what is known of them
already, is labeler/intake/import_metadata.py's business.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow, TooLarge
from labeler.intake.formats.cells import without_formula_guard
from labeler.intake.formats.json_items import no_constant
from labeler.intake.formats.judgements import Unusable, check_count, columns_of, header, is_blank, text_said
from labeler.intake.outcomes import Refusal

MOST_BYTES = 64 * 2**20  # of a file
LONGEST_CELL = 131_072  # characters; a manifest may have longer ones (manifest.py), a field of an image none
MOST_ROWS = 200_000
MOST_FIELDS = 50  # of a row, and of an image
LONGEST_KEY = 100  # characters
LONGEST_VALUE = 1000
LONGEST_NAME = 500  # of an image
LARGEST = 2**63 - 1
# Beyond, a browser and a spreadsheet drop digits: what is so long in a CSV is a number of something, not how many.
EXACT = 2**53
# The first of these that a table has names the image; the others are fields like any.
NAMES = ("file_name", "filename", "image", "name", "sha256", "id")
SHA256 = re.compile(r"[0-9a-f]{64}")
# As JSON spells numbers: 007 and +49 are no numbers but names of something.
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# Control characters, halves of surrogate pairs, line and paragraph separators: a field is one line of text.
NO_TEXT = frozenset(("Cc", "Cs", "Zl", "Zp"))

Value = str | int | float | bool | None  # None: the field is taken away


@dataclass(frozen=True, slots=True)
class Described:
    """One row that could be read: of which image, and what it says."""

    row: int  # of a CSV as a spreadsheet counts, the header is 1; of JSON Lines the line; of a list from 1
    image: str | int  # a file name, a SHA-256 or an id
    by: str  # file_name, sha256 or id
    fields: dict[str, Value]


class Table:
    """A file with a row per image; each loop over it reads from the start and holds one row at a time.

    source: open for reading bytes, and for seeking. remove_empty: an empty cell takes the field away; else it says
    nothing. Raises TooLarge; a loop raises NotPossibleNow for a file that is no such table, perhaps after good rows.
    """

    def __init__(self, source: BinaryIO, *, remove_empty: bool = False):
        self._source, self._remove_empty = source, remove_empty
        if source.seek(0, io.SEEK_END) > MOST_BYTES:
            raise TooLarge(_("A table of metadata has at most %(most)s MB: split it.") % {"most": MOST_BYTES // 2**20})

    def __iter__(self) -> Iterator[Described | Refusal]:
        self._source.seek(0)
        text = io.TextIOWrapper(self._source, encoding="utf-8-sig", newline="")
        try:
            with text_said():
                yield from _limited(self._rows(text))
        finally:
            text.detach()  # the file is the caller's to close

    def _rows(self, text: io.TextIOWrapper) -> Iterator[Described | Refusal]:
        first, head = header(text)
        start = head.lstrip()[:1]
        if start == "[":
            raise NotPossibleNow(_("This is one JSON list. Write JSON Lines: one object in each line, no list around."))
        if start == "{":
            yield from self._of_lines(first, head, text)
        else:
            yield from self._of_csv(first, head, text)

    def _of_lines(self, first: int, head: str, text: Iterable[str]) -> Iterator[Described | Refusal]:
        for number, line in enumerate(itertools.chain([head], text), start=first):
            if line.strip() and (row := _of_line(number, line, self._remove_empty)):
                yield row

    def _of_csv(self, first: int, head: str, text: Iterable[str]) -> Iterator[Described | Refusal]:
        if not head:
            raise NotPossibleNow(_("The file is empty: its first line names file_name and the fields."))
        separator, names = columns_of(head)
        columns = _columns(names)
        for number, cells in enumerate(csv.reader(text, delimiter=separator), start=first + 1):
            if any(len(cell) > LONGEST_CELL for cell in cells):
                raise NotPossibleNow(_("The file is no CSV: %(error)s.") % {"error": _("a quotation mark never ends")})
            if not is_blank(cells):
                yield _of_cells(number, columns, cells, self._remove_empty)


class Listed:
    """Rows as a program sends them: objects in a list, counted from 1. May be looped over as often as needed."""

    def __init__(self, rows: Sequence[Any], *, remove_empty: bool = False):
        self._rows, self._remove_empty = rows, remove_empty

    def __iter__(self) -> Iterator[Described | Refusal]:
        rows = (_of_object(number, row, self._remove_empty) for number, row in enumerate(self._rows, start=1))
        return _limited(row for row in rows if row)


def _limited(rows: Iterator[Described | Refusal]) -> Iterator[Described | Refusal]:
    for number, row in enumerate(rows, start=1):
        check_count(number, MOST_ROWS)
        yield row


# ---------------------------------------------------------------- rows


@dataclass(frozen=True, slots=True)
class _Columns:
    """Of a CSV: which cell names the image, and which field each other cell is of; "" for a column without a name."""

    by: str
    at: int
    keys: list[str]


def _columns(names: list[str]) -> _Columns:
    by, column = _names_image(names)
    if column is None:
        raise NotPossibleNow(
            _("The first line must name file_name (or sha256, or id), by which images are found, and a field or more.")
        )
    at = names.index(column)
    # The numbering of a data frame comes as a column without a name: it is left out.
    keys = ["" if place == at else name for place, name in enumerate(names)]
    fields = [key for key in keys if key]
    if not fields:
        raise NotPossibleNow(
            _("There is no field beside %(column)s: give each one a column, named in the first line.")
            % {"column": column}
        )
    try:
        check_keys([column, *fields])
    except Unusable as unusable:
        raise NotPossibleNow(str(unusable)) from unusable
    return _Columns(by, at, keys)


def _names_image(names: Iterable[str]) -> tuple[str, str | None]:
    """How images are found (file_name, sha256 or id) and the column that says which; None where there is no such."""
    given: dict[str, str] = {}
    for name in names:
        given.setdefault(name.strip().casefold(), name)
    found = next((name for name in NAMES if name in given), None)
    if found is None:
        return "", None
    return found if found in ("sha256", "id") else "file_name", given[found]


def check_keys(keys: Sequence[str]) -> None:
    """Raises Unusable with the first thing that is wrong; the first key is the one that names the image."""
    if len(keys) - 1 > MOST_FIELDS:
        raise Unusable(_("An image has at most %(most)s fields.") % {"most": MOST_FIELDS})
    for key in keys:
        shown = {"key": shown_text(key), "most": LONGEST_KEY}
        if not key:
            raise Unusable(_("A field has no name."))
        if len(key) > LONGEST_KEY:
            raise Unusable(_("The name of a field has at most %(most)s characters: “%(key)s” is too long.") % shown)
        if not is_line(key):
            raise Unusable(_("The name of the field “%(key)s” has a line break or a control character.") % shown)
        if keys.count(key) > 1:
            raise Unusable(_("“%(key)s” is there twice.") % shown)


def shown_text(text: str, most: int = LONGEST_KEY) -> str:
    """A key or a name as it may stand in a sentence, whatever it is."""
    return "".join(letter if is_line(letter) else "\N{REPLACEMENT CHARACTER}" for letter in text[:most])


def is_line(text: str) -> bool:
    if text.isascii():
        return text.isprintable()
    return not any(unicodedata.category(letter) in NO_TEXT for letter in text)


def _of_cells(number: int, columns: _Columns, cells: list[str], remove_empty: bool) -> Described | Refusal:
    named = cells[columns.at].strip() if len(cells) > columns.at else ""
    if any(cell.strip() for cell in cells[len(columns.keys) :]):
        too_much = _("There is a cell too much: put quotes around a text with a separator.")
        return Refusal(shown_text(named, LONGEST_NAME), too_much, number)
    fields: dict[str, Value] = {}
    try:
        image = _image(columns.by, without_formula_guard(named))
        for key, cell in zip(columns.keys, cells, strict=False):
            if not key:
                continue
            if text := cell.strip():
                fields[key] = typed(key, text)
            elif remove_empty:
                fields[key] = None
    except Unusable as unusable:
        return Refusal(shown_text(named, LONGEST_NAME), str(unusable), number)
    return Described(number, image, columns.by, fields)


def _of_line(number: int, line: str, remove_empty: bool) -> Described | Refusal | None:
    try:
        row = json.loads(line, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        return Refusal("", _("This line is no JSON: %(error)s.") % {"error": str(error)[:200]}, number)
    return _of_object(number, row, remove_empty)


def _of_object(number: int, row: Any, remove_empty: bool) -> Described | Refusal | None:
    """None for an object in which nothing stands."""
    if not isinstance(row, dict):
        return Refusal("", _("This is no object: each line is one, as {“file_name”: …, “field”: …}."), number)
    if all(value is None or (isinstance(value, str) and not value.strip()) for value in row.values()):
        return None
    by, column = _names_image(row)
    named = "" if column is None else row[column]
    try:
        image = _image(by, named)
        pairs = [(key.strip(), value) for key, value in row.items() if key != column]
        check_keys([str(column), *(key for key, _value in pairs)])
        fields: dict[str, Value] = {}
        for key, value in pairs:
            if isinstance(value, str) and not value.strip():
                if remove_empty:
                    fields[key] = None
            else:
                fields[key] = flat(key, value)
    except Unusable as unusable:
        return Refusal(shown_text(str(named), LONGEST_NAME), str(unusable), number)
    return Described(number, image, by, fields)


def _image(by: str, named: Any) -> str | int:
    """What names the image, as it can be looked up. Raises Unusable."""
    if isinstance(named, str):
        named = named.strip()
    if named is None or named == "" or not by:
        raise Unusable(_("Which image? file_name, sha256 or id must be given."))
    if by == "id":
        text = str(named)
        if isinstance(named, bool) or not (text.isascii() and text.isdigit() and len(text) < 20):
            raise Unusable(_("id must be the number of an image."))
        return min(int(text), LARGEST)
    if not isinstance(named, str):
        raise Unusable(_("%(by)s must be a text.") % {"by": by})
    if by == "sha256":
        if not SHA256.fullmatch(named.lower()):
            raise Unusable(_("sha256 must be 64 hexadecimal digits."))
        return named.lower()
    if len(named) > LONGEST_NAME or not is_line(named):
        raise Unusable(_("This is no name of a file: it is too long, or has a control character."))
    return named


# ---------------------------------------------------------------- values


def typed(key: str, text: str) -> Value:
    """What a cell of a CSV spells: a number, true or false, else the text."""
    bare = without_formula_guard(text)
    _check_text(key, bare)
    if bare != text:
        return bare  # somebody took care that it stays a text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if not NUMBER.fullmatch(text):
        return text
    number = int(text) if text.lstrip("-").isdigit() else float(text)
    return number if abs(number) <= EXACT else text


def flat(key: str, value: Any) -> Value:
    """A value of a JSON object. Raises Unusable for lists and objects, and for what no database column holds."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _check_text(key, value.strip())
    if not isinstance(value, int | float):
        raise Unusable(
            _("“%(key)s” must be a text, a number, true or false; lists and objects are not taken.")
            % {"key": shown_text(key)}
        )
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise Unusable(_("“%(key)s” is a number out of range.") % {"key": shown_text(key)})
    return value


def named(key: str, value: Any) -> Value:
    """The same, of a field beside the name of the image: its own name is checked too."""
    check_keys(["file_name", key])
    return flat(key, value)


def plain(said: Mapping[str, Any], besides: Collection[str]) -> Iterator[tuple[str, Any]]:
    """The members of an object that may be fields: neither lists, objects nor nothing, nor those named."""
    for key, value in said.items():
        if key not in besides and value is not None and not isinstance(value, dict | list):
            yield key, value


def usable(
    said: Iterable[tuple[str, Any]], problems: list[str], value_of: Callable[[str, Any], Value] = named
) -> dict[str, Value]:
    """The fields that can be used, by value_of; what is wrong with the others goes to `problems`."""
    fields: dict[str, Value] = {}
    for key, value in said:
        try:
            fields[key] = value_of(key, value)
        except Unusable as unusable:
            problems.append(str(unusable))
    return fields


def _check_text(key: str, text: str) -> str:
    if len(text) > LONGEST_VALUE:
        raise Unusable(
            _("“%(key)s” has at most %(most)s characters, and this has %(n)s.")
            % {"key": shown_text(key), "most": f"{LONGEST_VALUE:,}", "n": f"{len(text):,}"}
        )
    if not is_line(text):
        raise Unusable(_("“%(key)s” has a line break or a control character.") % {"key": shown_text(key)})
    return text
