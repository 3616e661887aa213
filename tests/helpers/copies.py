"""Cropped and turned copies of a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pixels
from PIL import ImageDraw


def picture(seed: int) -> Pixels.Image:
    """A few things of many sides on a table."""
    random = np.random.default_rng(seed)
    image = Pixels.new("RGB", (320, 240), (228, 222, 210))
    draw = ImageDraw.Draw(image)
    for _thing in range(7):
        middle, reach = random.uniform((40, 30), (280, 210)), random.uniform(15, 70, 9)
        turn = np.linspace(0, 2 * np.pi, 9, endpoint=False)
        corners = middle + reach[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
        draw.polygon([tuple(corner) for corner in corners], fill=tuple(random.integers(0, 256, 3).tolist()))
    return image


def cropped(image: Pixels.Image, share: float) -> Pixels.Image:
    width, height = image.size
    x, y = round(width * share), round(height * share)
    return image.crop((x, y, width - x, height - y))
