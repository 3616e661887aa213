"""Overlap of shapes, by hand, against pycocotools and against what must always hold."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from labeler.geometry.masks import disjoint, encode, raster
from labeler.geometry.overlaps import areas, boundary_f, iou_pairs
from labeler.geometry.transforms import moved

SIZE = {"width": 64, "height": 64}


def disc(cx, cy, r):
    rows, columns = np.mgrid[:64, :64]
    return (columns - cx) ** 2 + (rows - cy) ** 2 <= r * r


DISCS = [disc(*d) for d in [(32, 32, 15), (33, 32, 15), (32, 34, 15), (30, 31, 17), (36, 36, 10)]]


def dense(pairs, n, m):
    table = np.zeros((n, m))
    table[pairs.i, pairs.j] = pairs.value
    return table


def coco_iou(first, second):
    with warnings.catch_warnings():  # pycocotools 2.0.11 hands NumPy an array in the old way
        warnings.simplefilter("ignore", DeprecationWarning)
        return coco.iou(first, second, [0] * len(second))


def test_boxes_are_compared_exactly():
    first = [{"box": [0, 0, 10, 10]}, {"box": [40, 40, 5, 5]}]
    second = [{"box": [10, 0, 10, 10]}, {"box": [5, 5, 10, 10]}, {"box": [0, 0, 10, 10]}]
    # 5 x 5 shared of 100 + 100 - 25; a common edge is no overlap
    pairs = iou_pairs(first, second, **SIZE)
    assert list(zip(*map(list, pairs), strict=True)) == [(0, 1, 25 / 175), (0, 2, 1.0)]
    assert iou_pairs(first, second, least=25 / 175, **SIZE).j.tolist() == [1, 2]
    assert iou_pairs(first, second, least=0.2, **SIZE).j.tolist() == [2]


def test_nothing_overlaps_with_an_empty_list():
    for first, second in [([], []), ([{"box": [0, 0, 1, 1]}], []), ([], [encode(DISCS[0])])]:
        pairs = iou_pairs(first, second, **SIZE)
        assert [column.size for column in pairs] == [0, 0, 0]


def test_a_mask_is_compared_by_pixels_whatever_the_other_is():
    mask = encode(np.ones((4, 4), dtype=bool), 2, 2)
    shapes = [{"box": [2, 2, 4, 2]}, {"polygon": [[2, 2, 6, 2, 6, 6, 2, 6]]}, {"polygon": [[2, 2, 2.1, 2, 2.1, 6]]}]
    pairs = iou_pairs([mask], shapes, **SIZE)
    assert (pairs.j.tolist(), pairs.value.tolist()) == ([0, 1], [0.5, 1.0])  # the sliver holds no pixel
    assert areas([mask, *shapes], **SIZE).tolist() == [16, 8, 16, 0]


def test_discs_have_the_published_mean_overlaps():
    # The five discs of the reference values: mean pair IoU .6496, Dice .7691
    masks = [encode(bits) for bits in DISCS]
    found = dense(iou_pairs(masks, masks, **SIZE), 5, 5)
    assert found == pytest.approx(np.array([[(a & b).sum() / (a | b).sum() for b in DISCS] for a in DISCS]))
    iou = found[np.triu_indices(5, 1)]
    assert iou.mean() == pytest.approx(0.6496, abs=5e-5)
    assert (2 * iou / (1 + iou)).mean() == pytest.approx(0.7691, abs=5e-5)


def test_boundaries_two_pixels_apart_match_and_three_do_not():
    def square(x):
        bits = np.zeros((30, 30), dtype=bool)
        bits[5:25, x : x + 10] = True
        return bits

    assert boundary_f(square(5), square(7)) == 1
    assert 0 < boundary_f(square(5), square(8)) < 1
    assert boundary_f(square(5), square(8), distance=3) == 1
    assert boundary_f(square(5), np.zeros((30, 30), dtype=bool)) == 0
    nothing = np.zeros((30, 30), dtype=bool)
    assert boundary_f(nothing, nothing) is None


def test_boundary_f_counts_pixels_by_their_distance():
    def slow(a, b, distance):
        """As it is defined, from the distance of every pair of boundary pixels."""
        edges = []
        for bits in (a, b):
            padded = np.pad(bits, 1)
            rows, columns = np.nonzero(bits)
            around = [(0, 1), (0, -1), (1, 0), (-1, 0)]
            edges.append(
                [
                    (y, x)
                    for y, x in zip(rows, columns, strict=True)
                    if not all(padded[y + 1 + dy, x + 1 + dx] for dy, dx in around)
                ]
            )
        one, other = (np.array(edge, dtype=float) for edge in edges)
        gap = np.sqrt(((one[:, None] - other[None]) ** 2).sum(axis=2))
        p, r = (gap.min(axis=1) <= distance).mean(), (gap.min(axis=0) <= distance).mean()
        return 2 * p * r / (p + r) if p + r else 0.0

    for a, b in itertools.combinations(DISCS, 2):
        for distance in (0, 1, 2, 3.5):
            assert boundary_f(a, b, distance) == pytest.approx(slow(a, b, distance))


def test_the_first_pair_with_a_pixel_in_common_is_named():
    left, right = {"polygon": [[0, 0, 10, 0, 10, 10, 0, 10]]}, {"polygon": [[10, 0, 20, 0, 20, 10, 10, 10]]}
    both = encode(np.ones((1, 2), dtype=bool), 9, 3)
    assert disjoint([left, right], 64, 64) is None
    assert disjoint([left, right, both], 64, 64) == (0, 2)
    assert disjoint([left, right, both], 64, 64, ["leaf", "soil", "leaf"]) == (1, 2)
    assert disjoint([left, right, both], 64, 64, ["leaf"] * 3) is None
    assert disjoint([], 64, 64) is None


numbers = st.one_of(st.integers(0, 60).map(float), st.floats(0, 60), st.sampled_from([10.1, 10.3, 20.5, 30.7, 40.9]))
boxes = st.tuples(numbers, numbers, st.floats(0.5, 20), st.floats(0.5, 20)).map(lambda box: {"box": list(box)})
polygons = st.lists(numbers, min_size=6, max_size=12).map(lambda ring: {"polygon": [ring[: len(ring) // 2 * 2]]})
masks = st.tuples(
    st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=6).filter(
        lambda rows: any(map(any, rows))
    ),
    st.integers(0, 40),
    st.integers(0, 40),
).map(lambda drawn: encode(np.array(drawn[0]), drawn[1], drawn[2]))
shapes = st.lists(st.one_of(boxes, polygons, masks), max_size=6)


@given(shapes, shapes)
def test_overlap_is_symmetric_between_0_and_1_and_whole_with_oneself(first, second):
    there, back = iou_pairs(first, second, **SIZE), iou_pairs(second, first, **SIZE)
    assert dense(there, len(first), len(second)) == pytest.approx(dense(back, len(second), len(first)).T)
    assert ((there.value > 0) & (there.value <= 1)).all()
    itself = dense(iou_pairs(first, first, **SIZE), len(first), len(first))
    size = areas(first, **SIZE)
    assert itself.diagonal()[size > 0] == pytest.approx(1)


@given(shapes, shapes, st.integers(0, 30), st.integers(0, 30))
def test_both_moved_overlap_as_before(first, second, dx, dy):
    # By whole pixels, of coordinates that stay exact: 10.1 + 1 is not on the grid of tenths that 10.1 is on.
    def exact(items):
        return [shape for shape in items if "polygon" not in shape or all(n % 1 == 0 for n in shape["polygon"][0])]

    first, second = exact(first), exact(second)
    size = {"width": 200, "height": 200}
    before = dense(iou_pairs(first, second, **size), len(first), len(second))
    after = iou_pairs([moved(s, dx, dy) for s in first], [moved(s, dx, dy) for s in second], **size)
    kinds = [["box" in a and "box" in b for b in second] for a in first]
    same = np.array(kinds, dtype=bool).reshape(len(first), len(second))
    table = dense(after, len(first), len(second))
    assert table[same] == pytest.approx(before[same], abs=1e-9)
    pixels = np.array([["box" not in a and "box" not in b for b in second] for a in first], dtype=bool)
    pixels = pixels.reshape(len(first), len(second))
    assert (table[pixels] == before[pixels]).all()


@given(st.lists(boxes, min_size=1, max_size=8), st.lists(boxes, min_size=1, max_size=8))
def test_boxes_overlap_as_pycocotools_says(first, second):
    expected = coco_iou(np.array([s["box"] for s in first]), np.array([s["box"] for s in second]))
    assert dense(iou_pairs(first, second, **SIZE), len(first), len(second)) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.one_of(polygons, masks), min_size=1, max_size=6), st.lists(polygons, min_size=1, max_size=6))
def test_polygons_and_masks_overlap_as_pycocotools_says(first, second):
    def code(shape):
        if "polygon" in shape:
            return coco.frPyObjects(shape["polygon"], 64, 64)[0]
        crop = raster(shape, 64, 64)
        whole = np.zeros((64, 64), dtype=np.uint8, order="F")
        whole[crop.y : crop.y + crop.bits.shape[0], crop.x : crop.x + crop.bits.shape[1]] = crop.bits
        return coco.encode(whole)

    expected = coco_iou([code(s) for s in first], [code(s) for s in second])
    assert (dense(iou_pairs(first, second, **SIZE), len(first), len(second)) == expected).all()
