"""The bytes of an image as they came, wherever they lie: in the media store, else in the bucket they were left in.

Everything that needs an original asks here. Knows contents by their hash, not images or who may see them.
"""

from __future__ import annotations

from pathlib import Path

from labeler.intake import bucket_objects
from labeler.intake.images import media_store
from labeler.intake.place import Place


def read(*, sha256: str, extension: str, hurry: bool = False) -> bytes:
    """hurry: a person waits for it.

    Raises FileNotFoundError where it is nowhere, and what bucket_objects.fetch() raises.
    """
    try:
        return media_store().original_path(sha256, extension).read_bytes()
    except FileNotFoundError:
        place = place_of(sha256)
        if place is None:
            raise
        return bucket_objects.fetch(place, sha256, hurry=hurry)


def source(*, sha256: str, extension: str, hurry: bool = False) -> Path | bytes:
    """For a decoder: the path in the media store, whether a file is there or not, else the bytes. Raises as read()."""
    path = media_store().original_path(sha256, extension)
    if path.is_file():
        return path
    place = place_of(sha256)
    return path if place is None else bucket_objects.fetch(place, sha256, hurry=hurry)


def place_of(sha256: str) -> Place | None:
    """Where a content lies in a bucket; None where it was never left in one."""
    return bucket_objects.places([sha256]).get(sha256)
