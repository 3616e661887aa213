"""Drawing, coding and outlining pixels."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from labeler.geometry import spans
from labeler.geometry.masks import boundary, decode, encode, outline, raster, union
from labeler.geometry.shapes import parts_of

bit_masks = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def whole(crop, width, height):
    bits = np.zeros((height, width), dtype=bool)
    bits[crop.y : crop.y + crop.bits.shape[0], crop.x : crop.x + crop.bits.shape[1]] = crop.bits
    return bits


def test_importing_the_package_loads_neither_shapely_nor_pycocotools():
    code = (
        "import sys, labeler.geometry.checks, labeler.geometry.overlaps, labeler.geometry.codes, "
        "labeler.geometry.transforms; print([n for n in ('shapely', 'pycocotools') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_polygon_is_drawn_without_its_holes_and_with_all_its_parts():
    shape = {"polygon": [[[0, 0, 6, 0, 6, 6, 0, 6], [2, 2, 4, 2, 4, 4, 2, 4]], [[8, 1, 10, 1, 10, 3, 8, 3]]]}
    crop = raster(shape, 20, 20)
    assert (crop.x, crop.y, crop.bits.shape, crop.bits.sum()) == (0, 0, (6, 10), 36 - 4 + 4)
    assert not crop.bits[2:4, 2:4].any()


def test_a_sliver_between_pixels_has_none():
    assert raster({"polygon": [[1, 1, 1.1, 1, 1.1, 5]]}, 10, 10).bits.shape == (0, 0)
    with pytest.raises(ValueError, match="needs a pixel"):
        union([], 10, 10)


@given(st.lists(st.one_of(st.integers(0, 20).map(float), st.floats(0, 20)), min_size=6, max_size=14))
def test_a_polygon_is_drawn_as_pycocotools_draws_it(ring):
    ring = ring[: len(ring) // 2 * 2]
    with warnings.catch_warnings():  # pycocotools 2.0.11 hands NumPy an array in the old way
        warnings.simplefilter("ignore", DeprecationWarning)
        expected = coco.decode(coco.frPyObjects([ring], 16, 20))[:, :, 0].astype(bool)
    assert (whole(raster({"polygon": [ring]}, 20, 16), 20, 16) == expected).all()


@given(bit_masks, st.integers(0, 9), st.integers(0, 9))
def test_what_is_encoded_decodes_to_the_same_pixels(bits, x, y):
    if not bits.any():
        with pytest.raises(ValueError, match="needs a pixel"):
            encode(bits, x, y)
        return
    expected = np.zeros((30, 30), dtype=bool)
    expected[y : y + bits.shape[0], x : x + bits.shape[1]] = bits
    crop = decode(encode(bits, x, y))
    assert (whole(crop, 30, 30) == expected).all()
    assert all(side.any() for side in (crop.bits[0], crop.bits[-1], crop.bits[:, 0], crop.bits[:, -1]))
    # The same text that pycocotools writes for the crop.
    assert (
        encode(bits, x, y)["mask"]["counts"]
        == coco.encode(np.asfortranarray(crop.bits.view(np.uint8)))["counts"].decode()
    )


@given(st.lists(st.integers(0, 70_000), min_size=1, max_size=20))
def test_compressed_runs_are_read_as_pycocotools_writes_them(runs):
    size = sum(runs)
    code = coco.frPyObjects({"size": [size, 1], "counts": runs}, size, 1)
    assert spans.decode_counts(code["counts"], size).tolist() == runs


@given(bit_masks, bit_masks, st.integers(0, 5), st.integers(0, 5))
def test_sets_of_pixels_behave_as_bits_do(first, second, x, y):
    a, b = np.zeros((2, 20, 20), dtype=bool)
    a[: first.shape[0], : first.shape[1]] = first
    b[y : y + second.shape[0], x : x + second.shape[1]] = second
    one, other = spans.from_bits(first), spans.from_bits(second, x, y)
    assert (spans.to_bits(spans.union([one, other]), 0, 0, 20, 20) == a | b).all()
    assert (spans.to_bits(spans.difference(one, other), 0, 0, 20, 20) == a & ~b).all()
    assert spans.union([one, other]).area == (a | b).sum()


@given(bit_masks)
def test_an_outline_goes_along_the_pixels_and_draws_them_again(bits):
    if not bits.any():
        return
    shape = outline(bits, 3, 2)
    regions = [shapely.Polygon(part[0], part[1:]) for part in parts_of(shape["polygon"])]
    assert all(shapely.is_valid(region) for region in regions)
    assert sum(region.area for region in regions) == bits.sum()
    assert (whole(raster(shape, 20, 20), 20, 20)[2 : 2 + bits.shape[0], 3 : 3 + bits.shape[1]] == bits).all()


def test_an_outline_with_tolerance_has_fewer_points_and_keeps_its_hole():
    rows, columns = np.mgrid[:200, :200]
    distance = np.hypot(rows - 100, columns - 100)
    ring = (distance < 90) & (distance > 40)
    exact, simple = outline(ring), outline(ring, tolerance=1.0)
    counts = [sum(len(r) for part in parts_of(shape["polygon"]) for r in part) for shape in (exact, simple)]
    assert [len(parts_of(shape["polygon"])[0]) for shape in (exact, simple)] == [2, 2]
    assert counts[1] < counts[0] / 5
    again = whole(raster(simple, 200, 200), 200, 200)
    assert (again & ring).sum() / (again | ring).sum() > 0.98


def test_a_boundary_has_the_pixels_with_a_neighbour_outside():
    bits = np.zeros((6, 6), dtype=bool)
    bits[1:5, 2:6] = True  # 4 x 4 at the crop's border: all but the inner 2 x 2
    assert boundary(bits).sum() == 12
    assert not boundary(bits)[2:4, 3:5].any()
