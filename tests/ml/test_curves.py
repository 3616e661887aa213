"""Curves, slices and flips: numbers in print, scikit-learn, whether intervals cover, and what small slices say."""

import json

import numpy as np
import pytest
from sklearn import metrics as reference

from worker.ml.evaluation.curves import (
    POINTS,
    average_precision,
    curves,
    precision_recall_points,
    reliability,
    roc_points,
)
from worker.ml.evaluation.metrics import expected_calibration_error, roc_auc
from worker.ml.evaluation.slices import by_value


def _scored(n, seed, strength=1.5, share=0.3):
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < share
    logits = rng.standard_normal(n) + strength * positive - strength / 2
    return 1 / (1 + np.exp(-logits)), positive


def test_the_worked_example_of_scikit_learns_manual():
    # scores .1 .4 .35 .8 with truth 0 0 1 1: AP .83, AUC .75, corners (0,0) (0,.5) (.5,.5) (.5,1) (1,1)
    scores, positive = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    assert average_precision(scores, positive)["value"] == pytest.approx(0.8333, abs=1e-4)
    found = roc_points(scores, positive)
    assert list(zip(found["x"], found["y"], strict=True)) == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]
    assert found["thresholds"] == [1.0, 0.8, 0.4, 0.35, 0.1]
    assert precision_recall_points(scores, positive)["y"] == pytest.approx([1, 0.5, 2 / 3, 0.5], abs=1e-4)


@pytest.mark.parametrize("digits", [6, 1])
def test_curves_are_those_of_scikit_learn_with_and_without_ties(digits):
    scores, positive = _scored(45, 3)
    scores = scores.round(digits)
    found = roc_points(scores, positive)
    x, y, _ = reference.roc_curve(positive, scores, drop_intermediate=False)
    every = {(a, b) for a, b in zip(x.round(4).tolist(), y.round(4).tolist(), strict=True)}
    assert set(zip(found["x"], found["y"], strict=True)) <= every
    assert np.trapezoid(found["y"], found["x"]) == pytest.approx(reference.roc_auc_score(positive, scores), abs=1e-3)
    precision, recall, _ = reference.precision_recall_curve(positive, scores)
    curve = precision_recall_points(scores, positive)
    # scikit-learn lists the same corners from the loosest on, and adds (0, 1)
    assert curve["y"] == pytest.approx(precision[-2::-1], abs=1e-4)
    assert curve["x"] == pytest.approx(recall[-2::-1], abs=1e-4)
    value = average_precision(scores, positive)["value"]
    assert value == pytest.approx(reference.average_precision_score(positive, scores))


def test_a_long_curve_is_thinned_to_what_a_plot_shows():
    scores, positive = _scored(20_000, 4)
    found = roc_points(scores, positive)
    assert len(found["x"]) <= POINTS + 2
    assert (found["x"][0], found["y"][0], found["x"][-1], found["y"][-1]) == (0, 0, 1, 1)
    # what is left encloses the same area within a thousandth
    assert np.trapezoid(found["y"], found["x"]) == pytest.approx(roc_auc(scores, positive)["value"], abs=2e-3)


def test_the_interval_of_average_precision_holds_the_truth():
    truth = average_precision(*_scored(400_000, 5))["value"]
    found = [average_precision(*_scored(200, seed)) for seed in range(400)]
    held = np.mean([stat["low"] <= truth <= stat["high"] for stat in found])
    assert 0.92 <= held <= 0.995  # Boyd's interval is known to be a little wide


def test_reliability_adds_up_to_the_calibration_error():
    rng = np.random.default_rng(6)
    confidence = rng.uniform(0.2, 1, 500)
    right = rng.random(500) < confidence**2
    rows = reliability(confidence, right)
    assert sum(row["n"] for row in rows) == 500
    ece = sum(row["n"] * abs(row["right"]["value"] - row["confidence"]) for row in rows) / 500
    assert ece == pytest.approx(expected_calibration_error(confidence, right)["value"])
    assert all(row["from"] <= row["confidence"] <= row["to"] for row in rows)
    assert all(row["right"]["low"] <= row["right"]["value"] <= row["right"]["high"] for row in rows)


def test_what_is_not_defined_is_none_with_a_reason_and_all_is_json():
    p = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.7, 0.3, 0.0]])
    report = curves(p, np.array([0, 0, 1]), ["a", "b", "c"], "single")
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    never = report["classes"][2]
    assert (never["roc"], never["precision_recall"]) == (None, None)
    assert never["average_precision"]["value"] is None
    assert never["average_precision"]["reason"] == "No image has this class."
    empty = curves(np.empty((0, 2)), np.empty(0, int), ["a", "b"], "single")
    assert empty["mean_average_precision"] is None
    assert empty["reliability"] == []


def test_several_labels_have_a_curve_per_class_and_the_most_frequent_classes_are_kept():
    rng = np.random.default_rng(7)
    truth = rng.permutation(100)[:, None] < np.arange(5, 75, 2)  # 5, 7, ... 73 images
    p = np.clip(truth * 0.3 + rng.random((100, 35)) * 0.7, 0, 1)
    report = curves(p, truth, list(range(35)), "multi")
    assert [row["category"] for row in report["classes"]] == list(range(5, 35))
    assert report["left_out"] == 5
    assert report["mean_average_precision"] == pytest.approx(reference.average_precision_score(truth, p))
    assert sum(row["n"] for row in report["reliability"]) == 3500


def test_the_slice_where_the_model_is_worse_is_found_and_a_small_one_only_warned_of():
    rng = np.random.default_rng(8)
    camera = np.repeat(["old", "new", "phone", None], [100, 200, 200, 12])
    right = rng.random(512) < np.where(camera == "old", 0.6, 0.9)
    found = by_value(camera.tolist(), right)
    first = found["slices"][0]
    assert (first["value"], first["n"], first["worse"], first["warning"]) == ("old", 100, True, None)
    assert first["difference"] < -0.2
    assert [row["worse"] for row in found["slices"][1:]] == [False] * 3
    last = found["slices"][-1]
    assert (last["value"], last["p"]) == ("(none)", None)
    assert last["warning"] == "Only 12 images: read the interval, not the value."


def test_equal_slices_are_rarely_called_worse():
    rng = np.random.default_rng(9)
    alarms = 0
    for _ in range(300):
        found = by_value(rng.integers(0, 6, 400).tolist(), rng.random(400) < 0.85)
        alarms += any(row["worse"] for row in found["slices"])
    assert alarms <= 24  # 300 fields at 5 %: 15 expected, 24 is the 99 % point


def test_numbers_are_cut_into_quarters_and_many_values_put_together():
    rng = np.random.default_rng(10)
    width = rng.integers(100, 4000, 400)
    found = by_value(width.tolist(), (width > 1000).astype(float))
    assert len(found["slices"]) == 4
    assert found["slices"][0]["value"].startswith("up to")
    assert found["slices"][0]["worse"]
    many = by_value([f"site {i % 50}" for i in range(1000)], np.ones(1000))
    assert len(many["slices"]) == 20
    assert "(31 others)" in [row["value"] for row in many["slices"]]
    # shares of right labels instead of right and wrong
    half = by_value(["a"] * 50 + ["b"] * 50, np.r_[rng.uniform(0, 0.6, 50), rng.uniform(0.4, 1, 50)])
    assert [row["worse"] for row in half["slices"]] == [True, False]
    with pytest.raises(ValueError, match="same images"):
        by_value(["a"], np.ones(2))
