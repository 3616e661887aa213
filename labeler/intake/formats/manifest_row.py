"""What one row of a manifest says: which image, its split and metadata, judgements, predictions and drawn objects.

A row is a dict of the columns we know (COLUMNS, or another name for one: ALSO) and a list of everything else, which is
metadata. Knows nothing of CSV, JSON Lines or parquet: manifest.py and huggingface.py read those.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.intake.formats import judgements, metadata, values
from labeler.intake.formats.item import LONGEST_EXTERNAL_ID, Item, Names, Object, Options, Predicted, Said
from labeler.intake.formats.judgements import Unusable, split_classes
from labeler.intake.names import clean_name
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree, leads_out

ALSO = judgements.ALSO | {
    "image_url": "url", "uri": "url", "labels": "label", "confidence": "probability", "score": "probability",
}  # fmt: skip
COLUMNS = frozenset((
    "file_name", "path", "url", "sha256", "external_id", "label", "annotator", "answer", "created_at", "seconds",
    "prediction", "probability", "probabilities", "model", "split", "objects",
))  # fmt: skip
CATEGORY = ("category", "categories", "label", "labels")  # of an object, as others call it
SHAPES = ("box", "polygon", "mask")
NAMING = ("file_name", "path", "url", "sha256", "external_id")
UNNAMED_MODEL = "manifest"
METADATA = "metadata."
NO_LABEL = gettext_lazy("label must be the name of a class, or a list of names.")


@dataclass(frozen=True, slots=True)
class Context:
    """What a row is read against. names: the images that come with the table; beside: its folder, with a slash."""

    tree: Tree
    options: Options
    names: Names | None
    beside: str = ""
    split: str = ""  # where the folder of the table says it


def canonical(name: str) -> str:
    folded = name.strip().casefold()
    return ALSO.get(folded, folded)


def of_object(number: int, said: dict[str, Any], context: Context) -> Item | Refusal:
    """A row that came as an object: of JSON Lines, or of a parquet file."""
    row: dict[str, Any] = {}
    fields: list[tuple[str, Any]] = []
    people = context.options.people
    for key, value in said.items():
        what = "annotator" if people and key == people else canonical(key)
        if what == "annotator" and people and key != people:
            what = ""
        if what in COLUMNS and what not in row:
            if value is not None and value != "":
                row[what] = value
        elif key == "metadata" and isinstance(value, dict):
            fields += value.items()
        elif value is not None and value != "":
            fields.append((key[len(METADATA) :] if key.startswith(METADATA) else key, value))
    return item_of(number, row, fields, metadata.named, context)


def item_of(
    number: int, row: dict[str, Any], said: list[tuple[str, Any]], value_of: Callable[[str, Any], Any],
    context: Context,
) -> Item | Refusal:  # fmt: skip
    problems: list[str] = []
    if context.options.as_predictions and "label" in row:
        row.setdefault("prediction", row.pop("label"))
    try:
        place = _image(row, context)
    except Unusable as unusable:
        return Refusal(_named(row), str(unusable), number)
    fields = metadata.usable(((key, value) for key, value in said if key), problems, value_of)
    split, wrong = values.split_of(_text(row, "split"))
    judged: tuple[Said, ...] = ()
    predicted: tuple[Predicted, ...] = ()
    left_out: list[tuple[int, str]] = []
    if context.options.draws:
        judged, predicted = _drawn(row, context.options, problems, left_out)
    else:
        judged, predicted = _judgements(row, context.options, problems), _predictions(row, context, problems)
    return Item(
        **place, row=number, split=split or context.split, metadata=fields, judgements=judged, predictions=predicted,
        problems=(*problems, wrong) if wrong else tuple(problems), unusable=tuple(left_out),
    )  # fmt: skip


def _named(row: dict[str, Any]) -> str:
    """What a refused row calls its image, fit to be shown."""
    said = _text(row, *NAMING)
    if "://" in said:
        return metadata.shown_text(said, metadata.LONGEST_NAME)
    return clean_name(said) if said else ""


def _text(row: dict[str, Any], *names: str) -> str:
    value = next((row[name] for name in names if row.get(name) not in (None, "")), "")
    return value.strip() if isinstance(value, str) else str(value)


def _image(row: dict[str, Any], context: Context) -> dict[str, Any]:
    """Which image it is, as fields of an Item. Raises Unusable."""
    path, url = _text(row, "file_name", "path").replace("\\", "/"), _text(row, "url")
    sha256, external_id = _text(row, "sha256").lower(), _text(row, "external_id")
    if path.startswith(("http://", "https://")):
        path, url = "", path
    if sha256 and not metadata.SHA256.fullmatch(sha256):
        raise Unusable(_("sha256 must be 64 hexadecimal digits."))
    if len(external_id) > LONGEST_EXTERNAL_ID or not metadata.is_line(external_id):
        raise Unusable(
            _("external_id has at most %(most)s characters, all in one line.") % {"most": LONGEST_EXTERNAL_ID}
        )
    if not (path or url or sha256 or external_id):
        raise Unusable(_("Which image? file_name, path, url, sha256 or external_id must be given."))
    if leads_out(path):
        raise Unusable(values.LEADS_OUT % {"name": clean_name(path)})
    place: dict[str, Any] = {"name": clean_name(path) if path else "", "sha256": sha256, "external_id": external_id}
    if path and context.names and (found := context.names.find(path, context.beside)):
        place |= {"name": found, "source": partial(context.tree.read, found)}
    elif url:
        place |= _address(url, external_id)
    place["name"] = place["name"] or external_id or sha256
    return place


def _address(url: str, external_id: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or not metadata.is_line(url):
        raise Unusable(_("This is no address of an image: it begins with http:// or https://, and names a server."))
    # What was fetched once is known by its address, and not fetched again.
    known_by = external_id or (url if len(url) <= LONGEST_EXTERNAL_ID else "")
    return {"url": url, "external_id": known_by, "name": clean_name(unquote(parts.path).rpartition("/")[2] or host)}


def of_address(url: str, number: int) -> Item | Refusal:
    """A row of which nothing but the address is known."""
    try:
        return Item(**_address(url.strip(), ""), row=number)
    except Unusable as unusable:
        return Refusal(clean_name(url[:500]), str(unusable), number)


def _drawn(
    row: dict[str, Any], options: Options, problems: list[str], unusable: list[tuple[int, str]]
) -> tuple[tuple[Said, ...], tuple[Predicted, ...]]:
    """A row of drawn objects: of whoever is named, or a model's, where the table is one of predictions."""
    answer = _text(row, "answer") or "labeled"
    if "objects" not in row and answer == "labeled":
        if row.get("label"):
            problems.append(_("This project wants drawn objects: the column “objects” is empty here."))
        return (), ()
    try:
        objects = objects_in(row.get("objects", []), unusable) if answer == "labeled" else None
        if options.as_predictions:
            model, _at, version = metadata.shown_text(_text(row, "model") or UNNAMED_MODEL, 300).partition("@")
            return (), (Predicted(model[:150], version[:150], (), objects=objects),)
        said = _said(row, answer, (), objects)
    except Unusable as error:
        problems.append(str(error))
        return (), ()
    return () if not objects and unusable else (said,), ()


def _said(
    row: dict[str, Any], answer: str, classes: tuple[str, ...], objects: tuple[Object, ...] | None = None
) -> Said:
    """A judgement with whose it is and when. Raises Unusable."""
    if answer not in judgements.ANSWERS:
        raise Unusable(judgements.NO_ANSWER)
    annotator = _text(row, "annotator")
    judgements.check_person(annotator)
    moment, seconds = judgements.moment_of(_text(row, "created_at")), judgements.seconds_of(_text(row, "seconds"))
    return Said(annotator or None, classes, answer, moment, seconds, objects)


def objects_in(value: Any, unusable: list[tuple[int, str]]) -> tuple[Object, ...]:
    """Objects as a cell or an object has them; what cannot be read goes to `unusable`. Raises Unusable."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise Unusable(_("objects is no JSON: %(error)s.") % {"error": str(error)[:200]}) from error
    if isinstance(value, dict):
        value = _rows(value)
    if not isinstance(value, list):
        raise Unusable(_("objects is a list of {category, box | polygon | mask}."))
    found = []
    for number, one in enumerate(map(_whole, value), start=1):
        if not isinstance(one, dict) or not isinstance(one.get("category"), str) or not one["category"].strip():
            unusable.append((number, _("It is no object with a category.")))
            continue
        shape = {kind: one[kind] for kind in SHAPES if one.get(kind) is not None}
        said = one.get("attributes")
        if len(shape) != 1:
            unusable.append((number, _("An object has one shape: a box, a polygon or a mask.")))
            continue
        category = values.class_name(one["category"])
        attributes = said if isinstance(said, dict) else {}
        found.append(Object(category, shape, number, attributes, values.probability_of(one.get("probability"))))
    return tuple(found)


def _judgements(row: dict[str, Any], options: Options, problems: list[str]) -> tuple[Said, ...]:
    answer = _text(row, "answer") or "labeled"
    if "label" not in row and answer == "labeled":
        return ()
    try:
        return (_said(row, answer, names_in(row["label"], multi=options.multi) if answer == "labeled" else ()),)
    except Unusable as unusable:
        problems.append(str(unusable))
        return ()


def names_in(value: Any, *, multi: bool) -> tuple[str, ...]:
    """Classes as a cell or an object names them. Raises Unusable."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise Unusable(NO_LABEL) from error
    names = _names(value, multi)
    if names is None or not all(metadata.is_line(name) for name in names):
        raise Unusable(NO_LABEL)
    return names


def _names(value: Any, multi: bool) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return tuple(split_classes(value)) if multi else (value.strip(),)
    if isinstance(value, int) and not isinstance(value, bool):
        return (str(value),)
    if not isinstance(value, list) or not all(isinstance(name, str) and name.strip() for name in value):
        return None
    return tuple(name.strip() for name in value)


def _predictions(row: dict[str, Any], context: Context, problems: list[str]) -> tuple[Predicted, ...]:
    if "prediction" not in row and "probabilities" not in row:
        return ()
    try:
        classes = names_in(row["prediction"], multi=context.options.multi) if "prediction" in row else ()
        probability = values.said_probability(row.get("probability"))
        of_each = values.said_probabilities(row.get("probabilities"))
    except (Unusable, ValueError, RecursionError):
        problems.append(_("A prediction names classes, and its probability is a number from 0 to 1."))
        return ()
    model, _at, version = metadata.shown_text(_text(row, "model") or UNNAMED_MODEL, 300).partition("@")
    return (Predicted(model[:150], version[:150], classes, of_each, probability),)


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Objects as `datasets` keeps them, a list for each column. Raises Unusable."""
    lists = {name: values for name, values in columns.items() if isinstance(values, list)}
    if not lists.keys() & set(CATEGORY) or len({len(values) for values in lists.values()}) != 1:
        raise Unusable(_("objects needs two lists of the same length, bbox and categories."))
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def _whole(one: Any) -> Any:
    """An object with the names of REST. `details` is all of it as JSON, where we wrote it; else `bbox` is its box; a
    class that is only numbered has its number as a name, which the preview maps to a class.
    """
    if not isinstance(one, dict):
        return one
    try:
        details = json.loads(one["details"]) if isinstance(one.get("details"), str) else None
    except (ValueError, RecursionError):
        details = None  # somebody else's column of that name
    if isinstance(details, dict) and "category" in details:
        return details
    category = next((one[name] for name in CATEGORY if one.get(name) is not None), None)
    if isinstance(category, int) and not isinstance(category, bool):
        category = str(category)
    # of an outline bbox tells only where it lies
    box = {"box": one["bbox"]} if "bbox" in one and all(one.get(kind) is None for kind in SHAPES) else {}
    return {**one, **box, "category": category}
