"""Pixels of many shapes in one pass: the same as one by one, and as bits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeler.geometry import boundaries, many_spans, overlaps, spans
from labeler.geometry.shapes import Malformed

numbers = st.one_of(st.integers(-5, 60).map(float), st.floats(-5, 60), st.sampled_from([10.1, 20.5, 30.7]))
boxes = st.tuples(numbers, numbers, st.floats(0.5, 20), st.floats(0.5, 20)).map(lambda box: {"box": list(box)})
rings = st.lists(numbers, min_size=4, max_size=14).map(lambda ring: ring[: len(ring) // 2 * 2])
polygons = st.lists(rings, min_size=1, max_size=2).map(lambda polygon: {"polygon": polygon})
several = st.lists(st.lists(rings, min_size=1, max_size=2), min_size=1, max_size=2).map(lambda p: {"polygon": p})
bits = st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=6)


def as_mask(drawn, x, y, as_list):
    """Its crop may lie past any border; the code is text or a list, with runs of no pixel in the latter."""
    rows = np.array(drawn)
    runs = spans.runs(spans.from_bits(rows), 0, 0, rows.shape[1], rows.shape[0])
    text = spans.encode_counts(runs, *rows.shape)
    return {"mask": {"size": list(rows.shape), "counts": runs.tolist() if as_list else text, "offset": [x, y]}}


drawn_masks = st.builds(as_mask, bits, st.integers(-3, 45), st.integers(-3, 45), st.booleans())
sized = st.tuples(
    st.one_of(boxes, polygons, several, drawn_masks), st.sampled_from([(40, 40), (48, 40), (40, 48)])
)  # fmt: skip


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch):
    monkeypatch.setattr(many_spans, "SHAPES_AT_ONCE", 3)
    monkeypatch.setattr(many_spans, "SPANS_AT_ONCE", 20)


def as_lists(one):
    return one.starts.tolist(), one.ends.tolist()


@given(st.lists(sized, max_size=9))
def test_many_shapes_have_the_pixels_that_each_has(drawn):
    shapes = [shape for shape, _size in drawn]
    widths, heights = [size[0] for _shape, size in drawn], [size[1] for _shape, size in drawn]
    found = many_spans.of_shapes(shapes, widths, heights)
    expected = [spans.of_shape(*row) for row in zip(shapes, widths, heights, strict=True)]
    assert len(found) == len(drawn)
    assert [as_lists(found.one(k)) for k in range(len(drawn))] == [as_lists(one) for one in expected]
    assert found.area().tolist() == [one.area for one in expected]
    assert found.bounds().tolist() == [list(one.bounds()) for one in expected]
    chosen = np.arange(len(drawn))[::-2]
    some = found.part(chosen)
    assert [as_lists(some.one(k)) for k in range(len(some))] == [as_lists(expected[k]) for k in chosen]


@given(st.lists(sized, min_size=1, max_size=7))
def test_every_two_share_the_pixels_that_their_bits_share(drawn):
    shapes = [shape for shape, _size in drawn]
    found = many_spans.of_shapes(shapes, [size[0] for _, size in drawn], [size[1] for _, size in drawn])
    whole = [spans.to_bits(found.one(k), 0, 0, 48, 48) for k in range(len(drawn))]
    i, j = (np.array(column) for column in zip(*itertools.product(range(len(drawn)), repeat=2), strict=True))
    assert found.shared(i, j).tolist() == [(whole[a] & whole[b]).sum() for a, b in zip(i, j, strict=True)]


def test_nothing_is_no_shape():
    none = np.empty(0, dtype=np.int64)
    found = many_spans.of_shapes([], [], [])
    assert (len(found), found.area().size, found.bounds().shape, found.shared(none, none).size) == (0, 0, (0, 4), 0)
    assert len(found.part(none)) == 0


@pytest.mark.parametrize(
    "counts",
    ["", "o", "ä", "0 4", "\x7f", "oooooooo0", "5", "A000", b"1f"],
    ids=["empty", "cut off", "no ascii", "a space", "past the letters", "too long", "too few", "too many", "negative"],
)
def test_a_code_that_cannot_be_read_is_refused_among_others(counts):
    good = {"mask": {"size": [4, 1], "counts": "04", "offset": [0, 0]}}
    bad = {"mask": {"size": [4, 1], "counts": counts, "offset": [0, 0]}}
    with pytest.raises(Malformed, match="bad_counts"):
        spans.of_shape(bad, 9, 9)
    for shapes in ([bad, good], [good, bad], [bad]):
        with pytest.raises(Malformed, match="bad_counts"):
            many_spans.of_shapes(shapes, [9] * len(shapes), [9] * len(shapes))


@given(st.lists(st.tuples(st.one_of(boxes, polygons, drawn_masks), st.integers(0, 2)), max_size=8))
def test_the_pairs_of_several_groups_are_those_of_every_two(drawn):
    shapes, groups = [shape for shape, _group in drawn], [group for _shape, group in drawn]
    found = overlaps.iou_pairs_between(shapes, groups, least=0.2, width=48, height=48)
    expected = {}
    for one, other in itertools.permutations(range(3), 2):
        first, second = ([k for k, group in enumerate(groups) if group == wanted] for wanted in (one, other))
        pairs = overlaps.iou_pairs(
            [shapes[k] for k in first], [shapes[k] for k in second], least=0.2, width=48, height=48
        )
        for i, j, iou in zip(*pairs, strict=True):
            if first[i] < second[j]:
                expected[first[i], second[j]] = iou
    told = {(int(i), int(j)): value for i, j, value in zip(*found, strict=True)}
    assert told == pytest.approx(expected)


@given(st.lists(sized, min_size=1, max_size=6), st.sampled_from([0, 1, 2, 3.5]))
def test_boundaries_of_many_pairs_are_as_near_as_those_of_their_bits(drawn, distance):
    shapes = [shape for shape, _size in drawn]
    found = many_spans.of_shapes(shapes, [size[0] for _, size in drawn], [size[1] for _, size in drawn])
    whole = [spans.to_bits(found.one(k), 0, 0, 48, 48) for k in range(len(drawn))]
    i, j = (np.array(column) for column in zip(*itertools.product(range(len(drawn)), repeat=2), strict=True))
    expected = [overlaps.boundary_f(whole[a], whole[b], distance) for a, b in zip(i, j, strict=True)]
    expected = [np.nan if one is None else one for one in expected]
    assert boundaries.boundary_f(found, i, j, distance) == pytest.approx(expected, nan_ok=True)
