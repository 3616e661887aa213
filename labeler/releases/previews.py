"""What prepared pictures will look like: six of a project, before anything is exported.

Reads files and rows; a page shows them. What is done to a picture is preparation.py's.
"""

from __future__ import annotations

from typing import NamedTuple

from labeler.errors import BucketUnreachable
from labeler.intake import originals
from labeler.models import Image, Project
from labeler.releases.clean_files import Unreadable
from labeler.releases.preparation import Preparation, Prepared, prepare

SHOWN = 6
SMALL = Preparation(width=320, height=320, file_format="jpg", quality=80)
_TRIED = 12  # files may be gone
_LOOKED_AT = 1000  # of a million images, the first thousand are enough


class Preview(NamedTuple):
    """An image as it would go out, small and as JPEG."""

    name: str
    made: Prepared


def of_project(project: Project, how: Preparation) -> list[Preview]:
    """At most six, spread over the project in order of id, the same ones each time. Empty where no file can be read."""
    ids = list(Image.objects.for_project(project).order_by("id").values_list("pk", flat=True)[:_LOOKED_AT])
    step = max(1, len(ids) // _TRIED)
    found: list[Preview] = []
    for image in Image.objects.filter(pk__in=ids[::step][:_TRIED]).order_by("id"):
        try:
            original = originals.read(sha256=image.sha256, extension=image.extension, hurry=True)
            made = prepare(original, image.extension, how)
            found.append(Preview(image.name, prepare(made.content, made.extension, SMALL)))
        except (FileNotFoundError, Unreadable):
            continue
        except BucketUnreachable:
            break  # nor will it answer for the next ones, and somebody waits
        if len(found) == SHOWN:
            break
    return found
