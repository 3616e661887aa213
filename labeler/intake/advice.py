"""What a person can do about files that were refused, and refusals sorted by their reason.

Knows the sentences of check.py and archives.py by a piece of each. The import page's script groups by the same table
(static/js/pages/import/refusals.js), so it is handed out rather than written twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

NAMES_SHOWN = 100


@dataclass(slots=True)
class RefusalGroup:
    """Refused files with one reason. names: the first NAMES_SHOWN; n counts all."""

    reason: str
    advice: str
    n: int = 0
    names: list[str] = field(default_factory=list)
    rows: bool = False  # of a table, not files

    @property
    def more(self) -> int:
        return self.n - len(self.names)


def table() -> list[tuple[str, str]]:
    """(a piece of a reason, what to do), the first that fits counts."""
    return [
        ("incomplete", _("Copy or download the file again: the end is missing.")),
        ("ends in the middle", _("Copy or download the archive again: the end is missing.")),
        ("damaged", _("Take the file from its source again. If it opens elsewhere, save it anew as JPEG or PNG.")),
        ("empty", _("The file has no content: leave it out, or take it from its source again.")),
        ("megapixels", _("Make it smaller, or ask the administrator to raise LABELER_MAX_IMAGE_PIXELS.")),
        ("larger than", _("Save it with less quality, or ask the administrator to raise LABELER_MAX_IMAGE_BYTES.")),
        ("a PDF", _("Save its pages as JPEG or PNG.")),
        ("SVG", _("Save the drawing as PNG.")),
        ("HEIC", _("On an iPhone: Settings, Camera, Formats, Most Compatible. Or convert the files to JPEG.")),
        ("AVIF", _("Convert the files to JPEG.")),
        ("an archive", _("Archives inside archives are not opened: unpack it and drop the folder.")),
        ("a video", _("Save single frames of it as JPEG.")),
        ("not an image", _("Leave it out. Nothing else is needed: the other files are in.")),
        ("encrypted", _("Unpack the archive with its password and drop the folder.")),
        ("method that is not read", _("Unpack the archive and drop the folder.")),
        ("sparse", _("Unpack the archive and drop the folder.")),
        ("folders deep", _("Move the files further up.")),
        ("absurd size", _("Unpack the archive and drop the folder.")),
        ("more than", _("Bring it in by several smaller archives or folders.")),
        ("server cannot be reached", _("The connection was lost. Drop the same files again: what is in stays in.")),
        ("deleted from the project", _("Send the file again.")),
        ("no image of that name", _("Import the image first. Names are compared with their folder, else without it.")),
        ("images of this project have that name", _("Write the name with its folder, as the image's page shows it.")),
        ("image with this", _("Import the image first, or name it by its file_name.")),
        (
            "one row holds all",
            _("Put all fields of an image into one row, or send the second row in a file of its own."),
        ),
        ("control character", _("A field is one line of text: take out line breaks and tabs.")),
        ("lists and objects", _("Give each part a field of its own, or join the parts to one text.")),
        ("fields, and with these", _("Take fields away first: null in JSON Lines, or empty cells that remove.")),
        ("has no class", _("Add the class in the settings, or write its name as it stands there.")),
        ("columns", _("The first line names the columns: file_name, annotator, label.")),
    ]


def advice_for(reason: str) -> str:
    """What to do about this reason; empty where the reason says it all."""
    return next((advice for piece, advice in table() if piece in reason), "")


def grouped(refused: Iterable[Mapping[str, Any]]) -> list[RefusalGroup]:
    """{name, reason, row?} sorted by reason, the most frequent first. What has no name is a remark on the whole."""
    groups: dict[str, RefusalGroup] = {}
    for file in refused:
        reason = file["reason"]
        group = groups.get(reason) or groups.setdefault(reason, RefusalGroup(reason, advice_for(reason)))
        row = file.get("row")
        if file["name"] or row:
            group.n += 1
            group.rows = group.rows or row is not None
            if len(group.names) < NAMES_SHOWN:
                shown = _("row %(row)s: %(name)s") % {"row": row, "name": file["name"]} if row else file["name"]
                group.names.append(shown if file["name"] else _("row %(row)s") % {"row": row})
    return sorted(groups.values(), key=lambda group: -group.n)
