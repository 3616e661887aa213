"""The vote: majority, ties, confidence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeler.stats.consensus import majority, smoothed_share
from labeler.stats.tally import vote


def test_majorities_ties_and_empty_votes():
    result = majority([[2, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 3]])
    assert result.category.tolist() == [0, -1, -1, 2]
    assert result.tied.tolist() == [False, True, False, False]
    assert result.share == pytest.approx([2 / 3, 0.5, 0, 1])
    assert result.n.tolist() == [3, 2, 0, 3]


def test_five_of_five_are_surer_than_one_of_one():
    # one vote over two classes: (1 + .5) / 2 and (5 + .5) / 6
    assert smoothed_share([1, 5], [1, 5], 2) == pytest.approx([0.75, 5.5 / 6])


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="counts"):
        majority([[1, -1]])
    with pytest.raises(ValueError, match="counts"):
        majority([1, 2])


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=20))
def test_many_images_at_once_are_judged_like_one_at_a_save(votes):
    together = majority(votes)
    for i, row in enumerate(votes):
        alone = vote({str(k): n for k, n in enumerate(row) if n})
        assert together.category[i] == (-1 if alone.categories is None else alone.categories[0])
        assert (bool(together.tied[i]), together.n[i]) == (alone.is_tie, alone.n)
        assert together.share[i] == pytest.approx(alone.share or 0)


def test_the_winner_does_not_depend_on_the_order_of_images():
    votes = np.array([[3, 1], [0, 2], [1, 1]])
    assert majority(votes[::-1]).category.tolist() == majority(votes).category.tolist()[::-1]
