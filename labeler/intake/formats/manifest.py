"""Manifests: a CSV or JSON Lines with a row for each image, or for each judgement of one.

Columns: file_name, path or url; sha256, external_id; label (several with | between, or a JSON list), annotator, answer,
created_at, seconds; prediction, probability, model; split. Where answers are drawn, `objects` is a JSON list as in
REST: [{category, box | polygon | mask, attributes?, probability?}], and empty where nothing is there. `metadata.<key>`
and every other name is metadata. The file comes alone, about the project's images or about URLs, or as `manifest.csv`
or `manifest.jsonl` at the root of an archive, about the images in that. What a row says is read by manifest_row.py.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.intake.formats import judgements, metadata
from labeler.intake.formats.cells import without_formula_guard
from labeler.intake.formats.item import Item, Names, Options
from labeler.intake.formats.json_items import no_constant
from labeler.intake.formats.judgements import header, text_said
from labeler.intake.formats.manifest_row import (
    COLUMNS,
    METADATA,
    NAMING,
    Context,
    canonical,
    item_of,
    of_object,
)
from labeler.intake.names import clean_name
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree

CSV, LINES = (".csv", ".tsv"), (".jsonl", ".ndjson")
# A cell with three thousand objects is longer than the csv module takes unasked.
LONGEST_OBJECTS = 32 * 2**20
csv.field_size_limit(max(csv.field_size_limit(), LONGEST_OBJECTS))


def recognises(tree: Tree, options: Options) -> str:
    """csv, jsonl, or "" for neither."""
    name = _table(tree)
    if not name:
        return ""
    if name.lower().endswith(LINES):
        return "jsonl"
    head = columns_of(tree, name)
    return "csv" if head and set(NAMING) & {canonical(cell) for cell in head} else ""


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    """Raises NotPossibleNow for a file that is no such table."""
    yield from tree.refused
    name = _table(tree)
    if not name:
        raise NotPossibleNow(_("There is no manifest.csv or manifest.jsonl at the root of the archive."))
    names = None if tree.kind == "file" else Names(tree.images)
    yield from rows(name, Context(tree, options, names, beside=name[: name.rfind("/") + 1]))


def _table(tree: Tree) -> str:
    """The manifest's name: the only file, or by its name at the root, or below one folder that holds all."""
    if tree.kind == "file":
        return tree.names[0]
    found = [name for name in tree.names if name.rpartition("/")[2].lower() in ("manifest.csv", "manifest.jsonl")]
    found.sort(key=lambda name: name.count("/"))
    if not found or found[0].count("/") > 1:
        return ""
    root = found[0][: found[0].rfind("/") + 1]
    return found[0] if all(name.startswith(root) for name in tree.names) else ""


def rows(name: str, context: Context) -> Iterator[Item | Refusal]:
    """The rows of one table. Raises NotPossibleNow, also in the middle."""
    with text_said(), context.tree.open(name) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
        first, head = header(text)
        is_lines = name.lower().endswith(LINES) or head.lstrip().startswith("{")
        yield from (_of_lines if is_lines else _of_csv)(first, head, text, context)


def columns_of(tree: Tree, name: str) -> list[str]:
    """The columns of a CSV as they stand there; none of what is no text."""
    try:
        with tree.open(name) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            return judgements.columns_of(header(text, judgements.LONGEST_CELL)[1])[1]
    except (UnicodeDecodeError, csv.Error):
        return []


# ---------------------------------------------------------------- csv


def _of_csv(first: int, head: str, text: Iterable[str], context: Context) -> Iterator[Item | Refusal]:
    if not head:
        raise NotPossibleNow(_("The file is empty: its first line names the columns, file_name and others."))
    separator, names = judgements.columns_of(head)
    known, fields = _columns(names, context.options)
    width = len(known) + len(fields)
    for number, cells in judgements.rows_below(first, text, separator):
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            too_much = _("There is a cell too much: put quotes around a text with a separator.")
            yield Refusal(clean_name(cells[0]), too_much, number)
            continue
        row: dict[str, Any] = {}
        for place, name in known:
            if place < len(cells) and (cell := cells[place].strip()):
                row[name] = without_formula_guard(cell)
        said = ((key, cells[place].strip()) for place, key in fields if place < len(cells))
        yield item_of(number, row, [(key, cell) for key, cell in said if cell], metadata.typed, context)


def _columns(names: list[str], options: Options) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """(place, what it is) of the columns we know, and (place, key) of metadata; one without a name is left out."""
    known: dict[str, int] = {}
    fields: list[tuple[int, str]] = []
    people = options.people.casefold()
    for place, name in enumerate(names):
        what = canonical(name)
        if people and name.casefold() == people:
            what = "annotator"
        elif people and what == "annotator":
            what = ""  # another column names them
        if what in COLUMNS and what not in known:
            known[what] = place
        else:
            fields.append((place, name[len(METADATA) :] if name.startswith(METADATA) else name))
    _check_head(known, [key for _place, key in fields if key], options)
    return [(place, name) for name, place in known.items()], fields


def _check_head(known: Iterable[str], keys: list[str], options: Options) -> None:
    if not set(NAMING) & set(known):
        raise NotPossibleNow(
            _("No column names the images. The first line names the columns: file_name, path, url, sha256 or "
              "external_id, and others.")
        )  # fmt: skip
    if options.people and "annotator" not in known:
        raise NotPossibleNow(_("There is no column “%(name)s” that could name people.") % {"name": options.people})
    try:
        metadata.check_keys(["file_name", *keys])
    except judgements.Unusable as unusable:
        raise NotPossibleNow(str(unusable)) from unusable


# ---------------------------------------------------------------- JSON Lines


def _of_lines(first: int, head: str, text: Iterable[str], context: Context) -> Iterator[Item | Refusal]:
    for number, line in enumerate(chain([head], text), start=first):
        judgements.check_count(number)
        if not line.strip():
            continue
        try:
            said = json.loads(line, parse_constant=no_constant)
        except (ValueError, RecursionError) as error:
            yield Refusal("", _("This line is no JSON: %(error)s.") % {"error": str(error)[:200]}, number)
            continue
        if isinstance(said, dict):
            yield of_object(number, said, context)
        else:
            no_object = _("This is no object: each line is one, as {“file_name”: …, “label”: …}.")
            yield Refusal("", no_object, number)


def read_predictions(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    """A table of what models say: its labels are predictions."""
    return read(tree, replace(options, as_predictions=True))
