"""Likely label errors: planted ones come first, a timid class is not accused, and nobody accuses from anecdotes."""

import numpy as np
import pytest

from labeler.stats.labelerrors import suspects, suspects_of_sets


def _planted(rng, n=1000, k=5, share=0.05, strength=3.0):
    """True classes, a model's out-of-fold view of them (some .86 right), and labels of which a share is wrong."""
    truth = rng.integers(0, k, n)
    logits = rng.standard_normal((n, k)) + strength * np.eye(k)[truth]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.random(n) < share
    labels = np.where(wrong, (truth + rng.integers(1, k, n)) % k, truth)
    return p, labels, truth, wrong


def test_planted_errors_come_first():
    precisions = []
    for seed in range(10):
        p, labels, truth, wrong = _planted(np.random.default_rng(seed))
        found = suspects(p, labels)
        assert (np.diff(found.doubt) <= 0).all()
        assert (found.label == labels[found.image]).all()
        planted = int(wrong.sum())
        precisions.append(wrong[found.image[: planted // 2]].mean())
        # most of the errors are on the list at all
        assert wrong[found.image].sum() > 0.8 * planted
        hit = wrong[found.image]
        assert (found.suggested[hit] == truth[found.image[hit]]).mean() > 0.9
    # a random list would hold 5 %
    assert np.mean(precisions) > 0.85


def test_a_class_the_model_is_timid_about_is_not_flooded():
    # Of class 1 it is never surer than .6, of class 0 always .9: an image labeled 1 with .55 / .45 is ordinary for it,
    # while an image labeled 0 with .55 for class 1 is not.
    p0 = np.r_[np.full(20, 0.9), [0.4], np.full(20, 0.45), [0.95]]
    labels = np.r_[np.zeros(21, int), np.ones(21, int)]
    found = suspects(np.column_stack((p0, 1 - p0)), labels)
    # thresholds: class 0 (20 x .9 + .4) / 21 = .876; class 1 (20 x .55 + .05) / 21 = .526
    assert found.thresholds == pytest.approx([0.8762, 0.5262], abs=1e-4)
    assert found.image.tolist() == [41, 20]
    assert found.doubt == pytest.approx([0.9, 0.2])
    assert found.suggested.tolist() == [0, 1]


def test_a_class_with_few_labels_accuses_nobody_and_missing_rows_are_left_out():
    p = np.array([[0.1, 0.9]] * 4 + [[0.9, 0.1]] * 10 + [[np.nan, np.nan]])
    labels = np.array([1] * 3 + [0] * 12)
    found = suspects(p, labels)
    assert np.isnan(found.thresholds[1])
    assert len(found) == 0
    nothing = suspects(np.empty((0, 3)), np.empty(0, int))
    assert len(nothing) == 0
    with pytest.raises(ValueError, match="one label for each"):
        suspects(p, labels[:3])


def test_with_several_labels_each_class_is_a_question_of_its_own():
    rng = np.random.default_rng(1)
    truth = rng.random((400, 3)) < 0.4
    p = np.clip(np.where(truth, 0.85, 0.15) + rng.normal(0, 0.08, truth.shape), 0.01, 0.99)
    labels = truth.copy()
    for image, at in ((5, 0), (50, 1), (300, 2)):
        labels[image, at] = ~labels[image, at]
    found = suspects_of_sets(p, labels)
    assert {(5, 0), (50, 1), (300, 2)} == set(zip(found.image.tolist()[:3], found.label.tolist()[:3], strict=True))
    assert (found.suggested[:3] == truth[found.image[:3], found.label[:3]]).all()
    assert len(found) == 3
    with pytest.raises(ValueError, match="one answer for each"):
        suspects_of_sets(p, labels[:5])
