"""Read when, with what and where a picture was taken from its EXIF, whatever the file claims.

Only the tags named here are looked at, one after the other, and never more than a few hundred bytes of a value: 64 KB
of EXIF can name the same 60 KB five thousand times, and whoever reads all of them needs 300 MB. What cannot be read is
not there; nothing here raises. Knows bytes, not images or rows. Serial numbers, names of people, comments, thumbnails
and what makers write for themselves are not read at all.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime

Fact = str | float

TAKEN_AT, CAMERA_MAKE, CAMERA, LENS = "exif.taken_at", "exif.camera_make", "exif.camera", "exif.lens"
LATITUDE, LONGITUDE = "exif.gps_latitude", "exif.gps_longitude"

MOST_BYTES = 1024 * 1024  # of a block; a JPEG's segment has 64 KB
MOST_ENTRIES = 1000  # of a directory that are looked at; cameras write 50
MOST_OF_VALUE = 256  # bytes
LONGEST_TEXT = 100  # characters kept
FIRST_YEAR, LAST_YEAR = 1826, 2100  # the first photograph; a clock that runs ahead of this says nothing

_MAKE, _MODEL, _ORIENTATION, _EXIF_PLACE, _GPS_PLACE, _CHANGED = 0x010F, 0x0110, 0x0112, 0x8769, 0x8825, 0x0132
_ORIGINAL, _DIGITIZED, _LENS_MODEL, _OFFSET_ORIGINAL = 0x9003, 0x9004, 0xA434, 0x9011
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 13: 4}  # bytes of a value, by its type
_TEXT, _SHORT, _LONG, _RATIO, _IFD = 2, 3, 4, 5, 13

Directory = dict[int, tuple[int, bytes]]  # type and bytes of a value, by tag


def read(content: bytes) -> dict[str, Fact]:
    """What the file says of when, with what and where it was taken, under the keys above; {} where it says nothing."""
    parsed = _Block.parsed(block(content))
    if parsed is None:
        return {}
    first = parsed.directory(parsed.first, {_MAKE, _MODEL, _CHANGED, _EXIF_PLACE, _GPS_PLACE})
    more = parsed.below(first, _EXIF_PLACE, {_ORIGINAL, _DIGITIZED, _LENS_MODEL, _OFFSET_ORIGINAL})
    place = parsed.below(first, _GPS_PLACE, {_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE})
    found: dict[str, Fact | None] = {
        TAKEN_AT: _time(more.get(_ORIGINAL), more.get(_OFFSET_ORIGINAL))
        or _time(more.get(_DIGITIZED))
        or _time(first.get(_CHANGED)),
        CAMERA_MAKE: _text(first.get(_MAKE)),
        CAMERA: _text(first.get(_MODEL)),
        LENS: _text(more.get(_LENS_MODEL)),
    }
    latitude = parsed.degrees(place.get(_LATITUDE), place.get(_LATITUDE_REF), {"N": 1, "S": -1}, 90)
    longitude = parsed.degrees(place.get(_LONGITUDE), place.get(_LONGITUDE_REF), {"E": 1, "W": -1}, 180)
    if latitude is not None and longitude is not None:  # one of them is no place
        found |= {LATITUDE: latitude, LONGITUDE: longitude}
    return {key: value for key, value in found.items() if value not in (None, "")}


def orientation(exif: bytes) -> int:
    """1..8, of an EXIF block with or without its six letters; 1 where it says nothing that can be."""
    parsed = _Block.parsed(exif.removeprefix(b"Exif\0\0"))
    if parsed is None:
        return 1
    kind, value = parsed.directory(parsed.first, {_ORIENTATION}).get(_ORIENTATION, (0, b""))
    number = parsed.numbers(kind, value)[:1]
    return number[0] if number and 1 <= number[0] <= 8 else 1


# ---------------------------------------------------------------- where it stands in a file


def block(content: bytes) -> bytes:
    """The EXIF of a JPEG, PNG, WebP or TIFF, beginning with its byte order; b"" where there is none."""
    if content[:3] == b"\xff\xd8\xff":
        return next((content[at:end] for at, end in segments(content, b"Exif\0\0")), b"")
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return chunk(content, 8, ">", b"eXIf", name_first=False)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return chunk(content, 12, "<", b"EXIF", name_first=True).removeprefix(b"Exif\0\0")
    if content[:4] in (b"II*\0", b"MM\0*"):
        return content
    return b""


def segments(content: bytes, name: bytes, markers: tuple[int, ...] = (0xE1, 0xE2)) -> Iterator[tuple[int, int]]:
    """From where to where the contents of a JPEG's segments with this name go, behind the name."""
    position = 2
    for _segment in range(MOST_ENTRIES):
        if position + 4 > len(content) or content[position] != 0xFF:
            break
        marker = content[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in (0xDA, 0xD9):  # pixels, or the end
            break
        end = position + 2 + int.from_bytes(content[position + 2 : position + 4], "big")
        if marker in markers and content.startswith(name, position + 4):
            yield position + 4 + len(name), end
        if end <= position + 3:
            break
        position = end


def chunk(content: bytes, position: int, order: str, wanted: bytes, *, name_first: bool) -> bytes:
    """The first chunk of this name. name_first: name, length, bytes padded to even (RIFF), else as PNG has them."""
    for _chunk in range(MOST_ENTRIES * 100):  # an animation has one for each frame, a large PNG one for each 8 KB
        if position + 8 > len(content):
            break
        name, length = content[position : position + 4], content[position + 4 : position + 8]
        if not name_first:
            name, length = length, name
        (size,) = struct.unpack(order + "I", length)
        if name == wanted:
            return content[position + 8 : position + 8 + min(size, MOST_BYTES)]
        position += 8 + size + (size % 2 if name_first else 4)
    return b""


# ---------------------------------------------------------------- what others read of it


def harmless(content: bytes) -> bytes | None:
    """The same file for a decoder that reads all values of a directory: of a JPEG with no EXIF in it where reading that
    would take many times its size; None: it is a TIFF, whose directory no decoder can do without.

    Pillow holds each value it reads, and warns of each that it cannot: EXIF of 64 KB became 300 MB, a TIFF any amount.
    """
    if content[:4] in (b"II*\0", b"MM\0*"):
        return None if _is_greedy(content) else content
    if content[:3] != b"\xff\xd8\xff":
        return content  # of others nothing is read before orientation() has bounds
    places = list(segments(content, b"Exif\0\0"))
    more = list(segments(content, b"MPF\0"))
    # Several segments are put together, so that one may name all of them.
    if len(places) < 2 and len(more) < 2 and not any(_is_greedy(content[at:end]) for at, end in places + more):
        return content
    muted = bytearray(content)
    for at, _end in places + more:
        muted[at - 4 : at] = b"none"  # the end of its name
    return bytes(muted)


def _is_greedy(block: bytes) -> bool:
    """Do the values of its first directory take more than it has, or are there more than anybody writes?"""
    parsed = _Block.parsed(block)
    return parsed is not None and parsed.claimed(parsed.first) > max(len(block), MOST_OF_VALUE)


# ---------------------------------------------------------------- directories


class _Block:
    """An EXIF block (a TIFF without pixels), read at the places it names, as far as they lie inside."""

    def __init__(self, content: bytes, order: str) -> None:
        self._content, self._order = content, order
        self.first = self._number(4, 4)

    @classmethod
    def parsed(cls, content: bytes) -> _Block | None:
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(content[:4])
        return cls(content, order) if order and len(content) >= 8 else None

    def _number(self, at: int, size: int) -> int:
        return int.from_bytes(self._content[at : at + size], "little" if self._order == "<" else "big")

    def directory(self, at: int, wanted: set[int]) -> Directory:
        found: Directory = {}
        if not 8 <= at <= len(self._content) - 2:
            return found
        for entry in range(min(self._number(at, 2), MOST_ENTRIES)):
            place = at + 2 + 12 * entry
            if place + 12 > len(self._content):
                break
            tag = self._number(place, 2)
            if tag not in wanted or tag in found:
                continue
            kind, count = self._number(place + 2, 2), self._number(place + 4, 4)
            size = _SIZES.get(kind, 0) * count
            start = place + 8 if size <= 4 else self._number(place + 8, 4)
            found[tag] = kind, self._content[start : start + min(size, MOST_OF_VALUE)]
        return found

    def claimed(self, at: int) -> int:
        """Bytes of all values of a directory, as it says; one with more than MOST_ENTRIES claims everything."""
        if not 8 <= at <= len(self._content) - 2:
            return 0
        entries = self._number(at, 2)
        if entries > MOST_ENTRIES:
            return len(self._content) + MOST_OF_VALUE
        places = range(at + 2, at + 2 + 12 * entries, 12)
        return sum(_SIZES.get(self._number(at + 2, 2), 8) * self._number(at + 4, 4) for at in places)

    def below(self, first: Directory, tag: int, wanted: set[int]) -> Directory:
        """The directory that a tag of the first one leads to."""
        kind, value = first.get(tag, (0, b""))
        at = self.numbers(kind, value)[:1]
        return self.directory(at[0], wanted) if at and kind in (_LONG, _IFD) else {}

    def numbers(self, kind: int, value: bytes) -> list[int]:
        """Whole numbers without a sign; of a ratio its two numbers, one after the other."""
        letter, size = ("H", 2) if kind == _SHORT else ("I", 4)
        if kind not in (_SHORT, _LONG, _RATIO, _IFD):
            return []
        whole = value[: len(value) // size * size]
        return list(struct.unpack(f"{self._order}{len(whole) // size}{letter}", whole))

    def degrees(
        self, entry: tuple[int, bytes] | None, ref: tuple[int, bytes] | None, signs: Mapping[str, int], most: int
    ) -> float | None:
        """Degrees, minutes and seconds as one number, with six digits after the point (a tenth of a metre)."""
        sign = signs.get(_text(ref)[:1].upper())
        if entry is None or sign is None or entry[0] != _RATIO:
            return None
        parts = self.numbers(*entry)[:6]
        ratios = list(zip(parts[::2], parts[1::2], strict=False))
        # Some write 0/0 for seconds they do not know; without degrees there is no place.
        if not ratios or ratios[0][1] == 0:
            return None
        value = sum(above / below / 60**n for n, (above, below) in enumerate(ratios) if below)
        return round(sign * value, 6) if math.isfinite(value) and value <= most else None


# ---------------------------------------------------------------- values


def _text(entry: tuple[int, bytes] | None) -> str:
    """One line of at most LONGEST_TEXT characters, without what does not print; "" for anything else."""
    if entry is None or entry[0] != _TEXT:
        return ""
    return one_line(decoded(entry[1].partition(b"\0")[0]))[:LONGEST_TEXT].strip()


def decoded(value: bytes) -> str:
    """Most programs write UTF-8 by now, and few say so."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def one_line(text: str) -> str:
    """Signs that do not print are spaces, and of several spaces one is left."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _time(entry: tuple[int, bytes] | None, offset: tuple[int, bytes] | None = None) -> str:
    """As ISO 8601 has it, with its distance from Greenwich where that is told; "" for what is no time."""
    text = _text(entry)[:19]
    for written, form in ((text + _text(offset), "%Y:%m:%d %H:%M:%S%z"), (text, "%Y:%m:%d %H:%M:%S")):
        with suppress(ValueError):
            taken = datetime.strptime(written, form)
            return taken.isoformat() if FIRST_YEAR <= taken.year <= LAST_YEAR else ""
    return ""
