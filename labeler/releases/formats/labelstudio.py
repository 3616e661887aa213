"""Label Studio: a zip with tasks.json and label_config.xml, and the pictures in images/ where they are wanted.

Annotations are people's: the outcome, or each judgement with its author in "annotator" (Label Studio refuses people it
does not know in completed_by). A verified none has an annotation with an empty result, cannot tell one that was
cancelled, an unlabeled image has none; data.state says it too. What the model says is a prediction, never an
annotation; where it stands by that alone, data.source is "model".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any
from xml.sax.saxutils import quoteattr

from django.utils.translation import gettext_lazy

from labeler.intake.formats.cells import timestamp
from labeler.models.label import Answer
from labeler.releases.contents import Contents, Names
from labeler.releases.data_set import ALL, CONSENSUS, DataSet
from labeler.releases.formats import labelstudio_objects
from labeler.releases.formats.answers import CANNOT_TELL, UNDECIDABLE, answer_of, judgements_of
from labeler.releases.formats.archives import Notes, ZipOut
from labeler.releases.formats.pictures import picture_of
from labeler.releases.formats.xml_text import xml_text
from labeler.releases.places import public_metadata

FILE = ("application/zip", "zip")
TITLE = gettext_lazy("Label Studio")
TEXT = gettext_lazy("tasks.json with annotations and predictions, and the labeling configuration that goes with it.")
IMAGES = (False, True)
READINGS = (CONSENSUS, ALL)

Result = Callable[[Any, str], list[dict[str, Any]]]  # of classes or objects, and what its ids begin with


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: one picture in memory at a time."""
    archive = ZipOut()
    yield from archive.add("label_config.xml", _config(data))
    with Notes() as tasks:
        for contents in data.rows():
            address, size = contents.image.name, (contents.image.width, contents.image.height)
            if data.wanted.images and (picture := picture_of(contents, data)):
                yield from archive.add(f"images/{picture.name}", picture.content)
                address, size = f"/data/local-files/?d=images/{picture.name}", (picture.width, picture.height)
            task = json.dumps(_task(contents, data, address, size), ensure_ascii=False)
            tasks.add((",\n" if tasks.n else "\n").encode() + task.encode())
        yield from archive.add_pieces("tasks.json", chain([b"["], tasks.pieces(), [b"\n]\n"]))
    yield from archive.end()


def _config(data: DataSet) -> str:
    lines = ["<View>"]
    if data.question:
        lines.append(f"  <Header value={quoteattr(xml_text(data.question))}/>")
    lines.append('  <Image name="image" value="$image"/>')
    how_many = "multiple" if data.is_multi else "single"
    choices = ("Choices", f'name="choice" toName="image" choice="{how_many}"', "Choice")
    for tag, attributes, inside in labelstudio_objects.tags(data.task) if data.draws else [choices]:
        lines.append(f"  <{tag} {attributes}>")
        lines += [f"    <{inside} value={quoteattr(xml_text(one.name))}/>" for one in data.classes]
        lines.append(f"  </{tag}>")
    return "\n".join([*lines, "</View>"]) + "\n"


def _task(contents: Contents, data: DataSet, address: str, size: tuple[int, int]) -> dict[str, Any]:
    """size: of the picture that goes out, in px."""
    image, said = contents.image, answer_of(contents)
    about: dict[str, Any] = {
        "image": address, "image_id": image.pk, "file_name": image.name, "sha256": image.sha256, "state": said.state,
        "source": said.source, "metadata": public_metadata(image.metadata, location=data.wanted.location),
    }  # fmt: skip
    if data.is_split:
        about["split"] = contents.split
    result = partial(labelstudio_objects.regions, contents, data, size) if data.draws else _choices
    if data.wanted.labels == ALL:
        annotations = _judgements(contents, data, result)
    else:
        annotations = _outcome(contents, said.state, contents.objects if data.draws else said.names, result)
    # Without an id Label Studio's converter stops.
    return {
        "id": image.pk, "data": about, "annotations": annotations, "predictions": _predictions(contents, data, result)
    }  # fmt: skip


def _judgements(contents: Contents, data: DataSet, result: Result) -> list[dict[str, Any]]:
    return [
        {
            "annotator": one.annotator, "was_cancelled": one.answer == Answer.CANNOT_TELL, "ground_truth": False,
            "lead_time": one.seconds, "created_at": timestamp(one.created_at),
            "result": result((one.objects or ()) if data.draws else one.categories, f"a{one.id}"),
        }
        for one in judgements_of(contents)
    ]  # fmt: skip


def _outcome(contents: Contents, state: str, named: Sequence[Any] | None, result: Result) -> list[dict[str, Any]]:
    """named: the classes or the objects of the outcome."""
    if contents.by_model or (named is None and state not in (CANNOT_TELL, UNDECIDABLE)):
        return []
    is_known = contents.decision is not None and named is not None
    found = result(named or (), f"c{contents.image.pk}")
    return [{"was_cancelled": named is None, "ground_truth": is_known, "result": found}]


def _predictions(contents: Contents, data: DataSet, result: Result) -> list[dict[str, Any]]:
    said = contents.by_model or contents.prediction
    if said is None:
        return []
    named = (contents.prediction and contents.prediction.objects) if data.draws else said.categories
    if named is None:
        return []
    found = result(named, f"p{contents.image.pk}")
    return [{"model_version": f"model {said.model}", "score": said.probability, "result": found}]


def _choices(names: Names, key: str) -> list[dict[str, Any]]:
    """One choice with all the names; none is an empty result."""
    if not names:
        return []
    value = {"choices": list(names)}
    return [{"id": key, "from_name": "choice", "to_name": "image", "type": "choices", "value": value}]
