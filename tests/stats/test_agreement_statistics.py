"""Agreement figures against published numbers, hand-worked tables, other libraries and their own laws."""

import csv
import itertools
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from labeler.stats import alpha as alpha_module
from labeler.stats import intervals, pairs
from labeler.stats.agreement import summarize
from labeler.stats.alpha import krippendorff_alpha, many_raters, patterns_from_counts
from labeler.stats.kappa import NOTHING_SHARED, SAME_SINGLE_CLASS, cohen_kappa, kappa_from_table
from labeler.stats.pairs import count_pairs
from labeler.stats.results import NO_SHARED_IMAGES, NO_SPREAD, ONE_CLASS_ONLY, TOO_FEW_IMAGES, Stat
from labeler.stats.tally import vote
from labeler.wording.sentences import sentence
from tests.helpers.krippendorff import krippendorff_c

# Fleiss (1971), Measuring nominal scale agreement among many raters, table 1: 30 patients, 6 diagnoses each.
FLEISS_1971 = [
    [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0], [2, 0, 4, 0, 0],
    [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6], [1, 0, 0, 5, 0], [1, 1, 0, 4, 0],
    [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1], [0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0],
    [0, 2, 0, 4, 0], [1, 0, 2, 0, 3], [0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0],
    [1, 0, 0, 4, 1], [0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6],
]  # fmt: skip


def rows_of(table):
    """People x images with None for a missing answer -> (image, annotator, category), ordered by image."""
    found = [
        (i, a, answers[i]) for i in range(len(table[0])) for a, answers in enumerate(table) if answers[i] is not None
    ]
    return tuple(np.array(column, dtype=np.int64) for column in zip(*found, strict=True))


def labels_from_table(table):
    """A confusion table as two rows of labels."""
    cells = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    return np.array([i for i, _ in cells]), np.array([j for _, j in cells])


def simulated(n_images, n_annotators, per_image, k, *, right=0.8, seed=0):
    """Ordered rows of people who are right with the same chance and else choose at random."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.arange(n_images), per_image)
    annotator = np.argsort(rng.random((n_images, n_annotators)), axis=1)[:, :per_image].ravel()
    truth = rng.integers(0, k, n_images).repeat(per_image)
    return image, annotator, np.where(rng.random(image.size) < right, truth, rng.integers(0, k, image.size))


# ---- Cohen's kappa: hand-worked and published ----


def test_kappa_of_a_hand_worked_table():
    # 50 images: both yes 20, both no 15, only a 5, only b 10
    # observed = 35/50 = .70; expected = .5*.6 + .5*.4 = .50; kappa = .20/.50
    a, b = labels_from_table([[20, 5], [10, 15]])
    kappa = cohen_kappa(a, b, 2)
    assert kappa.value == pytest.approx(0.4)
    assert (kappa.observed, kappa.expected, kappa.n) == (0.7, 0.5, 50)
    assert kappa.standard_error == pytest.approx(0.126996, abs=5e-7)
    half = intervals.Z95 * kappa.standard_error  # the normal interval, as books print it
    assert (kappa.value - half, kappa.value + half) == (
        pytest.approx(0.151092, abs=5e-7),
        pytest.approx(0.648908, abs=5e-7),
    )


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        # Fleiss, Levin and Paik (2003), table 18.1: observed .89, expected .8*.8 + .1*.05 + .1*.15 = .66
        ([[75, 1, 4], [5, 4, 1], [0, 0, 10]], 0.23 / 0.34),
        # Feinstein and Cicchetti (1990), high agreement and low kappa: .85, .9*.85 + .1*.15 = .78
        ([[80, 10], [5, 5]], 0.07 / 0.22),
        # the same observed agreement with balanced classes: .85, .45*.5 + .55*.5 = .5
        ([[40, 9], [6, 45]], (0.85 - (0.49 * 0.46 + 0.51 * 0.54)) / (1 - (0.49 * 0.46 + 0.51 * 0.54))),
        # worse than chance: observed 0, expected .5
        ([[0, 10], [10, 0]], -1.0),
        # independence
        ([[9, 21], [21, 49]], 0.0),
    ],
)
def test_kappa_of_published_and_hand_worked_tables(table, kappa):
    assert kappa_from_table(table).value == pytest.approx(kappa, abs=1e-12)


def test_the_paradox_is_answered_by_pabak_and_ac1():
    # [[80, 10], [5, 5]]: observed .85; PABAK = 2*.85 - 1; AC1: share of class 1 is .875,
    # chance 2*.875*.125 = .21875, (.85 - .21875) / .78125
    kappa = kappa_from_table([[80, 10], [5, 5]])
    assert kappa.value == pytest.approx(0.318182, abs=1e-6)
    assert kappa.pabak == pytest.approx(0.70)
    assert kappa.ac1 == pytest.approx(0.808)


def test_pabak_counts_the_declared_classes():
    # observed .7 of 4 declared classes: (.7 - .25) / .75
    table = np.zeros((4, 4), dtype=int)
    table[:2, :2] = [[20, 5], [10, 15]]
    kappa = kappa_from_table(table)
    assert kappa.pabak == pytest.approx(0.6)
    assert kappa.value == pytest.approx(0.4)  # unused classes leave kappa alone


# ---- Cohen's kappa: every row of the table of edge cases ----


def test_no_shared_image_is_undefined_with_a_reason():
    kappa = cohen_kappa([], [], 3)
    assert (kappa.value, kappa.observed, kappa.low, kappa.n, kappa.reason) == (
        None,
        None,
        None,
        0,
        NOTHING_SHARED,
    )


@pytest.mark.parametrize("n", [1, 7])
def test_identical_single_class_is_undefined_although_everybody_agrees(n):
    kappa = cohen_kappa([2] * n, [2] * n, 3)
    assert (kappa.value, kappa.observed, kappa.n, kappa.reason) == (None, 1.0, n, SAME_SINGLE_CLASS)


def test_a_constant_person_has_kappa_0_and_no_interval():
    kappa = kappa_from_table([[30, 20], [0, 0]])
    assert (kappa.value, kappa.standard_error) == (0, 0)
    assert (kappa.low, kappa.high, kappa.reason) == (None, None, NO_SPREAD)


@pytest.mark.parametrize("table", [[[0, 1], [0, 0]], [[0, 0, 5], [0, 0, 7], [0, 0, 0]]])
def test_disjoint_label_sets_have_kappa_0_and_no_interval(table):
    kappa = kappa_from_table(table)
    assert (kappa.value, kappa.observed, kappa.expected) == (0, 0, 0)
    assert (kappa.low, kappa.high) == (None, None)


def test_two_images_give_no_interval():
    kappa = kappa_from_table([[1, 0], [0, 1]])
    assert (kappa.value, kappa.low, kappa.reason) == (1.0, None, NO_SPREAD)


def test_perfect_agreement_has_an_interval_that_still_doubts():
    kappa = kappa_from_table([[40, 0], [0, 60]])
    assert kappa.value == kappa.high == 1.0
    assert kappa.standard_error == 0
    assert 0.9 < kappa.low < 1.0


def test_a_swapped_pair_of_classes_is_minus_1_without_an_interval():
    kappa = kappa_from_table([[0, 50], [50, 0]])
    assert (kappa.value, kappa.low, kappa.reason) == (-1.0, None, NO_SPREAD)


def test_a_single_declared_class_defines_nothing():
    kappa = kappa_from_table([[12]])
    assert (kappa.value, kappa.pabak, kappa.ac1, kappa.observed) == (None, None, None, 1.0)


def test_few_images_or_a_rare_second_class_are_marked():
    assert kappa_from_table([[10, 3], [2, 9]]).reason == TOO_FEW_IMAGES  # n = 24
    assert kappa_from_table([[194, 2], [2, 2]]).reason == TOO_FEW_IMAGES  # 4 of 200 outside the first class
    assert kappa_from_table([[20, 5], [10, 15]]).reason is None


def test_from_100_images_the_interval_is_fishers():
    table = np.array([[20, 5], [10, 15]]) * 4
    kappa = kappa_from_table(table)
    low, high = intervals.fisher_z(np.array([kappa.value]), np.array([kappa.standard_error]))
    assert (kappa.low, kappa.high) == (low[0], high[0])


def test_below_100_images_the_interval_is_that_of_the_smoothed_table():
    # 1/K^2 = .25 added to each cell of [[20, 5], [10, 15]]
    statsmodels = pytest.importorskip("statsmodels.stats.inter_rater")
    smoothed = statsmodels.cohens_kappa(np.array([[20.25, 5.25], [10.25, 15.25]]))
    kappa = kappa_from_table([[20, 5], [10, 15]])
    assert kappa.low == pytest.approx(smoothed.kappa - 1.959964 * smoothed.std_kappa, abs=1e-6)
    assert kappa.high == pytest.approx(smoothed.kappa + 1.959964 * smoothed.std_kappa, abs=1e-6)


@pytest.mark.parametrize(("a", "b"), [([0, 1], [0]), ([0, 3], [0, 0]), ([-1, 0], [0, 0]), ([[0, 1]], [[0, 1]])])
def test_labels_that_cannot_be_compared_are_refused(a, b):
    with pytest.raises(ValueError, match=r"label|category"):
        cohen_kappa(a, b, 3)


@pytest.mark.parametrize("table", [[[1, 2]], [[1, -1], [0, 1]], np.zeros((0, 0), dtype=int)])
def test_tables_that_are_no_confusion_counts_are_refused(table):
    with pytest.raises(ValueError, match=r"table|counts"):
        kappa_from_table(table)


# ---- Cohen's kappa: laws and other libraries ----

small_tables = st.integers(1, 5).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 12), min_size=k, max_size=k), min_size=k, max_size=k)
)


@given(small_tables)
def test_kappa_equals_scikit_learn(table):
    kappa = kappa_from_table(table)
    if kappa.n == 0:
        assert kappa.value is None
        return
    a, b = labels_from_table(table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where it answers NaN
        reference = cohen_kappa_score(a, b)
    if kappa.value is None:
        assert np.isnan(reference)
    else:
        assert kappa.value == pytest.approx(reference, abs=1e-12)


@given(small_tables)
def test_kappa_and_its_standard_error_equal_statsmodels(table):
    statsmodels = pytest.importorskip("statsmodels.stats.inter_rater")
    kappa = kappa_from_table(table)
    if kappa.value is None:
        return
    with np.errstate(all="ignore"):
        reference = statsmodels.cohens_kappa(np.array(table, dtype=float))
    assert kappa.value == pytest.approx(reference.kappa, abs=1e-12)
    if np.isfinite(reference.std_kappa):  # NaN there where rounding makes its variance -1e-17
        assert kappa.standard_error == pytest.approx(reference.std_kappa, abs=1e-7)


@given(small_tables, st.randoms(use_true_random=False))
def test_kappa_knows_no_order_of_people_or_classes(table, random):
    table = np.array(table)
    order = list(range(len(table)))
    random.shuffle(order)
    one, other = kappa_from_table(table), kappa_from_table(table.T[np.ix_(order, order)])
    for name in ("value", "low", "high", "standard_error", "observed", "expected", "pabak", "ac1"):
        # The root of a variance that is 0 up to rounding is 0 up to 1e-8.
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-7), name
    assert (one.n, one.reason) == (other.n, other.reason)


@given(small_tables)
def test_the_interval_holds_the_value_and_stays_in_range(table):
    kappa = kappa_from_table(table)
    if kappa.low is not None:
        assert -1 <= kappa.low <= kappa.value <= kappa.high <= 1


# ---- counting pairs ----


def counted(image, annotator, category, people, k):
    """The obvious count: every two rows of one image."""
    tables = {}
    for i, j in itertools.combinations(range(len(image)), 2):
        if image[i] == image[j]:
            (a, x), (b, y) = sorted([(annotator[i], category[i]), (annotator[j], category[j])])
            tables.setdefault((a, b), np.zeros((k, k), dtype=int))[x, y] += 1
    return tables


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 2)), max_size=30))
def test_counts_are_those_of_every_two_rows_of_an_image(rows):
    rows = sorted({(image, person): label for image, person, label in rows}.items())
    image, annotator, category = (
        np.array([image for (image, _), _ in rows], dtype=np.int64),
        np.array([person for (_, person), _ in rows], dtype=np.int64),
        np.array([label for _, label in rows], dtype=np.int64),
    )
    counts = count_pairs(image, annotator, category, 5, 3)
    found = {(int(a), int(b)): counts.table(i) for i, (a, b) in enumerate(zip(counts.a, counts.b, strict=True))}
    expected = counted(image, annotator, category, 5, 3)
    assert found.keys() == expected.keys()
    for pair in found:
        assert (found[pair] == expected[pair]).all()


def test_many_people_and_classes_are_counted_without_the_dense_table(monkeypatch):
    rows = simulated(200, 9, 4, 5)
    dense = count_pairs(*rows, 9, 5)
    monkeypatch.setattr(pairs, "DENSE_CELLS", 10)
    sparse = count_pairs(*rows, 9, 5)
    for name in ("a", "b", "pair", "label_a", "label_b", "count"):
        assert (getattr(dense, name) == getattr(sparse, name)).all(), name


def test_rows_that_cannot_be_counted_are_refused():
    with pytest.raises(ValueError, match="ordered by image"):
        count_pairs([1, 2, 1], [0, 0, 1], [0, 0, 0], 2, 2)
    with pytest.raises(ValueError, match="two rows on the same image"):
        count_pairs([1, 1], [0, 0], [0, 1], 2, 2)
    with pytest.raises(ValueError, match=r"category must lie in 0..1"):
        count_pairs([1, 1], [0, 1], [0, 2], 2, 2)
    with pytest.raises(ValueError, match=r"annotator must lie in 0..1"):
        count_pairs([1, 1], [0, 2], [0, 1], 2, 2)
    with pytest.raises(ValueError, match="equally long"):
        count_pairs([1, 1, 1], [0, 1], [0, 1], 2, 2)
    with pytest.raises(ValueError, match="integers"):
        count_pairs([1, 1], [0, 1], [0.0, np.nan], 2, 2)


# ---- many people: Fleiss, Krippendorff, observed ----


def test_fleiss_1971():
    fleiss = many_raters(patterns_from_counts(FLEISS_1971)).fleiss
    assert fleiss.value == pytest.approx(0.430245, abs=5e-7)
    assert fleiss.n == 30
    assert fleiss.low < fleiss.value < fleiss.high


def test_fleiss_of_fourteen_raters_and_ten_subjects():
    # The worked example in Wikipedia's article on Fleiss' kappa: P = .378, Pe = .213, kappa = .210
    votes = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert many_raters(patterns_from_counts(votes)).fleiss.value == pytest.approx(0.210, abs=5e-4)


@given(st.integers(2, 5), st.integers(2, 4), st.data())
def test_fleiss_equals_statsmodels(m, k, data):
    statsmodels = pytest.importorskip("statsmodels.stats.inter_rater")
    answers = data.draw(st.lists(st.lists(st.integers(0, k - 1), min_size=m, max_size=m), min_size=2, max_size=12))
    votes = np.array([np.bincount(row, minlength=k) for row in answers])
    fleiss = many_raters(patterns_from_counts(votes)).fleiss
    if fleiss.value is None:
        assert fleiss.reason == ONE_CLASS_ONLY
    else:
        assert fleiss.value == pytest.approx(statsmodels.fleiss_kappa(votes), abs=1e-12)


def test_fleiss_needs_equally_many_labels_and_says_so():
    fleiss = many_raters(patterns_from_counts([[2, 0], [1, 2], [0, 4]])).fleiss
    assert fleiss.value is None
    assert "between 2 and 4 labels" in sentence(fleiss.reason)


def test_images_with_one_label_do_not_unbalance_fleiss():
    assert many_raters(patterns_from_counts([*FLEISS_1971, [1, 0, 0, 0, 0]])).fleiss.value == pytest.approx(
        0.430245, abs=5e-7
    )


def test_krippendorff_2011_example_c():
    image, annotator, category = rows_of(krippendorff_c())
    summary = summarize(image, annotator, category, 4, 5, "single")
    assert summary.alpha.value == pytest.approx(0.743421, abs=5e-7)
    assert summary.alpha.n == 11  # unit 12 has one value only
    assert summary.n_images == 12


def test_krippendorff_2011_example_a():
    # Two observers, ten units, example A of the same paper: binary, alpha = .095
    a, b = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    votes = np.array([np.bincount(pair, minlength=2) for pair in zip(a, b, strict=True)])
    assert krippendorff_alpha(votes).value == pytest.approx(0.095, abs=5e-4)


votes_strategy = st.integers(1, 4).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 4), min_size=k, max_size=k), min_size=1, max_size=12)
)


@given(votes_strategy)
def test_alpha_is_one_minus_observed_over_expected_disagreement(votes):
    # The definition, value by value: every two values in a unit against every two values at all.
    units = [[k for k, n in enumerate(row) for _ in range(n)] for row in votes]
    units = [unit for unit in units if len(unit) >= 2]
    values = [value for unit in units for value in unit]
    n = len(values)
    observed = sum(sum(x != y for x, y in itertools.permutations(unit, 2)) / (len(unit) - 1) for unit in units)
    expected = sum(x != y for x, y in itertools.permutations(values, 2)) / (n - 1) if n > 1 else 0
    stat = krippendorff_alpha(votes)
    if not units:
        assert (stat.value, stat.reason) == (None, NO_SHARED_IMAGES)
    elif expected == 0:
        assert (stat.value, stat.reason) == (None, ONE_CLASS_ONLY)
    else:
        assert stat.value == pytest.approx(1 - observed / expected, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_alpha_of_two_people_is_scotts_pi_with_a_small_sample_term(labels):
    # Complete data: alpha = 1 - (1 - pi)(2n - 1) / (2n)
    n = len(labels)
    votes = np.array([np.bincount(pair, minlength=3) for pair in labels])
    shares = votes.sum(axis=0) / (2 * n)
    by_chance = float(shares @ shares)
    stat = krippendorff_alpha(votes)
    if len({label for pair in labels for label in pair}) == 1:
        assert stat.value is None
        return
    pi = (sum(a == b for a, b in labels) / n - by_chance) / (1 - by_chance)
    assert stat.value == pytest.approx(1 - (1 - pi) * (2 * n - 1) / (2 * n), abs=1e-9)


@given(votes_strategy, st.randoms(use_true_random=False))
def test_alpha_knows_no_order_of_images_or_classes(votes, random):
    votes = np.array(votes)
    order = list(range(votes.shape[1]))
    random.shuffle(order)
    one, other = krippendorff_alpha(votes), krippendorff_alpha(votes[::-1][:, order])
    assert one.value == pytest.approx(other.value, abs=1e-9)
    assert (one.n, one.reason is None) == (other.n, other.reason is None)


def test_observed_agreement_on_two_labels_is_a_share_with_wilsons_interval():
    rows = rows_of([[0] * 30 + [1] * 20, [0] * 25 + [1] * 25])
    observed = summarize(*rows, 2, 2, "single").observed
    assert observed.value == pytest.approx(0.9)
    assert (observed.low, observed.high) == intervals.wilson(45, 50)


def test_unanimous_people_have_alpha_1_and_a_lower_bound_that_still_doubts():
    summary = summarize(*rows_of([[0, 1] * 50, [0, 1] * 50]), 2, 2, "single")
    # Wilson's upper bound of 0 disagreements in 100 is .037; chance disagreement .5
    assert (summary.alpha.value, summary.alpha.high) == (1.0, 1.0)
    assert summary.alpha.low == pytest.approx(1 - (1 - intervals.wilson(100, 100)[0]) / 0.5)
    assert summary.observed.value == 1.0


def test_patterns_do_not_depend_on_how_classes_are_packed(monkeypatch):
    rows = simulated(400, 6, 3, 12)
    packed = summarize(*rows, 6, 12, "single")
    monkeypatch.setattr(alpha_module, "_CODE_BITS", 4)  # two classes at a time
    in_blocks = summarize(*rows, 6, 12, "single")
    assert in_blocks.alpha.value == packed.alpha.value
    assert in_blocks.confusion == packed.confusion


# ---- intervals of means over people ----


def resampled_errors(rows, people, k, read, replicates=300):
    """Standard deviation of figures over resampled images."""
    image, annotator, category = rows
    per_image = np.flatnonzero(np.diff(image, prepend=-1))
    sizes = np.diff(np.append(per_image, image.size))
    rng = np.random.default_rng(5)
    found = []
    for _ in range(replicates):
        drawn = rng.integers(0, per_image.size, per_image.size)
        chosen = np.concatenate([np.arange(per_image[i], per_image[i] + sizes[i]) for i in drawn])
        again = np.repeat(np.arange(drawn.size), sizes[drawn])
        found.append(read(summarize(again, annotator[chosen], category[chosen], people, k, "single")))
    return np.std(found, axis=0)


def error_of(stat):
    return (np.arctanh(stat.high) - np.arctanh(stat.low)) / (2 * intervals.Z95) * (1 - stat.value**2)


def test_errors_of_lights_mean_and_of_classes_are_those_of_resampled_images(monkeypatch):
    monkeypatch.setattr(intervals, "REPLICATES", 50)
    rows = simulated(500, 4, 3, 3)

    def read(summary):
        return [summary.light.value, *(one.kappa.value for one in summary.categories)]

    summary = summarize(*rows, 4, 3, "single")
    stated = [error_of(summary.light), *(error_of(one.kappa) for one in summary.categories)]
    assert stated == pytest.approx(resampled_errors(rows, 4, 3, read), rel=0.15)


def test_a_sample_of_images_tells_the_same_error(monkeypatch):
    rows = simulated(4000, 6, 3, 3)
    whole = summarize(*rows, 6, 3, "single")
    monkeypatch.setattr(pairs, "SPREAD_IMAGES", 1000)
    sampled = summarize(*rows, 6, 3, "single")
    assert sampled.light.value == whole.light.value
    assert error_of(sampled.light) == pytest.approx(error_of(whole.light), rel=0.1)
    assert error_of(sampled.light) != error_of(whole.light)


# ---- the report ----


def test_a_report_of_three_people_by_hand():
    # images 0..3; ann 0 1 1 0, bea 0 1 0 0, dora labels only images 0 and 1: 0 0
    rows = rows_of([[0, 1, 1, 0], [0, 1, 0, 0], [0, 0, None, None]])
    summary = summarize(*rows, 3, 2, "single")

    assert (summary.n_images, summary.n_shared_images, summary.n_labels) == (4, 4, 10)
    by_pair = {(pair.a, pair.b): pair.kappa for pair in summary.pairs}
    # ann and bea: observed 3/4; ann 1: 2/4, bea 1: 1/4; expected .5*.75 + .5*.25 = .5
    assert by_pair[0, 1].value == pytest.approx(0.5)
    # dora always says 0: kappa 0 with either
    assert by_pair[0, 2].value == pytest.approx(0)
    assert summary.light.value == pytest.approx(0.5 / 3)
    assert [one.mean_kappa for one in summary.annotators] == pytest.approx([0.25, 0.25, 0])
    assert [one.n for one in summary.annotators] == [4, 4, 2]
    # images 1 and 2 have both classes, once each
    assert [(pair.a, pair.b, pair.count) for pair in summary.confusion] == [(0, 1, 2)]
    # shares of agreeing pairs: 1, 1/3, 0, 1
    assert summary.observed.value == pytest.approx((1 + 1 / 3 + 0 + 1) / 4)
    assert [one.n for one in summary.categories] == [7, 3]
    assert summary.fleiss.value is None
    assert "Only 4 images" in sentence(summary.notes[0])


def test_a_class_of_two_people_has_cohens_kappa_of_that_class_against_the_rest():
    image, annotator, category = simulated(300, 2, 2, 4)
    summary = summarize(image, annotator, category, 2, 4, "single")
    a, b = category[annotator == 0], category[annotator == 1]
    for one in summary.categories:
        expected = cohen_kappa(a == one.category, b == one.category, 2)
        assert one.kappa == expected.stat()


def test_a_class_of_many_people_is_pooled_over_pairs():
    image, annotator, category = simulated(200, 5, 3, 3)
    summary = summarize(image, annotator, category, 5, 3, "single")
    tables = counted(image, annotator, (category == 1).astype(int), 5, 2).values()
    above = sum(t.sum() * (kappa_from_table(t).observed - kappa_from_table(t).expected) for t in tables)
    possible = sum(t.sum() * (1 - kappa_from_table(t).expected) for t in tables)
    assert summary.categories[1].kappa.value == pytest.approx(above / possible)


def test_the_order_of_rows_does_not_matter_to_a_report():
    rows = simulated(60, 4, 3, 3)
    shuffled = np.random.default_rng(1).permutation(rows[0].size)
    assert summarize(*rows, 4, 3, "single") == summarize(*(column[shuffled] for column in rows), 4, 3, "single")


@settings(max_examples=25)
@given(st.permutations(range(4)), st.permutations(range(3)))
def test_the_order_of_people_and_classes_does_not_matter(people, classes):
    image, annotator, category = simulated(80, 4, 3, 3)
    one = summarize(image, annotator, category, 4, 3, "single")
    other = summarize(image, np.array(people)[annotator], np.array(classes)[category], 4, 3, "single")
    assert other.alpha.value == pytest.approx(one.alpha.value)
    assert other.light.value == pytest.approx(one.light.value)
    assert other.light.low == pytest.approx(one.light.low)
    assert {pair.count for pair in other.confusion} == {pair.count for pair in one.confusion}
    mine = {(pair.a, pair.b): pair.kappa.value for pair in other.pairs}
    for pair in one.pairs:
        assert mine[tuple(sorted((people[pair.a], people[pair.b])))] == pytest.approx(pair.kappa.value)


def test_nothing_and_single_labels_are_said_in_words():
    for answers, task in (([], "single"), (np.empty((0, 2), dtype=bool), "multi")):
        for people in (0, 3):
            empty = summarize([], [], answers, people, 2, task)
            assert (empty.alpha.value, empty.light.value, empty.observed.value) == (None, None, None)
            assert [one.kappa.value for one in empty.categories] == [None, None]
            assert [sentence(note) for note in empty.notes] == ["There are no labels yet."]
    alone = summarize([1, 2, 3], [0, 0, 1], [0, 1, 1], 3, 2, "single")
    assert alone.alpha.reason == alone.light.reason == alone.observed.reason == NO_SHARED_IMAGES
    assert [(pair.a, pair.b, pair.kappa.reason) for pair in alone.pairs] == [(0, 1, NOTHING_SHARED)]
    assert [note.code for note in alone.notes] == ["no_image_of_two_people"]


def test_one_class_only_is_undefined_and_said():
    summary = summarize(*rows_of([[1] * 40, [1] * 40]), 2, 3, "single")
    assert (summary.alpha.value, summary.alpha.reason) == (None, ONE_CLASS_ONLY)
    assert summary.observed.value == 1.0
    assert [one.kappa.value for one in summary.categories] == [None, None, None]
    assert sentence(summary.categories[0].kappa.reason) == "nobody chose this class"
    assert sentence(summary.categories[1].kappa.reason) == "everyone always chose this class"
    assert "until a second class occurs" in sentence(summary.notes[0])


def test_a_dominant_class_is_explained_by_name():
    rows = rows_of([[0] * 90 + [1] * 10, [0] * 80 + [1] * 10 + [0] * 5 + [1] * 5])
    summary = summarize(*rows, 2, 2, "single", category_names=["healthy", "rust"])
    assert "“healthy” holds 88% of the labels" in sentence(summary.notes[0])
    assert "alpha is 0.32" in sentence(summary.notes[0])


def test_a_report_becomes_plain_json_with_names():
    import json

    summary = summarize(*simulated(50, 3, 2, 3), 3, 3, "single")
    plain = json.loads(json.dumps(summary.as_dict(["ann", "bea", "dora"], ["rust", "spot", "healthy"])))
    assert plain["pairs"][0].keys() == {"a", "b", "n", "kappa", "observed", "expected", "ac1", "pabak"}
    assert plain["pairs"][0]["kappa"].keys() == {"value", "low", "high", "n", "reason"}
    assert {plain["pairs"][0]["a"], plain["pairs"][0]["b"]} == {"ann", "bea"}
    assert [one["name"] for one in plain["categories"]] == ["rust", "spot", "healthy"]
    assert plain["annotators"][2]["username"] == "dora"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1, 1], [0, 1], [0, 1], 2, 0, "single"), "at least one class"),
        (([1, 1], [0, 1], [0, 1], 2, 2, "boxes"), "no agreement is defined"),
        (([1, 1], [0, 1], [0, 1], 2, 2, "multi"), "boolean with 2 columns"),
        (([1, 1], [0, 0], [0, 1], 2, 2, "single"), "two rows on the same image"),
        (([1, 1, 2], [0, 1], [0, 1], 2, 2, "single"), "equally long"),
    ],
)
def test_reports_refuse_what_they_cannot_read(arguments, words):
    with pytest.raises(ValueError, match=words):
        summarize(*arguments)


def test_a_figure_is_never_nan_and_never_silent():
    with pytest.raises(ValueError, match="finite"):
        Stat(float("nan"), None, None, 3)
    with pytest.raises(ValueError, match="reason"):
        Stat(None, None, None, 3)


# ---- real judgements ----


def bluebirds():
    folder = os.environ.get("LABELER_TEST_DATA")
    path = Path(folder or "") / "bluebirds" / "labels.csv"
    if not folder or not path.is_file():
        pytest.skip("LABELER_TEST_DATA has no bluebirds/labels.csv")
    with path.open(newline="") as lines:
        found = sorted((row["item"], row["annotator"], row["label"], row["truth"]) for row in csv.DictReader(lines))
    columns = [np.unique(column, return_inverse=True)[1] for column in list(zip(*found, strict=True))[:3]]
    return (*columns, {row[0]: row[3] for row in found}, sorted({row[2] for row in found}))


def test_the_bluebirds_judgements():
    image, annotator, category, _, _ = bluebirds()
    summary = summarize(image, annotator, category, 39, 2, "single")
    values = [pair.kappa.value for pair in summary.pairs]
    assert len(values) == 741
    assert np.mean(values) == pytest.approx(0.139605, abs=5e-7)
    assert summary.light.value == pytest.approx(0.139605, abs=5e-7)
    assert np.median(values) == pytest.approx(0.109737, abs=5e-7)
    assert (min(values), max(values)) == (pytest.approx(-0.4259, abs=5e-5), pytest.approx(0.7489, abs=5e-5))
    assert summary.fleiss.value == pytest.approx(0.125293, abs=5e-7)
    assert summary.alpha.value == pytest.approx(0.125501, abs=5e-7)
    assert summary.alpha.low < summary.alpha.value < summary.alpha.high


def test_the_majority_of_the_bluebirds_judgements():
    image, _, category, truth, names = bluebirds()
    votes = np.bincount(image * 2 + category).reshape(-1, 2)
    said = [vote({"0": no, "1": yes}).categories[0] for no, yes in votes.tolist()]
    right = [names[k] == truth[item] for k, item in zip(said, sorted(truth), strict=True)]
    assert np.mean(right) == pytest.approx(0.75926, abs=5e-6)
