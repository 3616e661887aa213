"""Numbers of one picture that tell whether something is wrong with it: light, contrast, colours, blur.

Measured on its thumbnail, which is what networks read: a large photograph that is a little soft is sharp there, and
that is right, for nobody will see more of it. Knows pixels. What number is a finding is findings.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pixels

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
SIDE = 256  # long side at which blur is measured; smaller pictures are measured as they are
BLUR_WIDTH = 9  # pixels of the mean that a picture is compared with (Crété-Roffet et al. 2007)
LEAST_SIDE = 32  # pixels: in a smaller picture that mean leaves nothing
LEAST_CONTRAST = 6.0  # grey levels: below, there is nothing that could be sharp


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one picture; grey levels 0..255, but for blur."""

    brightness: float  # mean
    contrast: float  # standard deviation
    darkest: float  # 5 % of the pixels are darker
    lightest: float  # 5 % are lighter
    red_green: float  # mean of red - green, -255..255
    yellow_blue: float  # mean of (red + green) / 2 - blue, -255..255
    saturation: float  # mean of the largest minus the smallest channel
    blur: float | None  # 0 sharp .. 1 blurred; None: too small, or of one colour


def measure(thumbnail: Path) -> Measures:
    """Raises OSError for a file that is gone or damaged."""
    try:
        with Pixels.open(thumbnail, formats=("JPEG",)) as image:
            image.thumbnail((SIDE, SIDE), Pixels.Resampling.BOX, reducing_gap=None)
            pixels = np.asarray(image.convert("RGB"), np.float32)
    except (SyntaxError, ValueError, EOFError) as error:  # what Pillow's decoders raise besides
        raise OSError(str(error)) from error
    return measure_pixels(pixels)


def measure_pixels(pixels: NDArray[np.float32]) -> Measures:
    """pixels: (h, w, 3), 0..255."""
    grey = pixels @ LUMA
    darkest, lightest = np.percentile(grey, (5, 95))
    red, green, blue = pixels.reshape(-1, 3).mean(0, dtype=np.float64)
    return Measures(
        brightness=float(grey.mean()),
        contrast=float(grey.std()),
        darkest=float(darkest),
        lightest=float(lightest),
        red_green=float(red - green),
        yellow_blue=float((red + green) / 2 - blue),
        saturation=float((pixels.max(2) - pixels.min(2)).mean()),
        blur=_blur(grey),
    )


def _blur(grey: NDArray[np.float32]) -> float | None:
    """How little a picture loses when it is blurred again (Crété-Roffet, Dolmiere, Ladret and Nicolas 2007).

    0: all differences of neighbouring pixels vanish, it was sharp; 1: none does, it was blurred before. Of the two
    directions the larger: a camera that moved sideways leaves what is upright sharp in the other.
    """
    if min(grey.shape) < LEAST_SIDE or grey.std() < LEAST_CONTRAST:
        return None
    worst = 0.0
    for image in (grey, grey.T):
        before = np.abs(np.diff(image, axis=0))
        after = np.abs(np.diff(_mean(image), axis=0))
        # The mean is defined BLUR_WIDTH // 2 rows inside.
        inner = before[BLUR_WIDTH // 2 : BLUR_WIDTH // 2 + len(after)]
        total = float(inner.sum())
        if total > 0:
            lost = float(np.maximum(0.0, inner - after).sum())
            worst = max(worst, (total - lost) / total)
    return worst


def _mean(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of BLUR_WIDTH rows each: (h - BLUR_WIDTH + 1, w)."""
    sums = np.cumsum(image, axis=0, dtype=np.float64)
    sums = np.concatenate([np.zeros((1, image.shape[1])), sums])
    return ((sums[BLUR_WIDTH:] - sums[:-BLUR_WIDTH]) / BLUR_WIDTH).astype(np.float32)
