"""The regression on frozen features agrees with scikit-learn's, and accepts what that one does not."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from worker.ml.candidates import logistic
from worker.ml.candidates.logistic import Path, fit_path, scale_features, to_probabilities


def blobs(n, d, k, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    return (rng.standard_normal((n, d)) + 1.2 * rng.standard_normal((k, d))[y]).astype(np.float32), y


# more images than dimensions, and fewer: there the fit runs in the span of the images
@pytest.mark.parametrize(("n", "d"), [(120, 6), (40, 100)])
@pytest.mark.parametrize("k", [2, 3])
def test_probabilities_are_those_of_scikit_learn(n, d, k):
    x, y = blobs(n, d, k)
    ours = fit_path(x, np.eye(k)[y], np.ones(n), [0.01, 0.1], "single")[1]
    if k == 2:
        # a softmax of two has twice the freedom of scikit-learn's sigmoid: w = (v, -v), so |W|^2 = 2 |v|^2
        reference = LogisticRegression(C=0.2, tol=1e-8, max_iter=5000).fit(x, y)
    else:
        reference = LogisticRegression(C=0.1, tol=1e-8, max_iter=5000).fit(x, y)
    p = to_probabilities(ours.logits(x), "single")
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(p, reference.predict_proba(x), atol=5e-3)


def test_several_labels_are_one_regression_each():
    x, y = blobs(150, 5, 3)
    targets = np.stack([y == 0, y != 1], 1).astype(float)
    ours = to_probabilities(fit_path(x, targets, np.ones(150), [0.3], "multi")[0].logits(x), "multi")
    for k in range(2):
        reference = LogisticRegression(C=0.3, tol=1e-8, max_iter=5000).fit(x, targets[:, k])
        np.testing.assert_allclose(ours[:, k], reference.predict_proba(x)[:, 1], atol=5e-3)


def test_a_weight_of_two_counts_like_the_image_twice_and_soft_labels_like_a_vote():
    x, y = blobs(60, 4, 3)
    hot, ones = np.eye(3)[y], np.ones(60)
    doubled = fit_path(np.r_[x, x[:20]], np.r_[hot, hot[:20]], np.ones(80), [0.1], "single")[0]
    weighted = fit_path(x, hot, np.r_[np.full(20, 2.0), np.ones(40)], [0.1], "single")[0]
    np.testing.assert_allclose(weighted.logits(x), doubled.logits(x), atol=0.02)
    # two of three people say class 0, one says 1
    soft = hot.copy()
    soft[0] = [2 / 3, 1 / 3, 0]
    votes = fit_path(
        np.r_[x[1:], x[:1], x[:1]],
        np.r_[hot[1:], [[1, 0, 0], [0, 1, 0]]],
        np.r_[ones[1:], 2 / 3, 1 / 3],
        [0.1],
        "single",
    )[0]
    np.testing.assert_allclose(fit_path(x, soft, ones, [0.1], "single")[0].logits(x), votes.logits(x), atol=0.02)


def test_a_category_without_any_image_stays_improbable():
    x, y = blobs(50, 80, 2)
    p = to_probabilities(fit_path(x, np.eye(3)[y], np.ones(50), [0.1], "single")[0].logits(x), "single")
    assert np.isfinite(p).all()
    assert p[:, 2].max() < 0.05


def test_features_are_scaled_to_one_length():
    scaled = scale_features(np.array([[3.0, 4.0], [0.0, 0.0]], np.float16))
    np.testing.assert_allclose(scaled, [[0.6 * 2**0.5, 0.8 * 2**0.5], [0, 0]], rtol=1e-5)


def test_along_the_principal_axes_the_answers_are_the_same_and_the_leading_ones_nearly():
    x, y = blobs(300, 24, 3)
    hot = np.eye(3)[y]
    direct = to_probabilities(fit_path(x, hot, np.ones(300), [0.1], "single")[0].logits(x), "single")
    z, axes = logistic.principal(x)
    found = axes.back(Path(z, hot, np.ones(300), "single").fit(0.1))
    np.testing.assert_allclose(to_probabilities(found.logits(x), "single"), direct, atol=5e-3)
    assert logistic.principal(x[:20]) == (pytest.approx(x[:20]), None)


def test_many_images_are_fitted_in_fewer_directions_and_single_precision(monkeypatch):
    # three of thirty directions carry the classes, the rest hardly varies
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = (np.eye(3)[y] @ rng.standard_normal((3, 30)) * 2 + rng.standard_normal((400, 30)) * 0.05).astype(np.float32)
    whole = to_probabilities(fit_path(x, np.eye(3)[y], np.ones(400), [1.0], "single")[0].logits(x), "single")
    monkeypatch.setattr(logistic, "MANY", 400)
    monkeypatch.setattr(logistic, "DIRECTIONS", 3)
    monkeypatch.setattr(logistic, "LARGE", 1)
    z, axes = logistic.principal(x)
    found = axes.back(Path(z, np.eye(3)[y], np.ones(400), "single").fit(1.0))
    assert (z.shape, found.weight.shape) == ((400, 3), (3, 30))
    np.testing.assert_allclose(to_probabilities(found.logits(x), "single"), whole, atol=0.02)
