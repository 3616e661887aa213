"""One object for each cluster: published STAPLE values, hand-worked outcomes, and what must not matter."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeler.stats.objects.consensus import DISPUTED, consensus, staple
from labeler.stats.objects.matching import clusters
from tests.helpers.drawn import draw

CAT, DOG = 0, 1
LEFT, LEFT_1, LEFT_2, LEFT_3 = (0, 0, 10, 10), (1, 0, 11, 10), (2, 0, 12, 10), (3, 0, 13, 10)
FAR = (100, 100, 110, 110)


def discs():
    y, x = np.mgrid[:64, :64]
    five = [(32, 32, 15), (33, 32, 15), (32, 34, 15), (30, 31, 17), (36, 36, 10)]
    return np.array([(x - cx) ** 2 + (y - cy) ** 2 <= r * r for cx, cy, r in five])


def test_staple_of_five_discs():
    found = staple(discs())

    assert found.sensitivity == pytest.approx([0.9799, 0.9533, 0.9120, 0.9847, 0.4381], abs=5e-5)
    assert found.specificity == pytest.approx([1, 0.9943, 0.9854, 0.9441, 1], abs=5e-5)
    assert found.mask.sum() == 716
    assert found.converged and found.probability.shape == (64, 64)
    pairs = [(float((a & b).sum()), float((a | b).sum()), a.sum() + b.sum()) for a, b in combinations(discs(), 2)]
    assert np.mean([both / either for both, either, _ in pairs]) == pytest.approx(0.6496, abs=5e-5)
    assert np.mean([2 * both / size for both, _, size in pairs]) == pytest.approx(0.7691, abs=5e-5)


def test_staple_where_there_is_nothing_to_weigh():
    empty, full, same = np.zeros((3, 4, 4)), np.ones((3, 4, 4)), np.tile(np.eye(4), (3, 1, 1))

    assert not staple(empty).mask.any() and staple(full).mask.all()
    assert np.array_equal(staple(same).mask, np.eye(4, dtype=bool))
    assert staple(same).sensitivity == pytest.approx([1, 1, 1]) == staple(same).specificity
    with pytest.raises(ValueError, match="masks"):
        staple(np.zeros((0, 4, 4)))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_staple_gives_shares_and_does_not_mind_the_order_of_people(people, seed):
    rng = np.random.default_rng(seed)
    masks = rng.random((people, 6, 6)) < np.where(rng.random((6, 6)) < 0.4, 0.8, 0.1)

    found, turned = staple(masks), staple(masks[::-1])

    for figures in (found.probability, found.sensitivity, found.specificity):
        assert ((figures >= 0) & (figures <= 1)).all()
    assert turned.probability == pytest.approx(found.probability, abs=1e-6)
    assert turned.sensitivity[::-1] == pytest.approx(found.sensitivity, abs=1e-6)


def test_outcomes_of_hand_worked_clusters():
    drawn = draw(
        [
            {0: [(CAT, LEFT), (DOG, FAR)], 1: [(CAT, LEFT_1)], 2: [(DOG, LEFT_3)]},
            {0: [(CAT, LEFT)], 1: [(DOG, LEFT_2)], 2: []},
        ]
    )
    agreed = consensus(drawn, clusters(drawn, 0.5))

    assert agreed.majority.tolist() == [True, False, True]
    assert agreed.category.tolist() == [CAT, DOG, DISPUTED]
    # Medians of 0, 1, 3; alone; two people: the mean of 0 and 2
    assert agreed.box.tolist() == [[1, 0, 11, 10], list(map(float, FAR)), [1, 0, 11, 10]]
    # The middle one overlaps both others most; of two the first in the order of bounds
    assert agreed.medoid.tolist() == [2, 1, 4]


def test_half_is_no_majority():
    drawn = draw([{0: [(CAT, LEFT)], 1: []}, {0: [(CAT, LEFT)]}])

    assert consensus(drawn, clusters(drawn, 0.5)).majority.tolist() == [False, True]


boxes = st.builds(
    lambda x, y, w, h: (x, y, x + w, y + h), st.integers(0, 9), st.integers(0, 9), st.integers(2, 8), st.integers(2, 8)
)
an_image = st.dictionaries(st.integers(0, 3), st.lists(st.tuples(st.integers(0, 2), boxes), max_size=3), max_size=4)


@settings(max_examples=100, deadline=None)
@given(an_image, st.randoms(use_true_random=False))
def test_the_order_of_people_and_objects_does_not_matter(image, random):
    people = random.sample(range(4), 4)
    shuffled = {
        people[person]: random.sample(drew, len(drew)) for person, drew in random.sample([*image.items()], len(image))
    }

    outcomes = []
    for answer in (image, shuffled):
        drawn = draw([answer], people=4, classes=3)
        agreed = consensus(drawn, clusters(drawn, 0.4))
        rows = zip(
            agreed.majority.tolist(),
            agreed.category.tolist(),
            np.round(agreed.box, 9).tolist(),
            drawn.bounds[agreed.medoid].tolist(),
            strict=True,
        )
        outcomes.append(sorted(rows))

    assert outcomes[0] == outcomes[1]
