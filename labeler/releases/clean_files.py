"""Take what a file says of place, person and camera out of its bytes, without touching its pixels.

What stays: pixels, colour profile, transparency, animation, and the orientation, because without it a picture lies on
its side: an EXIF block with that one entry. Knows JPEG, PNG, WebP and GIF as they are laid out; of the other formats
(TIFF, BMP) and of what is laid out otherwise, clean() says None, and the caller encodes the pixels again.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from labeler.intake.check import png_chunks

UPRIGHT = 1
# What reading a file raises that is no picture, or a damaged one.
NO_PICTURE = (
    OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)  # fmt: skip
_ORIENTATION = 0x0112
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
# JFIF, Adobe and colour profiles say how numbers become colours. Other application segments are EXIF, XMP, IPTC,
# and second pictures with metadata of their own.
_JPEG_KEPT = {0xE0: (b"JFIF\0",), 0xE2: (b"ICC_PROFILE\0",), 0xEE: (b"Adobe",)}
_PNG_START = b"\x89PNG\r\n\x1a\n"
# Text in any coding, EXIF, time of change, and private chunks of editors go.
_PNG_KEPT = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"bKGD",
    b"pHYs", b"acTL", b"fcTL", b"fdAT",
}  # fmt: skip
_WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_WEBP_HAS_XMP, _WEBP_HAS_EXIF = 0x04, 0x08


class Unreadable(Exception):
    """The bytes are no picture that could be cleaned."""


def clean(content: bytes, extension: str) -> bytes:
    """The same picture without metadata. Raises Unreadable: such a file must not go out.

    A format that cannot be cut is encoded again, pixels as they are (TIFF by deflate, BMP as it was).
    """
    found = _CLEANERS.get(extension, lambda _: None)(content)
    return found if found is not None else _encoded_again(content)


def orientation_of(content: bytes) -> int:
    """1 to 8, as EXIF counts; 1 where nothing sensible is said."""
    try:
        with _opened(content) as image:
            said = image.getexif().get(_ORIENTATION, UPRIGHT)
    except NO_PICTURE:
        return UPRIGHT
    return said if isinstance(said, int) and 1 <= said <= 8 else UPRIGHT


# Named, so that neither a second picture behind a JPEG nor a lowered limit of pixels has a say in it: import has let
# the file in, and here its header is read.
_OPENERS: dict[bytes, Callable[[io.BytesIO], Image.Image]] = {
    b"\xff\xd8": JpegImagePlugin.JpegImageFile,
    b"\x89P": PngImagePlugin.PngImageFile,
    b"RI": WebPImagePlugin.WebPImageFile,
}


def _opened(content: bytes) -> Image.Image:
    return _OPENERS.get(content[:2], Image.open)(io.BytesIO(content))


def _exif(orientation: int) -> bytes:
    """TIFF with one entry: little-endian, one directory, orientation as a short."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)


# ---------------------------------------------------------------- JPEG


def clean_jpeg(content: bytes) -> bytes | None:
    """None where the segments are not as ITU T.81 lays them out."""
    if not content.startswith(_JPEG_START):
        return None
    kept = [_JPEG_START]
    position = 2
    orientation = orientation_of(content)
    if orientation != UPRIGHT:
        block = b"Exif\0\0" + _exif(orientation)
        kept.append(b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block)
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0xDA:  # the scans: all that follows but what lies behind the end of the picture
            end = _end_of_jpeg(content, position)
            return None if end is None else b"".join([*kept, content[position:end], _JPEG_END])
        if marker < 0xC0 or 0xD0 <= marker <= 0xD9:
            return None
        end = position + 2 + int.from_bytes(content[position + 2 : position + 4], "big")
        body = content[position + 4 : end]
        if marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14:
            # Without the small picture that some writers put here; its size is the last two bytes.
            kept.append(b"\xff\xe0\x00\x10" + body[:12] + b"\0\0")
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE) or body.startswith(_JPEG_KEPT.get(marker, ())):
            kept.append(content[position:end])
        position = end
    return None


def _end_of_jpeg(content: bytes, position: int) -> int | None:
    """Where the end marker of the picture is, or should be, from its first scan on; None: laid out otherwise."""
    while position + 4 <= len(content):
        marker = content[position + 1]
        if content[position] != 0xFF or 0xE0 <= marker <= 0xEF or marker == 0xFE:
            return None  # metadata between scans: no writer does it, and nothing may slip through
        if marker == 0xD9:
            return position
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
        while True:  # the data of a scan: to the next marker that is neither stuffing nor restart
            position = content.find(b"\xff", position)
            if position < 0 or position + 1 >= len(content):
                return len(content)  # cut off; readers show what is there
            following = content[position + 1]
            if following == 0 or 0xD0 <= following <= 0xD7:
                position += 2
            elif following == 0xFF:
                position += 1
            else:
                break
        if content[position + 1] == 0xD9:
            return position
    return len(content) if position <= len(content) + 2 else None


# ---------------------------------------------------------------- PNG, WebP, GIF


def clean_png(content: bytes) -> bytes | None:
    """None where the chunks do not follow each other to the end."""
    if not content.startswith(_PNG_START):
        return None
    kept = [_PNG_START]
    for kind, start, end in png_chunks(content):
        if kind in _PNG_KEPT:
            kept.append(content[start:end])
        if kind == b"IHDR" and (orientation := orientation_of(content)) != UPRIGHT:
            block = b"eXIf" + _exif(orientation)
            kept.append(struct.pack(">I", len(block) - 4) + block + struct.pack(">I", zlib.crc32(block)))
        if kind == b"IEND":
            return b"".join(kept)
    return None


def clean_webp(content: bytes) -> bytes | None:
    """None where the chunks do not follow each other to the end."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return None
    orientation = orientation_of(content)
    kept: list[bytes] = []
    position = 12
    end_of_all = min(len(content), 8 + int.from_bytes(content[4:8], "little"))
    while position + 8 <= end_of_all:
        kind, size = content[position : position + 4], int.from_bytes(content[position + 4 : position + 8], "little")
        end = position + 8 + size
        if end > len(content):
            return None
        body = content[position + 8 : end]
        if kind == b"VP8X" and body:
            flags = body[0] & ~_WEBP_HAS_XMP & ~_WEBP_HAS_EXIF
            body = bytes([flags | (_WEBP_HAS_EXIF if orientation != UPRIGHT else 0)]) + body[1:]
        if kind in _WEBP_KEPT:
            kept.append(kind + struct.pack("<I", len(body)) + body + b"\0" * (size % 2))
        position = end + size % 2
    if not kept:
        return None
    if orientation != UPRIGHT and kept[0].startswith(b"VP8X"):
        block = _exif(orientation)
        kept.append(b"EXIF" + struct.pack("<I", len(block)) + block + b"\0" * (len(block) % 2))
    whole = b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(whole) + 4) + b"WEBP" + whole


def clean_gif(content: bytes) -> bytes | None:
    """Without comments and application blocks but the one that says how often it repeats."""
    if content[:6] not in (b"GIF87a", b"GIF89a") or len(content) < 13:
        return None
    position = 13 + (3 << (content[10] & 7) + 1 if content[10] & 0x80 else 0)
    kept = [content[:position]]
    while position < len(content):
        start, kind = position, content[position]
        if kind == 0x3B:
            return b"".join([*kept, b"\x3b"])
        if kind == 0x21:
            position += 2
        elif kind == 0x2C and position + 10 < len(content):
            flags = content[position + 9]
            position += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        else:
            return None
        while position < len(content) and content[position]:
            position += 1 + content[position]
        position += 1
        label = content[start + 1] if kind == 0x21 else 0xF9
        if label == 0xF9 or (label == 0xFF and content[start + 3 : start + 14] in (b"NETSCAPE2.0", b"ANIMEXTS1.0")):
            kept.append(content[start:position])
    return None


_CLEANERS = {"jpg": clean_jpeg, "png": clean_png, "webp": clean_webp, "gif": clean_gif}


def _encoded_again(content: bytes) -> bytes:
    """Pixels and profile in the format it has; of several pages the first, which is the one people judge."""
    try:
        with _opened(content) as image:
            kind, profile = image.format or "PNG", image.info.get("icc_profile")
            # Pillow turns a TIFF upright as it loads it.
            orientation = UPRIGHT if kind == "TIFF" else orientation_of(content)
            # Of the picture nothing but pixels, palette and transparency: whatever else it says stays behind.
            image.load()
            bare = image.copy()
            bare.info = {key: value for key, value in image.info.items() if key == "transparency"}
            more: dict[str, Any] = {"icc_profile": profile} if profile and kind != "BMP" else {}
            if orientation != UPRIGHT and kind in ("JPEG", "PNG", "WEBP", "TIFF"):
                more["exif"] = Image.Exif()
                more["exif"][_ORIENTATION] = orientation
            out = io.BytesIO()
            bare.save(out, kind, **more, **_SAVED.get(kind, {}))
    except NO_PICTURE as error:
        raise Unreadable(str(error)) from error
    return out.getvalue()


_SAVED: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95}, "WEBP": {"lossless": True}, "TIFF": {"compression": "tiff_deflate"},
}  # fmt: skip
