"""Make what people and networks look at: upright, in RGB, without metadata, never enlarged.

Knows pixels and JPEG. Does not know files, rows or who asks.
"""

import io
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from labeler.intake.check import PREVIEW_LONG_SIDE, SIDEWAYS, DecodedImage

# The network reads thumbnails at 224 px, so the short side must not be less than that.
THUMBNAIL_SHORT_SIDE = 256
# A strip of 60,000 x 300 px would otherwise have a thumbnail as large as itself (and JPEG ends at 65,535).
THUMBNAIL_LONG_SIDE = 4096
PREVIEW_QUALITY = 85
THUMBNAIL_QUALITY = 88  # read again by the network: a little less loss than what only eyes see
# A small JPEG above this many bytes is encoded again: a preview is prefetched five deep over slow lines.
KEPT_PREVIEW_BYTES = 400_000
JPEG_MAX_SIDE = 65_500
# Average whole blocks of pixels first, then bicubic for the rest. From 1152 to 341 px 3 ms in place of 8 (with the
# usual gap of 2), and the eye finds no difference.
REDUCING_GAP = 1.1

_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SRGB = ImageCms.createProfile("sRGB")
Box = tuple[int, int, int, int]  # left, top, right, bottom; pixels


@dataclass(frozen=True, slots=True)
class Renditions:
    """Two JPEG files: `preview` (long side at most 1600 px), `thumbnail` (short side at most 256 px)."""

    preview: bytes
    thumbnail: bytes


def make_renditions(image: DecodedImage) -> Renditions:
    """Preview and thumbnail from one decoding."""
    large, small = _sizes(image)
    preview = None
    if large is image.pixels and len(image.content) <= KEPT_PREVIEW_BYTES:
        # Nothing had to change but the metadata: cut it out. 0.1 ms in place of 8, and no second loss.
        preview = strip_jpeg(image.content) if image.checked.format == "JPEG" else None
    return Renditions(preview=preview or _as_jpeg(large, PREVIEW_QUALITY), thumbnail=_as_jpeg(small, THUMBNAIL_QUALITY))


def make_thumbnail(image: DecodedImage) -> bytes:
    """The thumbnail alone, byte for byte as make_renditions makes it: a model judges both alike."""
    return _as_jpeg(_sizes(image)[1], THUMBNAIL_QUALITY)


def _sizes(image: DecodedImage) -> tuple[Image.Image, Image.Image]:
    """In plain colours and upright: at most as long as a preview, and as small as a thumbnail."""
    size = _long_side_limited(image.pixels.size, PREVIEW_LONG_SIDE)
    large = _turned(_plain(image.pixels, size), image.orientation)
    return large, _shrunk(large, _thumbnail_size(large.size))


def make_full_size(image: DecodedImage) -> bytes:
    """The image in its full size, upright and without metadata; `image` must be decoded with full_size=True.

    An upright JPEG in plain colours loses its metadata and nothing else. Any other JPEG is encoded again,
    the rest becomes PNG where nothing may be lost; alpha is laid on white, as in the preview.
    """
    is_jpeg = image.checked.format == "JPEG"
    if is_jpeg and image.orientation == 1 and _to_srgb(image.pixels) is None:
        stripped = strip_jpeg(image.content)
        if stripped is not None:
            return stripped
    upright = _tiled(image.pixels, image.orientation)
    if is_jpeg:
        return _as_jpeg(upright, 95)
    out = io.BytesIO()
    upright.save(out, "PNG", compress_level=3)
    return out.getvalue()


def upright_pieces(image: DecodedImage) -> Callable[[Box], Image.Image]:
    """What gives any part of the upright image, as a screen shows it, by its box there: left, top, right, bottom.

    `image` must be decoded with full_size=True. A part takes the memory of its own pixels only.
    """
    convert = _to_srgb(image.pixels) or (lambda part: part)
    place, size = _PLACE[image.orientation], (image.checked.width, image.checked.height)

    def piece(box: Box) -> Image.Image:
        return bare(_turned(convert(image.pixels.crop(place(*box, *size))), image.orientation))

    return piece


def strip_jpeg(content: bytes) -> bytes | None:
    """The same JPEG without EXIF, XMP, comments, profiles, and without whatever follows its end.

    None where the segments are not as ITU T.81 lays them out; the caller then encodes again. JFIF (APP0)
    and Adobe (APP14) stay: they say how the numbers become colours.
    """
    if content[:2] != b"\xff\xd8":
        return None
    kept = [b"\xff\xd8"]
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0xD9:
            kept.append(b"\xff\xd9")
            return b"".join(kept) if len(kept) > 2 else None
        end = position + 2 + int.from_bytes(content[position + 2 : position + 4], "big")
        part = content[position:end]
        if marker == 0xDA:  # start of scan: its data runs to the next marker that is neither stuffing nor restart
            following = _NEXT_MARKER.search(content, end)
            if following is None:
                return None
            end = following.start()
            # Pillow may have read past a truncated end; what is sent on must have one.
            if content[end + 1] == 0xD9:
                return b"".join([*kept, content[position : end + 2]])
            part = content[position:end]
        elif marker == 0xE0 and content[position + 4 : position + 9] == b"JFIF\0":
            # 16 bytes without the embedded thumbnail some writers put here (its size is the last two bytes).
            part = b"\xff\xe0\x00\x10" + content[position + 4 : position + 16] + b"\0\0"
        elif marker == 0xEE and content[position + 4 : position + 9] == b"Adobe" and end - position >= 16:
            # The 12 bytes that say how the numbers become colours, and nothing that stands behind them.
            part = b"\xff\xee\x00\x0e" + content[position + 4 : position + 16]
        elif 0xE0 <= marker <= 0xEF or marker == 0xFE:
            part = b""
        elif marker < 0xC0:
            return None
        if part:
            kept.append(part)
        position = end
    if position + 2 <= len(content) and content[position : position + 2] == b"\xff\xd9":
        return b"".join([*kept, b"\xff\xd9"])
    return None


_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


# ---------------------------------------------------------------- colours

# A picture of 50 megapixels with alpha took 616 MB beside its pixels, an image for each step. Steps that look at one
# pixel at a time are taken tile by tile instead, with the same result: 8 to 52 MB.
TILE_SIDE = 1024

Convert = Callable[[Image.Image], Image.Image]


def _plain(pixels: Image.Image, size: tuple[int, int]) -> Image.Image:
    """RGB (or L, when it was) as a screen shows it, in a smaller size or its own; the very same object when nothing
    had to change.
    """
    convert = _to_srgb(pixels)
    if convert is None:
        return _shrunk(pixels, size)
    if pixels.width * pixels.height <= TILE_SIDE**2:
        return _shrunk(convert(pixels), size)
    # What resize() with a reducing_gap does first, tile by tile.
    factors = (
        int(pixels.width / size[0] / REDUCING_GAP) or 1,
        int(pixels.height / size[1] / REDUCING_GAP) or 1,
    )
    reduced = _tiled(pixels, 1, factors)
    if size == pixels.size:
        return reduced
    box = (0, 0, pixels.width / factors[0], pixels.height / factors[1])
    return reduced.resize(size, Image.Resampling.BICUBIC, box=box)


def _tiled(pixels: Image.Image, orientation: int, factors: tuple[int, int] = (1, 1)) -> Image.Image:
    """In plain colours, averaged over blocks of factors[0] x factors[1] pixels, upright; a new image without metadata.

    Blocks at the right and lower edges average what is there.
    """
    convert = _to_srgb(pixels) or (lambda tile: tile)
    place = _PLACE[{6: 8, 8: 6}.get(orientation, orientation)]  # the way back: where a tile lies once it is upright
    across, down = (max(1, TILE_SIDE // factor) * factor for factor in factors)
    width, height = (-(-side // factor) for side, factor in zip(pixels.size, factors, strict=True))
    made = Image.new("L", (1, 1))
    for top in range(0, pixels.height, down):
        for left in range(0, pixels.width, across):
            right, bottom = min(left + across, pixels.width), min(top + down, pixels.height)
            tile = convert(pixels.crop((left, top, right, bottom)))
            tile = tile if factors == (1, 1) else tile.reduce(factors)
            if left == top == 0:
                made = Image.new(tile.mode, (height, width) if orientation in SIDEWAYS else (width, height))
            x, y = left // factors[0], top // factors[1]
            made.paste(_turned(tile, orientation), place(x, y, x + tile.width, y + tile.height, width, height)[:2])
    return made


# Where a part of the upright image, w x h px, lies in the pixels as they were decoded.
_PLACE: dict[int, Callable[[int, int, int, int, int, int], Box]] = {
    1: lambda left, top, right, bottom, _w, _h: (left, top, right, bottom),
    2: lambda left, top, right, bottom, w, _h: (w - right, top, w - left, bottom),
    3: lambda left, top, right, bottom, w, h: (w - right, h - bottom, w - left, h - top),
    4: lambda left, top, right, bottom, _w, h: (left, h - bottom, right, h - top),
    5: lambda left, top, right, bottom, _w, _h: (top, left, bottom, right),
    6: lambda left, top, right, bottom, w, _h: (top, w - right, bottom, w - left),
    7: lambda left, top, right, bottom, w, h: (h - bottom, w - right, h - top, w - left),
    8: lambda left, top, right, bottom, _w, h: (h - bottom, left, h - top, right),
}


def _to_srgb(pixels: Image.Image) -> Convert | None:
    """What turns the image, or a part of it, into RGB (or L, when it was) as a screen shows it; None: it is so."""
    if pixels.mode.startswith(("I", "F")):
        low, high = _levels(pixels)
        return lambda part: _deep_to_eight_bits(part, low, high)
    profile = pixels.info.get("icc_profile")
    steps: list[Convert] = []
    mode = pixels.mode
    if mode in ("LA", "P", "PA", "RGBA", "La", "RGBa") or "transparency" in pixels.info:
        steps.append(on_white)
        mode = "RGB"
    elif mode not in ("RGB", "L", "CMYK"):
        steps.append(lambda part: part.convert("RGB"))
        mode = "RGB"
    if profile and not _is_srgb(profile) and (through := _through_profile(mode, profile)):
        steps.append(through)
    if mode == "CMYK":
        steps.append(lambda part: part if part.mode == "RGB" else part.convert("RGB"))
    if not steps:
        return None

    def convert(part: Image.Image) -> Image.Image:
        for step in steps:
            part = step(part)
        return part

    return convert


def on_white(pixels: Image.Image) -> Image.Image:
    """In RGB, what is transparent on white."""
    if pixels.mode in ("RGB", "L") and "transparency" not in pixels.info:
        return pixels.convert("RGB")
    rgba = pixels.convert("RGBA")
    if rgba.getchannel("A").getextrema() == (255, 255):
        return rgba.convert("RGB")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white


def _levels(pixels: Image.Image) -> tuple[float, float]:
    """The numbers that are shown as black and as white.

    Whole numbers are read as 16 bits, or as the 12 bits of a camera when nothing is brighter than 4095; other
    numbers, where no white is defined, are stretched from their least to their greatest.
    """
    low, high = math.inf, -math.inf
    rows = max(1, TILE_SIDE**2 // pixels.width)
    for top in range(0, pixels.height, rows):
        values = _values(pixels.crop((0, top, pixels.width, min(top + rows, pixels.height))))
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    if pixels.mode.startswith("I") and low >= 0 and high <= 65535:
        low, high = 0.0, 4095.0 if 255 < high <= 4095 else 65535.0
    return low, high


def _values(pixels: Image.Image) -> NDArray[np.float32]:
    return np.nan_to_num(np.asarray(pixels).astype(np.float32), posinf=0, neginf=0)


def _deep_to_eight_bits(pixels: Image.Image, low: float, high: float) -> Image.Image:
    """Pillow's own conversion cuts everything above 255 to white."""
    grey = (_values(pixels) - low) * (255.0 / max(high - low, 1e-12))
    return Image.fromarray((grey + 0.5).clip(0, 255).astype(np.uint8))


def _is_srgb(profile: bytes) -> bool:
    # By name: reading the profile properly costs more than a thumbnail, and nearly every camera writes this
    # one.
    return b"sRGB" in profile[:3200] or b"s\0R\0G\0B" in profile[:3200]


def _through_profile(mode: str, profile: bytes) -> Convert | None:
    """None for a broken or unfitting profile: the numbers are shown as they are, without colour management."""
    try:
        transform = ImageCms.buildTransform(io.BytesIO(profile), _SRGB, mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return transform.apply


def _turned(pixels: Image.Image, orientation: int) -> Image.Image:
    return pixels if orientation == 1 else pixels.transpose(_TURN[orientation])


def _long_side_limited(size: tuple[int, int], limit: int) -> tuple[int, int]:
    return _scaled(size, limit / max(size))


def _thumbnail_size(size: tuple[int, int]) -> tuple[int, int]:
    return _scaled(size, min(THUMBNAIL_SHORT_SIDE / min(size), THUMBNAIL_LONG_SIDE / max(size)))


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    if scale >= 1:
        return size
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _shrunk(pixels: Image.Image, size: tuple[int, int]) -> Image.Image:
    if size == pixels.size:
        return pixels
    return pixels.resize(size, Image.Resampling.BICUBIC, reducing_gap=REDUCING_GAP)


def _as_jpeg(pixels: Image.Image, quality: int) -> bytes:
    if max(pixels.size) > JPEG_MAX_SIDE:
        pixels = _shrunk(pixels, _long_side_limited(pixels.size, JPEG_MAX_SIDE))
    out = io.BytesIO()
    bare(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()


def bare(pixels: Image.Image) -> Image.Image:
    """The pixels without anything a writer could carry over (EXIF, profile, comment, resolution)."""
    if not pixels.info and type(pixels) is Image.Image:
        return pixels
    copied = pixels.copy()
    copied.info = {}
    return copied
