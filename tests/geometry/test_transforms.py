"""Shapes of pictures that were resized, moved or cropped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labeler.geometry.masks import encode, raster
from labeler.geometry.transforms import cropped, moved, scaled

bit_masks = arrays(bool, (7, 10)).filter(np.any)
BOX = {"box": [1.0, 2.0, 3.0, 4.0]}
POLYGON = {"polygon": [[1.0, 2.0, 4.0, 2.0, 4.0, 6.0, 1.0, 6.0]]}


def bits_of(shape, width, height):
    crop = raster(shape, width, height)
    bits = np.zeros((height, width), dtype=bool)
    bits[crop.y : crop.y + crop.bits.shape[0], crop.x : crop.x + crop.bits.shape[1]] = crop.bits
    return bits


def bounds(shape):
    points = np.array(shape["polygon"][0]).reshape(-1, 2)
    return [*points.min(axis=0), *(points.max(axis=0) - points.min(axis=0))]


@pytest.mark.parametrize(
    ("change", "box"),
    [
        (lambda shape: scaled(shape, 2, 0.5), [2, 1, 6, 2]),
        (lambda shape: moved(shape, 10, -1), [11, 1, 3, 4]),
        (lambda shape: cropped(shape, 2, 3, 5, 2), [0, 0, 2, 2]),
    ],
)
def test_a_box_its_polygon_and_its_mask_go_to_the_same_place(change, box):
    assert change(BOX)["box"] == box
    assert bounds(change(POLYGON)) == box
    mask = encode(bits_of(POLYGON, 20, 10))
    x, y, width, height = box
    assert change(mask)["mask"]["offset"] == [x, y]
    assert change(mask)["mask"]["size"] == [height, width]


def test_what_lies_beside_a_crop_is_gone():
    mask = encode(bits_of(POLYGON, 20, 10))
    assert [cropped(shape, 4, 0, 5, 5) for shape in (BOX, POLYGON, mask)] == [None, None, None]
    with pytest.raises(ValueError, match="whole pixels"):
        cropped(mask, 0.5, 0, 5, 5)
    with pytest.raises(ValueError, match="whole pixels"):
        moved(mask, 0.5, 0)


@given(bit_masks, st.integers(1, 25), st.integers(1, 25))
def test_a_mask_is_resized_to_the_nearest_pixels(bits, width, height):
    whole = scaled(encode(bits), width / 10, height / 7)
    columns = np.floor((np.arange(width) + 0.5) / (width / 10)).astype(int)
    rows = np.floor((np.arange(height) + 0.5) / (height / 7)).astype(int)
    expected = bits[np.ix_(rows, columns)]
    if not expected.any():
        assert whole is None
    else:
        assert (bits_of(whole, width, height) == expected).all()


@given(bit_masks, st.integers(-3, 9), st.integers(-3, 6), st.integers(1, 12), st.integers(1, 12))
def test_a_mask_is_cropped_as_its_picture(bits, x, y, width, height):
    padded = np.pad(bits, 20)
    expected = padded[20 + y : 20 + y + height, 20 + x : 20 + x + width]
    part = cropped(encode(bits), x, y, width, height)
    if not expected.any():
        assert part is None
    else:
        assert (bits_of(part, width, height) == expected).all()
