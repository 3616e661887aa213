"""Images for the tests of worker.ml: drawn ones for everyone, photographs where there are some."""

from __future__ import annotations

import io
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from worker.ml.device import settle_process

settle_process()  # as a worker runs: one thread, also for equal results on every machine


@cache
def drawn_images(n: int, seed: int = 0, side: int = 72) -> tuple[list[bytes], np.ndarray]:
    """n JPEGs of discs (0), crosses (1) and stripes (2) on noise, and their classes."""
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % 3
    rng.shuffle(classes)
    return [_drawn(int(kind), rng, side) for kind in classes], classes


def _drawn(kind: int, rng: np.random.Generator, side: int) -> bytes:
    image = Image.fromarray(rng.integers(60, 130, (side, side, 3), dtype=np.uint8)).filter(ImageFilter.BoxBlur(1))
    draw = ImageDraw.Draw(image)
    colour = tuple(int(v) for v in rng.integers(140, 256, 3))
    x, y = (int(v) for v in rng.integers(side // 3, 2 * side // 3, 2))
    r = int(rng.integers(side // 7, side // 4))
    if kind == 0:
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif kind == 1:
        draw.line((x - r, y - r, x + r, y + r), fill=colour, width=5)
        draw.line((x - r, y + r, x + r, y - r), fill=colour, width=5)
    else:
        for offset in range(-r, r, 8):
            draw.line((x + offset, y - r, x + offset, y + r), fill=colour, width=3)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def photographs(n: int, seed: int = 0) -> tuple[list[Path], np.ndarray, list[str]]:
    """n random clothing photographs, their classes and the classes' names; skips the test without them."""
    folder = os.environ.get("LABELER_TEST_DATA")
    if not folder or not (Path(folder) / "clothing").is_dir():
        pytest.skip("needs the clothing photographs: set LABELER_TEST_DATA to the folder that holds clothing/")
    paths = sorted((Path(folder) / "clothing").glob("*/*.jpg"))
    names, truth = np.unique([path.parent.name for path in paths], return_inverse=True)
    chosen = np.random.default_rng(seed).permutation(len(paths))[:n]
    return [paths[i] for i in chosen], truth[chosen], names.tolist()
