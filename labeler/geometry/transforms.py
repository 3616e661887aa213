"""The shape of an object in a picture that was resized, moved, cropped, flipped or turned.

Boxes and polygons are computed exactly. Masks stay on pixels: they are resized by nearest neighbour, and moved by whole
pixels only. Knows no picture: the caller says what happened to it.
"""

from __future__ import annotations

import numpy as np

from labeler.geometry import spans
from labeler.geometry.masks import decode, encode
from labeler.geometry.shapes import FloatArray, IntArray, Shape, parts_of, polygon_of

# EXIF orientation -> quarter turns clockwise, after a mirroring left to right where the second says so.
ORIENTATIONS = {
    1: (0, False),
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (1, False),
    7: (1, True),
    8: (3, False),
}


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
        return _of_rings(shape, np.diag([sx, sy]), (0, 0))
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
        return _of_rings(shape, np.eye(2), (dx, dy))
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


def flipped(shape: Shape, width: int, height: int, *, vertically: bool = False) -> Shape:
    """The shape in a picture of width x height px that was mirrored left to right, or upside down."""
    if "mask" in shape:
        crop = decode(shape)
        rows, columns = crop.bits.shape
        if vertically:
            return encode(crop.bits[::-1], crop.x, height - crop.y - rows)
        return encode(crop.bits[:, ::-1], width - crop.x - columns, crop.y)
    if "box" in shape:
        left, top, w, h = shape["box"]
        return {"box": [left, height - top - h, w, h] if vertically else [width - left - w, top, w, h]}
    if vertically:
        return _of_rings(shape, np.diag([1.0, -1.0]), (0, height))
    return _of_rings(shape, np.diag([-1.0, 1.0]), (width, 0))


def turned(shape: Shape, quarters: int, width: int, height: int) -> Shape:
    """The shape in a picture that was turned clockwise by `quarters` quarter turns; width, height: of it before."""
    quarters %= 4
    if not quarters:
        return shape
    if "mask" in shape:
        crop = decode(shape)
        rows, columns = crop.bits.shape
        x, y = {
            1: (height - crop.y - rows, crop.x),
            2: (width - crop.x - columns, height - crop.y - rows),
            3: (crop.y, width - crop.x - columns),
        }[quarters]
        return encode(np.rot90(crop.bits, -quarters), x, y)
    if "box" in shape:
        left, top, w, h = shape["box"]
        if quarters == 2:
            return {"box": [width - left - w, height - top - h, w, h]}
        return {"box": [height - top - h, left, h, w] if quarters == 1 else [top, width - left - w, h, w]}
    if quarters == 2:
        return _of_rings(shape, -np.eye(2), (width, height))
    if quarters == 1:  # (x, y) goes to (height - y, x)
        return _of_rings(shape, np.array([[0.0, 1.0], [-1.0, 0.0]]), (height, 0))
    return _of_rings(shape, np.array([[0.0, -1.0], [1.0, 0.0]]), (0, width))


def upright(shape: Shape, orientation: int, width: int, height: int) -> Shape:
    """The shape in the upright image, of one drawn on the pixels as the file holds them.

    orientation: the file's EXIF tag, 1 to 8; width, height: of the pixels in the file. ValueError for another tag.
    """
    if orientation not in ORIENTATIONS:
        raise ValueError(f"an EXIF orientation is 1 to 8, not {orientation}")
    quarters, mirrored = ORIENTATIONS[orientation]
    return turned(flipped(shape, width, height) if mirrored else shape, quarters, width, height)


def _of_rings(shape: Shape, change: FloatArray, offset: tuple[float, float]) -> Shape:
    """The polygon whose points (x, y) have gone to (x, y) @ change + offset; change: shape (2, 2)."""
    return polygon_of([[ring @ change + np.array(offset) for ring in part] for part in parts_of(shape["polygon"])])
