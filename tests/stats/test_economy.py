"""Label economy: what a judgement is worth, what share is right, and what the next ones buy."""

import numpy as np
import pytest

from labeler.stats import economy
from labeler.stats.economy import Checks, gain, order, outlook, share_right, temperature


def _by_enumeration(p, right, answers):
    """Expected largest posterior after so many answers, over every sequence of them."""
    k = p.shape[1]
    chance = np.full((k, k), (1 - right) / (k - 1))
    np.fill_diagonal(chance, right)  # answer, class
    joint = [p]
    for _ in range(answers):
        joint = [part * chance[a] for part in joint for a in range(k)]
    return sum(part.max(axis=1) for part in joint)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("right", [0.6, 0.85, 0.97])
def test_the_gain_is_that_of_every_possible_answer(k, right):
    p = np.random.default_rng(k).dirichlet(np.full(k, 0.4), 60)
    one = _by_enumeration(p, right, 1) - p.max(axis=1)
    two = _by_enumeration(p, right, 2) - p.max(axis=1)
    assert gain(p, right, ahead=1) == pytest.approx(one, abs=1e-12)
    assert gain(p, right) == pytest.approx(np.maximum(one, two / 2), abs=1e-12)


def test_the_gain_by_hand():
    # Two classes at .6 and .4, a person right 9 times of 10: after an answer the class that was named holds
    # .6 x .9 = .54 or .4 x .9 = .36, so .90 right instead of .60: +.30 for one judgement.
    assert gain([[0.6, 0.4]], 0.9, ahead=1) == pytest.approx([0.3])
    # .95 and .05: one answer of somebody right 9 times of 10 cannot turn it; two against it can:
    # .05 x .81 = .0405 against .95 x .01 = .0095, a gain of .031 for two judgements
    assert gain([[0.95, 0.05]], 0.9, ahead=1) == pytest.approx([0.0], abs=1e-12)
    assert gain([[0.95, 0.05]], 0.9) == pytest.approx([0.0155])
    assert gain([[1.0, 0.0]], 0.9) == [0.0]


def test_where_everybody_has_answered_nobody_is_asked():
    p = np.array([[0.5, 0.5], [0.9, 0.1], [0.7, 0.3], [1.0, 0.0]])
    assert order(p, 0.85).tolist() == [0, 2, 1, 3]
    assert order(p, 0.85, [False, True, True, True]).tolist() == [2, 1, 3]
    # equal gains of 0: the smaller margin first
    assert order([[1.0, 0.0], [0.9999, 0.0001]], 0.6).tolist() == [1, 0]


def test_people_who_guess_are_refused():
    with pytest.raises(ValueError, match="1 in 2 and 1"):
        gain([[0.5, 0.5]], 0.5)
    with pytest.raises(ValueError, match="looked ahead"):
        gain([[0.5, 0.5]], 0.8, ahead=3)


def test_the_temperature_is_found_through_peoples_errors():
    rng = np.random.default_rng(0)
    n, k = 2000, 4
    logits = 2.0 * rng.standard_normal((n, k))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (honest.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    wrong = rng.random(n) >= 0.7
    said = np.where(wrong, (truth + rng.integers(1, k, n)) % k, truth)
    sharp = honest**2 / (honest**2).sum(axis=1, keepdims=True)  # twice as sure as it may be
    found = temperature(sharp, np.arange(n), said, 0.7)
    assert found == pytest.approx(2.0, rel=0.15)
    # taken for the truth, the same answers would make the model look far too sure of itself
    assert temperature(sharp, np.arange(n), said, 0.999) > 2.6
    assert temperature(np.empty((0, 3)), [], [], []) == 1.0
    # two answers to each image tell more than one, and rows may come in any order
    twice = np.r_[said, np.where(rng.random(n) < 0.7, truth, (truth + 1) % k)]
    shuffled = rng.permutation(2 * n)
    assert temperature(sharp, np.tile(np.arange(n), 2)[shuffled], twice[shuffled], 0.7) == pytest.approx(2.0, rel=0.15)


def _project(rng, n, bias):
    """What a posterior claims, and what is right: errors are (1 + bias) times what it says."""
    c = 1 - rng.beta(0.5, 8, n)
    return c, rng.random(n) < 1 - np.clip((1 - c) * (1 + bias), 0, 1)


@pytest.mark.parametrize("bias", [0.0, 0.5, -0.5])
def test_the_interval_of_the_share_right_holds_the_truth(bias):
    rng = np.random.default_rng(3)
    held, near, claims = 0, 0, []
    for _ in range(150):
        c, right = _project(rng, 2000, bias)
        sample, seen = _project(rng, 400, bias)
        found = share_right(c, np.zeros(2000, bool), Checks(sample, seen, np.zeros(400, bool)))
        held += found.estimate.low <= right.mean() <= found.estimate.high
        near += abs(found.estimate.value - right.mean()) < 0.02
        claims.append(abs(found.claimed - right.mean()))
    assert held >= 135  # of 150 at 95 %: 135 is below the 1 % point, for errors that are half as many again, or half
    assert near >= 120
    if bias:
        assert np.mean(claims) > 0.02  # the posterior alone would be off by more


def test_an_honest_claim_is_used_and_a_wrong_one_corrected():
    rng = np.random.default_rng(4)
    c, _ = _project(rng, 3000, 0)
    judged = np.zeros(3000, bool)
    alone = share_right(c, judged)
    assert alone.estimate.value == pytest.approx(c.mean())
    assert alone.corrected.value is None
    assert alone.n_checked == 0
    # without checks the interval says how far claims may be off: half of the errors claimed
    assert alone.estimate.high - alone.estimate.low == pytest.approx(2 * 1.96 * 0.5 * (1 - c.mean()), rel=0.05)
    sample, seen = _project(rng, 500, 0.8)
    checked = share_right(c, judged, Checks(sample, seen, np.zeros(500, bool)))
    assert checked.estimate.value < c.mean() - 0.02
    assert checked.n_checked == 500
    assert checked.reached(0.8) and not checked.reached(0.99)
    assert checked.surely(0.8) and not checked.surely(checked.estimate.value)
    # checks that stand for images nobody has judged say nothing of judged ones
    other = share_right(c, ~judged, Checks(sample, seen, np.zeros(500, bool)))
    assert other.n_checked == 0
    assert other.estimate.value == pytest.approx(c.mean())
    assert share_right([], []).estimate.value is None


@pytest.mark.parametrize(("checks", "is_reached"), [(60, False), (240, False), (1200, True)])
def test_a_goal_is_reached_once_the_estimate_is_known_nearly_enough(checks, is_reached):
    """The same claim and the same errors among the checks: few of them are right by luck too easily."""
    c, unjudged = np.full(5000, 0.96), np.zeros(5000, bool)
    right = np.arange(checks) % 60 != 0  # one of 60 is wrong
    found = share_right(c, unjudged, Checks(np.full(checks, 0.96), right, np.zeros(checks, bool)))
    assert found.estimate.value >= 0.965
    assert bool(found.reached(0.965)) == is_reached
    assert bool(found.estimate.value - found.estimate.low <= 0.0125) == is_reached
    assert found.reached(0.85)  # of a lower goal less is asked: a third of the errors that it allows


def test_what_is_wanted_of_the_estimate_is_that_it_be_known_too():
    def claim(value):
        return share_right(np.full(5000, value), np.ones(5000, bool))

    now = claim(0.96)  # half of the errors claimed: known to 4 points
    wanted = now.wanted(0.95)
    assert wanted == pytest.approx(0.983, abs=0.001)
    assert not now.reached(0.95) and claim(wanted + 0.001).reached(0.95) and not claim(wanted - 0.002).reached(0.95)
    assert claim(0.999).wanted(0.95) == 0.95 and claim(0.90).wanted(0.999) == 0.999


def test_what_the_next_judgements_buy_is_what_they_bring():
    rng = np.random.default_rng(5)
    k, right, n = 4, 0.85, 1500
    p = rng.dirichlet(np.full(k, 0.25), n)
    foreseen = outlook(p, right, judgements=1500)
    assert foreseen.judgements[0] == 0
    assert foreseen.right[0] == pytest.approx(p.max(axis=1).mean())
    assert (np.diff(foreseen.right) >= 0).all()
    # live it once, with other people and other truths
    truth = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(0, k - 1)
    now = p.copy()
    for _ in range(15):
        ask = order(now, right)[:100]
        said = np.where(rng.random(100) < right, truth[ask], (truth[ask] + rng.integers(1, k, 100)) % k)
        now[ask] *= np.where(np.arange(k) == said[:, None], right, (1 - right) / (k - 1))
        now /= now.sum(axis=1, keepdims=True)
    assert foreseen.after(1500) == pytest.approx((now.argmax(axis=1) == truth).mean(), abs=0.02)
    goal = 0.95
    needed = foreseen.until(goal)
    assert foreseen.after(needed) == pytest.approx(goal, abs=2e-3)
    assert foreseen.until(0.5) == 0
    assert foreseen.until(1.0) is None


def test_a_look_ahead_of_many_images_stands_for_all_and_ends_where_nobody_is_left(monkeypatch):
    p = np.tile([[0.6, 0.4], [0.9, 0.1]], (500, 1))
    whole = outlook(p, 0.9, judgements=500)
    monkeypatch.setattr(economy, "LOOKED_AT", 300)
    part = outlook(p, 0.9, judgements=500)
    assert part.judgements[-1] == pytest.approx(500, abs=40)
    assert part.after(400) == pytest.approx(whole.after(400), abs=0.03)
    nobody = outlook(p, 0.9, judgements=500, opinions_left=[0] * 1000)
    assert nobody.judgements.tolist() == [0]
    assert outlook(np.empty((0, 2)), 0.9, judgements=5).right.tolist() == [1.0]
