"""What a model drew, beside what people drew, to be looked at: sheets of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from labeler.geometry import masks
from worker.ml.detection.samples import Drawn, DrawnSet, Found
from worker.ml.images.decoding import open_upright

COLUMNS, ROWS, SIDE = 4, 3, 420  # px of an image
PALETTE = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#46f0f0", "#f032e6", "#bcf60c", "#008080", "#9a6324")


def sheets(folder: Path, name: str, samples: DrawnSet, found: list[Found], n: int) -> None:
    """NAME-1.jpg and on, each of six images: left what people drew, right what the model shows; a colour a class."""
    folder.mkdir(parents=True, exist_ok=True)
    each = COLUMNS * ROWS // 2
    for first in range(0, min(n, len(samples)), each):
        sheet = Image.new("RGB", (COLUMNS * SIDE, ROWS * SIDE), "white")
        for at, k in enumerate(range(first, min(first + each, len(samples)))):
            for place, one in ((2 * at, samples.drawn[k]), (2 * at + 1, found[k])):
                picture = _picture(samples, k, one)
                sheet.paste(picture, (place % COLUMNS * SIDE, place // COLUMNS * SIDE))
        sheet.save(folder / f"{name}-{first // each + 1}.jpg", quality=88)


def _picture(samples: DrawnSet, k: int, one: Drawn | Found) -> Image.Image:
    width, height = (int(px) for px in samples.sizes[k])
    image = open_upright(samples.sources[k], short_side=min(width, height)).convert("RGB").resize((width, height))
    if samples.task in ("masks", "semantic"):
        pixels = np.asarray(image).astype(np.float32)
        for place, (kind, shape) in enumerate(zip(one.classes, one.masks or (), strict=True)):
            crop = masks.raster(shape, width, height)
            tone = kind if samples.task == "semantic" else place
            colour = np.array(Image.new("RGB", (1, 1), PALETTE[tone % len(PALETTE)]).getpixel((0, 0)))
            rows, columns = crop.bits.shape
            part = pixels[crop.y : crop.y + rows, crop.x : crop.x + columns]
            part[crop.bits] = part[crop.bits] * 0.5 + colour * 0.5
        image = Image.fromarray(pixels.astype(np.uint8))
    scale = (SIDE - 6) / max(width, height)
    image = image.resize((max(1, round(width * scale)), max(1, round(height * scale))))
    if samples.task == "boxes":
        pen = ImageDraw.Draw(image)
        for kind, (x, y, w, h) in zip(one.classes, one.boxes * scale, strict=True):
            pen.rectangle((x, y, x + w, y + h), outline=PALETTE[kind % len(PALETTE)], width=2)
    return image
