"""Agreement on sets of classes: MASI, alpha, and kappa class by class."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeler.stats import multilabel
from labeler.stats.agreement import summarize
from labeler.stats.kappa import cohen_kappa
from labeler.stats.multilabel import masi_distance
from labeler.stats.results import ONE_CLASS_ONLY
from labeler.wording.sentences import sentence


def as_sets(*sets, k=4):
    return np.array([[i in chosen for i in range(k)] for chosen in sets])


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ({0, 1}, {0, 1}, 0),
        ({0, 1}, {0, 1, 2, 3}, 1 - 2 / 4 * 2 / 3),  # contained
        ({0, 1}, {1, 2}, 1 - 1 / 3 * 1 / 3),  # overlap
        ({0}, {1}, 1),
        (set(), set(), 0),
        (set(), {2}, 1),
    ],
)
def test_masi_by_hand(one, other, distance):
    a, b = as_sets(one, other)
    assert masi_distance(a, b) == pytest.approx(distance)
    assert masi_distance(b, a) == pytest.approx(distance)


def simulated_sets(n_images, people, k, seed=0, per_image=2):
    rng = np.random.default_rng(seed)
    image = np.repeat(np.arange(n_images), per_image)
    annotator = np.argsort(rng.random((n_images, people)), axis=1)[:, :per_image].ravel()
    truth = (rng.random((n_images, k)) < 0.3).repeat(per_image, axis=0)
    return image, annotator, truth ^ (rng.random((image.size, k)) < 0.1)


def alpha_by_definition(image, answers):
    units = [answers[image == i] for i in np.unique(image)]
    units = [unit for unit in units if len(unit) >= 2]
    values = np.concatenate(units)
    observed = sum(
        sum(masi_distance(x, y) for x, y in itertools.permutations(unit, 2)) / (len(unit) - 1) for unit in units
    )
    expected = sum(masi_distance(x, y) for x, y in itertools.permutations(values, 2)) / (len(values) - 1)
    return 1 - observed / expected if expected else None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=4),
        min_size=1,
        max_size=8,
    )
)
def test_alpha_of_sets_is_its_definition(units):
    image = np.repeat(np.arange(len(units)), [len(unit) for unit in units])
    annotator = np.concatenate([np.arange(len(unit)) for unit in units])
    answers = np.array([row for unit in units for row in unit])
    summary = summarize(image, annotator, answers, 4, 3, "multi")
    if not any(len(unit) >= 2 for unit in units):
        assert summary.alpha.value is None
        return
    expected = alpha_by_definition(image, answers)
    assert summary.alpha.value == (None if expected is None else pytest.approx(expected, abs=1e-9))


def test_alpha_of_sets_holds_for_more_sets_than_are_compared_exactly(monkeypatch):
    image, annotator, answers = simulated_sets(600, 3, 8)
    exact = summarize(image, annotator, answers, 3, 8, "multi").alpha
    monkeypatch.setattr(multilabel, "EXACT_SETS", 150)
    sampled = summarize(image, annotator, answers, 3, 8, "multi").alpha
    assert sampled.value != exact.value
    assert sampled.value == pytest.approx(exact.value, abs=0.02)
    assert exact.low < exact.value < exact.high


def test_alphas_interval_is_that_of_resampled_images():
    image, annotator, answers = simulated_sets(120, 3, 4)
    rng = np.random.default_rng(2)
    found = []
    for _ in range(200):
        drawn = rng.integers(0, 120, 120)
        rows = (drawn[:, None] * 2 + np.arange(2)).ravel()
        found.append(summarize(np.arange(120).repeat(2), annotator[rows], answers[rows], 3, 4, "multi").alpha.value)
    stat = summarize(image, annotator, answers, 3, 4, "multi").alpha
    assert (stat.high - stat.low) / 3.92 == pytest.approx(np.std(found), rel=0.2)


def test_one_declared_class_is_a_yes_or_no_question():
    image, annotator, answers = simulated_sets(300, 2, 1)
    summary = summarize(image, annotator, answers, 2, 1, "multi")
    a, b = answers[annotator == 0, 0], answers[annotator == 1, 0]
    expected = cohen_kappa(a, b, 2)
    kappa = summary.pairs[0].kappa
    for name in ("value", "observed", "expected", "pabak", "ac1", "low", "high", "standard_error"):
        assert getattr(kappa, name) == pytest.approx(getattr(expected, name)), name
    assert summary.light == kappa.stat()


def test_each_class_of_two_people_has_cohens_kappa():
    image, annotator, answers = simulated_sets(200, 2, 3)
    summary = summarize(image, annotator, answers, 2, 3, "multi")
    for k, one in enumerate(summary.categories):
        expected = cohen_kappa(answers[annotator == 0, k], answers[annotator == 1, k], 2)
        assert one.kappa.value == pytest.approx(expected.value)
        assert one.n == answers[:, k].sum()


def test_a_pair_is_kappa_of_the_means_over_classes():
    image, annotator, answers = simulated_sets(150, 2, 3)
    summary = summarize(image, annotator, answers, 2, 3, "multi")
    each = [cohen_kappa(answers[annotator == 0, k], answers[annotator == 1, k], 2) for k in range(3)]
    observed, expected = np.mean([x.observed for x in each]), np.mean([x.expected for x in each])
    kappa = summary.pairs[0].kappa
    assert kappa.value == pytest.approx((observed - expected) / (1 - expected))
    assert kappa.low < kappa.value < kappa.high


def test_the_error_of_lights_mean_is_that_of_resampled_images():
    image, annotator, answers = simulated_sets(300, 4, 3, per_image=3)
    summary = summarize(image, annotator, answers, 4, 3, "multi")
    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        drawn = rng.integers(0, 300, 300)
        rows = (drawn[:, None] * 3 + np.arange(3)).ravel()
        found.append(summarize(np.arange(300).repeat(3), annotator[rows], answers[rows], 4, 3, "multi").light.value)
    assert (summary.light.high - summary.light.low) / 3.92 == pytest.approx(np.std(found), rel=0.2)


def test_everybody_choosing_nothing_is_undefined_with_a_reason():
    summary = summarize(np.arange(40).repeat(2), [0, 1] * 40, np.zeros((80, 3), dtype=bool), 2, 3, "multi")
    assert (summary.alpha.value, summary.alpha.reason) == (None, ONE_CLASS_ONLY)
    assert summary.observed.value == 1.0
    assert summary.pairs[0].kappa.value is None
    assert summary.categories[0].kappa.value is None
    assert "one class per image" in sentence(summary.fleiss.reason)


def test_confusion_counts_images_on_which_one_class_stood_for_another():
    # image 0: {0} against {1}; image 1: {0, 2} against {1, 2} twice; image 2: {0} against {0, 1}, no swap
    answers = as_sets({0}, {1}, {0, 2}, {1, 2}, {1, 2}, {0}, {0, 1})
    summary = summarize([0, 0, 1, 1, 1, 2, 2], [0, 1, 0, 1, 2, 0, 1], answers, 3, 4, "multi")
    assert [(pair.a, pair.b, pair.count) for pair in summary.confusion] == [(0, 1, 2)]


def test_a_person_twice_on_an_image_is_refused():
    with pytest.raises(ValueError, match="two rows on the same image"):
        summarize([0, 0], [1, 1], as_sets({0}, {1}), 2, 4, "multi")
