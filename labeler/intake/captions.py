"""Read a picture's title, caption, keywords and date from its XMP or IPTC, whatever the file claims.

Photographers and archives write them; XMP is believed before IPTC, which has no certain alphabet. Bounded like EXIF:
so many bytes, so many parts, so many letters of each; what cannot be read is not there, and nothing here raises. Names
of people have fields of their own in both, which are not read at all. Knows bytes, not images or rows.
"""

from __future__ import annotations

import re
from xml.parsers import expat

from labeler.intake import exif

TITLE, CAPTION, KEYWORDS, DATE = "iptc.title", "iptc.caption", "iptc.keywords", "iptc.date"

MOST_BYTES = 64 * 1024  # of a packet; a JPEG's segment has as many
MOST_PARTS = 1000  # blocks, data sets, elements
DEEPEST = 20  # elements in one another
MOST_KEYWORDS = 20
LONGEST_TEXT = 200  # characters kept, of all keywords together too

Found = dict[str, list[str]]

_DAY = re.compile(r"(\d{4})[-:]?(\d\d)[-:]?(\d\d)")
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_IPTC_BLOCK = 0x0404
# Of IPTC's second record.
_DATA_SETS = {5: TITLE, 120: CAPTION, 25: KEYWORDS, 55: DATE}
_DC, _RDF = "http://purl.org/dc/elements/1.1/", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_ELEMENTS = {
    f"{_DC} title": TITLE, f"{_DC} description": CAPTION, f"{_DC} subject": KEYWORDS,
    "http://ns.adobe.com/photoshop/1.0/ DateCreated": DATE, "http://ns.adobe.com/xap/1.0/ CreateDate": DATE,
}  # fmt: skip


def read(content: bytes) -> dict[str, str]:
    """What the file says of itself, under the keys above; {} where it says nothing."""
    found = {**_of_iptc(_iptc_block(content)), **_of_xmp(_xmp_packet(content))}
    said = {
        TITLE: _text(found.get(TITLE, [])[:1]),
        CAPTION: _text(found.get(CAPTION, [])[:1]),
        KEYWORDS: _text(list(dict.fromkeys(found.get(KEYWORDS, [])))[:MOST_KEYWORDS]),
        DATE: _day(found.get(DATE, [])),
    }
    return {key: value for key, value in said.items() if value}


def _text(parts: list[str]) -> str:
    """Several with a comma between."""
    return ", ".join(filter(None, map(exif.one_line, parts)))[:LONGEST_TEXT].rstrip(" ,")


def _day(parts: list[str]) -> str:
    """2024-05-03; "" for what is no day."""
    day = _DAY.match(parts[0].strip()) if parts else None
    if day is None:
        return ""
    year, month, number = (int(part) for part in day.groups())
    is_one = exif.FIRST_YEAR <= year <= exif.LAST_YEAR and 1 <= month <= 12 and 1 <= number <= 31
    return f"{year:04}-{month:02}-{number:02}" if is_one else ""


# ---------------------------------------------------------------- IPTC


def _iptc_block(content: bytes) -> bytes:
    """The block of a JPEG that Photoshop's blocks hold; b"" where there is none."""
    if content[:3] != b"\xff\xd8\xff":
        return b""
    for start, end in exif.segments(content, _PHOTOSHOP, markers=(0xED,)):
        blocks, at = content[start:end], 0
        for _block in range(MOST_PARTS):
            if blocks[at : at + 4] != b"8BIM" or at + 12 > len(blocks):
                break
            number = int.from_bytes(blocks[at + 4 : at + 6], "big")
            at += 6 + (blocks[at + 6] + 2) // 2 * 2  # behind its name, which is padded to even
            size = int.from_bytes(blocks[at : at + 4], "big")
            if number == _IPTC_BLOCK:
                return blocks[at + 4 : at + 4 + min(size, MOST_BYTES)]
            at += 4 + size + size % 2
    return b""


def _of_iptc(block: bytes) -> Found:
    found: Found = {}
    at = 0
    for _data_set in range(MOST_PARTS):
        if at + 5 > len(block) or block[at] != 0x1C:
            break
        record, number, size = block[at + 1], block[at + 2], int.from_bytes(block[at + 3 : at + 5], "big")
        if size >= 0x8000:  # longer than anything that is read here
            break
        if record == 2 and number in _DATA_SETS:
            value = block[at + 5 : at + 5 + min(size, 4 * LONGEST_TEXT)]
            found.setdefault(_DATA_SETS[number], []).append(exif.decoded(value))
        at += 5 + size
    return found


# ---------------------------------------------------------------- XMP


def _xmp_packet(content: bytes) -> bytes:
    """Of a JPEG or WebP; b"" where there is none, or a longer one than is read."""
    found = b""
    if content[:3] == b"\xff\xd8\xff":
        found = next((content[start:end] for start, end in exif.segments(content, _XMP)), b"")
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        found = exif.chunk(content, 12, "<", b"XMP ", name_first=True)
    return found if len(found) <= MOST_BYTES else b""


class _Enough(Exception):
    """The packet is none that a program writes."""


class _Reader:
    """Collects the texts of the elements that are wanted, and of attributes of the same name."""

    def __init__(self) -> None:
        self.found: Found = {}
        self._path: list[str] = []
        self._n = 0
        self._letters: list[str] = []

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._n += 1
        self._path.append(name)
        if self._n > MOST_PARTS or len(self._path) > DEEPEST:
            raise _Enough
        self._letters = []
        for attribute, value in attributes.items():
            if attribute in _ELEMENTS:
                self._add(_ELEMENTS[attribute], value)

    def letters(self, text: str) -> None:
        self._letters.append(text)

    def end(self, name: str) -> None:
        self._path.pop()
        # The text itself, or that of a list's entry: title > Alt > li.
        wanted = self._path[-2] if name == f"{_RDF} li" and len(self._path) > 1 else name
        if wanted in _ELEMENTS:
            self._add(_ELEMENTS[wanted], "".join(self._letters))
        self._letters = []

    def _add(self, key: str, value: str) -> None:
        if value.strip():
            self.found.setdefault(key, []).append(value[: 4 * LONGEST_TEXT])


def _refuse(*_declared: object) -> None:
    raise _Enough  # a document type, and with it entities: no packet has one


def _of_xmp(packet: bytes) -> Found:
    if not packet:
        return {}
    reader, parser = _Reader(), expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = reader.begin, reader.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = reader.letters, _refuse
    try:
        parser.Parse(packet.rstrip(b"\0"), True)
    except (expat.ExpatError, _Enough, ValueError):
        return {}
    return reader.found
