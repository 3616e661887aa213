"""Data sets out: everything that people and models said about a project's images, as files that others read.

contents.py reads it, image by image, from one snapshot; formats/ has one writer per format. Frozen, numbered
releases will be made of the same parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from labeler.errors import NotFound, NotPossibleNow
from labeler.models import Project
from labeler.releases.formats import WRITERS

# Of the contract, but not written yet: understood, and refused with a reason.
LATER = ("json", "labels-csv", "labelstudio", "coco", "yolo", "voc", "cvat", "huggingface", "parquet", "webdataset")


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is made while it is sent."""

    file_name: str
    media_type: str
    chunks: Iterator[bytes]


def export(project: Project, format_: str, *, accepted: bool = False) -> Export:
    """The project as a file of this format, as of now. Nothing is read before the first chunk is asked for.

    accepted: with the images that stand by a model's word alone, marked as such and never among the labels.
    Raises NotFound for an unknown format, NotPossibleNow for one that cannot be written (yet, or for this
    project).
    """
    writer = WRITERS.get(format_)
    if writer is None:
        known = ", ".join(WRITERS)
        if format_ in LATER:
            raise NotPossibleNow(
                _("Exports as %(format)s are not written yet; %(known)s are.") % {"format": format_, "known": known},
                fields={"format": ["later"]},
            )
        raise NotFound(_("There is no such format. There are %(known)s.") % {"known": known})
    writer.check(project, accepted=accepted)
    safe = re.sub(r"[^A-Za-z0-9]+", "-", project.name).strip("-").lower()[:60] or "project"
    return Export(
        f"{safe}-{project.pk}.{writer.EXTENSION}", writer.MEDIA_TYPE, writer.write(project, accepted=accepted)
    )
