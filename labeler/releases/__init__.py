"""Data sets out: everything that people and models said about a project's images, as files that others read.

contents.py reads a project, image by image, from one snapshot; live.py makes a data set of it as of now; formats/ has
one writer per format, which knows data sets only. releases.py and freeze.py keep numbered releases, which never change;
files.py keeps their files for some days.
Writes: Release, ReleaseFile. Does not know who may do what, nor how anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from django.utils.translation import gettext as _

from labeler.curation.filters import ImageFilter
from labeler.errors import NotFound, NotPossibleNow
from labeler.models import Project
from labeler.releases import live
from labeler.releases.data_set import ALL, DataSet, Wanted
from labeler.releases.formats import OF_OBJECTS, WRITERS
from labeler.releases.preparation import AS_IT_IS, Preparation


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is made while it is sent."""

    file_name: str
    media_type: str
    chunks: Iterator[bytes]


def export(
    project: Project, format_: str, *, accepted: bool = False, labels: str = "", images: bool | None = None,
    preparation: Preparation = AS_IT_IS, only: ImageFilter | None = None,
) -> Export:  # fmt: skip
    """The project as a file of this format, as of now. Nothing is read before the first chunk is asked for.

    accepted: with the images that stand by a model's word alone, marked as such and never among the labels. labels,
    images, preparation: of Wanted; left out, as the format has it of itself. only: the images that fit a filter. Raises
    as as_file() and live.data_set().
    """
    wanted = Wanted(labels or writer_of(format_).READINGS[0], accepted, images, preparation=preparation)
    return as_file(live.data_set(project, wanted, only), format_)


def as_file(data: DataSet, format_: str) -> Export:
    """A data set as a file of this format.

    Raises NotFound for an unknown format, NotPossibleNow for one that cannot be written (yet, or of this data set).
    """
    writer = writer_of(format_)
    if data.draws and format_ not in OF_OBJECTS:
        known = ", ".join(name for name in WRITERS if name in OF_OBJECTS)
        raise NotPossibleNow(
            _("%(format)s says which class an image has, and here objects are drawn. Take one of %(known)s.")
            % {"format": writer.TITLE, "known": known},
            fields={"format": ["of classes"]},
        )
    _check_wanted(writer, format_, data.wanted)
    if hasattr(writer, "check"):
        writer.check(data)
    media_type, extension = writer.FILE
    if data.wanted.images and hasattr(writer, "WITH_IMAGES"):
        media_type, extension = writer.WITH_IMAGES
    return Export(f"{data.file_name}.{extension}", media_type, writer.write(data))


def writer_of(format_: str) -> ModuleType:
    """The module that writes a format. Raises NotFound."""
    if (writer := WRITERS.get(format_)) is not None:
        return writer
    known = ", ".join(WRITERS)
    raise NotFound(_("There is no such format. There are %(known)s.") % {"known": known})


def _check_wanted(writer: ModuleType, format_: str, wanted: Wanted) -> None:
    """Raises NotPossibleNow where the format cannot say what was asked for."""

    def refused(field: str, sentence: str) -> NotPossibleNow:
        return NotPossibleNow(sentence % {"format": writer.TITLE}, fields={field: [f"not in {format_}"]})

    if wanted.labels not in writer.READINGS:
        raise refused(
            "labels",
            _("%(format)s has one answer for each image: take the outcome, or csv, jsonl or huggingface for the rest.")
            if wanted.labels == ALL
            else _("%(format)s cannot hold shares of the votes. Take csv, jsonl, parquet, huggingface or webdataset."),
        )
    if wanted.images is not None and wanted.images not in writer.IMAGES:
        raise refused(
            "images",
            _("%(format)s has no pictures in it. Take huggingface, webdataset or imagefolder.")
            if wanted.images
            else _("%(format)s is made of pictures: it cannot be without them."),
        )
    has_pictures = writer.IMAGES[0] if wanted.images is None else wanted.images
    if wanted.preparation != AS_IT_IS and not has_pictures:
        raise refused(
            "images",
            _("%(format)s has no pictures in it that could be prepared. Take huggingface, webdataset or imagefolder."),
        )
