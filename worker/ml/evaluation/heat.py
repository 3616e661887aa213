"""Draw heat over an image: a PNG that is clear where nothing speaks for the class.

Knows pixels and Pillow. The colours rise in lightness as well as in hue (violet, magenta, orange, yellow), so they read
in grey and on any photograph, on a light page and a dark one.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LONG_SIDE = 640  # pixels; heat is seven or eight cells wide, and browsers enlarge it
STEPS = 64
# heat, red, green, blue, opacity
ANCHORS = np.array(
    [
        (0.00, 60, 20, 140, 0.00),
        (0.20, 76, 29, 149, 0.22),
        (0.45, 190, 24, 120, 0.45),
        (0.70, 245, 110, 30, 0.60),
        (1.00, 255, 232, 96, 0.74),
    ]
)
VEIL = (0, 0, 0, 0.55)  # over what the model was not shown


def overlay(values: NDArray[np.float32], width: int, height: int, *, whole: bool = False) -> bytes:
    """PNG to lay over an image. values: (h, w), 0 to 1, of its centre square, the rest lies under a veil, or of the
    whole of it. width, height: of the image.
    """
    scale = min(1.0, LONG_SIDE / max(width, height))
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    wide, high = (across, down) if whole else (min(across, down),) * 2
    small = Image.fromarray(np.asarray(values, np.float32))
    smooth = np.asarray(small.resize((wide, high), Image.Resampling.BICUBIC)).clip(0, 1)
    drawn = np.full((down, across), STEPS, np.uint8)
    left, top = (across - wide) // 2, (down - high) // 2
    drawn[top : top + high, left : left + wide] = np.round(smooth * (STEPS - 1))
    colours, opacity = _palette()
    picture = Image.frombytes("P", (across, down), drawn.tobytes())
    picture.putpalette(colours)
    file = io.BytesIO()
    picture.save(file, "PNG", transparency=opacity, optimize=True)
    return file.getvalue()


def thirds(values: NDArray[np.float32]) -> list[list[float]]:
    """The share of the heat in each of nine fields (rows from above), for words; all 0 where there is none."""
    smooth = np.asarray(Image.fromarray(np.asarray(values, np.float32)).resize((48, 48), Image.Resampling.BILINEAR))
    fields = smooth.reshape(3, 16, 3, 16).sum((1, 3))
    total = float(fields.sum())
    return np.round(fields / total if total > 0 else np.zeros((3, 3)), 3).tolist()


def _palette() -> tuple[bytes, bytes]:
    """256 colours as bytes r, g, b, and their opacities."""
    at = np.linspace(0, 1, STEPS)
    table = np.stack([np.interp(at, ANCHORS[:, 0], ANCHORS[:, k]) for k in range(1, 5)], 1)
    table = np.concatenate([table, [VEIL]])
    return (
        table[:, :3].round().astype(np.uint8).tobytes(),
        (table[:, 3] * 255).round().astype(np.uint8).tobytes(),
    )
