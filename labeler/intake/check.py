"""Say whether some bytes are an image we accept, and decode them once.

Knows formats, limits and everything that can be wrong with a file. Does not know where the bytes came from,
where they go (store.py) or what is made of them (renditions.py).
"""

import hashlib
import io
import os
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext as _
from PIL import Image, ImageFile, WebPImagePlugin

from labeler.errors import LabelerError
from labeler.intake import exif

# Named, because Pillow has 43 decoders active and most of them have seen far less hostile input than these
# six. What a camera calls MPO (a JPEG with a second picture behind it) arrives through the JPEG decoder.
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif"}
FORMATS = tuple(EXTENSIONS)

# Long side of the preview: a JPEG is decoded at 1/2, 1/4 or 1/8 of its size when that still covers it.
PREVIEW_LONG_SIDE = 1600

# Bytes of memory per pixel of a WebP: libwebp keeps two canvases, and its answer is copied out. Measured with 50
# megapixels, 12.0, with loss and without.
WEBP_BYTES = 12
# What renditions need beside the decoded pixels: tiles of one megapixel in up to 20 bytes (16-bit greys go through
# floats), and what is left of the image on its way to 1600 px. Measured with 50 megapixels: 8 to 52 MB.
RENDITION_BYTES, MOST_RENDITION_BYTES = 20, 56 * 1024**2
FULL_SIZE_BYTES = 7  # a second image in RGB, 4 bytes, and the file made of it: 3 for a PNG of noise

_ORIENTATION = 0x0112  # EXIF tag
MOST_HEXADECIMAL = 4096  # of EXIF as some programs put it into a PNG's text; longer ones are read as upright
_TILE_WIDTH, _TILE_HEIGHT, _ROWS_PER_STRIP, _BITS_PER_SAMPLE = 322, 323, 278, 258  # TIFF tags
SIDEWAYS = (5, 6, 7, 8)  # orientations whose upright image has width and height exchanged

# A warning nobody reads would let an image of twice the limit through.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


class Refused(Exception):
    """A file that is not taken in; `reason` is one plain sentence for the person who sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Limits:
    """What a single file may cost us: pixels of its first frame, and bytes of the file."""

    max_pixels: int = 50_000_000
    max_bytes: int = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image that decoded to its end. Width and height are those of the upright image, in pixels."""

    width: int
    height: int
    format: str  # one of FORMATS
    sha256: str  # of the bytes as they came, hexadecimal
    bytes: int  # size of the file

    @property
    def extension(self) -> str:
        return EXTENSIONS[self.format]


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A checked image with its pixels, so that renditions need not decode it again."""

    checked: CheckedImage
    content: bytes
    pixels: Image.Image  # first frame in its own mode, not yet upright; a large JPEG arrives reduced
    orientation: int  # EXIF, 1..8: how to turn `pixels` upright


def decode_image(
    source: Source,
    *,
    limits: Limits = Limits(),
    full_size: bool = False,
    made_bytes: int = FULL_SIZE_BYTES,
    before_decoding: Callable[[int], object] | None = None,
) -> DecodedImage:
    """Decode the whole of `source` (a path, bytes or an open binary file) and describe it.

    full_size: never let the JPEG decoder reduce the pixels.
    made_bytes: with full_size, how many bytes per pixel are made beside them.
    before_decoding: called with the bytes of memory that decoding and renditions will need, as far as the header
    tells; what it raises ends the decoding. Whoever serves many decodes through budget.decoded().

    Raises Refused with a sentence for anything but a complete image in one of FORMATS within `limits`;
    OSError when `source` itself cannot be read.
    """
    content = read_source(source, limits.max_bytes)
    if not content:
        raise Refused(_("The file is empty."))
    try:
        return _decode(content, limits, made_bytes if full_size else None, before_decoding)
    except (Refused, LabelerError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused(_too_many_pixels(limits)) from error
    except Image.UnidentifiedImageError as error:
        raise Refused(_what_it_is_instead(content)) from error
    # Decoders meet hostile bytes here and answer with whatever went wrong inside them (OSError,
    # SyntaxError, struct.error, IndexError, ...). None of it may stop the other files of a batch; the cause
    # stays attached.
    except Exception as error:
        raise Refused(_damage_in_words(error)) from error


def _decode(
    content: bytes, limits: Limits, made_bytes: int | None, before_decoding: Callable[[int], object] | None
) -> DecodedImage:
    # Pillow compares the size in the header with this global before we see the image. Written on each call,
    # as the limit is a setting; all callers of a process pass the same one, and the check below does not
    # depend on it.
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    # Closed, whatever happens: the traceback of a refusal would keep the pixels.
    harmless = exif.harmless(content)
    if harmless is None:
        raise Refused(_("The image is damaged and cannot be decoded."))
    with closing(Image.open(io.BytesIO(harmless), formats=FORMATS)) as image:
        width, height = image.size
        if width * height > limits.max_pixels:
            raise Refused(_too_many_pixels(limits))
        image_format = "JPEG" if image.format == "MPO" else str(image.format)
        if image_format == "PNG":
            _check_png_sums(content)
        if image_format == "TIFF" and _pixels_at_once(image) > max(limits.max_pixels, width * height):
            raise Refused(_too_many_pixels(limits))
        coefficients = _coefficient_bytes(image, content) if image_format == "JPEG" else 0
        if image_format == "JPEG" and made_bytes is None:
            # Reads the entropy-coded data to its end all the same, so a truncated file is still found.
            scale = min(1.0, PREVIEW_LONG_SIDE / max(width, height))
            image.draft(None, (max(1, round(width * scale)), max(1, round(height * scale))))
        if before_decoding is not None:
            before_decoding(coefficients + _bytes_needed(image, made_bytes or 0))
        pixels = _loaded(image)
        # Only after load(): TIFF turns itself upright there, and drops the tag.
        orientation = _orientation(image) if harmless is content else exif.orientation(exif.block(content))
        if image_format == "TIFF":
            width, height = image.size
    if orientation in SIDEWAYS:
        width, height = height, width
    checked = CheckedImage(
        width=width,
        height=height,
        format=image_format,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
    )
    return DecodedImage(checked=checked, content=content, pixels=pixels, orientation=orientation)


def _loaded(image: ImageFile.ImageFile) -> Image.Image:
    """The first frame decoded to its end, without the decoder and what that keeps of other frames."""
    if isinstance(image, WebPImagePlugin.WebPImageFile):
        # load() keeps libwebp's two canvases while it copies the frame: 16 bytes per pixel.
        frame, _begins, _lasts = image._get_next()
        del image._decoder
        pixels = Image.frombytes(image.mode, image.size, frame, "raw", image.rawmode)
        pixels.info = dict(image.info)
        return pixels
    image.load()  # not verify(): that passes a truncated JPEG
    return image._new(image.im)  # shares the pixels; the decoder's memory goes with the file


# ---------------------------------------------------------------- what it will cost


def _bytes_needed(image: ImageFile.ImageFile, made_bytes: int) -> int:
    """Memory that decoding and renditions take at most, in bytes, by what the header says. `image` is not loaded."""
    pixels = image.width * image.height
    decoded = pixels * _bytes_per_pixel(image.mode)
    if image.format == "WEBP":
        decoded = pixels * WEBP_BYTES
    elif image.format == "TIFF":
        bits = sum(image.tag_v2.get(_BITS_PER_SAMPLE, (8,)))  # type: ignore[attr-defined]
        decoded += _pixels_at_once(image) * max(4, bits // 8)
    elif image.format == "BMP":
        decoded += 2 * pixels  # of run lengths: unpacked in Python before it becomes an image
    rendered = min(RENDITION_BYTES * pixels, MOST_RENDITION_BYTES)
    return decoded + rendered + made_bytes * pixels


def _bytes_per_pixel(mode: str) -> int:
    """As Pillow keeps them: RGB takes four."""
    return 1 if mode in ("1", "L", "P") else 2 if mode.startswith("I;16") else 4


def _pixels_at_once(image: ImageFile.ImageFile) -> int:
    """Pixels of a tile, or of a strip, of a TIFF: libtiff unpacks a whole one beside the image."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    try:
        if _TILE_WIDTH in tags:
            return int(tags[_TILE_WIDTH]) * int(tags[_TILE_HEIGHT])
        return image.width * min(image.height, int(tags.get(_ROWS_PER_STRIP, image.height)))
    except (KeyError, TypeError, ValueError):
        return image.width * image.height


def _coefficient_bytes(image: ImageFile.ImageFile, content: bytes) -> int:
    """libjpeg keeps what it has read of all scans, two bytes a sample, when there are several; however small the
    image comes out of it.
    """
    assert image.fp is not None
    several = "progressive" in image.info or content.find(b"\xff\xda", image.fp.tell()) >= 0
    return 2 * image.width * image.height * len(image.getbands()) if several else 0


# ---------------------------------------------------------------- what can be wrong


def _check_png_sums(content: bytes) -> None:
    """Pillow shows damaged pixel data as it comes; the critical chunks' checksums tell. 1 ms for 2 MB."""
    for kind, start, end in png_chunks(content):
        is_critical = kind[:1].isupper()
        if is_critical and zlib.crc32(content[start + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            raise Refused(_("The image is damaged: a checksum inside it is wrong."))
        if kind == b"IEND":
            return
    raise Refused(_("The image is incomplete: the file ends too early."))


def png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each whole chunk, where it begins, and where its checksum ends."""
    start = 8
    while start + 12 <= len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        if end > len(content):
            return
        yield content[start + 4 : start + 8], start, end
        start = end


def read_source(source: Source, max_bytes: int) -> bytes:
    """All bytes of the source. Raises Refused when there are more than `max_bytes` of them."""
    if isinstance(source, bytes | bytearray | memoryview):
        content = bytes(source)
    elif isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            content = file.read(max_bytes + 1)
    else:
        source.seek(0)
        content = source.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise Refused(too_large(max_bytes))
    return content


def too_large(max_bytes: int) -> str:
    return _("The file is larger than %(megabytes)s MB.") % {"megabytes": f"{max_bytes / (1024 * 1024):.4g}"}


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; 1 where the tag is missing or nonsense, as every viewer does."""
    given = image.info.get("exif")
    if isinstance(given, bytes):
        # Pillow would read every value there is: 64 KB that name one another five thousand times are 300 MB of them,
        # and each that is broken is a warning.
        return exif.orientation(given)
    if len(image.info.get("Raw profile type exif", "")) > MOST_HEXADECIMAL:
        return 1
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    # A camera's broken metadata says nothing against its pixels, which decoded.
    except Exception:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _too_many_pixels(limits: Limits) -> str:
    return _("The image has more than %(megapixels)s megapixels.") % {
        "megapixels": f"{limits.max_pixels / 1_000_000:g}"
    }


def _damage_in_words(error: Exception) -> str:
    words = str(error).lower()
    if isinstance(error, EOFError) or "truncated" in words or "unexpected end" in words:
        return _("The image is incomplete: the file ends too early.")
    return _("The image is damaged and cannot be decoded.")


def _what_it_is_instead(content: bytes) -> str:
    """Name what was sent in place of an image, where its first bytes tell."""
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    accepted = {"accepted": _("Images may be JPEG, PNG, WebP, GIF, BMP or TIFF.")}
    known = {b"%pdf": _("a PDF"), b"%!ps": _("a PostScript file"), b"8bps": _("a Photoshop file"),
             b"pk\x03\x04": _("an archive"), b"\x1f\x8b": _("an archive")}  # fmt: skip
    for magic, name in known.items():
        if start.startswith(magic):
            return _("This is %(name)s, not an image. %(accepted)s") % {"name": name, **accepted}
    if b"<svg" in start:
        return _("This is an SVG drawing, not an image made of pixels. %(accepted)s") % accepted
    if start.startswith((b"<!doctype html", b"<html")) or b"<html" in start or b"<script" in start:
        return _("This is a web page, not an image. %(accepted)s") % accepted
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        if brand.startswith((b"hei", b"hev", b"mif", b"msf")):
            return _("This is a HEIC image, which is not read here: save it as JPEG. %(accepted)s") % accepted
        if brand.startswith(b"avi"):
            return _("This is an AVIF image, which is not read here: save it as JPEG. %(accepted)s") % accepted
        return _("This is a video, not an image. %(accepted)s") % accepted
    if content[:3] == b"\xff\xd8\xff" or content[:8] == b"\x89PNG\r\n\x1a\n":
        return _("The image is damaged and cannot be decoded.")
    return _("This is not an image. %(accepted)s") % accepted
