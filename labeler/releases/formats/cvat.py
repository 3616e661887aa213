"""CVAT for images 1.1: a zip with annotations.xml, a tag for each class of an image, and images/ where they are wanted.

A verified none is an image without tags. Images without an answer are not in the XML but in left_out.csv, each with
where it stands (cannot_tell, tie, undecidable, unlabeled). source="manual" is people's; "auto" stands by a model's word
alone. CVAT keeps no author, so only the outcome can be written. id counts in the order of image ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import NotPossibleNow
from labeler.geometry import codes
from labeler.geometry.shapes import parts_of
from labeler.models.project import Task
from labeler.releases.contents import Contents, Object
from labeler.releases.data_set import CONSENSUS, DataSet
from labeler.releases.formats import drawings
from labeler.releases.formats.answers import Said, answer_of
from labeler.releases.formats.archives import Notes, ZipOut
from labeler.releases.formats.class_folders import LeftOut
from labeler.releases.formats.pictures import picture_of
from labeler.releases.formats.xml_text import xml_text
from labeler.releases.moved import moved

FILE = ("application/zip", "zip")
TITLE = gettext_lazy("CVAT XML")
TEXT = gettext_lazy("annotations.xml of CVAT for images 1.1: tags, or boxes, polygons and masks.")
IMAGES = (False, True)
READINGS = (CONSENSUS,)
_KINDS: dict[str, str] = {Task.BOXES: "rectangle", Task.POLYGONS: "polygon", Task.MASKS: "mask", Task.SEMANTIC: "mask"}


def check(data: DataSet) -> None:
    """Raises NotPossibleNow where no image has an answer."""
    if data.draws:
        drawings.check(data, TITLE)
    if not data.has_outcomes:
        raise NotPossibleNow(_("No image is labeled yet, so there would be no tag."))


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: one picture in memory at a time."""
    archive = ZipOut()
    with LeftOut() as left_out, Notes() as images:
        for contents in data.rows():
            said = answer_of(contents)
            if contents.objects is None if data.draws else said.names is None:
                left_out.leave(contents)
                continue
            name, size = contents.image.name, (contents.image.width, contents.image.height)
            if data.wanted.images and (picture := picture_of(contents, data)):
                yield from archive.add(f"images/{picture.name}", picture.content)
                name, size = picture.name, (picture.width, picture.height)
            elements = _tags(contents, said) if not data.draws else _shapes(contents, data, size)
            images.add(_image(images.n, contents, elements, name, size).encode())
        head, end = _head(data, images.n).encode(), b"</annotations>\n"
        yield from archive.add_pieces("annotations.xml", chain([head], images.pieces(), [end]))
        if left_out.n:
            yield from archive.add_pieces("left_out.csv", left_out.pieces())
    yield from archive.end()


def _head(data: DataSet, n: int) -> str:
    kind = _KINDS.get(data.task, "tag")
    after = f"<type>{kind}</type><attributes></attributes>"
    names = (escape(xml_text(one.name)) for one in data.classes)
    labels = "".join(f"        <label><name>{name}</name>{after}</label>\n" for name in names)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n'
        f"      <name>{escape(xml_text(data.title))}</name>\n      <size>{n}</size>\n      <mode>annotation</mode>\n"
        f"      <labels>\n{labels}      </labels>\n    </task>\n  </meta>\n"
    )


def _image(place: int, contents: Contents, elements: str, name: str, size: tuple[int, int]) -> str:
    subset = f" subset={quoteattr(contents.split)}" if contents.split else ""
    width, height = size
    return (
        f'  <image id="{place}" name={quoteattr(xml_text(name))}{subset} width="{width}" height="{height}">\n'
        f"{elements}  </image>\n"
    )


def _tags(contents: Contents, said: Said) -> str:
    source = "auto" if contents.by_model else "manual"
    return "".join(
        f'    <tag label={quoteattr(xml_text(label))} source="{source}"></tag>\n' for label in said.names or ()
    )


def _shapes(contents: Contents, data: DataSet, size: tuple[int, int]) -> str:
    objects = contents.objects or ()
    if data.wanted.images:
        objects = tuple(moved(objects, contents.image.width, contents.image.height, data.wanted.preparation))
    return "".join(_shape(one, place, *size) for place, one in enumerate(objects))


def _shape(one: Object, place: int, width: int, height: int) -> str:
    """A polygon of CVAT is one ring without holes: all else is a mask."""
    label = f'label={quoteattr(xml_text(one.category))} source="manual" occluded="0" z_order="{place}"'
    said = "".join(
        f"      <attribute name={quoteattr(xml_text(name))}>{escape(xml_text(_value(value)))}</attribute>\n"
        for name, value in one.attributes.items()
    )
    if "box" in one.shape:
        x, y, w, h = one.shape["box"]
        sides = f'xtl="{x:.10g}" ytl="{y:.10g}" xbr="{x + w:.10g}" ybr="{y + h:.10g}"'
        return f"    <box {label} {sides}>\n{said}    </box>\n"
    parts = parts_of(one.shape["polygon"]) if "polygon" in one.shape else []
    if len(parts) == 1 and len(parts[0]) == 1:
        points = ";".join(f"{x:.10g},{y:.10g}" for x, y in parts[0][0].tolist())
        return f'    <polygon {label} points="{points}">\n{said}    </polygon>\n'
    code = codes.to_row_runs(one.shape, width, height)
    sides = f'left="{code.left}" top="{code.top}" width="{code.width}" height="{code.height}"'
    return f'    <mask {label} rle="{", ".join(map(str, code.runs))}" {sides}>\n{said}    </mask>\n'


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
