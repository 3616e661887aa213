"""Which metadata of an image say where it was taken and by whom; they go out only where the reader asked for them.

Knows the names of fields as import reads them from EXIF. A column that a lead brought along is the lead's to share.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

# By the last part of the field's name, without signs and case: exif.GPSInfo.GPSLatitude, exif.gps_latitude.
_PLACE = re.compile(r"^(gps.*|latitude|longitude|altitude|place|location|city|country|sublocation)$")
_PERSON = re.compile(
    r"^(artist|author|copyright|by ?line|creator|.*ownername|.*serialnumber|hostcomputer|usercomment|imageuniqueid"
    r"|xpauthor|xpcomment|makernote|imagedescription|title|caption)$"
)
_SIGNS = re.compile(r"[^a-z0-9]+")


def is_personal(key: str) -> bool:
    """Does a field of this name come from the file itself and say where, or by whom, a picture was taken?

    Titles and captions may: people write there who is seen, and where.
    """
    parts = [_SIGNS.sub("", part) for part in key.casefold().split(".")]
    return parts[0] in ("exif", "iptc") and any(_PLACE.match(part) or _PERSON.match(part) for part in parts[1:])


def public_metadata(metadata: str, *, location: bool = False) -> dict[str, Any]:
    """Fields of an image, from JSON, without those that say where and by whom unless `location`. Do not change it."""
    return _read(metadata) if location else _public(metadata)


@lru_cache(maxsize=1000)  # most images have none
def _read(metadata: str) -> dict[str, Any]:
    found = json.loads(metadata)
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=1000)
def _public(metadata: str) -> dict[str, Any]:
    return {
        key: _without_places(value) if key.casefold() == "exif" else value
        for key, value in _read(metadata).items()
        if not is_personal(key)
    }


def _without_places(value: Any) -> Any:
    """EXIF kept as an object of its own."""
    if not isinstance(value, dict):
        return value
    return {key: inner for key, inner in value.items() if not is_personal(f"exif.{key}")}
