"""Which fields of an image's metadata are whose to see: the place is for leads, what a file says not for annotators.

Knows keys, not rows. Whoever hands metadata to somebody asks here: REST, pages, the model's report, exports.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labeler.access import may_lead, may_review
from labeler.models import Project

# Written by the product when an image comes in (intake/facts.py), and by nobody else: a table, a page and REST leave
# them as they are.
EXIF, IPTC, FILE = "exif.", "iptc.", "file."
RESERVED = (EXIF, IPTC, FILE)
# Where somebody was: in no export unless a release says so, and shown to leads only.
PLACE = "exif.gps_"


def is_reserved(key: str) -> bool:
    """Does the product write this field itself?"""
    return key.startswith(RESERVED)


def is_place(key: str) -> bool:
    """Does this field say where the picture was taken?"""
    return key.startswith(PLACE)


def without_place(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata as they may leave the project."""
    return {key: value for key, value in metadata.items() if not is_place(key)}


def may_see(project: Project, key: str) -> bool:
    """May the person for whom the project was handed out see this field of its images, or look for them by it?"""
    if is_place(key):
        return may_lead(project)
    return may_review(project) or (project.show_file_names and not key.startswith((EXIF, IPTC)))


def shown(project: Project, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the person for whom the project was handed out may see.

    An annotator sees none where file names are hidden: a folder's name or a source's column can give the class away.
    """
    if not isinstance(metadata, Mapping):
        return {}  # of rows that something else wrote
    return {key: value for key, value in metadata.items() if may_see(project, key)}
