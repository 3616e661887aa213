"""What is asked first: before any model a bit of everything, later what the model doubts."""

import numpy as np
import pytest

from worker.ml.training.active_learning import first_priorities, priorities


@pytest.fixture
def three_kinds():
    """90 features of three kinds, 60 + 20 + 10."""
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], [60, 20, 10])
    centres = 6 * rng.standard_normal((3, 40))
    return (centres[kind] + rng.standard_normal((90, 40))).astype(np.float16), kind


def order_of(priority):
    return np.argsort(-priority, kind="stable")


def test_priorities_run_from_one_to_zero_without_ties(three_kinds):
    features, _ = three_kinds
    for priority in (first_priorities(features, 10), priorities(np.random.default_rng(1).random(90), features)):
        assert sorted(priority.tolist(), reverse=True) == pytest.approx(np.linspace(1, 0, 90).tolist())


def test_the_first_images_cover_every_kind_from_its_middle(three_kinds):
    features, kind = three_kinds
    order = order_of(first_priorities(features, 3))
    assert set(kind[order[:3]]) == {0, 1, 2}
    assert set(kind[order[3:6]]) == {0, 1, 2}
    x = features.astype(float) / np.linalg.norm(features.astype(float), axis=1, keepdims=True)
    for first in order[:3]:
        mates = x[kind == kind[first]]
        distances = np.linalg.norm(mates - mates.mean(0), axis=1)
        assert np.linalg.norm(x[first] - mates.mean(0)) < np.median(distances)


def test_the_order_is_decided_by_its_seed(three_kinds):
    features, _ = three_kinds
    assert np.array_equal(first_priorities(features, 5, seed=3), first_priorities(features, 5, seed=3))


def test_without_features_the_least_sure_come_first():
    assert order_of(priorities(np.array([0.9, 0.1, 0.5]))).tolist() == [1, 2, 0]


def test_a_batch_is_spread_over_what_its_images_show(three_kinds):
    features, kind = three_kinds
    # the model doubts all of kind 0 most, so margin alone would ask for ten of kind 0 at once
    margins = np.where(kind == 0, 0.01, 0.2) + np.linspace(0, 0.005, 90)
    batch = order_of(priorities(margins, features, batch=10))[:10]
    assert set(kind[batch]) == {0, 1, 2}
    assert margins.argmin() in batch


def test_nothing_to_ask_and_one_image_are_fine():
    assert first_priorities(np.empty((0, 8)), 5).shape == (0,)
    assert first_priorities(np.ones((1, 8)), 5).tolist() == [1.0]
    assert priorities(np.empty(0)).shape == (0,)
    assert len(priorities(np.full(60, 0.5), np.ones((60, 8)), batch=50)) == 60
