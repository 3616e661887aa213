"""From image files to uint8 pixels, upright and of one size.

Knows Pillow and numpy. Loads no torch: processes that only decode start in a tenth of a second.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from worker.ml.errors import ImageUnreadable

# where an image's bytes are: a path, the bytes, an open file, or a function that gives one of them when it is its turn;
# a function may also give the pixels of a square that was decoded before, uint8 (side, side, 3)
Bytes = str | Path | bytes | IO[bytes] | NDArray[np.uint8]
Source = Bytes | Callable[[], Bytes]

# Named formats only: Pillow has some forty decoders active, and the rest of them has no business here.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 89_000_000  # just under the number at which Pillow itself warns
CACHE_SIDE = 256  # side of the square kept for training, in pixels


def open_upright(source: Source, *, short_side: int) -> Image.Image:
    """The image as RGB, turned by its EXIF orientation; JPEGs decoded at the smallest scale that still has
    `short_side` pixels (an eighth, quarter or half of the picture costs that share of the time).

    Raises ImageUnreadable with the reason: missing, not an image of FORMATS, too large, truncated.
    """
    try:
        given = source() if callable(source) else source
        if isinstance(given, np.ndarray):
            return Image.fromarray(given)
        image = Image.open(io.BytesIO(given) if isinstance(given, bytes) else given, formats=FORMATS)
        with image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise ImageUnreadable(f"The image has {width} x {height} pixels, more than {MAX_PIXELS:,}.")
            if image.format == "JPEG":
                scale = short_side / min(width, height)
                image.draft("RGB", (math.ceil(width * scale), math.ceil(height * scale)))
            image.load()
            return _to_rgb(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise ImageUnreadable("The file is missing.") from error
    except Image.DecompressionBombError as error:
        raise ImageUnreadable("The image has too many pixels.") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        reason = str(error) or type(error).__name__
        raise ImageUnreadable(f"The file is not an image that can be read ({reason[:120]}).") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):
        # 16-bit grey: convert("RGB") would clip at 255 and leave a white square.
        grey = np.asarray(image, dtype=np.float64)
        top = max(float(grey.max(initial=0.0)), 1.0)
        grey = grey / 256 if top > 255 else grey
        return Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        # Transparent pixels have arbitrary colours: lay them on white, as a page shows them.
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def decode(source: Source, *, size: int = 224) -> NDArray[np.uint8]:
    """The centre square of an image, all of it, as uint8 RGB (size, size, 3).

    No margin is cut off around it: with the usual 224 of 256 pixels, frozen features were right 1.3 points
    less often (clothing, 200 and 500 labels, 5 seeds). Raises ImageUnreadable.
    """
    image = open_upright(source, short_side=size)
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    # One resampling for cut and scale; the reduction first by whole factors keeps large pictures cheap.
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0))
