"""Pictures with EXIF as cameras write it, and as nobody should."""

from __future__ import annotations

import struct

from PIL import Image as Pixels
from PIL.TiffImagePlugin import IFDRational

from tests.helpers.scenes import encode, scene

MAKE, MODEL, BODY_SERIAL, LENS_MODEL, ORIGINAL, OFFSET = 0x010F, 0x0110, 0xA431, 0xA434, 0x9003, 0x9011


def camera(*, gps: bool = True, **more: object) -> Pixels.Exif:
    """EXIF of a photograph: C-3 by Acme, 3 May 2024, Greenwich (or nowhere)."""
    exif = Pixels.Exif()
    exif[MAKE], exif[MODEL] = "Acme", "C-3"
    inner = exif.get_ifd(0x8769)
    inner[ORIGINAL], inner[OFFSET] = "2024:05:03 12:33:10", "+02:00"
    inner[LENS_MODEL], inner[BODY_SERIAL] = "Acme 50mm f/1.8", "SECRETSERIAL"
    if gps:
        place = exif.get_ifd(0x8825)
        place[1], place[3] = "N", "W"
        place[2] = (IFDRational(51), IFDRational(28), IFDRational(3834, 100))
        place[4] = (IFDRational(0), IFDRational(0), IFDRational(25, 10))
    for tag, value in more.items():
        exif[int(tag.removeprefix("tag"), 16)] = value
    return exif


def photograph(image_format: str = "JPEG", *, gps: bool = True, size: tuple[int, int] = (320, 240)) -> bytes:
    return encode(scene(size), image_format, exif=camera(gps=gps))


def with_block(block: bytes) -> bytes:
    """A JPEG whose EXIF is these bytes."""
    return encode(scene((64, 48)), "JPEG", exif=b"Exif\0\0" + block)


def directory(entries: list[tuple[int, int, int, bytes]], order: str = ">", behind: bytes = b"") -> bytes:
    """An EXIF block of one directory: (tag, type, count, 4 bytes) each, and what stands behind it."""
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "IH", 8, len(entries))
    rows = b"".join(struct.pack(order + "HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return head + rows + b"\0\0\0\0" + behind
