"""Groups compared with the rest: shares, agreement, Fisher's exact test and Holm's correction."""

from __future__ import annotations

import pytest
from scipy.stats import fisher_exact

from labeler.stats.coverage import FEWEST, NOBODY, ONE_GROUP, TOO_FEW, Counts, compare, fisher_less


def test_fishers_tea():
    # Fisher's lady (1935): 3 of 4 right; P(X <= 1 of the other 4) = (16 + 1) / 70
    assert fisher_less(1, 4, 3, 4) == pytest.approx(17 / 70)
    assert fisher_less(0, 4, 4, 4) == pytest.approx(1 / 70)
    assert fisher_less(4, 4, 0, 4) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="5 of 4"):
        fisher_less(5, 4, 0, 4)


@pytest.mark.parametrize("table", [(3, 12, 40, 50), (700, 1000, 8000, 9000), (0, 30, 1, 900), (99, 100, 990, 1000)])
def test_as_scipy_has_it(table):
    k, n, k_rest, n_rest = table
    wanted = fisher_exact([[k, n - k], [k_rest, n_rest - k_rest]], alternative="less")[1]
    assert fisher_less(*table) == pytest.approx(wanted, rel=1e-8)


def group(value, images, judged, agreed, field="camera"):
    return Counts(field, value, images, labeled=judged, judged=judged, agreed=agreed)


def test_a_group_on_which_people_agree_less_is_named_with_its_interval():
    worse, other = compare([group("C-3", 60, 40, 20), group("C-7", 60, 50, 48)])
    assert worse.agreement == 0.5 and worse.elsewhere == pytest.approx(0.96)
    assert worse.agreement_within == pytest.approx((0.352, 0.648), abs=1e-3)  # Wilson, 20 of 40
    assert worse.less and worse.p < 0.001 and worse.reason is None
    assert not other.less and other.p == pytest.approx(1.0)
    assert not worse.under and not other.under


def test_all_comparisons_are_corrected_together():
    # alone p = .031 (17 of 24 against 24 of 25); with two more comparisons beside it three times that
    alone = [group("a", 24, 24, 17), group("b", 25, 25, 24)]
    single = fisher_less(17, 24, 24, 25)
    assert compare(alone)[0].p == pytest.approx(2 * single)  # the group and the other are two
    others = [group("x", 30, 30, 29, "site"), group("y", 30, 30, 29, "site")]
    assert compare(alone + others)[0].p == pytest.approx(4 * single)


def test_what_cannot_be_compared_says_why():
    reasons = [
        row.reason for row in compare([group("a", 9, 0, 0), group("b", 90, FEWEST - 1, 5), group("c", 90, 50, 45)])
    ]
    assert reasons == [NOBODY, TOO_FEW, TOO_FEW]
    (alone,) = compare([group("a", 20, 20, 20)])
    assert (alone.reason, alone.p, alone.under, alone.share) == (ONE_GROUP, None, False, 1.0)
    assert compare([]) == []


def test_few_images_is_less_than_a_quarter_of_an_equal_share_beyond_chance():
    rows = compare([group("a", 500, 0, 0), group("b", 460, 0, 0), group("c", 40, 0, 0)])
    # an equal share is .333, a quarter of it .083; 40 of 1000 lies below .054 with 95 %
    assert [row.under for row in rows] == [False, False, True]
    few = compare([group("a", 5, 0, 0), group("b", 5, 0, 0), group("c", 0, 0, 0)])
    assert [row.under for row in few] == [False, False, False]  # of ten images nobody can tell
