"""Shapes of a data set: their area, and where they lie in a picture that was cut and scaled for it.

Knows what preparation.py does to pixels; the picture itself is not opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from labeler.geometry import transforms
from labeler.geometry.shapes import Shape, parts_of
from labeler.releases.contents import Object
from labeler.releases.preparation import FIT, LARGEST_SIDE, STRETCH, Preparation, cut_out


def area_of(shape: Shape) -> float:
    """In square px: of a mask its pixels, of a polygon without its holes."""
    if "box" in shape:
        return float(shape["box"][2] * shape["box"][3])
    if "mask" in shape:
        from labeler.geometry import spans

        height, width = shape["mask"]["size"]
        return float(spans.decode_counts(shape["mask"]["counts"], height * width)[1::2].sum())
    from labeler.geometry import polygons

    return polygons.area(parts_of(shape["polygon"]))


class Window(NamedTuple):
    """The part of an upright picture that goes out, in px, and the size that it then has."""

    x: float
    y: float
    width: float
    height: float
    to_width: int
    to_height: int


def window_of(width: int, height: int, how: Preparation) -> Window | None:
    """What preparation.shaped() does to a picture of width x height px; None: nothing."""
    if not (how.crop or how.width or how.height):
        return None
    x, y, right, bottom = cut_out(how, width, height)
    w, h = right - x, bottom - y
    to_width, to_height = how.width or LARGEST_SIDE, how.height or LARGEST_SIDE
    if not (how.width or how.height):
        return Window(x, y, w, h, w, h)
    if how.way == STRETCH:
        return Window(x, y, w, h, to_width, to_height)
    if how.way == FIT:
        scale = min(1.0, to_width / w, to_height / h)
        return Window(x, y, w, h, max(1, round(w * scale)), max(1, round(h * scale)))
    # FILL, as ImageOps.fit: the largest part of the wanted shape, from the middle.
    if w / h >= to_width / to_height:
        part_w, part_h = to_width / to_height * h, float(h)
    else:
        part_w, part_h = float(w), w / (to_width / to_height)
    return Window(x + (w - part_w) / 2, y + (h - part_h) / 2, part_w, part_h, to_width, to_height)


def moved(objects: Sequence[Object], width: int, height: int, how: Preparation) -> Iterator[Object]:
    """The objects in the picture that goes out; what lies outside of it is left out. width, height: of the image."""
    window = window_of(width, height, how)
    for one in objects:
        shape = one.shape if window is None else _in_window(one.shape, window)
        if shape is not None:
            yield one._replace(shape=shape)


def _in_window(shape: Shape, window: Window) -> Shape | None:
    if "mask" in shape:
        return _mask_in_window(shape, window)
    found = transforms.cropped(shape, window.x, window.y, window.width, window.height)
    if found is None:
        return None
    return transforms.scaled(found, window.to_width / window.width, window.to_height / window.height)


def _mask_in_window(shape: Shape, window: Window) -> dict[str, Any] | None:
    """By nearest neighbour: each new pixel is the old one under its centre."""
    from labeler.geometry import masks

    crop = masks.decode(shape)
    rows, columns = crop.bits.shape
    new_x, new_y = np.arange(window.to_width), np.arange(window.to_height)
    old_x = np.floor(window.x + (new_x + 0.5) * window.width / window.to_width).astype(np.int64) - crop.x
    old_y = np.floor(window.y + (new_y + 0.5) * window.height / window.to_height).astype(np.int64) - crop.y
    in_x, in_y = (old_x >= 0) & (old_x < columns), (old_y >= 0) & (old_y < rows)
    if not in_x.any() or not in_y.any():
        return None
    bits = crop.bits[np.ix_(old_y[in_y], old_x[in_x])]
    return masks.encode(bits, int(new_x[in_x][0]), int(new_y[in_y][0])) if bits.any() else None
