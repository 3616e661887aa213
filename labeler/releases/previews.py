"""What prepared pictures will look like: six of a project, before anything is exported.

Reads files and rows; a page and REST show them. What is done to a picture is preparation.py's.
"""

from __future__ import annotations

from dataclasses import dataclass

from labeler.errors import BucketUnreachable
from labeler.intake import originals
from labeler.models import Image, Project
from labeler.releases.preparation import Preparation, Prepared, previews

SHOWN = 6
_TRIED = 12  # files may be gone
_LOOKED_AT = 1000  # of a million images, the first thousand are enough


@dataclass(frozen=True, slots=True)
class Preview:
    """An image, small and as JPEG: as it would go out, and its first augmented copy where there are any."""

    image: int
    name: str
    made: Prepared
    copy: Prepared | None


def of_project(project: Project, how: Preparation) -> list[Preview]:
    """At most six, spread over the project in order of id, the same ones each time. Empty where no file can be read."""
    ids = list(Image.objects.for_project(project).order_by("id").values_list("pk", flat=True)[:_LOOKED_AT])
    step = max(1, len(ids) // _TRIED)
    found: list[Preview] = []
    for image in Image.objects.filter(pk__in=ids[::step][:_TRIED]).order_by("id"):
        try:
            original = originals.read(sha256=image.sha256, extension=image.extension, hurry=True)
        except FileNotFoundError:
            continue
        except BucketUnreachable:
            break  # nor will it answer for the next ones, and somebody waits
        for made, copy in previews([(image.sha256, original, image.extension)], how):
            found.append(Preview(image.pk, image.name, made, copy))
        if len(found) == SHOWN:
            break
    return found
