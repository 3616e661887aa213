"""Label Studio: a zip with tasks.json and label_config.xml, and the pictures in images/ where they are wanted.

Annotations are people's: the outcome, or each judgement with its author in "annotator" (Label Studio refuses people it
does not know in completed_by). A verified none has an annotation with an empty result, cannot tell one that was
cancelled, an unlabeled image has none; data.state says it too. What the model says is a prediction, never an
annotation; where it stands by that alone, data.source is "model".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import quoteattr

from django.utils.translation import gettext_lazy

from labeler.intake.formats.cells import timestamp
from labeler.models.label import Answer
from labeler.releases.contents import Contents, Names
from labeler.releases.data_set import ALL, CONSENSUS, DataSet
from labeler.releases.formats import labelstudio_objects
from labeler.releases.formats.answers import CANNOT_TELL, UNDECIDABLE, Said, answer_of, judgements_of
from labeler.releases.formats.archives import Notes, ZipOut
from labeler.releases.formats.pictures import picture_of
from labeler.releases.formats.xml_text import xml_text
from labeler.releases.places import public_metadata

MEDIA_TYPE = "application/zip"
EXTENSION = "zip"
TITLE = gettext_lazy("Label Studio")
TEXT = gettext_lazy("tasks.json with annotations and predictions, and the labeling configuration that goes with it.")
HAS_IMAGES = False
IMAGES = (False, True)
READINGS = (CONSENSUS, ALL)


def check(data: DataSet) -> None:
    """Every data set can be written."""


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
        yield from archive.add_pieces(
            "tasks.json", (piece for part in ([b"["], tasks.pieces(), [b"\n]\n"]) for piece in part)
        )
    yield from archive.end()


def _config(data: DataSet) -> str:
    if data.draws:
        return labelstudio_objects.config(data)
    lines = [
        "<View>",
        *([f"  <Header value={quoteattr(xml_text(data.question))}/>"] if data.question else []),
        '  <Image name="image" value="$image"/>',
        f'  <Choices name="choice" toName="image" choice="{"multiple" if data.is_multi else "single"}">',
        *(f"    <Choice value={quoteattr(xml_text(one.name))}/>" for one in data.classes),
        "  </Choices>",
        "</View>",
    ]
    return "\n".join(lines) + "\n"


def _task(contents: Contents, data: DataSet, address: str, size: tuple[int, int]) -> dict[str, Any]:
    image, said = contents.image, answer_of(contents)
    about: dict[str, Any] = {
        "image": address, "image_id": image.pk, "file_name": image.name, "sha256": image.sha256, "state": said.state,
        "source": said.source, "metadata": public_metadata(image.metadata, location=data.wanted.location),
    }  # fmt: skip
    if data.is_split:
        about["split"] = contents.split
    task = {"id": image.pk, "data": about}  # without an id Label Studio's converter stops
    if data.draws:
        return task | labelstudio_objects.answers(contents, data, size)
    annotations = _judgements(contents) if data.wanted.labels == ALL else _outcome(contents, said)
    return task | {"annotations": annotations, "predictions": _predictions(contents)}


def _judgements(contents: Contents) -> list[dict[str, Any]]:
    return [
        {
            "annotator": one.annotator, "was_cancelled": one.answer == Answer.CANNOT_TELL, "ground_truth": False,
            "lead_time": one.seconds, "created_at": timestamp(one.created_at),
            "result": _result(one.categories, f"a{one.id}"),
        }
        for one in judgements_of(contents)
    ]  # fmt: skip


def _outcome(contents: Contents, said: Said) -> list[dict[str, Any]]:
    if contents.by_model or (said.names is None and said.state not in (CANNOT_TELL, UNDECIDABLE)):
        return []
    result = _result(said.names or (), f"c{contents.image.pk}")
    decided = contents.decision is not None
    return [{"was_cancelled": said.names is None, "ground_truth": decided and said.names is not None, "result": result}]


def _predictions(contents: Contents) -> list[dict[str, Any]]:
    found = contents.by_model or contents.prediction
    if found is None:
        return []
    result = _result(found.categories, f"p{contents.image.pk}")
    return [{"model_version": f"model {found.model}", "score": found.probability, "result": result}]


def _result(names: Names, key: str) -> list[dict[str, Any]]:
    """One choice with all the names; none is an empty result."""
    if not names:
        return []
    value = {"choices": list(names)}
    return [{"id": key, "from_name": "choice", "to_name": "image", "type": "choices", "value": value}]
