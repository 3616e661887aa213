"""Figures with intervals: by hand, against scikit-learn, where undefined, and whether the intervals cover."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from sklearn import metrics as reference

from labeler.stats.intervals import wilson
from worker.ml.evaluation.compare import better_beyond_noise, chance, not_worse, scores
from worker.ml.evaluation.metrics import (
    evaluate,
    evaluate_multi,
    evaluate_single,
    expected_calibration_error,
    f1,
    roc_auc,
)


@pytest.fixture
def single():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 300)
    logits = rng.standard_normal((300, 4)) + 1.5 * np.eye(4)[truth]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return p, truth


def test_single_choice_figures_are_those_of_scikit_learn(single):
    p, truth = single
    report = evaluate_single(p, truth, list("abcd"))
    called = p.argmax(1)
    assert report["accuracy"]["value"] == pytest.approx(reference.accuracy_score(truth, called))
    assert report["macro_f1"]["value"] == pytest.approx(reference.f1_score(truth, called, average="macro"), abs=1e-6)
    assert report["weighted_f1"]["value"] == pytest.approx(
        reference.f1_score(truth, called, average="weighted"), abs=1e-6
    )
    assert report["log_loss"]["value"] == pytest.approx(reference.log_loss(truth, p))
    assert report["confusion"]["counts"] == reference.confusion_matrix(truth, called).tolist()
    precision, recall, each_f1, support = reference.precision_recall_fscore_support(truth, called)
    for k, row in enumerate(report["per_class"]):
        assert row["category"] == "abcd"[k]
        assert row["n"] == support[k]
        assert row["precision"]["value"] == pytest.approx(precision[k])
        assert row["recall"]["value"] == pytest.approx(recall[k])
        assert row["f1"]["value"] == pytest.approx(each_f1[k])
        assert row["roc_auc"]["value"] == pytest.approx(reference.roc_auc_score(truth == k, p[:, k]))
    assert report["roc_auc"]["value"] == pytest.approx(reference.roc_auc_score(truth, p, multi_class="ovr"))


def test_several_labels_figures_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    truth = rng.random((200, 3)) < [0.2, 0.5, 0.7]
    p = np.clip(truth * 0.4 + rng.random((200, 3)) * 0.6, 0.001, 0.999)
    report = evaluate_multi(p, truth, [1, 2, 3])
    called = p >= 0.5
    assert report["accuracy"]["value"] == pytest.approx(reference.accuracy_score(truth, called))
    assert report["label_accuracy"]["value"] == pytest.approx(1 - reference.hamming_loss(truth, called), abs=1e-6)
    for name in ("macro", "micro", "weighted"):
        expected = reference.f1_score(truth, called, average=name)
        assert report[f"{name}_f1"]["value"] == pytest.approx(expected, abs=1e-6)
    for k, row in enumerate(report["per_class"]):
        assert row["confusion"] == reference.confusion_matrix(truth[:, k], called[:, k]).tolist()
        assert row["roc_auc"]["value"] == pytest.approx(reference.roc_auc_score(truth[:, k], p[:, k]))


def test_every_interval_contains_its_value_and_all_is_json(single):
    report = evaluate_single(*single, list("abcd"))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    stats = [report[k] for k in ("accuracy", "macro_f1", "weighted_f1", "log_loss", "ece")]
    stats += [row[k] for row in report["per_class"] for k in ("precision", "recall", "f1", "roc_auc")]
    for stat in stats:
        assert stat.keys() == {"value", "low", "high", "n", "reason"}
        assert stat["low"] < stat["value"] < stat["high"]
        assert stat["reason"] is None


def test_undefined_figures_are_none_with_a_reason():
    # three classes, of which the last never occurs and is never called
    p = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.7, 0.3, 0.0]])
    report = evaluate_single(p, np.array([0, 0, 1]), list("abc"))
    _, b, c = report["per_class"]
    assert (b["precision"]["value"], b["precision"]["reason"]) == (None, "The model never chose this class.")
    assert b["recall"]["value"] == 0.0
    assert (c["recall"]["value"], c["recall"]["reason"]) == (None, "No image has this class.")
    assert (c["f1"]["value"], c["roc_auc"]["value"]) == (None, None)
    assert c["roc_auc"]["reason"] == "Needs images with and without this class."
    assert "1 undefined" in report["roc_auc"]["reason"]
    json.dumps(report, allow_nan=False)


@pytest.mark.parametrize("task", ["single", "multi"])
def test_no_images_give_a_report_of_undefined_figures(task):
    targets = np.empty(0, np.int64) if task == "single" else np.empty((0, 2), bool)
    report = evaluate(np.empty((0, 2)), targets, ["a", "b"], task)
    assert report["accuracy"] == {"value": None, "low": None, "high": None, "n": 0, "reason": "No image to judge on."}
    full = evaluate(np.array([[0.7, 0.3]] * 4), np.array([0, 1, 0, 1]) if task == "single" else np.eye(2)[[0, 1, 0, 1]],
                    ["a", "b"], task)  # fmt: skip
    assert report.keys() == full.keys()


def test_all_right_has_bounds_for_shares_and_says_where_resampling_has_none():
    truth = np.array([0, 1] * 10)
    report = evaluate_single(np.eye(2)[truth] * 0.98 + 0.01, truth, ["a", "b"])
    assert report["accuracy"]["low"] == pytest.approx(wilson(20, 20)[0])
    assert report["accuracy"]["high"] == 1.0
    assert report["per_class"][0]["f1"]["low"] < 0.9  # ten images do not prove perfection
    assert report["macro_f1"]["low"] is None
    assert "No interval" in report["macro_f1"]["reason"]


def test_area_under_the_curve_counts_ties_half():
    # positives .8 .5, negatives .5 .2: pairs won 1, 1, half, 1 of 4 = 0.875
    scored, positive = np.array([0.8, 0.5, 0.5, 0.2]), np.array([True, True, False, False])
    assert roc_auc(scored, positive)["value"] == 0.875
    assert roc_auc(1 - scored, positive)["value"] == 0.125


def test_calibration_error_by_hand():
    # four images at .9 of which three right: |.75 - .9| = .15; four at .6 of which two right: |.5 - .6| = .1
    confidence = np.array([0.9] * 4 + [0.6] * 4)
    right = np.array([1, 1, 1, 0, 1, 1, 0, 0.0])
    assert expected_calibration_error(confidence, right)["value"] == pytest.approx(0.125)


def test_intervals_of_f1_and_auc_cover_about_as_often_as_they_say():
    rng = np.random.default_rng(5)
    covered_f1 = covered_auc = 0
    trials, n = 400, 120
    # class of share .3; sensitivity .8, false alarms .1: tp .24, fp .07, fn .06 of all, F1 = .48/.61
    # scores N(1, 1) against N(0, 1): AUC = Phi(1 / sqrt 2) = .7602
    for _ in range(trials):
        positive = rng.random(n) < 0.3
        called = np.where(positive, rng.random(n) < 0.8, rng.random(n) < 0.1)
        stat = f1(int((positive & called).sum()), int((~positive & called).sum()), int((positive & ~called).sum()))
        covered_f1 += stat["low"] <= 0.48 / 0.61 <= stat["high"]
        auc = roc_auc(rng.standard_normal(n) + positive, positive)
        covered_auc += auc["low"] <= 0.76025 <= auc["high"]
    # 400 trials at 95 %: standard error 1.1 points
    assert 0.92 <= covered_f1 / trials <= 0.985
    assert 0.92 <= covered_auc / trials <= 0.985


# -- two models ------------------------------------------------------------------------------------------


def right(n, n_wrong):
    return np.r_[np.zeros(n_wrong), np.ones(n - n_wrong)]


def test_a_clearly_worse_model_is_refused_and_a_better_one_promoted():
    worse = not_worse(right(500, 50), right(500, 100), margin=0.02)
    assert (worse.promote, worse.worse, worse.difference) == (False, True, pytest.approx(-0.1))
    assert "worse" in worse.reason
    better = not_worse(right(500, 100), right(500, 50), margin=0.02)
    assert (better.promote, better.proven, better.worse) == (True, True, False)


def test_few_images_that_prove_nothing_do_not_block_the_new_model():
    undecided = not_worse(right(30, 6), right(30, 6), margin=0.02)
    assert (undecided.promote, undecided.proven) == (True, False)
    assert undecided.low < 0 < undecided.high  # two models that agree everywhere still have an interval
    assert "too few" in undecided.reason
    assert not_worse(np.empty(0), np.empty(0)).promote


def test_a_difference_beyond_the_margin_is_refused_even_when_it_may_be_noise():
    old, new = right(40, 8), np.roll(right(40, 10), 20)
    assert not_worse(old, new, margin=0.02).worse


def test_agresti_min_interval_by_hand():
    # n = 100, 12 gained, 4 lost: (12.5 - 4.5) / 102 = .0784; se = sqrt(17 - 64/102) / 102 = .0397
    old = np.r_[np.zeros(12), np.ones(4), np.ones(84)]
    new = np.r_[np.ones(12), np.zeros(4), np.ones(84)]
    comparison = not_worse(old, new)
    assert comparison.difference == pytest.approx(0.08)
    assert (comparison.low, comparison.high) == pytest.approx((0.0007, 0.1561), abs=3e-4)
    json.dumps(asdict(comparison), allow_nan=False)


def test_a_small_p_is_not_said_to_be_nothing():
    assert [chance(p) for p in (0.04321, 0.001, 0.00099, 0.0)] == ["p = 0.043", "p = 0.001", "p < 0.001", "p < 0.001"]


def test_better_beyond_noise_is_the_sign_test():
    # 9 won, 1 lost: P(at least 9 of 10 heads) = 11 / 1024
    first, second = np.r_[np.zeros(9), np.ones(91)], np.r_[np.ones(9), np.zeros(1), np.ones(90)]
    assert better_beyond_noise(first, second) == (True, pytest.approx(11 / 1024))
    assert better_beyond_noise(second, first)[0] is False
    assert better_beyond_noise(first, first) == (False, 1.0)


def test_scores_per_image_of_both_tasks():
    assert scores(np.array([[0.6, 0.4], [0.3, 0.7]]), np.array([0, 0]), "single").tolist() == [1.0, 0.0]
    assert scores(np.array([[0.9, 0.2, 0.7, 0.1]]), np.array([[1, 0, 0, 0]]), "multi").tolist() == [0.75]
