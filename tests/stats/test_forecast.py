"""The forecast: what it says of plain histories, and how often its interval holds the truth on simulated ones."""

from __future__ import annotations

import numpy as np
import pytest

from bench.histories import bursts, coverage, falling, rising, steady, uneven, weekly
from labeler.stats.forecast import FEWEST_DAYS, days_left
from labeler.wording.sentences import sentence

WORKING_WEEK = [100, 120, 90, 110, 80, 0, 0]


def test_a_steady_pace_needs_as_many_days_as_a_division_says():
    forecast = days_left([100] * 28, 1000)

    assert forecast.value == pytest.approx(10, abs=0.3)
    assert forecast.low < 10 < forecast.high
    assert forecast.per_day == 100


def test_the_same_history_gives_the_same_answer():
    assert days_left(WORKING_WEEK * 4, 700) == days_left(WORKING_WEEK * 4, 700)


def test_weekends_are_waited_for():
    # 500 a week on five days; the last day of the history is a Sunday, so a Monday comes first.
    monday = days_left(WORKING_WEEK * 6, 495)
    # ... and here it is a Friday: two days pass before the first of those five.
    friday = days_left(WORKING_WEEK[5:] + WORKING_WEEK * 6 + WORKING_WEEK[:5], 495)

    assert monday.value == pytest.approx(5, abs=0.6)
    assert friday.value == pytest.approx(7, abs=0.6)


def test_a_trend_is_followed_and_fades():
    growing = [round(level * (1 + 0.15 * week)) for week in range(8) for level in WORKING_WEEK]
    left = 3.4 * sum(growing[-7:])

    flat, forecast = days_left(growing[-7:] * 8, left), days_left(growing, left)

    # Three weeks and two days at the pace of the last one. Growing on by 15 % of the first week, a little less each
    # time, it is reached in the third week.
    assert flat.value == pytest.approx(23, abs=1)
    assert 14 < forecast.value < flat.value - 1.5


def test_what_no_day_made_is_never_finished_in_the_interval():
    forecast = days_left([0, 0, 30], 1000)

    assert forecast.value is None or forecast.high is None


@pytest.mark.parametrize("per_day", [[], [5] * (FEWEST_DAYS - 1), [0, 0, 0], [0] * 60])
def test_too_little_history_says_so(per_day):
    forecast = days_left(per_day, 10)

    assert (forecast.value, forecast.low, forecast.high) == (None, None, None)
    assert forecast.reason
    assert forecast.fan == ()


def test_a_pace_of_years_is_not_foreseen():
    assert days_left([1] * 30, 1_000_000).value is None
    assert "four years" in sentence(days_left([1] * 30, 1_000_000).reason)


@pytest.mark.parametrize("per_day", [[], [5], [100] * 30])
def test_nothing_left_is_done_now(per_day):
    forecast = days_left(per_day, 0)

    assert (forecast.value, forecast.low, forecast.high) == (0.0, 0.0, 0.0)


def test_the_fan_begins_at_nothing_and_ends_at_what_is_left():
    forecast = days_left(WORKING_WEEK * 6, 3000)
    days, low, middle, most = (np.array(column) for column in zip(*forecast.fan, strict=True))

    assert forecast.fan[0] == (0.0, 0.0, 0.0, 0.0)
    assert (np.diff(days) > 0).all()
    assert ((low <= middle) & (middle <= most) & (most <= 3000)).all()
    assert all((np.diff(line) >= 0).all() for line in (low, middle, most))
    # Where the middle reaches the end, there the median is.
    assert days[middle >= 3000][0] == pytest.approx(forecast.value, abs=days[-1] / 30)


def test_it_reads_the_last_eight_weeks_only():
    assert days_left([10_000] * 50 + WORKING_WEEK * 8, 3000) == days_left(WORKING_WEEK * 8, 3000)


# Nominal 95 %; with 120 histories a share of .95 is measured to +-.04. docs/agreement.md has the whole table.
@pytest.mark.parametrize(
    ("history", "past", "ahead", "at_least"),
    [
        (steady, 28, 30, 0.95),
        (uneven, 14, 10, 0.90),
        (uneven, 56, 20, 0.90),
        (weekly, 28, 30, 0.93),
        (bursts, 28, 30, 0.88),
        (rising, 28, 10, 0.82),
        (falling, 56, 20, 0.80),
    ],
)
def test_the_interval_holds_the_truth_about_as_often_as_it_says(history, past, ahead, at_least):
    found = coverage(history, past, ahead, 120)

    assert at_least <= found.held <= 1
    # Not bought by saying nothing: half of the intervals of a regular history are narrower than the wait itself.
    if history in (steady, weekly):
        assert found.width < 1 and found.open_ended < 0.1
