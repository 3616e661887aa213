"""Auto-accept: the numbers in print, the promise kept in trials, what is refused, and the audit's false alarms."""

import numpy as np
import pytest
from scipy.stats import beta, binom

from labeler.stats import promise
from labeler.stats.promise import (
    Promise,
    audit,
    audited,
    choose,
    choose_all,
    labels_needed,
    lower_bound,
    right_of,
    scores_of,
    thresholds_of,
)
from labeler.wording.sentences import sentence


@pytest.mark.parametrize(("errors", "n"), [(0, 59), (1, 93), (2, 124), (3, 153), (4, 181)])
def test_so_many_accepted_labels_carry_95_percent_with_95_percent_confidence(errors, n):
    # Wilks's sample sizes, in print as 59, 93, 124, 153, 181: .95^59 = .0485, .95^58 = .0510
    assert labels_needed(errors) == n
    assert lower_bound(n - errors, n) >= 0.95 > lower_bound(n - 1 - errors, n - 1)


def test_the_bound_is_that_of_clopper_and_pearson():
    for right, n in ((8, 10), (59, 59), (270, 280), (1, 400)):
        assert lower_bound(right, n, 0.9) == pytest.approx(beta.ppf(0.1, right, n - right + 1))
    assert lower_bound(0, 5) == 0.0
    # and its defining property: as many right ones or more happen with 5 % there
    low = lower_bound(270, 280)
    assert binom.sf(269, 280, low) == pytest.approx(0.05)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="right of"):
        lower_bound(6, 5)
    with pytest.raises(ValueError, match="between"):
        Promise(precision=1.0)
    with pytest.raises(ValueError, match="one entry"):
        choose([0.9, 0.8], [True], [0.5])
    with pytest.raises(ValueError, match="between 0 and 1"):
        audited([1, 2], 5)


def test_the_loosest_threshold_before_the_first_failure_is_taken(monkeypatch):
    monkeypatch.setattr(promise, "FIRST_SHARE", 0.05)
    # 100 right at .9; then 100 more with 2 wrong at .8 (200 with 2: bound .969); then 100 with 30 wrong at .7.
    # .6 adds 1,000 right ones, which would carry the promise again (32 of 1,300): but .7 has failed, and that ends it.
    scores = np.repeat([0.9, 0.8, 0.7, 0.6], [100, 100, 100, 1000])
    right = np.ones(1300, dtype=bool)
    right[100:102] = False
    right[200:230] = False
    found = choose(scores, right, [0.6, 0.7, 0.8, 0.9])
    assert (found.value, found.accepted, found.errors) == (0.8, 200, 2)
    assert found.precision_low == pytest.approx(lower_bound(198, 200))
    assert lower_bound(1268, 1300) > 0.95
    assert found.accepts([0.8, 0.79]).tolist() == [True, False]


def test_where_nothing_can_be_promised_the_reason_is_given():
    few = choose(np.full(58, 0.9), np.ones(58, bool), [0.5])
    assert few.value is None
    assert sentence(few.reason) == "58 calibration labels are there; 59 at least are needed for this promise"
    assert not few.accepts([0.99]).any()
    one = choose([0.9], [True], [0.5])
    assert sentence(one.reason) == "1 calibration label is there; 59 at least are needed for this promise"
    # 60 with one error: 93 would be needed
    wrong = choose(np.linspace(0.9, 1, 60), np.arange(60) > 0, [0.5])
    assert sentence(wrong.reason) == "of the 60 surest calibration images 1 was suggested wrongly: too many"
    poor = choose(np.linspace(0, 1, 400), np.arange(400) % 5 > 0, [0.2, 0.5])
    assert poor.value is None
    assert "40 were suggested wrongly" in sentence(poor.reason)
    assert sentence(choose(np.full(400, 0.3), np.ones(400, bool), [0.5]).reason) == (
        "no threshold is reached by enough calibration images"
    )
    assert choose([], [], []).value is None


def _world(rng, n):
    """Scores and answers of a model whose suggestions are right with a chance that rises from .6 to 1."""
    scores = rng.random(n)
    return scores, rng.random(n) < 1 - 0.4 * (1 - scores) ** 2


def test_the_promise_is_broken_no_more_often_than_stated():
    # precision above t is 1 - .4 (1 - t)^2 / 3, known exactly
    rng = np.random.default_rng(0)
    broken = accepted = 0
    for _ in range(600):
        grid = thresholds_of(_world(rng, 2000)[0])
        found = choose(*_world(rng, 400), grid)
        if found.value is not None:
            broken += 1 - 0.4 * (1 - found.value) ** 2 / 3 < 0.95
            accepted += 1 - found.value
    # 600 trials at 5 %: 30 expected, 43 is the 99 % point
    assert broken <= binom.ppf(0.99, 600, 0.05)
    # the truth allows t = 1 - sqrt(.375) = .388, so 61 %: some of that is what certainty costs
    assert 0.3 < accepted / 600 < 0.61


def test_classes_with_enough_labels_get_a_threshold_of_their_own():
    rng = np.random.default_rng(1)
    n = 1200
    classes = rng.choice(4, n, p=[0.45, 0.45, 0.06, 0.04])
    scores = rng.random(n)
    # class 0 is always right, class 1 is right only where the score is high
    right = (classes != 1) | (scores > 0.7)
    found = choose_all(scores, right, classes, scores, unlabeled_classes=classes, per_class=True)
    assert set(found.own) == {0, 1}
    assert found.own[0].value < 0.05
    assert 0.6 < found.own[1].value < 0.75
    assert found.accepts([0.3, 0.3], [0, 1]).tolist() == [True, False]
    one = choose_all(scores, right, classes, scores)
    assert one.own == {}
    assert one.coverage(scores, classes) < found.coverage(scores, classes)
    assert one.coverage([], []) is None
    with pytest.raises(ValueError, match="need the classes"):
        choose_all(scores, right, classes, scores, per_class=True)


def test_thresholds_hold_equally_many_images_between_them():
    grid = thresholds_of(np.arange(100), steps=4)
    assert [int((np.arange(100) >= t).sum()) for t in grid] == [26, 51, 76, 100]
    assert thresholds_of([]).size == 0


def test_with_several_labels_the_whole_set_counts():
    # .9 and .2: sure of both by .9 x .8; wrong as soon as one is
    found = [[0.9, 0.2], [0.9, 0.2]]
    assert scores_of(found, several=True) == pytest.approx([0.72, 0.72])
    assert right_of(found, [[1, 0], [1, 1]], several=True).tolist() == [True, False]
    assert scores_of([[0.3, 0.7], [0.6, 0.4]]) == pytest.approx([0.7, 0.6])
    assert right_of([[0.3, 0.7], [0.6, 0.4]], [1, 1]).tolist() == [True, False]


def test_the_audited_are_a_fixed_random_share_of_the_accepted():
    ids = np.arange(1, 100_001)
    chosen = audited(ids, 0.03)
    assert 2850 < chosen.sum() < 3150  # 3,000 +- 2.8 standard deviations
    assert (audited(ids[500:600], 0.03) == chosen[500:600]).all()
    # neighbours are unrelated, and another seed is another draw
    assert abs(np.corrcoef(chosen[1:], chosen[:-1])[0, 1]) < 0.01
    assert (audited(ids, 0.03, seed=1) & chosen).sum() < 150


def test_an_audit_rarely_stops_what_keeps_its_promise_and_soon_what_does_not():
    rng = np.random.default_rng(2)
    kept = [audit(rng.random(500) < 0.05) for _ in range(400)]
    assert sum(found.suspended for found in kept) <= binom.ppf(0.99, 400, 0.05)
    assert not any(audit(rng.random(500) < 0.02).suspended for _ in range(50))
    broken = [audit(rng.random(300) < 0.15) for _ in range(100)]
    assert sum(found.suspended for found in broken) >= 95
    assert np.median([found.suspended_at for found in broken if found.suspended]) < 80


def test_the_evidence_of_an_audit_by_hand():
    # one error: mean of WORSE = 17.75 / 6 = 2.96; then one right answer: each times (1 - .05 w) / .95
    assert audit([True]).evidence == pytest.approx(17.75 / 6)
    worse = np.array([1.25, 1.5, 2, 3, 4, 6])
    assert audit([True, False]).evidence == pytest.approx((worse * (1 - 0.05 * worse) / 0.95).mean())
    assert audit([]).evidence == 1.0
    assert audit([]).n == 0
    # what has been suspended stays so: three errors at once (mean of WORSE cubed = 53 > 20), then 200 right ones
    found = audit([True] * 3 + [False] * 200)
    assert found.suspended
    assert found.suspended_at == 3
    assert found.evidence < 20
    assert np.isfinite(audit([True] * 5000).evidence)
