"""The shape of an object in a picture that was resized, moved or cropped.

Boxes and polygons are computed exactly. Masks stay on pixels: they are resized by nearest neighbour, and moved by whole
pixels only. Knows no picture: the caller says what happened to it.
"""

from __future__ import annotations

import numpy as np

from labeler.geometry import spans
from labeler.geometry.masks import decode, encode
from labeler.geometry.shapes import IntArray, Shape, parts_of, polygon_of


def scaled(shape: Shape, sx: float, sy: float) -> Shape | None:
    """The shape in a picture resized by sx and sy, both above 0; None for a mask of which no pixel remains.

    Take sx = new width / old width of the picture, after rounding: a mask then never leaves it. Pixel u of the new mask
    is the old one under its centre, floor((u + .5) / sx).
    """
    if not (sx > 0 and sy > 0):
        raise ValueError("a picture is resized by factors above 0")
    if "box" in shape:
        left, top, w, h = shape["box"]
        return {"box": [left * sx, top * sy, w * sx, h * sy]}
    if "polygon" in shape:
        return _of_rings(shape, (sx, sy), (0, 0))
    crop = decode(shape)
    height, width = crop.bits.shape
    columns, x = _sources(crop.x, width, sx)
    rows, y = _sources(crop.y, height, sy)
    bits = crop.bits[np.ix_(rows, columns)]
    return encode(bits, x, y) if bits.any() else None


def _sources(start: int, length: int, factor: float) -> tuple[IntArray, int]:
    """For the new pixels along one side, which old one each shows, from 0; and the number of the first new pixel."""
    new = np.arange(int(start * factor) - 1, int((start + length) * factor) + 2)
    old = np.floor((new + 0.5) / factor).astype(np.int64) - start
    kept = (old >= 0) & (old < length)
    return old[kept], int(new[kept][0]) if kept.any() else 0


def moved(shape: Shape, dx: float, dy: float) -> Shape:
    """The shape moved by dx to the right and dy down, in px. ValueError for a mask moved by parts of a pixel."""
    if "box" in shape:
        left, top, w, h = shape["box"]
        return {"box": [left + dx, top + dy, w, h]}
    if "polygon" in shape:
        return _of_rings(shape, (1, 1), (dx, dy))
    if dx != int(dx) or dy != int(dy):
        raise ValueError("a mask moves by whole pixels")
    mask = shape["mask"]
    x, y = mask.get("offset", (0, 0))
    return {"mask": {**mask, "offset": [x + int(dx), y + int(dy)]}}


def cropped(shape: Shape, x: float, y: float, width: float, height: float) -> Shape | None:
    """What of the shape lies in a crop, in the crop's own coordinates; None where nothing does.

    ValueError for a mask whose crop does not lie on whole pixels.
    """
    if "box" in shape:
        left, top, w, h = shape["box"]
        x0, y0, x1, y1 = max(left, x), max(top, y), min(left + w, x + width), min(top + h, y + height)
        return {"box": [x0 - x, y0 - y, x1 - x0, y1 - y0]} if x1 > x0 and y1 > y0 else None
    if "polygon" in shape:
        from labeler.geometry import polygons

        parts = polygons.cut(parts_of(shape["polygon"]), x, y, x + width, y + height)
        return polygon_of([[ring - np.array([x, y]) for ring in part] for part in parts]) if parts else None
    if any(number != int(number) for number in (x, y, width, height)):
        raise ValueError("a mask is cropped at whole pixels")
    inside = spans.of_mask(moved(shape, -x, -y)["mask"], int(width), int(height))
    return spans.to_mask(inside) if inside.starts.size else None


def _of_rings(shape: Shape, factor: tuple[float, float], offset: tuple[float, float]) -> Shape:
    """The polygon whose points have been multiplied by `factor`, then moved by `offset`; both of x and y."""
    return polygon_of([[ring * factor + offset for ring in part] for part in parts_of(shape["polygon"])])
