"""CVAT for images 1.1: a zip with annotations.xml, a tag for each class of an image, and images/ where they are wanted.

A verified none is an image without tags. Images without an answer are not in the XML but in left_out.csv, each with
where it stands (cannot_tell, tie, undecidable, unlabeled). source="manual" is people's; "auto" stands by a model's word
alone. CVAT keeps no author, so only the outcome can be written. id counts in the order of image ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import NotPossibleNow
from labeler.releases.contents import Contents
from labeler.releases.data_set import CONSENSUS, DataSet
from labeler.releases.formats.answers import Said, answer_of
from labeler.releases.formats.archives import Notes, ZipOut
from labeler.releases.formats.class_folders import LeftOut
from labeler.releases.formats.pictures import picture_of
from labeler.releases.formats.xml_text import xml_text

MEDIA_TYPE = "application/zip"
EXTENSION = "zip"
TITLE = gettext_lazy("CVAT XML")
TEXT = gettext_lazy("annotations.xml of CVAT for images 1.1, with a tag for each class.")
HAS_IMAGES = False
IMAGES = (False, True)
READINGS = (CONSENSUS,)


def check(data: DataSet) -> None:
    """Raises NotPossibleNow where no image has an answer."""
    if not data.has_outcomes:
        raise NotPossibleNow(_("No image is labeled yet, so there would be no tag."))


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces: one picture in memory at a time."""
    archive = ZipOut()
    with LeftOut() as left_out, Notes() as images:
        for contents in data.rows():
            said = answer_of(contents)
            if said.names is None:
                left_out.leave(contents)
                continue
            name, size = contents.image.name, (contents.image.width, contents.image.height)
            if data.wanted.images and (picture := picture_of(contents, data)):
                yield from archive.add(f"images/{picture.name}", picture.content)
                name, size = picture.name, (picture.width, picture.height)
            images.add(_image(images.n, contents, said, name, size).encode())
        head, end = _head(data, images.n).encode(), b"</annotations>\n"
        pieces = (piece for part in ([head], images.pieces(), [end]) for piece in part)
        yield from archive.add_pieces("annotations.xml", pieces)
        if left_out.n:
            yield from archive.add_pieces("left_out.csv", left_out.pieces())
    yield from archive.end()


def _head(data: DataSet, n: int) -> str:
    labels = "".join(
        f"        <label><name>{escape(xml_text(one.name))}</name><type>tag</type><attributes></attributes></label>\n"
        for one in data.classes
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n'
        f"      <name>{escape(xml_text(data.title))}</name>\n      <size>{n}</size>\n      <mode>annotation</mode>\n"
        f"      <labels>\n{labels}      </labels>\n    </task>\n  </meta>\n"
    )


def _image(place: int, contents: Contents, said: Said, name: str, size: tuple[int, int]) -> str:
    source = "auto" if contents.by_model else "manual"
    subset = f" subset={quoteattr(contents.split)}" if contents.split else ""
    tags = "".join(
        f'    <tag label={quoteattr(xml_text(label))} source="{source}"></tag>\n' for label in said.names or ()
    )
    width, height = size
    return (
        f'  <image id="{place}" name={quoteattr(xml_text(name))}{subset} width="{width}" height="{height}">\n'
        f"{tags}  </image>\n"
    )
