"""Numbers as templates write them."""

import pytest

from labeler.templatetags.figures import figure, interval, percent, percent_interval, seconds, thousands


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (figure(0.749), "0.75"),
        (figure(0.5), "0.50"),
        (figure(-0.126), "\N{MINUS SIGN}0.13"),
        (figure(0.9961), "1.00"),
        (percent(0.529), "53 %"),
        (percent(0.9126, 1), "91.3 %"),
        (percent(1.0), "100 %"),
        (seconds(2.26), "2.3 s"),
        (thousands(1234.6), "1,235"),
        (interval({"low": 0.7096, "high": 0.7651}), "0.71 to 0.77"),
        (percent_interval({"low": 0.8916, "high": 0.9288}), "89.2 to 92.9 %"),
    ],
)
def test_a_number_is_rounded_not_cut_off(written, expected):
    assert written.replace("\N{NO-BREAK SPACE}", " ") == expected


def test_what_is_not_known_is_a_dash():
    assert {figure(None), percent(None), seconds(None), thousands(None)} == {"–"}
    assert interval(None) == percent_interval({"low": None, "high": 1.0}) == ""
