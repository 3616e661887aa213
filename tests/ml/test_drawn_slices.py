"""Slices by metadata of models that draw."""

import numpy as np
import pytest

from worker.ml.evaluation.drawn_slices import by_value


def test_the_slice_where_objects_are_missed_is_found_and_a_small_one_only_warned_of():
    counts = np.tile([[2, 2, 2]], (100, 1, 1))
    counts[:40, 0, 0] = np.arange(40) % 3  # of two objects none, one or both are found
    values = ["night"] * 40 + ["day"] * 50 + [None] * 10

    found = by_value(values, counts, pixels=False)

    first, second, last = found["slices"]
    assert (first["value"], first["n"], first["n_objects"], first["worse"]) == ("night", 40, 80, True)
    assert first["recall"]["value"] == pytest.approx(39 / 80) and first["recall"]["low"] < 0.45
    assert first["difference"] == pytest.approx(39 / 80 - 1)
    assert (second["value"], second["worse"]) == ("day", False)
    assert (last["value"], last["p"], last["warning"][:14]) == ("(none)", None, "Only 10 images")
    assert found["n"] == 100
    with pytest.raises(ValueError, match="same images"):
        by_value(values[1:], counts, pixels=False)


def test_slices_of_pixels_have_one_figure():
    counts = np.tile([[50, 60, 60], [30, 40, 40]], (60, 1, 1))
    (row, _other) = by_value([1, 2] * 30, counts, pixels=True)["slices"]

    assert row["n_objects"] is None and "recall" not in row
    assert row["miou"]["value"] == pytest.approx((50 / 70 + 30 / 50) / 2) and row["difference"] == 0
