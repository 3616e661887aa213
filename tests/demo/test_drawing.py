"""The demo's leaves and people: repeatable, different, and wrong in the way each of them should be."""

import colorsys

import numpy as np
import pytest

from labeler.demo.drawing import CATEGORIES, KINDS, draw_leaf
from labeler.demo.people import PEOPLE, answer

AMARA, BEN, CHEN, DANA = PEOPLE


@pytest.mark.parametrize("kind", KINDS)
def test_a_leaf_is_the_same_for_the_same_seed_and_another_for_the_next(kind):
    first, again, other = (np.asarray(draw_leaf(seed, kind, (160, 120)), int) for seed in (4, 4, 5))
    assert first.shape == (120, 160, 3)
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 5


@pytest.mark.parametrize("size", [(640, 480), (96, 96), (300, 500)])
def test_any_size_is_drawn_without_a_numerical_warning(size, recwarn):
    for kind in KINDS:
        assert draw_leaf(11, kind, size).size == size
    assert [str(warning.message) for warning in recwarn] == []


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="not one of"):
        draw_leaf(1, "Wilt")


def share_of_orange(image) -> float:
    pixels = np.asarray(image.resize((160, 120)), float).reshape(-1, 3) / 255
    hues = [colorsys.rgb_to_hsv(*pixel) for pixel in pixels]
    return sum(0.03 < hue < 0.12 and saturation > 0.7 and value > 0.5 for hue, saturation, value in hues) / len(hues)


def test_a_disease_shows_on_the_leaf():
    # The same leaf (same seed) healthy and ill: rust adds orange, mildew white, blight brown.
    def figures(kind: str) -> np.ndarray:
        images = [np.asarray(draw_leaf(seed, kind, (320, 240)), float) for seed in range(6)]
        white = np.mean([(image.min(2) > 140).mean() for image in images])
        brown = np.mean([((image[..., 0] > image[..., 1] * 1.08) & (image.sum(2) < 330)).mean() for image in images])
        orange = np.mean([share_of_orange(draw_leaf(seed, kind, (320, 240))) for seed in range(6)])
        return np.array([white, brown, orange])

    healthy, rust, mildew, blight = (figures(kind) for kind in ("Healthy", "Rust", "Mildew", "Blight"))
    assert rust[2] > healthy[2] + 0.005
    assert mildew[0] > healthy[0] + 0.02
    assert blight[1] > healthy[1] + 0.02


def test_the_shares_of_each_kind_are_probabilities_over_the_classes():
    for shares in KINDS.values():
        assert sum(shares.values()) == pytest.approx(1)
        assert set(shares) <= set(CATEGORIES)


def said(person, kind: str, n: int = 2000) -> dict[str | None, float]:
    rng = np.random.default_rng(3)
    answers = [answer(person, KINDS[kind], CATEGORIES, rng).category for _ in range(n)]
    return {category: answers.count(category) / n for category in set(answers)}


def test_each_person_errs_in_their_own_way():
    # n = 2,000 answers: a share of 0.16 has a standard error of 0.008.
    assert said(AMARA, "Rust")["Rust"] > 0.97
    assert said(BEN, "Rust")["Leaf spot"] == pytest.approx(0.16, abs=0.03)
    assert said(BEN, "Leaf spot")["Rust"] == pytest.approx(0.22, abs=0.03)
    assert said(BEN, "Blight")["Blight"] > 0.95
    assert said(CHEN, "Mildew or healthy")["Healthy"] > 0.7
    assert said(AMARA, "Mildew or healthy")["Healthy"] < 0.55
    assert said(CHEN, "Mildew")["Healthy"] == pytest.approx(0.10, abs=0.03)
    # Dana: 12 % at random, of which a fifth happens to be right.
    assert said(DANA, "Blight")["Blight"] == pytest.approx(1 - 0.12 * 0.8, abs=0.025)


def test_hesitation_is_kept_for_ambiguous_images():
    rng = np.random.default_rng(1)
    assert {answer(AMARA, KINDS["Rust"], CATEGORIES, rng).answer for _ in range(500)} == {"label"}
    answers = [answer(AMARA, KINDS["Rust or leaf spot"], CATEGORIES, rng) for _ in range(500)]
    assert {given.answer for given in answers} == {"label", "skip", "cannot_tell"}
    assert all((given.category is None) == (given.answer != "label") for given in answers)


def test_seconds_are_plausible_and_dana_is_fastest():
    rng = np.random.default_rng(1)
    medians = [
        float(np.median([answer(person, KINDS["Rust"], CATEGORIES, rng).seconds for _ in range(400)]))
        for person in PEOPLE
    ]
    assert min(medians) == medians[3]
    assert all(0.5 < median < 5 for median in medians)
