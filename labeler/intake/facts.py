"""What is known of an image from its file: its EXIF, what it says of itself, the folder in its name, and how it came.

Fields of its metadata:

    exif.taken_at exif.camera_make exif.camera exif.lens exif.gps_latitude exif.gps_longitude     labeler/intake/exif.py
    iptc.title iptc.caption iptc.keywords iptc.date     of XMP or IPTC: labeler/intake/captions.py
    file.folder       the folders of its name, "2024/north"; without folders there is no such field
    file.source       the name of the archive or table it came from, else "upload"
    file.import       the number of the import, where there is one

Read when an image comes in; of images of before, some at a time, by the periodic worker. Knows keys and files; who may
see them is labeler/intake/private_fields.py's, and that nobody writes over them labeler/intake/import_metadata.py's.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from labeler.intake import captions, exif
from labeler.intake.formats.metadata import LONGEST_VALUE
from labeler.intake.store import MediaStore
from labeler.models import Image, Job, Project

FOLDER, SOURCE, IMPORT = "file.folder", "file.source", "file.import"
UPLOAD = "upload"
LONGEST_SOURCE = 200


def of_file(content: bytes) -> dict[str, Any]:
    """What the bytes say, whoever wrote it."""
    return {**exif.read(content), **captions.read(content)}


def of_name(name: str, job: Job | None) -> dict[str, Any]:
    """What the name says, and how the image came."""
    found: dict[str, Any] = {SOURCE: _source(job)}
    if folder := str(PurePosixPath(name).parent).strip("./"):
        found[FOLDER] = _line(folder, LONGEST_VALUE)
    if job is not None:
        found[IMPORT] = job.pk
    return found


def _source(job: Job | None) -> str:
    """Never a path of the server: the last part of it."""
    given = "" if job is None else job.params.get("name") or Path(str(job.params.get("path", ""))).name
    return _line(str(given), LONGEST_SOURCE) or UPLOAD


def _line(text: str, most: int) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)[:most]


def without(project: Project, most: int, after: int) -> list[Image]:
    """Images whose file was not read yet, by rising id from `after` on."""
    rows = Image.objects.filter(project=project, pk__gt=after).exclude(metadata__has_key=SOURCE)
    return list(rows.select_related("job").order_by("pk")[:most])


def of_older(image: Image, store: MediaStore) -> dict[str, Any]:
    """As for a newcomer; of a file that is gone only what its name says."""
    found = of_name(image.name, image.job)
    try:
        content = store.original_path(image.sha256, image.extension).read_bytes()
    except OSError:
        return found
    return {**of_file(content), **found}
