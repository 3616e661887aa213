"""Signs of robotic or drifting work, anchoring, planning, groups by look: hand-worked cases and simulated people."""

import math

import numpy as np
import pytest

from labeler.stats import clusters, quality
from labeler.stats.anchoring import anchoring, share_difference
from labeler.stats.intervals import wilson
from labeler.stats.kappa import kappa_from_table
from labeler.stats.planner import images_for
from labeler.stats.results import NO_SHARED_IMAGES, NO_SPREAD, Stat, undefined

K = 5


def honest(rng, n=400, right=0.85, shares=(0.4, 0.25, 0.15, 0.12, 0.08)):
    """(answers, what the others say) of somebody who looks."""
    z = rng.choice(K, n, p=shares)
    return np.where(rng.random(n) < right, z, rng.integers(0, K, n)), np.where(
        rng.random(n) < 0.93, z, rng.integers(0, K, n)
    )


def rules(**given):
    return {sign.rule for sign in quality.signs(n_categories=K, **given)}


# ---- signs


def test_a_thousand_honest_people_are_left_in_peace():
    # Each rule may speak falsely for one person in a hundred; five rules: at most 5 %. Measured here: see the bound.
    rng = np.random.default_rng(11)
    alarms = 0
    for _ in range(1000):
        answers, others = honest(rng, n=int(rng.integers(60, 600)), right=rng.uniform(0.6, 0.97))
        seconds = rng.lognormal(math.log(rng.uniform(0.8, 4)), 0.5, answers.size)
        alarms += bool(rules(answers=answers, others=others, seconds=seconds))
    assert alarms <= 35  # of 1,000


def test_one_key_held_down_is_seen():
    rng = np.random.default_rng(1)
    answers, others = honest(rng)
    answers[200:260] = 3
    assert "run" in rules(answers=answers, others=others)


def test_keys_in_turn_are_seen():
    assert "order" in rules(answers=np.arange(300) % K)


def test_answers_without_looking_are_seen():
    rng = np.random.default_rng(2)
    _, others = honest(rng)
    assert "chance" in rules(answers=rng.choice(K, others.size, p=(0.4, 0.25, 0.15, 0.12, 0.08)), others=others)


def test_answers_faster_than_anybody_sees_are_seen():
    rng = np.random.default_rng(3)
    answers, _ = honest(rng)
    seconds = np.where(rng.random(answers.size) < 0.4, 0.15, 2.0)
    assert rules(answers=answers, seconds=seconds) == {"fast"}
    assert rules(answers=answers, seconds=np.full(answers.size, np.nan)) == set()


def test_agreement_that_sinks_is_seen_and_one_that_wavers_is_not():
    rng = np.random.default_rng(4)
    answers, others = honest(rng, n=500, right=0.95)
    worse = answers.copy()
    worse[-100:] = np.where(rng.random(100) < 0.35, rng.integers(0, K, 100), worse[-100:])
    assert "drift" in rules(answers=worse, others=others)
    assert not quality.drift(88, 100, 360, 400).alarm  # .88 after .90
    assert quality.drift(80, 100, 360, 400).alarm  # .80 after .90


def test_nobody_is_judged_by_a_few_answers():
    assert quality.signs(answers=[1] * (quality.FEWEST - 1), n_categories=K) == []


def test_where_one_class_is_nearly_everywhere_long_runs_and_chance_say_nothing():
    rng = np.random.default_rng(5)
    z = (rng.random(500) < 0.02).astype(int)
    assert rules(answers=z, others=z) == set()


# ---- drift and differences


def test_difference_of_two_shares_by_newcombe():
    # Newcombe (1998), table II, case (a): 56/70 - 48/80, method 10: .0524 to .3339
    stat = share_difference(56, 70, 48, 80)
    assert stat.value == pytest.approx(0.2)
    assert (stat.low, stat.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


@pytest.mark.parametrize(
    ("a", "n", "b", "m", "low", "high"),
    # the same table, cases (b), (d), (g): 9/10 - 3/10, 5/56 - 0/29, 10/10 - 0/10
    [(9, 10, 3, 10, 0.1705, 0.8090), (5, 56, 0, 29, -0.0381, 0.1926), (10, 10, 0, 10, 0.6075, 1.0)],
)
def test_more_of_newcombes_cases(a, n, b, m, low, high):
    stat = share_difference(a, n, b, m)
    assert (stat.low, stat.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


# ---- anchoring


def test_anchoring_by_hand():
    # shown 90 of 100, hidden 80 of 100: of the 20 % that would have differed, half gave way
    found = anchoring(equal_shown=90, n_shown=100, equal_hidden=80, n_hidden=100)
    assert found.difference.value == pytest.approx(0.1)
    assert found.copied.value == pytest.approx(0.5)
    assert found.copied.low < 0.5 < found.copied.high <= 1
    assert found.shown.low == pytest.approx(wilson(90, 100)[0])


def test_people_who_contradict_what_they_see_have_a_negative_estimate():
    assert anchoring(equal_shown=70, n_shown=100, equal_hidden=80, n_hidden=100).copied.value == pytest.approx(-0.5)


def test_the_copy_rate_that_was_simulated_is_found_and_covered():
    rng = np.random.default_rng(7)
    inside = 0
    for _ in range(400):
        hidden, copy, n = 0.75, 0.4, 300
        h = rng.binomial(n, hidden)
        s = rng.binomial(n, hidden + (1 - hidden) * copy)
        stat = anchoring(equal_shown=s, n_shown=n, equal_hidden=h, n_hidden=n).copied
        inside += stat.low <= copy <= stat.high
    assert 0.92 <= inside / 400 <= 0.98


def test_edges_of_anchoring():
    none = anchoring(equal_shown=0, n_shown=0, equal_hidden=5, n_hidden=10)
    assert none.copied.value is None and none.difference.value is None and none.copied.reason
    perfect = anchoring(equal_shown=10, n_shown=10, equal_hidden=10, n_hidden=10)
    assert perfect.copied.value is None and perfect.difference.value == 0
    with pytest.raises(ValueError, match="equal labels"):
        anchoring(equal_shown=11, n_shown=10, equal_hidden=0, n_hidden=1)


# ---- the planner


def test_four_times_the_images_halve_the_interval():
    stat = Stat(0.0, math.tanh(-0.2), math.tanh(0.2), 100)
    half = (stat.high - stat.low) / 2
    assert images_for(stat, half).more == 0
    plan = images_for(stat, math.tanh(0.1))
    assert plan.images == pytest.approx(400, abs=2) and plan.more in (300, 310)


def test_the_plan_comes_true():
    rng = np.random.default_rng(8)

    def table(n):
        z = rng.integers(0, 2, n)
        a, b = (np.where(rng.random(n) < 0.9, z, 1 - z) for _ in range(2))
        return np.bincount(a * 2 + b, minlength=4).reshape(2, 2)

    now = kappa_from_table(table(150)).stat()
    plan = images_for(now, 0.05)
    then = kappa_from_table(table(plan.images)).stat()
    assert (then.high - then.low) / 2 == pytest.approx(0.05, abs=0.015)


def test_what_cannot_be_planned_says_why():
    assert images_for(undefined(NO_SHARED_IMAGES), 0.05).reason == NO_SHARED_IMAGES
    assert images_for(Stat(1.0, None, None, 2, NO_SPREAD), 0.05).images is None
    with pytest.raises(ValueError, match="half-width"):
        images_for(Stat(0.5, 0.4, 0.6, 100), 0)


# ---- groups by look


def test_images_of_three_kinds_are_three_groups():
    rng = np.random.default_rng(1)
    kinds = np.repeat([0, 1, 2], [30, 20, 10])
    centres = np.eye(3, 40)[kinds] * 4 + 1
    found = clusters.group_by_look(centres + rng.normal(0, 0.25, (60, 40)))
    assert len(set(found.group)) == 3 and found.silhouette > 0.3
    for kind, number in ((0, 0), (1, 1), (2, 2)):  # by size
        assert set(found.group[kinds == kind]) == {number}
    first = found.members(0)
    assert found.closeness[first[0]] == found.closeness[first].max()


def test_images_that_have_nothing_in_common_are_not_grouped():
    rng = np.random.default_rng(2)
    assert set(clusters.group_by_look(rng.normal(0, 1, (40, 200))).group) == {0}


def test_the_same_images_are_grouped_the_same_way_tomorrow():
    x = np.random.default_rng(3).normal(0, 1, (50, 8))
    assert (clusters.group_by_look(x).group == clusters.group_by_look(x).group).all()


@pytest.mark.parametrize("n", [0, 1, 7])
def test_few_images_are_one_group(n):
    found = clusters.group_by_look(np.ones((n, 4)))
    assert found.silhouette is None and found.group.tolist() == [0] * n


def test_vectors_that_are_none_are_refused():
    with pytest.raises(ValueError, match="finite"):
        clusters.group_by_look([[1.0, math.nan]])
