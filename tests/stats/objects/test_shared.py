"""Figures from counts of each image: worked by hand, equal to those of a run's report, and how often they cover."""

import numpy as np
import pytest

from labeler.stats.objects.shared import against_the_rest, differences, figures, scores


def test_objects_of_three_images_worked_by_hand():
    # shared, the model's, people's: 2 of 3 and 2; 1 of 1 and 4; an empty image with one invention
    counts = [[[2, 3, 2]], [[1, 1, 4]], [[0, 1, 0]]]

    found = figures(counts, pixels=False)

    assert found["precision"].value == pytest.approx(3 / 5)
    assert found["recall"].value == pytest.approx(3 / 6)
    assert found["f1"].value == pytest.approx(2 * 3 / (5 + 6))
    assert found["f1"].n == 3 and found["f1"].reason.code == "too_few_images"
    assert scores(counts).tolist() == pytest.approx([4 / 5, 2 / 5, 0.0])
    assert scores([[[0, 0, 0]]]).tolist() == [1.0], "to show nothing where nothing is is right"


def test_classes_of_objects_are_taken_together_and_those_of_pixels_one_by_one():
    # class 0: 60 of 80 + 60 - 60 = .75; class 1: 10 of 10 + 30 - 10 = 1/3; class 2 nobody gave
    counts = [[[60, 80, 60], [10, 10, 30], [0, 5, 0]]]

    assert figures(counts, pixels=True)["miou"].value == pytest.approx((0.75 + 1 / 3) / 2)
    assert figures(counts, pixels=False)["recall"].value == pytest.approx(70 / 90)


def test_undefined_figures_say_why():
    nothing_shown, nothing_there = figures([[[0, 0, 2]]], pixels=False), figures([[[0, 2, 0]]], pixels=False)

    assert nothing_shown["precision"].value is None and nothing_shown["precision"].reason.code == "nothing_found"
    assert nothing_shown["recall"].value == 0
    assert nothing_there["f1"].value is None and nothing_there["f1"].reason.code == "no_object_to_find"
    assert figures(np.zeros((0, 2, 3)), pixels=True)["miou"].value is None
    assert differences([[[0, 0, 2]]], [[[1, 1, 2]]], pixels=False)["precision"].value is None
    with pytest.raises(ValueError, match="shape"):
        figures([[1, 2, 3]], pixels=False)
    with pytest.raises(ValueError, match="same images"):
        differences([[[1, 1, 1]]], [[[1, 1, 1]], [[1, 1, 1]]], pixels=False)


def test_the_difference_of_two_models_is_that_of_their_figures_and_turns_with_them():
    old, new = images(0, 60, 0.5), images(1, 60, 0.5)
    new[..., 2] = old[..., 2]
    new[..., 0] = np.minimum(new[..., 0], new[..., 2])

    found, back = differences(old, new, pixels=False), differences(new, old, pixels=False)

    for name in ("f1", "precision", "recall"):
        told = figures(new, pixels=False)[name].value - figures(old, pixels=False)[name].value
        assert found[name].value == pytest.approx(told)
        assert (back[name].low, back[name].high) == pytest.approx((-found[name].high, -found[name].low))


def images(seed, n, finds):
    """Counts of n images of one class: up to six objects, each found with this chance, and some inventions."""
    rng = np.random.default_rng(seed)
    people = rng.integers(0, 7, n)
    shared = rng.binomial(people, finds)
    return np.stack([shared, shared + rng.binomial(1, 0.3, n), people], 1)[:, None]


def test_the_interval_of_a_difference_covers_none_where_there_is_none():
    # two models alike on 80 images: about 5 % of the intervals miss 0
    missed = 0
    for seed in range(100):
        old, new = images(seed, 80, 0.6), images(1000 + seed, 80, 0.6)
        rng = np.random.default_rng(5000 + seed)
        new[:, 0, 2] = old[:, 0, 2]
        new[:, 0, 0] = rng.binomial(old[:, 0, 2], 0.6)
        new[:, 0, 1] = new[:, 0, 0] + rng.binomial(1, 0.3, 80)
        stat = differences(old, new, pixels=False)["f1"]
        missed += not stat.low <= 0 <= stat.high
    assert missed <= 12  # 100 of .05: 12 or more once in 200


def test_a_group_that_is_worse_has_a_small_p_and_equal_groups_have_not():
    codes = np.repeat([0, 1], [40, 80])
    bad, good = images(0, 40, 0.3), images(1, 80, 0.9)

    difference, p = against_the_rest(np.concatenate([bad, good]), codes, pixels=False)

    assert difference[0] < -0.3 and p[0] == pytest.approx(1 / 1000)
    assert difference[1] == pytest.approx(-difference[0]) and p[1] == 1.0
    alarms = sum(against_the_rest(images(seed, 120, 0.6), codes, pixels=False)[1][0] < 0.05 for seed in range(20))
    assert alarms <= 4  # 20 of .05: five or more once in 400


def test_a_group_without_objects_is_not_compared():
    difference, p = against_the_rest(
        np.array([[[0, 0, 0]], [[1, 1, 1]], [[1, 1, 2]]]), np.array([0, 1, 1]), pixels=False
    )

    assert np.isnan(difference).all() and np.isnan(p).all()
