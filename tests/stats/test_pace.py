"""What a judgement costs a person: worked by hand, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeler.stats.pace import FEWEST, LONGEST, PAUSE, SITTING_BREAK, seconds_per_judgement, sitting_starts
from labeler.wording.sentences import sentence

NAN = float("nan")


def pace_of(at, seconds, *, person=None, counts=None):
    people = [1] * len(at) if person is None else person
    return seconds_per_judgement(people, at, seconds, [True] * len(at) if counts is None else counts)


def test_from_the_first_answer_to_the_last_and_the_first_ones_own_seconds():
    # ten answers, four seconds apart, 2.5 s each on the image: 9 * 4 + 2.5 = 38.5 s of work, 3.85 s a judgement
    told = pace_of(np.arange(10) * 4.0, [2.5] * 10)
    assert (told.value, told.n) == (pytest.approx(3.85), 10)
    assert told.low is None and sentence(told.reason) == "no interval: fewer than 5 sittings"


def test_one_judgement_an_hour_takes_as_long_as_the_person_looked():
    """What was said to be one judgement per hour of work."""
    told = pace_of(np.arange(12) * 3600.0, [2.5] * 12)
    assert told.value == pytest.approx(2.5)
    assert told.low == pytest.approx(2.5) and told.high == pytest.approx(2.5)


def test_answers_of_one_stretch_and_a_pause_within_a_sitting():
    # 0, 5, 10 | 100, 105, ..., 130: two stretches of (10 - 0) + 2 = 12 s and (130 - 100) + 2 = 32 s; 44 s for 10
    told = pace_of([0, 5, 10, *range(100, 131, 5)], [2.0] * 10)
    assert told.value == pytest.approx(4.4)


def test_a_pause_is_counted_from_when_the_image_was_painted():
    # One image takes 90 s, and was looked at for 80 of them: work. Another comes after 90 s, and was looked at for 2.
    long_look = pace_of([*range(0, 45, 5), 130], [2.0] * 9 + [80.0])
    assert long_look.value == pytest.approx((130 + 2) / 10)
    away = pace_of([*range(0, 45, 5), 130], [2.0] * 10)
    assert away.value == pytest.approx((40 + 2 + 2) / 10)


def test_an_image_left_on_the_screen_counts_for_two_minutes_at_most():
    # 0 ... 36 by fours, then ten minutes of lunch before the answer: 36 + 2 of work, and LONGEST
    told = pace_of([*range(0, 40, 4), 636], [2.0] * 10 + [600.0])
    assert told.value == pytest.approx((38 + LONGEST) / 11)


def test_answers_sent_together_count_with_what_each_took():
    # ten kept on a device and saved within a second: 10 * 3 s
    assert pace_of(np.linspace(0, 1, 10), [3.0] * 10).value == pytest.approx(3.0)


def test_skips_take_time_and_are_no_judgement():
    # (14 * 4 + 4) s for 10 judgements of 15 answers
    told = pace_of(np.arange(15) * 4.0, [4.0] * 15, counts=[True, True, False] * 5)
    assert (told.value, told.n) == (pytest.approx(6.0), 10)


def test_two_at_once_are_two_peoples_work():
    # each 5 answers in (4 * 4 + 2) s: 36 s for 10
    told = pace_of([*np.arange(5) * 4.0, *np.arange(5) * 4.0], [2.0] * 10, person=[1] * 5 + [2] * 5)
    assert told.value == pytest.approx(3.6)


def test_where_nothing_was_measured_the_gaps_say_it():
    # 9 * 4, and the median gap for the first
    assert pace_of(np.arange(10) * 4.0, [NAN] * 10).value == pytest.approx(4.0)
    assert pace_of(np.arange(12) * 3600.0, [NAN] * 12).value is None
    assert pace_of(np.zeros(12), [0.0] * 12).value is None


def test_a_few_judgements_tell_no_pace():
    told = pace_of(np.arange(FEWEST - 1) * 4.0, [2.0] * (FEWEST - 1))
    assert (told.value, told.n, sentence(told.reason)) == (None, 9, "fewer than 10 judgements")
    assert pace_of([], []).value is None


def test_the_interval_is_of_the_spread_of_sittings():
    # Five sittings of two answers each 10 s apart, own 2, 2, 2, 2 and 12 s: 12, 12, 12, 12 and 22+2 s (the sum of own
    # seconds, 24, is more than 10 + 12). R = 72 / 10 = 7.2; deviations from 14.4: four of -2.4 and one of 9.6, squares
    # 4 * 5.76 + 92.16 = 115.2; error = sqrt(5 / 4 * 115.2) / 10 = 1.2; 7.2 * exp(+-1.96 * 1.2 / 7.2)
    at = [t for k in range(5) for t in (k * 7200, k * 7200 + 10)]
    told = pace_of(at, [2.0] * 8 + [12.0, 12.0])
    assert told.value == pytest.approx(7.2)
    assert (told.low, told.high) == (pytest.approx(7.2 / np.exp(0.32666), rel=1e-3), pytest.approx(9.981, rel=1e-3))


def test_a_sitting_begins_after_half_an_hour_without_an_answer():
    assert sitting_starts([0, SITTING_BREAK, 2 * SITTING_BREAK + 1]).tolist() == [True, False, True]
    assert sitting_starts([]).tolist() == []


GAPS = st.lists(st.floats(0.1, PAUSE), min_size=FEWEST, max_size=30)


@given(GAPS, st.integers(1, 9), st.floats(SITTING_BREAK, 1e6), st.randoms())
def test_how_long_a_break_lasts_does_not_matter_nor_in_which_order_rows_come(gaps, before, longer, order):
    own = [min(gap, 2.0) for gap in gaps]
    short, long = list(gaps), list(gaps)
    short[before], long[before] = PAUSE + 2.1, longer
    mixed = list(range(len(gaps)))
    order.shuffle(mixed)

    one = pace_of(np.cumsum(short), own)
    other = pace_of(np.cumsum(long)[mixed], np.array(own)[mixed])

    assert one.value == pytest.approx(other.value)


@given(GAPS)
def test_twice_as_fast_is_twice_as_many(gaps):
    own = np.array([min(gap, 2.0) for gap in gaps])
    assert pace_of(np.cumsum(gaps), own).value == pytest.approx(2 * pace_of(np.cumsum(gaps) / 2, own / 2).value)


@given(GAPS, st.integers(2, 4))
def test_more_people_who_work_alike_are_as_fast_each(gaps, people):
    own = [min(gap, 2.0) for gap in gaps]
    together = pace_of(
        np.tile(np.cumsum(gaps), people), own * people, person=np.repeat(np.arange(people), len(gaps))
    )  # fmt: skip
    assert together.value == pytest.approx(pace_of(np.cumsum(gaps), own).value)
