"""A large image as tiles, in its full size and in halves of it, so that a browser never decodes the whole of it.

Knows pixels, levels and JPEG. Does not know files, rows or who asks.

Level 0 has every pixel of the upright image, each further level half as many to a side, rounded up. The last one is the
smallest that still shows more than the preview. Tiles are numbered from the upper left; those of the last column and
row are as wide and as high as what is left.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

from labeler.intake.check import PREVIEW_LONG_SIDE, DecodedImage
from labeler.intake.renditions import Box, upright_pieces

TILE = 512  # px, to each side
LARGE = 4096  # px: an image whose longer side is longer than this is shown by tiles
QUALITY = 90  # people draw along what they see here, enlarged
# Per decoded pixel, beside it: the next two levels, at 4 bytes a pixel a quarter and a sixteenth of them.
BYTES = 2


@dataclass(frozen=True, slots=True)
class Level:
    """One size of an image and how it is cut."""

    level: int  # 0: full size
    width: int  # px
    height: int
    first: int  # number of its first tile, counted over all levels

    @property
    def columns(self) -> int:
        return -(-self.width // TILE)

    @property
    def rows(self) -> int:
        return -(-self.height // TILE)

    @property
    def scale(self) -> float:
        """Its pixels per pixel of the image, to a side."""
        return 1 / 2**self.level

    def number(self, column: int, row: int) -> int | None:
        """Which tile this is, counted over all levels; None outside."""
        if not (0 <= column < self.columns and 0 <= row < self.rows):
            return None
        return self.first + row * self.columns + column

    def boxes(self) -> Iterator[Box]:
        """Where its tiles lie, row by row."""
        for top in range(0, self.height, TILE):
            for left in range(0, self.width, TILE):
                yield left, top, min(left + TILE, self.width), min(top + TILE, self.height)


def is_large(width: int, height: int) -> bool:
    """Is an image of this size shown by tiles?"""
    return max(width, height) > LARGE


def levels_of(width: int, height: int) -> list[Level]:
    """All levels of a large image of this size, full size first; none for an image that is not large."""
    if not is_large(width, height):
        return []
    levels: list[Level] = []
    first = 0
    while max(width, height) > PREVIEW_LONG_SIDE:
        level = Level(len(levels), width, height, first)
        levels.append(level)
        first += level.columns * level.rows
        width, height = -(-width // 2), -(-height // 2)
    return levels


def tiles(image: DecodedImage, levels: list[Level]) -> Iterator[bytes]:
    """Every tile as a JPEG without metadata, in the order of their numbers.

    `image` must be decoded with full_size=True, and `levels` be those of its size. A pixel of a level is the mean of
    2 x 2 of the level before; at the right and lower edge of those that are there. Only one level is held at a time
    beside the pixels, and the halves that the next one is made of.
    """
    # A JPEG has lost the finer colours already. Of any other image they are kept: people draw along borders of colour.
    subsampling = -1 if image.checked.format == "JPEG" else 0
    piece: Callable[[Box], Image.Image] = upright_pieces(image)
    for level, following in zip(levels, [*levels[1:], None], strict=True):
        half: Image.Image | None = None
        for box in level.boxes():
            part = piece(box)
            yield _jpeg(part, subsampling)
            if following is None:
                continue
            if half is None:
                half = Image.new(part.mode, (following.width, following.height))
            half.paste(part.reduce(2), (box[0] // 2, box[1] // 2))
        if half is not None:
            piece = half.crop


def _jpeg(pixels: Image.Image, subsampling: int) -> bytes:
    out = io.BytesIO()
    pixels.save(out, "JPEG", quality=QUALITY, subsampling=subsampling)
    return out.getvalue()
