"""Masks and polygons of other tools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from labeler.geometry.checks import check
from labeler.geometry.codes import (
    from_coco,
    from_label_studio,
    from_row_runs,
    to_coco,
    to_label_studio,
    to_row_runs,
)
from labeler.geometry.masks import decode, encode, raster
from labeler.geometry.shapes import Malformed

bit_masks = arrays(bool, (7, 10)).filter(np.any)
SQUARE = [1, 1, 5, 1, 5, 5, 1, 5]
OTHER = [6, 1, 9, 1, 9, 5]
HOLE = [2, 2, 4, 2, 4, 4, 2, 4]


def test_several_rings_of_coco_are_parts_and_never_holes():
    assert from_coco([SQUARE]) == {"polygon": [SQUARE]}
    assert from_coco(SQUARE) == {"polygon": [SQUARE]}
    both = from_coco([SQUARE, HOLE])
    assert both == {"polygon": [[SQUARE], [HOLE]]}
    assert raster(both, 10, 7).bits.sum() == 16
    assert from_coco([]) is None
    assert to_coco(from_coco([SQUARE, OTHER]), 10, 7) == [SQUARE, OTHER]


def test_a_hole_goes_to_coco_as_a_code_for_rings_cannot_say_it():
    code = to_coco({"polygon": [SQUARE, HOLE]}, 10, 7)
    assert code["size"] == [7, 10]
    assert coco.area(code) == 12
    assert to_coco({"box": [1, 2, 3, 4]}, 10, 7) == []


@given(bit_masks)
def test_codes_of_coco_go_out_and_come_back(bits):
    mask = encode(bits)
    for compressed in (True, False):
        code = to_coco(mask, 10, 7, compressed=compressed)
        again = check(from_coco(code), width=10, height=7, kinds=["mask"])
        assert again.shape == mask
    assert to_coco(mask, 10, 7)["counts"] == coco.encode(np.asfortranarray(bits.view(np.uint8)))["counts"].decode()
    as_bytes = from_coco(coco.encode(np.asfortranarray(bits.view(np.uint8))))
    assert check(as_bytes, width=10, height=7, kinds=["mask"]).shape == mask


def test_runs_of_cvat_go_along_the_rows():
    # .##
    # #..   in the crop at (4, 2)
    mask = from_row_runs([1, 3, 2], 4, 2, 3, 2, image_width=10, image_height=7)
    assert decode(mask).bits.tolist() == [[False, True, True], [True, False, False]]
    assert to_row_runs(mask, 10, 7) == ([1, 3, 2], 4, 2, 3, 2)
    assert to_row_runs({"box": [0, 0, 2, 1]}, 10, 7) == ([0, 2], 0, 0, 2, 1)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (([1, 3, 1], 4, 2, 3, 2), "bad_counts"),
        (([1, 3, "2"], 4, 2, 3, 2), "bad_counts"),
        (([10**12], 0, 0, 10**6, 10**6), "mask_too_large"),
        (([0], 0, 0, 0, 3), "bad_size"),
        (([1, 3, 2], None, 2, 3, 2), "bad_offset"),
    ],
)
def test_runs_that_do_not_fit_are_refused(arguments, code):
    with pytest.raises(Malformed, match=code):
        from_row_runs(*arguments, image_width=10, image_height=7)


@given(bit_masks)
def test_runs_along_rows_go_out_and_come_back(bits):
    out = to_row_runs(encode(bits), 10, 7)
    again = from_row_runs(*out, image_width=10, image_height=7)
    assert check(again, width=10, height=7, kinds=["mask"]).shape == encode(bits)


def test_label_studio_s_code_by_hand():
    # 2 x 1 px, the right one inside: 8 bytes 0 0 0 0 255 255 255 255. Header: 8 as 32 bits, word 8 - 1 = 00111, sizes
    # 3 4 8 16 less 1; then twice: 1 (a run), 00 (the first size), 011 (4 - 1), the word.
    header = f"{8:032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    text = header + "1" + "00" + "011" + "00000000" + "1" + "00" + "011" + "11111111"
    text += "0" * (-len(text) % 8)
    code = [int(text[k : k + 8], 2) for k in range(0, len(text), 8)]
    right = {"mask": {"size": [1, 2], "counts": "11", "offset": [0, 0]}}
    assert from_label_studio(code, 2, 1) == right
    assert to_label_studio(right, 2, 1) == code


def test_label_studio_s_code_may_hold_single_words_of_any_colour():
    # Four pixels: red 255 without alpha, then any colour with alpha 1, 0, 128; all as one block of 16 single words.
    words = [255, 0, 0, 0, 3, 4, 5, 1, 9, 9, 9, 0, 0, 0, 0, 128]
    header = f"{16:032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    text = header + "0" + "01" + "1111" + "".join(f"{word:08b}" for word in words)
    text += "0" * (-len(text) % 8)
    code = [int(text[k : k + 8], 2) for k in range(0, len(text), 8)]
    assert decode(from_label_studio(code, 4, 1)).bits.tolist() == [[False, True, False, True]]
    # The same words in two blocks that part a pixel: 6 and 10.
    text = header + "0" + "00" + "101" + "".join(f"{word:08b}" for word in words[:6])
    text += "0" + "01" + "1001" + "".join(f"{word:08b}" for word in words[6:])
    text += "0" * (-len(text) % 8)
    code = [int(text[k : k + 8], 2) for k in range(0, len(text), 8)]
    assert decode(from_label_studio(code, 4, 1)).bits.tolist() == [[False, True, False, True]]


@given(bit_masks)
def test_label_studio_s_code_goes_out_and_comes_back(bits):
    code = to_label_studio(encode(bits), 10, 7)
    assert check(from_label_studio(code, 10, 7), width=10, height=7, kinds=["mask"]).shape == encode(bits)


def test_long_runs_of_label_studio_are_cut_at_what_16_bits_hold():
    bits = np.zeros((200, 300), dtype=bool)
    bits[100:] = True  # 30,000 px inside: 120,000 words
    assert decode(
        check(
            from_label_studio(to_label_studio(encode(bits), 300, 200), 300, 200), width=300, height=200, kinds=["mask"]
        ).shape
    ).bits.all()


@given(st.binary(max_size=40), st.booleans())
def test_no_bytes_make_label_studio_s_reader_fail_otherwise(tail, fits):
    code = ((10 * 7 * 4).to_bytes(4, "big") if fits else b"") + tail
    try:
        mask = from_label_studio(list(code), 10, 7)
    except Malformed:
        return
    assert mask["mask"]["size"] == [7, 10]


def test_label_studio_s_code_must_be_bytes_of_this_image():
    code = to_label_studio(encode(np.ones((7, 10), dtype=bool)), 10, 7)
    for wrong in (code[:-2], [*code[:5], 300], "text", None, [], [1.5]):
        with pytest.raises(Malformed, match="bad_counts"):
            from_label_studio(wrong, 10, 7)
    with pytest.raises(Malformed, match="bad_counts"):
        from_label_studio(code, 10, 8)
