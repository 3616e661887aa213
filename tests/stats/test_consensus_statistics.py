"""The vote: majority, ties, confidence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeler.stats.tally import vote


@pytest.mark.parametrize(
    ("tally", "categories", "share", "is_tie", "n"),
    [
        ({"0": 2, "1": 1}, [0], 2 / 3, False, 3),
        ({"0": 1, "1": 1}, None, 0.5, True, 2),
        ({}, None, None, False, 0),
        ({"2": 3}, [2], 1, False, 3),
    ],
)
def test_majorities_ties_and_empty_votes(tally, categories, share, is_tie, n):
    found = vote(tally)
    assert (found.categories, found.is_tie, found.n) == (categories, is_tie, n)
    assert found.share == (share if share is None else pytest.approx(share))


@given(st.dictionaries(st.sampled_from("012345"), st.integers(1, 4), max_size=6))
def test_the_vote_does_not_depend_on_the_order_of_the_answers(tally):
    assert vote(dict(reversed(tally.items()))) == vote(tally)
