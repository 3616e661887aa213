"""What images are, from people of different reliability: published results, recovery of what was simulated, laws."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeler.stats import dawid_skene
from labeler.stats.overlap import OverlapRule, expected_error, in_doubt, posterior, seats
from labeler.stats.tally import vote

K = 5


def simulated(n, people, per_image, right, *, seed=0, wrong=None):
    """(truth, image, annotator, category): people who are right with their own chance; wrong: a shift, else any."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, K, n)
    image = np.repeat(np.arange(n), per_image)
    annotator = np.argsort(rng.random((n, people)), axis=1)[:, :per_image].ravel()
    off = rng.integers(1, K, image.size) if wrong is None else np.full(image.size, wrong)
    correct = rng.random(image.size) < np.asarray(right)[annotator]
    return z, image, annotator, np.where(correct, z[image], (z[image] + off) % K)


def voted(image, category, n, k=K):
    """The class that most people say of each image; -1 where two have as many."""
    votes = np.zeros((n, k), dtype=int)
    np.add.at(votes, (image, category), 1)
    outcomes = [vote({str(code): count for code, count in enumerate(row) if count}) for row in votes.tolist()]
    return np.array([outcome.categories[0] if outcome.categories else -1 for outcome in outcomes])


def test_the_bluebirds_are_told_apart_as_published(test_data):
    # Welinder et al. (2010): 108 images, 39 people; majority .75926, Dawid-Skene .88889
    with (test_data / "bluebirds" / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    items, people = (sorted({row[name] for row in rows}) for name in ("item", "annotator"))
    image = np.array([items.index(row["item"]) for row in rows])
    annotator = np.array([people.index(row["annotator"]) for row in rows])
    said = np.array([row["label"] == row["truth"] for row in rows])
    is_bird = {row["item"]: int(row["truth"] == "bluebird") for row in rows}
    z = np.array([is_bird[item] for item in items])
    category = np.where(said, z[image], 1 - z[image])

    full = dawid_skene.infer(image, annotator, category, n_images=108, n_annotators=39, n_categories=2, method="full")

    assert (voted(image, category, 108, 2) == z).mean() == pytest.approx(0.75926, abs=5e-6)
    assert (full.category == z).mean() == pytest.approx(0.88889, abs=5e-6)
    assert full.converged and full.has_table.all()


def test_it_finds_how_good_each_person_is_and_who_guesses():
    right = [0.95, 0.9, 0.85, 0.8, 0.75, 1 / K]
    z, image, annotator, category = simulated(3000, 6, 3, right)

    found = dawid_skene.infer(image, annotator, category, n_images=3000, n_annotators=6, n_categories=K)

    assert found.accuracy == pytest.approx(right, abs=0.04)
    assert (found.category == z).mean() > (voted(image, category, 3000) == z).mean() + 0.02


def test_a_person_who_takes_one_class_for_another_is_corrected_by_their_table():
    # Person 0 always says class 1 for class 0: with a table, a word of theirs for 1 counts half for 0.
    rng = np.random.default_rng(3)
    z, image, annotator, category = simulated(2000, 3, 3, [0.9, 0.7, 0.7], seed=3)
    mixes = (annotator == 0) & (z[image] == 0)
    category[mixes] = 1
    of = {"n_images": 2000, "n_annotators": 3, "n_categories": K}
    full = dawid_skene.infer(image, annotator, category, **of, method="full")
    coin = dawid_skene.infer(image, annotator, category, **of)
    zero = z == 0
    assert (full.category == z)[zero].mean() > (coin.category == z)[zero].mean() + 0.05
    assert rng is not None and full.has_table.all()


def test_with_few_labels_each_person_has_a_coin_and_no_table():
    _, image, annotator, category = simulated(100, 20, 2, [0.8] * 20)
    found = dawid_skene.infer(image, annotator, category, n_images=100, n_annotators=20, n_categories=K, method="full")
    assert not found.has_table.any()


def test_somebody_new_is_taken_for_a_decent_annotator():
    found = dawid_skene.infer([0], [0], [2], n_images=2, n_annotators=2, n_categories=3)
    a, b = dawid_skene.RIGHT_BEFORE
    assert found.accuracy[1] == pytest.approx(a / (a + b))
    assert found.posterior[0].argmax() == 2 and found.posterior[0, 2] < 0.95
    assert found.posterior[1] == pytest.approx(found.shares)  # nobody has seen it


def test_the_model_is_one_more_voter_and_silent_where_it_has_no_say():
    z, image, annotator, category = simulated(2000, 10, 2, [0.75] * 10, seed=1)
    rng = np.random.default_rng(9)
    says = np.where(rng.random(2000) < 0.9, z, rng.integers(0, K, 2000))
    model = np.full((2000, K), 0.1 / (K - 1))
    model[np.arange(2000), says] = 0.9
    of = {"n_images": 2000, "n_annotators": 10, "n_categories": K}

    alone = dawid_skene.infer(image, annotator, category, **of)
    with_model = dawid_skene.infer(image, annotator, category, **of, model=model)
    silent = dawid_skene.infer(image, annotator, category, **of, model=np.full((2000, K), np.nan))

    assert (with_model.category == z).mean() > (alone.category == z).mean() + 0.05
    assert silent.posterior == pytest.approx(alone.posterior, abs=1e-9)


def test_a_model_that_is_sure_and_wrong_is_outvoted_by_three_people():
    model = np.array([[1.0, 0.0, 0.0]])
    found = dawid_skene.infer([0, 0, 0], [0, 1, 2], [1, 1, 1], n_images=1, n_annotators=3, n_categories=3, model=model)
    assert found.category[0] == 1


@pytest.mark.parametrize("n_categories", [2, 3, 10])
@pytest.mark.parametrize("right", [0.75, 0.85, 0.95])
def test_two_average_people_who_agree_overrule_the_surest_model_and_one_of_them_does_not(n_categories, right):
    n, rng = 1200, np.random.default_rng(3)
    z = rng.integers(0, n_categories, n)
    answer = np.where(rng.random((n, 4)) < right, z[:, None], (z[:, None] + 1) % n_categories)
    model = np.eye(n_categories)[z]
    other = (z + 1) % n_categories
    answer[0, :2], answer[1, 0] = other[0], other[1]  # two against it, and one
    asked = np.ones((n, 4), dtype=bool)
    asked[0, 2:], asked[1, 1:] = False, False
    image, person = np.nonzero(asked)
    of = {"n_images": n, "n_annotators": 4, "n_categories": n_categories}

    found = dawid_skene.infer(image, person, answer[image, person], **of, model=model)

    assert found.category[0] == other[0] and found.category[1] == z[1]


def test_where_nobody_answered_the_model_is_taken_at_its_word_short_of_certainty():
    model = np.array([[0.985, 0.01, 0.005], [0.998, 0.001, 0.001], [1.0, 0.0, 0.0], [0.985, 0.01, 0.005]])
    found = dawid_skene.infer([3], [0], [0], n_images=4, n_annotators=1, n_categories=3, model=model)
    assert found.posterior[0] == pytest.approx(model[0], abs=1e-3)
    assert 0.99 < found.confidence[1] < found.confidence[2] < 0.9995
    # Beside an answer it counts for less: two people must be able to win.
    assert dawid_skene.bounded(model, dawid_skene.SUREST)[2].max() == pytest.approx(dawid_skene.SUREST, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["one_coin", "full"]))
def test_names_of_classes_people_and_images_do_not_matter(seed, method):
    _, image, annotator, category = simulated(60, 6, 3, [0.9, 0.8, 0.8, 0.7, 0.7, 0.6], seed=seed)
    of = {"n_images": 60, "n_annotators": 6, "n_categories": K, "method": method}
    rng = np.random.default_rng(seed)
    classes, people, order = rng.permutation(K), rng.permutation(6), rng.permutation(image.size)

    plain = dawid_skene.infer(image, annotator, category, **of)
    renamed = dawid_skene.infer(image[order], people[annotator][order], classes[category][order], **of)

    assert renamed.posterior[:, classes] == pytest.approx(plain.posterior, abs=1e-6)
    assert renamed.accuracy[people] == pytest.approx(plain.accuracy, abs=1e-6)
    assert plain.posterior.sum(axis=1) == pytest.approx(np.ones(60))


@pytest.mark.parametrize(
    ("rows", "sizes", "sentence"),
    [
        (([0], [0], [0]), (1, 1, 1), "two classes"),
        (([1], [0], [0]), (1, 1, 2), "image lies outside"),
        (([0], [3], [0]), (1, 1, 2), "annotator lies outside"),
        (([0], [0], [2]), (1, 1, 2), "category lies outside"),
        (([0, 0], [0], [1]), (1, 1, 2), "rows of one length"),
    ],
)
def test_what_cannot_be_inferred_is_refused(rows, sizes, sentence):
    with pytest.raises(ValueError, match=sentence):
        dawid_skene.infer(*rows, n_images=sizes[0], n_annotators=sizes[1], n_categories=sizes[2])


def test_no_answers_at_all():
    found = dawid_skene.infer([], [], [], n_images=3, n_annotators=2, n_categories=4)
    assert found.posterior == pytest.approx(np.full((3, 4), 0.25))


# ---- adaptive overlap


def test_the_posterior_of_one_image_by_hand():
    # shares .5 .5, two people right with .8: both say 0: .8*.8 / (.8*.8 + .2*.2) = .64 / .68
    assert posterior([0, 0], [0.8, 0.8], [0.5, 0.5]) == pytest.approx([0.64 / 0.68, 0.04 / 0.68])
    assert posterior([0, 1], [0.8, 0.8], [0.5, 0.5]) == pytest.approx([0.5, 0.5])
    assert posterior([], [], [0.7, 0.3]) == pytest.approx([0.7, 0.3])


def test_a_clear_image_stops_and_a_doubtful_one_goes_on():
    rule = OverlapRule(fewest=2, most=5, enough=0.9)
    even = [0.25] * 4
    assert not in_doubt(rule, [0, 0], [0.85, 0.85], even)
    assert in_doubt(rule, [0, 1], [0.85, 0.85], even)
    assert seats(rule, 1, lambda: False) == 2  # too few, however sure
    assert seats(rule, 3, lambda: True) == 4 and seats(rule, 3, lambda: False) == 3
    assert seats(rule, 5, lambda: True) == 5  # the most there may be
    assert seats(rule, 2, lambda: False, fewest=3) == 3  # of an image that judges models


def test_adaptive_overlap_reaches_three_labels_with_fewer():
    # People 85 % right, half of their errors systematic: what a third label cannot change need not be asked.
    rng = np.random.default_rng(0)
    n, right = 4000, 0.85
    z = rng.integers(0, K, n)
    systematic = (z + 1) % K
    said = np.where(
        rng.random((n, 3)) < right,
        z[:, None],
        np.where(rng.random((n, 3)) < 0.5, systematic[:, None], (z[:, None] + rng.integers(1, K, (n, 3))) % K),
    )
    rule = OverlapRule(fewest=2, most=3, enough=0.9)
    used, chosen = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
    for i in range(n):
        m, wanted = 0, rule.fewest
        while m < wanted:
            m = wanted
            wanted = seats(rule, m, lambda: in_doubt(rule, said[i, :m], [right] * m, [1 / K] * K))  # noqa: B023
        used[i] = m
        chosen[i] = posterior(said[i, :m], [right] * m, [1 / K] * K).argmax()
    fixed = np.array([posterior(said[i], [right] * 3, [1 / K] * K).argmax() for i in range(n)])
    assert used.mean() < 2.3
    assert (chosen == z).mean() == pytest.approx((fixed == z).mean(), abs=0.002)


def test_expected_error_is_what_is_left_of_the_posteriors():
    assert expected_error([[0.9, 0.1], [0.6, 0.4]]) == pytest.approx(0.25)
    assert expected_error(np.zeros((0, 2))) is None


@pytest.mark.parametrize("setting", [{"fewest": 4, "most": 3}, {"enough": 0.3}, {"enough": 1.0}])
def test_impossible_rules_are_refused(setting):
    with pytest.raises(ValueError, match="must lie"):
        OverlapRule(**setting)
