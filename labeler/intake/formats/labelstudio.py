"""Label Studio's JSON: a list of tasks with annotations and predictions, alone or in an archive with its images.

An image is found by the last part of its path, as Label Studio's own paths mean nothing elsewhere. `completed_by` is a
number in some exports and an object in others. Choices where answers are classes; rectangles, polygons and brushes
where they are drawn (labelstudio_objects.py). What was skipped is passed over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.intake.check import Refused
from labeler.intake.formats import judgements, labelstudio_objects, metadata, values
from labeler.intake.formats.item import Item, Names, Options, Predicted, Said
from labeler.intake.formats.json_items import elements
from labeler.intake.names import clean_name
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree, each

UNNAMED_MODEL = "labelstudio"
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts before the name of an uploaded file
_PICTURE = re.compile(r"\.(jpe?g|png|webp|gif|bmp|tiff?)$", re.IGNORECASE)


def recognises(tree: Tree, options: Options) -> bool:
    return bool(_files(tree))


def _files(tree: Tree) -> list[str]:
    """The JSON files whose first element is a task."""
    return [name for name in islice(each(tree, ".json"), 50) if is_tasks(tree, name)]


def is_tasks(tree: Tree, name: str) -> bool:
    """Is this file, whatever its name, a list of tasks?"""
    try:
        with tree.open(name) as file:
            return _is_task(next(elements(file), None))
    except (NotPossibleNow, Refused):
        return False


def _is_task(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("data"), dict)


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    """Raises NotPossibleNow for a file that is no list of tasks, or where one element of it is broken."""
    yield from tree.refused
    files = [tree.names[0]] if tree.kind == "file" else _files(tree) or list(each(tree, ".json"))
    if not files:
        raise NotPossibleNow(_("There is no JSON file in the archive: Label Studio's export holds one."))
    names = Names(tree.images)
    for file_name in files:
        with tree.open(file_name) as file:
            for number, task in enumerate(elements(file), start=1):
                if _is_task(task):
                    yield _item(number, task, tree, names, options)
                elif number == 1:
                    raise NotPossibleNow(_("This is no list of Label Studio's tasks: each is an object with “data”."))
                else:
                    yield Refusal("", _("This is no task of Label Studio: it is an object with “data”."), number)


def _item(number: int, task: dict[str, Any], tree: Tree, names: Names, options: Options) -> Item | Refusal:
    key, path = _image(task["data"])
    if not path:
        return Refusal("", _("“data” names no image: no text in it is a path or an address."), number)
    problems: list[str] = []
    drawn = labelstudio_objects.Task() if options.draws else None
    said, gold = _annotations(task, options, problems, drawn)
    fields = metadata.usable(metadata.plain(task["data"], (key,)), problems, _named)
    place: dict[str, Any] = {"name": _last(path)}
    found = next((n for name in _spellings(path) if (n := names.find(name))), None)
    if found:
        place = {"name": found, "source": partial(tree.read, found)}
    elif path.startswith(("http://", "https://")):
        place["url"] = path
    else:
        place["name"] = _spellings(path)[-1]
    return Item(
        **place, row=number, metadata=fields, judgements=said, gold=gold if drawn is None else None,
        predictions=_predictions(task, problems, drawn), problems=tuple(problems),
        gold_objects=drawn.gold if drawn else None, unusable=tuple(drawn.unusable) if drawn else (),
    )  # fmt: skip


def _named(key: str, value: Any) -> metadata.Value:
    metadata.check_keys([key])
    return metadata.flat(key, value)


def _image(data: dict[str, Any]) -> tuple[str, str]:
    """The key and the value that name the image."""
    texts = {key: value.strip() for key, value in data.items() if isinstance(value, str) and value.strip()}
    for key in ("image", "img", "url"):
        if key in texts:
            return key, texts[key]
    pictures = [key for key, value in texts.items() if _PICTURE.search(urlsplit_path(value))]
    return (pictures[0], texts[pictures[0]]) if pictures else ("", "")


def urlsplit_path(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        return value
    inside = parse_qs(parts.query).get("d", [""])[0]  # /data/local-files/?d=folder/a.jpg
    return inside or unquote(parts.path)


def _last(path: str) -> str:
    return clean_name(urlsplit_path(path).replace("\\", "/").rpartition("/")[2])


def _spellings(path: str) -> list[str]:
    last = _last(path)
    bare = _UPLOAD_PREFIX.sub("", last)
    return [last, bare] if bare and bare != last else [last]


# ---------------------------------------------------------------- answers


def _annotations(
    task: dict[str, Any], options: Options, problems: list[str], drawn: labelstudio_objects.Task | None
) -> tuple[tuple[Said, ...], tuple[str, ...] | None]:
    said: list[Said] = []
    gold: tuple[str, ...] | None = None
    for annotation in _list(task.get("annotations") or task.get("completions")):
        if annotation.get("was_cancelled"):
            continue
        objects = drawn.objects_of(annotation.get("result"), options) if drawn else None
        if drawn and objects is None:
            continue  # nothing of it can be used
        classes = () if drawn else _choices(annotation.get("result"))
        if classes is None:
            problems.append(_("An annotation has no choices: only choices are read."))
            continue
        if not classes and not options.multi:
            continue  # submitted without a choice
        try:
            moment = judgements.moment_of(str(annotation.get("created_at") or ""))
        except judgements.Unusable:
            moment = None
        lead = annotation.get("lead_time")
        seconds = float(lead) if isinstance(lead, int | float) and math.isfinite(lead) and 0 <= lead < 1e7 else None
        said.append(Said(_person(annotation, options.people), classes, "labeled", moment, seconds, objects))
        if annotation.get("ground_truth") is True:
            gold = classes
            if drawn:
                drawn.gold = objects
    return tuple(said), gold


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _choices(result: Any) -> tuple[str, ...] | None:
    """The classes chosen, () where nothing was; None where the result is of another kind."""
    rows = _list(result)
    found: dict[str, None] = {}
    for row in rows:
        value = row.get("value")
        if not isinstance(value, dict) or not isinstance(value.get("choices"), list):
            continue
        for choice in value["choices"]:
            # Of a nested choice the path is written down: the last step is the class.
            name = choice[-1] if isinstance(choice, list) and choice else choice
            if isinstance(name, str) and name.strip():
                found[values.class_name(name)] = None
    return None if rows and not found else tuple(found)


def _person(annotation: dict[str, Any], field: str) -> str | None:
    """Who annotated: a number, or an object with an e-mail address or a name."""
    by = annotation.get(field or "completed_by")
    if isinstance(by, dict):
        full = " ".join(str(by.get(part) or "") for part in ("first_name", "last_name")).strip().replace(" ", ".")
        by = by.get("email") or by.get("username") or full or by.get("id")
    if by is None or isinstance(by, bool) or not isinstance(by, str | int):
        return None
    return metadata.shown_text(str(by).strip(), 151) or None


def _predictions(
    task: dict[str, Any], problems: list[str], drawn: labelstudio_objects.Task | None
) -> tuple[Predicted, ...]:
    found = []
    for prediction in _list(task.get("predictions")):
        version = metadata.shown_text(str(prediction.get("model_version") or ""), 150)
        if drawn:
            objects = drawn.objects_of(prediction.get("result"), None)
            if objects is not None:
                found.append(Predicted(UNNAMED_MODEL, version, (), objects=objects))
            continue
        classes = _choices(prediction.get("result"))
        if not classes:
            problems.append(_("A prediction has no choices: only choices are read."))
            continue
        scores = [row.get("score") for row in _list(prediction.get("result"))]
        given = (values.probability_of(score) for score in (*scores, prediction.get("score")))
        score = next((p for p in given if p is not None), None)
        found.append(Predicted(UNNAMED_MODEL, version, classes, {}, score))
    return tuple(found)
