"""95 % intervals: published bounds, laws, and agreement of the quick way with the long one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeler.stats import intervals
from labeler.stats.intervals import fisher_z, resampled, wilson


def test_wilson_of_published_counts():
    # Newcombe (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_wilson_interval_by_hand():
    # 8 of 10: (0.8 + 1.96^2/20) / (1 + 1.96^2/10) = 0.7167; half = 1.96/1.3841 * sqrt(0.016 + 0.0096) = 0.2266
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=2e-4)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_no_observation_has_no_interval():
    assert wilson(0, 0) is None


@pytest.mark.parametrize("successes", [-1, 11])
def test_impossible_counts_are_refused(successes):
    with pytest.raises(ValueError, match="successes"):
        wilson(successes, 10)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_mirrors_and_stays_in_range(counts):
    successes, n = counts
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    mirrored = wilson(n - successes, n)
    assert (low, high) == pytest.approx((1 - mirrored[1], 1 - mirrored[0]), abs=1e-12)


def test_fisher_z_of_a_hand_worked_value():
    # atanh .5 = .549306; error .05 / (1 - .25) = .066667; .549306 +- 1.959964 * .066667 = .418642, .679970
    low, high = fisher_z(np.array([0.5]), np.array([0.05]))
    assert (low[0], high[0]) == pytest.approx((np.tanh(0.418642), np.tanh(0.679970)), abs=1e-6)


def test_fisher_z_has_no_interval_at_the_ends():
    low, high = fisher_z(np.array([1.0, -1.0]), np.array([0.0, 0.1]))
    assert np.isnan([*low, *high]).all()


@given(st.floats(-0.999, 0.999), st.floats(0, 2))
def test_fisher_z_stays_in_range(value, error):
    low, high = fisher_z(np.array([value]), np.array([error]))
    assert -1 <= low[0] <= value + 1e-12
    assert value - 1e-12 <= high[0] <= 1


def mean(sums):
    return (sums[:, 1] / sums[:, 0])[:, None]


def test_resampling_gives_the_interval_of_a_mean_both_ways(monkeypatch):
    # 400 images of value 0 and 600 of value 1: standard error sqrt(.24 / 1000) = .01549
    columns, images = np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([400, 600])
    (by_bootstrap,) = resampled(columns, images, mean)
    monkeypatch.setattr(intervals, "RESAMPLED_PATTERNS", 1)
    (linear,) = resampled(columns, images, mean)
    assert linear == pytest.approx((0.6 - 1.96 * 0.01549, 0.6 + 1.96 * 0.01549), abs=1e-4)
    assert by_bootstrap == pytest.approx(linear, abs=0.004)


def test_the_same_labels_give_the_same_interval():
    columns, images = np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([40, 60])
    assert resampled(columns, images, mean) == resampled(columns, images, mean)


def test_no_spread_has_no_interval(monkeypatch):
    columns, images = np.array([[1.0, 1.0]]), np.array([50])
    assert resampled(columns, images, mean) == [None]
    monkeypatch.setattr(intervals, "RESAMPLED_PATTERNS", 0)
    assert resampled(columns, images, mean) == [None]


def test_a_figure_mostly_undefined_in_resamples_has_no_interval():
    def never(sums):
        return np.full((len(sums), 1), np.nan)

    assert resampled(np.array([[1.0, 0.0]]), np.array([50]), never) == [None]
