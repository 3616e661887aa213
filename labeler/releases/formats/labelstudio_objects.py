"""Drawn objects in Label Studio's tasks: rectangles and polygons in percent, and brushes as its own run-length code.

A polygon of Label Studio is one ring without holes: all else is a brush. Knows one image's objects, not the file.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

from labeler.geometry import codes
from labeler.geometry.shapes import parts_of
from labeler.intake.formats.cells import timestamp
from labeler.models.label import Answer
from labeler.models.project import Task
from labeler.releases.contents import Contents, Object
from labeler.releases.data_set import ALL, DataSet
from labeler.releases.formats.answers import CANNOT_TELL, UNDECIDABLE, answer_of, judgements_of
from labeler.releases.formats.xml_text import xml_text
from labeler.releases.moved import moved

_TAGS = {
    Task.BOXES: ("RectangleLabels",), Task.POLYGONS: ("PolygonLabels", "BrushLabels"),
    Task.MASKS: ("BrushLabels", "PolygonLabels"), Task.SEMANTIC: ("BrushLabels", "PolygonLabels"),
}  # fmt: skip
NAMES = {"rectanglelabels": "box", "polygonlabels": "polygon", "brushlabels": "brush"}


def config(data: DataSet) -> str:
    """The labeling configuration."""
    lines = ["<View>"]
    if data.question:
        lines.append(f"  <Header value={quoteattr(xml_text(data.question))}/>")
    lines.append('  <Image name="image" value="$image"/>')
    for tag in _TAGS[Task(data.task)]:
        lines.append(f'  <{tag} name="{NAMES[tag.lower()]}" toName="image">')
        lines += [f"    <Label value={quoteattr(xml_text(one.name))}/>" for one in data.classes]
        lines.append(f"  </{tag}>")
    return "\n".join([*lines, "</View>"]) + "\n"


def answers(contents: Contents, data: DataSet, size: tuple[int, int]) -> dict[str, Any]:
    """annotations and predictions of a task. size: of the picture that goes out, in px."""

    def result(objects: tuple[Object, ...], key: str) -> list[dict[str, Any]]:
        image = contents.image
        there = moved(objects, image.width, image.height, data.wanted.preparation) if data.wanted.images else objects
        return [_region(one, f"{key}-{one.number}", *size) for one in there]

    found: list[dict[str, Any]] = []
    if data.wanted.labels == ALL:
        found = [
            {
                "annotator": one.annotator, "was_cancelled": one.answer == Answer.CANNOT_TELL, "ground_truth": False,
                "lead_time": one.seconds, "created_at": timestamp(one.created_at),
                "result": result(one.objects or (), f"a{one.id}"),
            }
            for one in judgements_of(contents)
        ]  # fmt: skip
    elif contents.objects is not None or answer_of(contents).state in (CANNOT_TELL, UNDECIDABLE):
        is_known = contents.decision is not None and contents.objects is not None
        found = [{
            "was_cancelled": contents.objects is None, "ground_truth": is_known,
            "result": result(contents.objects or (), f"c{contents.image.pk}"),
        }]  # fmt: skip
    said = contents.prediction
    predicted = []
    if said is not None and said.objects is not None:
        regions = result(said.objects, f"p{contents.image.pk}")
        predicted = [{"model_version": f"model {said.model}", "score": said.probability, "result": regions}]
    return {"annotations": found, "predictions": predicted}


def _region(one: Object, key: str, width: int, height: int) -> dict[str, Any]:
    kind, value = _value(one, width, height)
    found = {
        "id": key, "from_name": NAMES[kind], "to_name": "image", "type": kind, "original_width": width,
        "original_height": height, "image_rotation": 0, "value": {**value, kind: [one.category]},
    }  # fmt: skip
    return found if one.probability is None else {**found, "score": one.probability}


def _value(one: Object, width: int, height: int) -> tuple[str, dict[str, Any]]:
    if "box" in one.shape:
        x, y, w, h = one.shape["box"]
        return "rectanglelabels", {
            "x": 100 * x / width, "y": 100 * y / height, "width": 100 * w / width, "height": 100 * h / height,
            "rotation": 0,
        }  # fmt: skip
    parts = parts_of(one.shape["polygon"]) if "polygon" in one.shape else []
    if len(parts) == 1 and len(parts[0]) == 1:
        points = [[100 * x / width, 100 * y / height] for x, y in parts[0][0].tolist()]
        return "polygonlabels", {"points": points, "closed": True}
    return "brushlabels", {"format": "rle", "rle": codes.to_label_studio(one.shape, width, height)}
