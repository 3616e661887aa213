"""Read judgements that were made elsewhere: a CSV with one row per judgement.

Columns: file_name, annotator, label, and perhaps created_at (ISO 8601), seconds, answer (labeled or cannot_tell). In
multi-label projects several classes stand in one cell with | between (\\| is one in a name), or in several rows. Knows
text; what becomes of the rows is labeler/intake/import_labels.py's business.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import NotPossibleNow
from labeler.intake.formats.cells import without_formula_guard
from labeler.intake.outcomes import Refusal

NEEDED = ("file_name", "annotator", "label")
MOST_ROWS = 5_000_000
LONGEST_CELL = 10_000
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
NO_TIME = gettext_lazy("created_at must be a time like 2026-11-05T10:30:00Z, and not in the future.")
ANSWERS = ("labeled", "cannot_tell")
NO_ANSWER = gettext_lazy("Only judgements are taken: answer must be labeled or cannot_tell.")
NO_SECONDS = gettext_lazy("seconds must be a number from 0.")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PART = re.compile(r"(?:[^|\\]|\\.)+", re.DOTALL)  # up to a bar that is not escaped
# Our own exports and other tools' call them so.
ALSO = {
    "categories": "label", "category": "label", "class": "label", "filename": "file_name", "image": "file_name",
    "username": "annotator", "user": "annotator", "worker": "annotator",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judgement:
    """One row that could be read. answer: labeled or cannot_tell."""

    row: int  # as a spreadsheet counts: the header is 1
    file_name: str
    annotator: str
    classes: list[str]
    answer: str
    created_at: datetime | None
    seconds: float | None


def read(path: Path, *, multi: bool) -> Iterator[Judgement | Refusal]:
    """The rows of a file, in its order. Raises NotPossibleNow for a file that is no such table."""
    with text_said(), path.open(encoding="utf-8-sig", newline="") as file:
        yield from _rows(file, multi)


@contextmanager
def text_said() -> Iterator[None]:
    """Raises NotPossibleNow where a file turns out to be no text, or no CSV."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise NotPossibleNow(_("The file is not UTF-8 text. Save it as “CSV UTF-8”, then send it again.")) from error
    except csv.Error as error:
        raise NotPossibleNow(_("The file is no CSV: %(error)s.") % {"error": error}) from error


def is_table(path: Path) -> bool:
    """Does its first line name the columns? For a file that came without a word on what it is."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = header(file, LONGEST_CELL)[1]
        return bool(head) and not set(NEEDED) - set(_columns(head)[1])
    except (UnicodeDecodeError, csv.Error, IsADirectoryError):
        return False


def header(file: io.TextIOBase, longest: int = -1) -> tuple[int, str]:
    """The number of the first line that is not blank, and the line, or its beginning; "" where there is none."""
    number = 1
    while line := file.readline(longest):
        if not is_blank([line]):
            return number, line
        number += 1
    return number, ""


def is_blank(cells: Iterable[str]) -> bool:
    """A row in which nothing stands, as spreadsheets leave them: spaces, separators and quotes at most."""
    return not "".join(cells).strip().strip(',;"\t ')


def columns_of(head: str) -> tuple[str, list[str]]:
    """What separates cells, by the header alone: a name with a comma in some later row must not decide it; and its
    cells.
    """
    separator = max(",;\t", key=head.count)
    return separator, [cell.strip() for cell in next(csv.reader([head], delimiter=separator), [])]


def rows_below(first: int, text: Iterable[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows below a header in line `first` in which something stands, with their numbers."""
    for number, cells in enumerate(csv.reader(text, delimiter=separator), start=first + 1):
        check_count(number)
        if not is_blank(cells):
            yield number, cells


def check_count(n: int, most: int = MOST_ROWS) -> None:
    """Raises NotPossibleNow for so many rows."""
    if n > most:
        raise NotPossibleNow(_("A file has at most %(most)s rows: split it.") % {"most": f"{most:,}"})


def _columns(head: str) -> tuple[str, list[str]]:
    """The same, by the names that are used here."""
    separator, cells = columns_of(head)
    return separator, [ALSO.get(name, name) for name in map(str.casefold, cells)]


def _rows(file: io.TextIOBase, multi: bool) -> Iterator[Judgement | Refusal]:
    first, head = header(file)
    if not head:
        raise NotPossibleNow(_("The file is empty: its first line names the columns file_name, annotator, label."))
    separator, names = _columns(head)
    if missing := [name for name in NEEDED if name not in names]:
        sentence = (
            f"The columns {', '.join(missing)} are missing. The first line names them: file_name, annotator, label."
        )
        if missing == ["annotator", "label"]:
            # The image page's drop zone takes every CSV for one of labels.
            sentence += " " + _("A table of what is known of the images comes in by “Metadata of the images”.")
        raise NotPossibleNow(sentence)
    for number, cells in rows_below(first, file, separator):
        yield _judgement(number, dict(zip(names, cells, strict=False)), multi)


def _judgement(number: int, cells: dict[str, str], multi: bool) -> Judgement | Refusal:
    name = cells.get("file_name", "").strip()[:LONGEST_CELL]
    annotator = without_formula_guard(cells.get("annotator", "").strip())

    def bad(reason: str) -> Refusal:
        return Refusal(name[:500], reason, number)

    if not name or not annotator:
        return bad(_("file_name and annotator must be given."))
    answer = cells.get("answer", "").strip() or "labeled"
    text = without_formula_guard(cells.get("label", "").strip())
    classes = [] if answer == "cannot_tell" else split_classes(text) if multi else [text] * bool(text)
    try:
        check_person(annotator)
        if answer not in ANSWERS:
            raise Unusable(NO_ANSWER)
        if answer == "labeled" and not classes and not multi:
            raise Unusable(_("The label is missing."))
        moment = moment_of(cells.get("created_at", "").strip())
        seconds = seconds_of(cells.get("seconds", "").strip())
    except Unusable as unusable:
        return bad(str(unusable))
    return Judgement(number, without_formula_guard(name), annotator, classes, answer, moment, seconds)


def split_classes(text: str) -> list[str]:
    """Names of one cell: a|b, with \\| for a bar in a name and \\\\ for a backslash; "" is none."""
    names = (_ESCAPED.sub(r"\1", part).strip() for part in _PART.findall(text))
    return [name for name in names if name]


class Unusable(ValueError):
    """A cell or a row that says nothing we can use; str() is the sentence."""


def check_person(name: str) -> None:
    """Raises Unusable."""
    if len(name) > 150 or not name.isprintable():
        raise Unusable(_("The annotator's name is too long or has characters that names do not have."))


def moment_of(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unusable(NO_TIME) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not EARLIEST <= moment <= datetime.now(UTC):
        raise Unusable(NO_TIME)
    return moment


def seconds_of(text: str) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError as error:
        raise Unusable(NO_SECONDS) from error
    if not (math.isfinite(seconds) and 0 <= seconds < 1e7):
        raise Unusable(NO_SECONDS)
    return seconds
