"""Weighted kappa, alpha with a metric, AC1, pi: published numbers, other libraries, and their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from labeler.stats.alpha import krippendorff_alpha
from labeler.stats.kappa import NOTHING_SHARED, SAME_SINGLE_CLASS, confusion_table, kappa_from_table
from labeler.stats.ordered import METRICS, gwet_ac1, ordered_alpha
from labeler.stats.results import NO_SHARED_IMAGES, ONE_CLASS_ONLY
from labeler.stats.weighted import WEIGHTS, agreement_weights, weighted_kappa
from tests.helpers.krippendorff import krippendorff_c

# Anxiety ratings of 20 people by two raters on a scale of 1 to 6 (the data set `anxiety` of the R package irr, raters
# 1 and 2 of three). irr::kappa2(weight = "equal") prints 0.1459075: over the classes that occur.
ANXIETY = [
    (3, 3), (3, 6), (3, 4), (4, 6), (5, 2), (5, 4), (2, 2), (3, 4), (5, 3), (2, 3), (2, 2), (6, 3), (1, 3), (5, 3),
    (2, 2), (2, 2), (1, 1), (2, 3), (4, 3), (3, 4),
]  # fmt: skip


def counted(table):
    """People x images, None where missing -> votes per image and class."""
    k = 1 + max(x for row in table for x in row if x is not None)
    votes = np.zeros((len(table[0]), k), dtype=int)
    for row in table:
        for i, x in enumerate(row):
            if x is not None:
                votes[i, x] += 1
    return votes


def tables(most_classes=5):
    return st.integers(2, most_classes).flatmap(
        lambda k: st.lists(st.lists(st.integers(0, 12), min_size=k, max_size=k), min_size=k, max_size=k)
    )


# ---- weighted kappa


def test_linear_weights_by_hand():
    # [[2, 1, 0], [0, 1, 1], [0, 0, 1]], n 6, w = 1, 1/2, 0: observed = (4 + 2/2) / 6 = 5/6
    # rows 3/6 2/6 1/6, columns 2/6 2/6 2/6: expected = sum r_i c_j w_ij
    #   = 1/3 (.5 (1 + .5 + 0) + 1/3 (.5 + 1 + .5) + 1/6 (0 + .5 + 1)) = 1/3 (.75 + 2/3 + .25) = 5/9
    # kappa = (5/6 - 5/9) / (4/9) = 5/8
    kappa = weighted_kappa([[2, 1, 0], [0, 1, 1], [0, 0, 1]], "linear")
    assert kappa.kappa.value == pytest.approx(5 / 8)
    assert (kappa.observed, kappa.expected) == (pytest.approx(5 / 6), pytest.approx(5 / 9))


def test_without_weights_it_is_cohens_kappa_with_its_error():
    # The table of the unweighted tests: error .126996.
    ours = weighted_kappa([[20, 5], [10, 15]], "none")
    theirs = cohens_kappa(np.array([[20, 5], [10, 15]]))
    assert ours.kappa.value == pytest.approx(0.4)
    assert ours.standard_error == pytest.approx(0.126996, abs=5e-7) == pytest.approx(theirs.std_kappa)


def test_a_class_that_nobody_used_still_lies_between_its_neighbours():
    # The same answers over the classes 1..6 and over those that occur, renumbered: other weights, other kappa.
    raters = np.array(ANXIETY) - 1
    declared = weighted_kappa(confusion_table(raters[:, 0], raters[:, 1], 6), "linear").kappa.value
    with_gap = weighted_kappa(confusion_table(raters[:, 0], raters[:, 1], 9), "linear").kappa.value
    assert declared == pytest.approx(cohen_kappa_score(raters[:, 0], raters[:, 1], labels=range(6), weights="linear"))
    assert with_gap == pytest.approx(declared)  # classes beyond the last one: every distance shrinks alike
    moved = np.where(raters >= 3, raters + 1, raters)
    assert weighted_kappa(confusion_table(moved[:, 0], moved[:, 1], 7), "linear").kappa.value != pytest.approx(declared)


@settings(max_examples=60, deadline=None)
@given(tables(), st.sampled_from(WEIGHTS))
def test_weighted_kappa_is_that_of_scikit_learn_and_its_errors_those_of_statsmodels(table, kind):
    table = np.array(table)
    ours = weighted_kappa(table, kind)
    if ours.kappa.value is None:
        return
    a, b = np.repeat(np.argwhere(table >= 0), table.ravel(), axis=0).T
    theirs = cohen_kappa_score(a, b, labels=range(len(table)), weights=None if kind == "none" else kind)
    assert ours.kappa.value == pytest.approx(theirs, abs=1e-12)
    assert -1 - 1e-12 <= ours.kappa.value <= 1
    assert weighted_kappa(table.T, kind).kappa.value == pytest.approx(ours.kappa.value, abs=1e-12)
    w = {"none": None, "linear": "linear", "quadratic": "quadratic"}[kind]
    with np.errstate(all="ignore"):
        other = cohens_kappa(table, wt=w)
    if np.isfinite(other.std_kappa) and other.std_kappa > 1e-6:
        assert ours.standard_error == pytest.approx(other.std_kappa, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_are_whole_on_the_diagonal_and_nothing_at_the_ends(kind):
    w = agreement_weights(4, kind)
    assert (np.diag(w) == 1).all() and w[0, 3] == 0 and np.allclose(w, w.T)
    assert agreement_weights(1, kind).tolist() == [[1.0]]


def test_quadratic_weights_forgive_a_near_miss_more_than_linear_ones():
    near = [[5, 5, 0], [0, 5, 5], [0, 0, 5]]
    values = [weighted_kappa(near, kind).kappa.value for kind in WEIGHTS]
    assert values == sorted(values)


@pytest.mark.parametrize(
    ("table", "value", "reason"),
    [
        ([[0, 0], [0, 0]], None, NOTHING_SHARED),
        ([[7, 0], [0, 0]], None, SAME_SINGLE_CLASS),
        ([[3, 2], [0, 0]], 0.0, None),  # one constant person
        ([[4, 0], [0, 6]], 1.0, None),
        ([[0, 1], [0, 0]], 0.0, None),  # one image, another answer
    ],
)
def test_edges_of_weighted_kappa(table, value, reason):
    kappa = weighted_kappa(table, "quadratic").kappa
    assert kappa.value == (None if value is None else pytest.approx(value))
    assert reason is None or kappa.reason == reason
    if kappa.n <= 2 or value in (0.0, 1.0):
        assert kappa.low is None and kappa.high is None


@pytest.mark.parametrize("table", [[[1, 2]], [[1, -1], [0, 2]], []])
def test_tables_that_are_none_are_refused(table):
    with pytest.raises(ValueError):  # noqa: PT011  (which sentence depends on the case)
        weighted_kappa(table)


def test_unknown_weights_are_refused():
    with pytest.raises(ValueError, match="weights are one of"):
        weighted_kappa([[1, 0], [0, 1]], "cubic")


# ---- alpha with a metric


@pytest.mark.parametrize(("metric", "value"), [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107)])
def test_alpha_of_krippendorffs_example(metric, value):
    stat = ordered_alpha(counted(krippendorff_c()), metric)
    assert stat.value == pytest.approx(value, abs=5e-7)
    assert stat.low < stat.value <= stat.high and stat.n == 11


def test_nominal_alpha_is_the_closed_form_and_classes_may_change_places():
    rng = np.random.default_rng(4)
    votes = rng.integers(0, 3, (40, 4))
    closed = krippendorff_alpha(votes).value
    assert ordered_alpha(votes, "nominal").value == pytest.approx(closed, abs=1e-12)
    assert ordered_alpha(votes[:, [2, 0, 3, 1]], "nominal").value == pytest.approx(closed, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_order_may_be_read_from_either_end(metric):
    votes = np.random.default_rng(5).integers(0, 3, (30, 5))
    assert ordered_alpha(votes[:, ::-1], metric).value == pytest.approx(ordered_alpha(votes, metric).value, abs=1e-12)


def test_interval_alpha_takes_any_unit_and_origin():
    votes = np.random.default_rng(6).integers(0, 3, (30, 4))
    values = np.array([0, 1, 5, 9])
    metres = ordered_alpha(votes, "interval", values).value
    assert ordered_alpha(votes, "interval", 100 * values + 37).value == pytest.approx(metres, abs=1e-12)
    assert metres != pytest.approx(ordered_alpha(votes, "interval").value)


def test_a_near_miss_costs_less_than_a_far_one_when_classes_are_ordered():
    near, far = np.zeros((20, 5), dtype=int), np.zeros((20, 5), dtype=int)
    for i in range(20):
        near[i, i % 5] += 1
        far[i, i % 5] += 1
        near[i, min(4, i % 5 + 1)] += 1
        far[i, (i % 5 + 2) % 5] += 1
    assert ordered_alpha(near, "ordinal").value > ordered_alpha(near, "nominal").value
    assert ordered_alpha(near, "interval").value > ordered_alpha(far, "interval").value


def test_edges_of_alpha():
    nothing = ordered_alpha(np.array([[1, 0], [0, 1]]), "ordinal")
    assert (nothing.value, nothing.reason) == (None, NO_SHARED_IMAGES)
    one = ordered_alpha(np.array([[2, 0], [3, 0]]), "interval")
    assert (one.value, one.reason) == (None, ONE_CLASS_ONLY)
    with pytest.raises(ValueError, match="metric is one of"):
        ordered_alpha(np.array([[2, 0]]), "ratio")
    with pytest.raises(ValueError, match="2 values are needed"):
        ordered_alpha(np.array([[2, 0]]), "interval", [1, 2, 3])


# ---- AC1


def test_ac1_of_gwets_four_raters():
    # Gwet's R package irrCAC, gwet.ac1.raw(cac.raw4raters): coeff 0.77544, se 0.14295; Krippendorff's table C.
    stat = gwet_ac1(counted(krippendorff_c()))
    assert stat.value == pytest.approx(0.77544, abs=5e-6)
    half = stdtrit(11, 0.975) * 0.14295 / (1 - 0.77544**2)  # our interval lies on Fisher's z scale
    assert stat.low == pytest.approx(np.tanh(np.arctanh(0.77544) - half), abs=1e-4)
    assert stat.high == pytest.approx(np.tanh(np.arctanh(0.77544) + half), abs=1e-4)


def test_ac1_of_two_people_is_the_closed_form_of_their_table():
    # [[80, 10], [5, 5]] (the paradox): (.85 - .21875) / .78125, as in the test of kappa
    votes = np.array([[2, 0]] * 80 + [[1, 1]] * 15 + [[0, 2]] * 5)
    stat = gwet_ac1(votes)
    assert stat.value == pytest.approx(0.808) == pytest.approx(kappa_from_table([[80, 10], [5, 5]]).ac1)
    assert stat.low < 0.808 < stat.high < 1


def test_images_with_one_label_change_what_chance_is():
    votes = np.array([[2, 0]] * 8 + [[1, 1]] * 2)
    with_single = np.vstack((votes, [[0, 1]] * 10))
    assert gwet_ac1(with_single).n == 10
    assert gwet_ac1(with_single).value != pytest.approx(gwet_ac1(votes).value)


def test_edges_of_ac1():
    assert gwet_ac1(np.array([[1, 0], [0, 1]])).reason == NO_SHARED_IMAGES
    unanimous = gwet_ac1(np.array([[3, 0], [3, 0], [3, 0]]))
    assert (unanimous.value, unanimous.low) == (1.0, None)  # where kappa is undefined
