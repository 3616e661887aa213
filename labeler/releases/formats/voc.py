"""Pascal VOC: Annotations/*.xml, JPEGImages/ and ImageSets/Main/<split>.txt.

Boxes by the standard: whole numbers of pixels, counted from 1, the last one is in it; so they are rounded to the
nearest edge. Outlines and masks go out as the boxes around them. An XML without objects says that nothing is there;
images without an answer are absent. With all labels each person has a folder with theirs, and the pictures are there
once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from xml.sax.saxutils import escape

from django.utils.translation import gettext_lazy

from labeler.geometry.shapes import bounds_of
from labeler.releases.contents import Object
from labeler.releases.data_set import ALL, CONSENSUS, DataSet
from labeler.releases.formats import drawings
from labeler.releases.formats.answers import split_of
from labeler.releases.formats.archives import ZipOut
from labeler.releases.formats.drawings import Place
from labeler.releases.formats.xml_text import xml_text

FILE = ("application/zip", "zip")
TITLE = gettext_lazy("Pascal VOC")
TEXT = gettext_lazy("An XML for each image with its boxes in whole pixels, counted from 1, the last one included.")
IMAGES = (True, False)
READINGS = (CONSENSUS, ALL)
check = partial(drawings.check, title=TITLE)
_SPLITS = {"": "default", "validation": "val"}


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: never more than one picture in memory."""
    archive, people = ZipOut(), drawings.People()
    stems: defaultdict[str, list[str]] = defaultdict(list)
    for contents, drawn, place in drawings.answered(data, pictures=data.wanted.images is not False):
        stem = drawings.stem_of(contents, place)
        split = split_of(contents, data)
        stems[_SPLITS.get(split, split)].append(stem)
        if place.content is not None:
            yield from archive.add(f"JPEGImages/{place.name}", place.content)
        for one in drawn:
            things = drawings.in_place(one.objects, contents, data, place)
            yield from archive.add(f"{people.prefix(one)}Annotations/{stem}.xml", _xml(place, things, data))
    for split, names in sorted(stems.items()):
        yield from archive.add(f"ImageSets/Main/{split}.txt", "".join(f"{name}\n" for name in names))
    yield from archive.end()


def _xml(place: Place, things: list[Object], data: DataSet) -> str:
    objects = "".join(_object(one, place) for one in things)
    return (
        f"<annotation>\n  <folder>JPEGImages</folder>\n  <filename>{_text(place.name)}</filename>\n"
        f"  <source><database>{_text(data.title)}</database></source>\n"
        f"  <size><width>{place.width}</width><height>{place.height}</height><depth>3</depth></size>\n"
        f"  <segmented>0</segmented>\n{objects}</annotation>\n"
    )


def _object(one: Object, place: Place) -> str:
    x0, y0, x1, y1 = bounds_of(one.shape)
    # From edges to numbers of pixels: the first behind the left edge, the last before the right one; at least one.
    left, top = min(round(x0), place.width - 1) + 1, min(round(y0), place.height - 1) + 1
    right, bottom = min(max(left, round(x1)), place.width), min(max(top, round(y1)), place.height)
    flags = "".join(
        f"<{name}>{int(bool(one.attributes.get(name)))}</{name}>" for name in ("truncated", "difficult", "occluded")
    )
    return (
        f"  <object>\n    <name>{_text(one.category)}</name>\n    <pose>Unspecified</pose>\n    {flags}\n"
        f"    <bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox>\n"
        "  </object>\n"
    )


def _text(text: str) -> str:
    return escape(xml_text(text))
