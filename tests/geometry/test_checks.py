"""Shapes that may be stored, and why others may not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from labeler.geometry.checks import check, sound_polygons
from labeler.geometry.masks import decode, encode
from labeler.geometry.shapes import IMPOSSIBLE, KINDS, MALFORMED, Impossible, Malformed, parts_of

SIZE = {"width": 100, "height": 60}
SQUARE = [10, 10, 30, 10, 30, 30, 10, 30]
BOW_TIE = [0, 0, 20, 20, 20, 0, 0, 20]  # two triangles of 20 * 10 / 2 = 100


def checked(shape, kinds=KINDS, **options):
    return check(shape, **SIZE, kinds=kinds, **options)


@pytest.mark.parametrize(
    ("shape", "bounds", "area", "points"),
    [
        ({"box": [1, 2.5, 30, 40]}, (1, 2.5, 31, 42.5), 1200, 0),
        ({"box": [0, 0, 100, 60]}, (0, 0, 100, 60), 6000, 0),
        ({"polygon": [SQUARE]}, (10, 10, 30, 30), 400, 4),
        ({"polygon": [[*SQUARE, 10, 10]]}, (10, 10, 30, 30), 400, 5),  # closed, as GeoJSON has it
        ({"polygon": [SQUARE, [12, 12, 16, 12, 16, 16, 12, 16]]}, (10, 10, 30, 30), 400 - 16, 8),
        ({"polygon": [[SQUARE], [[50, 50, 60, 50, 60, 60]]]}, (10, 10, 60, 60), 400 + 50, 7),
        # Parts mean their union, as in COCO: 20 x 20 twice, 10 x 20 in common.
        ({"polygon": [[SQUARE], [[20, 10, 40, 10, 40, 30, 20, 30]]]}, (10, 10, 40, 30), 600, 8),
    ],
)
def test_a_shape_inside_the_image_comes_back_as_it_was_sent(shape, bounds, area, points):
    result = checked(shape)

    assert result.shape is shape
    assert (result.bounds, result.area, result.points, result.change) == (bounds, pytest.approx(area), points, "")


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ([1, 2, 3, 4], "not_a_shape"),
        ({}, "not_a_shape"),
        ({"circle": [1, 2, 3]}, "not_a_shape"),
        ({"box": [1, 2, 3, 4], "polygon": [SQUARE]}, "unknown_member"),
        ({"box": [1, 2, 3]}, "wrong_length"),
        ({"box": [1, 2, 3, "4"]}, "not_a_number"),
        ({"box": [1, 2, 3, True]}, "not_a_number"),
        ({"box": [1, 2, 3, None]}, "not_a_number"),
        ({"box": "1234"}, "not_a_number"),
        ({"box": [1, 2, 3, math.nan]}, "not_finite"),
        ({"box": [1, 2, 3, math.inf]}, "not_finite"),
        ({"box": [1, 2, 3, 10**400]}, "out_of_range"),
        ({"box": [1, 2, 3, 1e300]}, "out_of_range"),
        ({"polygon": []}, "wrong_length"),
        ({"polygon": [[]]}, "wrong_length"),
        ({"polygon": [[[]]]}, "wrong_length"),
        ({"polygon": [[], [[1, 2]]]}, "wrong_length"),
        ({"polygon": SQUARE}, "not_a_number"),
        ({"polygon": [[[SQUARE]]]}, "not_a_number"),
        ({"polygon": [SQUARE, "hole"]}, "not_a_number"),
        ({"polygon": [[1, 2, 3, 4, 5]]}, "wrong_length"),
        ({"polygon": [[1, 2, 3, 4, 5, math.nan]]}, "not_finite"),
        ({"polygon": [[1, 2, 3, 4, 5, 10**400]]}, "out_of_range"),
        ({"mask": [[1, 0]]}, "not_a_shape"),
        ({"mask": {"size": [2, 2], "counts": [4], "extra": 1}}, "unknown_member"),
        ({"mask": {"size": [2.0, 2], "counts": [1, 3], "offset": [0, 0]}}, "bad_size"),
        ({"mask": {"size": [0, 2], "counts": [], "offset": [0, 0]}}, "bad_size"),
        ({"mask": {"size": [2, 2], "counts": [1, 3]}}, "bad_size"),  # without offset it is of the whole image
        ({"mask": {"size": [2, 2], "counts": [1, 3], "offset": [0, None]}}, "bad_offset"),
        ({"mask": {"size": [61, 2], "counts": [1, 121], "offset": [0, 0]}}, "mask_too_large"),
        ({"mask": {"size": [10**9, 10**9], "counts": [1, 10**18 - 1], "offset": [0, 0]}}, "mask_too_large"),
        ({"mask": {"size": [2, 2], "counts": [1, 2], "offset": [0, 0]}}, "bad_counts"),
        ({"mask": {"size": [2, 2], "counts": [5, -1], "offset": [0, 0]}}, "bad_counts"),
        ({"mask": {"size": [2, 2], "counts": [2**62, 2**62, 2**62, 2**62, 4], "offset": [0, 0]}}, "bad_counts"),
        ({"mask": {"size": [2, 2], "counts": [10**400], "offset": [0, 0]}}, "bad_counts"),
        ({"mask": {"size": [2, 2], "counts": [1.0, 3.0], "offset": [0, 0]}}, "bad_counts"),
        ({"mask": {"size": [2, 2], "counts": "", "offset": [0, 0]}}, "bad_counts"),
        ({"mask": {"size": [2, 2], "counts": "é", "offset": [0, 0]}}, "bad_counts"),
        ({"mask": {"size": [2, 2], "counts": "13 ", "offset": [0, 0]}}, "bad_counts"),
        ({"mask": {"size": [2, 2], "counts": "1T", "offset": [0, 0]}}, "bad_counts"),  # ends amid a number
        ({"mask": {"size": [2, 2], "counts": "ooooooo0", "offset": [0, 0]}}, "bad_counts"),  # 40 bits
    ],
)
def test_what_cannot_be_read_is_malformed(shape, code):
    assert code in MALFORMED
    with pytest.raises(Malformed) as refused:
        checked(shape)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ({"box": [1, 2, 0, 4]}, "zero_area"),
        ({"box": [1, 2, 3, -4]}, "zero_area"),
        ({"box": [100, 2, 3, 4]}, "outside"),
        ({"box": [-3, 2, 3, 4]}, "outside"),
        ({"polygon": [[1, 1, 2, 2]]}, "too_few_points"),
        ({"polygon": [[1, 1, 5, 5, 1, 1, 5, 5]]}, "too_few_points"),
        ({"polygon": [SQUARE, [12, 12, 13, 13]]}, "too_few_points"),
        ({"polygon": [[1, 1, 2, 2, 3, 3]]}, "zero_area"),
        ({"polygon": [[1, 1, 9, 1, 9, 9, 9, 1]]}, "zero_area"),  # there and back again
        ({"polygon": [BOW_TIE]}, "self_crossing"),
        ({"polygon": [[SQUARE], [BOW_TIE]]}, "self_crossing"),
        ({"polygon": [[10, 10, 30, 10, 20, 20, 30, 30, 10, 30, 20, 20]]}, "self_crossing"),  # touches itself
        ({"polygon": [SQUARE, [40, 40, 45, 40, 45, 45]]}, "hole_outside"),
        ({"polygon": [SQUARE, [25, 25, 45, 25, 45, 28]]}, "hole_outside"),
        ({"polygon": [[110, 10, 130, 10, 130, 30]]}, "outside"),
        # Its bounds reach into the image, the triangle passes by the corner.
        ({"polygon": [[-10, 5, 5, -10, -10, -10]]}, "outside"),
        ({"mask": {"size": [2, 2], "counts": [4], "offset": [0, 0]}}, "zero_area"),
        ({"mask": {"size": [2, 2], "counts": [0, 4], "offset": [100, 0]}}, "outside"),
        ({"mask": {"size": [2, 2], "counts": [0, 4], "offset": [0, -2]}}, "outside"),
        ({"mask": {"size": [2, 2], "counts": [0, 1, 3], "offset": [0, -1]}}, "outside"),  # its pixel is above
    ],
)
def test_what_can_be_no_object_is_impossible(shape, code):
    assert code in IMPOSSIBLE
    with pytest.raises(Impossible) as refused:
        checked(shape)
    assert refused.value.code == code


def test_a_project_takes_its_own_kinds_only():
    for shape, others in [
        ({"box": [1, 2, 3, 4]}, ("polygon", "mask")),
        ({"polygon": [BOW_TIE]}, ("box",)),
        ({"mask": {"size": [2, 2], "counts": [0, 4], "offset": [0, 0]}}, ("box", "polygon")),
    ]:
        with pytest.raises(Impossible, match="wrong_geometry"):
            checked(shape, kinds=others)


def test_the_shorter_side_must_be_long_enough():
    assert checked({"box": [1, 2, 3, 40]}, smallest=3).change == ""
    with pytest.raises(Impossible, match="too_small"):
        checked({"box": [1, 2, 3, 40]}, smallest=3.5)
    with pytest.raises(Impossible, match="too_small"):
        checked({"box": [-8, 2, 10, 40]}, smallest=3)  # 2 px after cutting


def test_what_lies_partly_outside_is_cut_at_the_border():
    box = checked({"box": [-5, 50, 15, 20]})
    assert (box.shape, box.bounds, box.area, box.change) == ({"box": [0, 50, 10, 10]}, (0, 50, 10, 60), 100, "clipped")

    polygon = checked({"polygon": [[90, 10, 110, 10, 110, 30, 90, 30]]})
    assert (polygon.bounds, polygon.area, polygon.change) == ((90, 10, 100, 30), 200, "clipped")

    # A U whose lower half is outside: two parts remain.
    horns = checked({"polygon": [[10, 50, 20, 50, 20, 65, 30, 65, 30, 50, 40, 50, 40, 70, 10, 70]]})
    assert (len(parts_of(horns.shape["polygon"])), horns.area, horns.points) == (2, 200, 8)

    mask = checked({"mask": {"size": [2, 3], "counts": [0, 6], "offset": [98, -1]}})
    assert mask.shape["mask"]["size"] == [1, 2]
    assert mask.shape["mask"]["offset"] == [98, 0]
    assert (mask.area, mask.bounds, mask.change) == (2, (98, 0, 100, 1), "clipped")


def test_a_mask_is_stored_in_its_smallest_crop_with_compressed_counts():
    # 4 x 3 px, down the columns: column 1 has rows 1 and 2, column 2 has row 1.
    sent = {"mask": {"size": [4, 3], "counts": [5, 2, 2, 1, 2], "offset": [7, 8]}}

    result = checked(sent)

    mask = result.shape["mask"]
    assert (mask["size"], mask["offset"], result.area, result.change) == ([2, 2], [8, 9], 3, "")
    assert decode(result.shape).bits.tolist() == [[True, True], [True, False]]
    assert coco.toBbox(mask).tolist() == [0, 0, 2, 2]
    assert coco.area(mask) == 3
    assert checked(result.shape).shape == result.shape


def test_runs_of_no_length_do_not_make_two_codes_of_one_mask():
    plain = {"mask": {"size": [2, 2], "counts": [1, 2, 1], "offset": [0, 0]}}
    padded = {"mask": {"size": [2, 2], "counts": [1, 1, 0, 1, 1, 0], "offset": [0, 0]}}
    assert checked(padded).shape == checked(plain).shape


def test_a_crossing_polygon_is_mended_when_asked():
    result = checked({"polygon": [BOW_TIE]}, mend=True)

    assert (result.change, result.area, result.bounds) == ("mended", 200, (0, 0, 20, 20))
    assert checked(result.shape).shape is result.shape


def test_mending_tears_no_hole_where_a_stroke_goes_around_twice():
    pentagram = [
        p for k in range(5) for p in (30 + 20 * math.cos(k * 0.8 * math.pi), 30 + 20 * math.sin(k * 0.8 * math.pi))
    ]
    result = checked({"polygon": [pentagram]}, mend=True)
    assert shapely.Polygon(parts_of(result.shape["polygon"])[0][0]).contains(shapely.Point(30, 30))


def test_a_mended_polygon_is_cut_too():
    result = checked({"polygon": [[-10, 0, 10, 20, 10, 0, -10, 20]]}, mend=True)
    assert (result.change, result.bounds, result.area) == ("mended", (0, 0, 10, 20), 100)


coordinates = st.floats(-50, 150, allow_nan=False)
whole = st.integers(-5, 12).map(float)
boxes = st.tuples(coordinates, coordinates, st.floats(0.01, 200), st.floats(0.01, 200)).map(
    lambda box: {"box": list(box)}
)
# Few places, so that points coincide and lines cross, touch and run along each other.
rings = st.lists(st.one_of(whole, coordinates), min_size=6, max_size=16).map(lambda ring: ring[: len(ring) // 2 * 2])
polygons = st.one_of(
    st.lists(rings, min_size=1, max_size=2).map(lambda part: {"polygon": part}),
    st.lists(st.lists(rings, min_size=1, max_size=1), min_size=2, max_size=3).map(lambda parts: {"polygon": parts}),
)


@given(st.one_of(boxes, polygons))
def test_what_was_cut_or_mended_is_valid_inside_and_stays_as_it_is(shape):
    try:
        result = checked(shape, mend=True)
    except Impossible:
        return
    x0, y0, x1, y1 = result.bounds
    assert 0 <= x0 < x1 <= 100
    assert 0 <= y0 < y1 <= 60
    assert 0 < result.area <= (x1 - x0) * (y1 - y0) + 1e-6
    if result.kind == "polygon":
        regions = [shapely.Polygon(part[0], part[1:]) for part in parts_of(result.shape["polygon"])]
        assert all(shapely.is_valid(region) for region in regions)
        assert result.area == pytest.approx(shapely.union_all(regions).area)
    again = checked(result.shape, mend=True)
    assert again.shape is result.shape
    assert again.change == ""


odd = st.sampled_from(
    [
        None, 3, {}, {"polygon": None}, {"polygon": []}, {"polygon": [[]]}, {"polygon": [[1, 2, 3, 4]]},
        {"polygon": [[1, 1, 2, 1, 2, 2, 3]]}, {"polygon": [[0, 0, 9, 0, 9, math.nan]]},
        {"polygon": [[*SQUARE[:7], True]]}, {"polygon": [[0, 0, 9, 0, 9, math.inf]]},
        {"polygon": [[0, 0, 9, 0, 9, 10**400]]}, {"polygon": ["112122"]},
        {"polygon": [[0, 0, 9, 0, 9, "9"]]}, {"polygon": [SQUARE], "box": [1, 1, 2, 2]}, {"polygon": [BOW_TIE]},
        {"polygon": [[0, 0, 1e-9, 0, 1e-9, 1e-9]]}, {"polygon": [[5, 5, 5, 5, 5, 5]]},
        {"polygon": [[0, 0, 9, 9, 0, 0]]},
        {"polygon": [[*SQUARE, 10, 10]]}, {"polygon": [[0, 0, 100 + 1e-7, 0, 100, 60 + 1e-7]]}, {"box": [1, 1, 5, 5]},
    ]
)  # fmt: skip


@given(st.lists(st.one_of(boxes, polygons, odd), max_size=8))
def test_polygons_that_are_sound_at_first_sight_are_what_a_check_of_each_says(shapes):
    for shape, sound in zip(shapes, sound_polygons(shapes, **SIZE), strict=True):
        if sound is not None:
            assert sound == checked(shape)
            assert checked(shape, sound=sound) == sound


def test_ordinary_polygons_are_sound_at_first_sight_beside_odd_ones():
    simple = [{"polygon": [SQUARE]}, {"polygon": [[*SQUARE, 10, 10]]}, {"polygon": [[0, 0, 100, 0, 100, 60.0]]}]
    others = [{"polygon": [BOW_TIE]}, {"polygon": [[0, 0, 101, 0, 101, 60]]}, {"polygon": [[0, 0, 9, 0, 9, math.nan]]}]
    found = sound_polygons([*simple, *others], **SIZE)
    assert [one is not None for one in found] == [True] * 3 + [False] * 3
    # A shape that nobody may draw here, or that is too small, is refused all the same.
    with pytest.raises(Impossible, match="wrong_geometry"):
        checked(simple[0], kinds=("mask",), sound=found[0])
    with pytest.raises(Impossible, match="too_small"):
        checked(simple[0], smallest=21, sound=found[0])


@given(
    st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=9),
    st.integers(-4, 102),
    st.integers(-12, 61),
)
def test_a_mask_that_was_cut_has_the_pixels_inside(rows, x, y):

    bits = np.array(rows)
    sent = coco.encode(np.asfortranarray(bits.astype(np.uint8)))
    shape = {"mask": {"size": list(bits.shape), "counts": sent["counts"].decode(), "offset": [x, y]}}
    canvas = np.zeros((100, 200), dtype=bool)  # the image and a margin of 20 around it
    canvas[20 + y : 20 + y + len(bits), 20 + x : 20 + x + 3] = bits
    inside = canvas[20:80, 20:120]
    if not inside.any():
        with pytest.raises(Impossible, match="outside" if bits.any() else "zero_area"):
            checked(shape)
        return
    result = checked(shape)
    assert result.shape == encode(inside)
    assert result.change == ("clipped" if inside.sum() < bits.sum() else "")
