"""What one more judgement is worth, what share of the labels is right now, and when to stop asking.

Knows posteriors of images (stats/dawid_skene.py: people, with the model as one more voter where the project wants it)
and how often people are right. Does not know the queue, nor how the model learned. "A new image or another opinion" is
one question here: an image without a judgement has a posterior too, the model's or the classes' shares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.intervals import SEED, Z95, FloatArray
from labeler.stats.results import Reason, Stat, undefined
from labeler.stats.special import logsumexp

CHUNK = 4096  # images at a time: two answers in advance are K x K cases for each
TEMPERATURES = (0.05, 20.0)
EDGES = (0.5, 0.7, 0.9, 0.97)  # of what the posterior claims: the strata in which blind checks are compared with it
# How far a posterior's share of errors may be off, as a share of itself (one standard deviation): people who err in the
# same way, a model that is sure of what it never met. Measured: docs/model.md, label economy.
TRUST = 0.5
# How near the estimate must be known before a goal is said to be reached: half of its 95 % interval, or this part of
# the errors that the goal allows, where that is more. The intervals are a quarter wider than the errors turn out to be
# (docs/decisions/0010), so this one means: within a point in 95 of 100.
NEAR, PART = 0.0125, 1 / 3
LOOKED_AT = 4000  # images that a look ahead follows; of more a random part stands for all
LOOK_STEPS = 20  # rounds of asking in a look ahead, at most
NO_BLIND_IMAGES = Reason("no_blind_images")


def gain(posterior: ArrayLike, accuracy: float, *, ahead: int = 2) -> FloatArray:
    """Labels that become right, on average, per further judgement of each image; shape (n,), 0..1.

    posterior: (n, K). accuracy: chance that the next person is right, in (1 / K, 1); a wrong answer is any of the
    others. The value of an answer (Raiffa and Schlaifer 1961) is sum over answers of max_k p_k P(answer | k), less
    max_k p_k: what the most probable class is worth after it, less what it is worth now. ahead 2: the better of one
    judgement, and half of what two bring. With one alone an image whose first class leads by more than
    accuracy (K - 1) / (1 - accuracy) would be worth nothing, although two people could correct it.
    Raises ValueError for an accuracy out of range.
    """
    p = np.asarray(posterior, dtype=np.float64)
    k = p.shape[1]
    if not 1 / k < accuracy < 1:
        raise ValueError(f"a person is right with a chance between 1 in {k} and 1, not {accuracy}")
    if ahead not in (1, 2):
        raise ValueError("one or two judgements are looked ahead")
    out = np.empty(len(p))
    for start in range(0, len(p), CHUNK):
        part = p[start : start + CHUNK]
        worth = _after_one(part, accuracy) - part.max(axis=1)
        if ahead == 2:
            worth = np.maximum(worth, (_after_two(part, accuracy) - part.max(axis=1)) / 2)
        out[start : start + CHUNK] = np.maximum(worth, 0.0)  # rounding may leave -1e-17
    return out


def _after_one(p: FloatArray, right: float) -> FloatArray:
    """Expected largest posterior after one answer: answer a speaks for class a, or the best of the others stays."""
    wrong = (1 - right) / (p.shape[1] - 1)
    return np.maximum(right * p, wrong * _best_other(p)).sum(axis=1)


def _after_two(p: FloatArray, right: float) -> FloatArray:
    """The same after two answers: both for a, or one for a and one for b (twice, in either order)."""
    k = p.shape[1]
    wrong = (1 - right) / (k - 1)
    same = np.maximum(right**2 * p, wrong**2 * _best_other(p)).sum(axis=1)
    if k == 2:
        return same + 2 * right * wrong * p.max(axis=1)
    order = np.argsort(-p, axis=1)[:, :3]
    top = np.take_along_axis(p, order, axis=1)
    # of the classes that neither answer names, the best is one of the three most probable
    codes = np.arange(k)
    either = np.zeros(len(p))
    for a in range(k - 1):
        b = codes[a + 1 :]
        free = (order[:, :, None] != a) & (order[:, :, None] != b)  # (n, 3, K - a - 1)
        neither = np.where(free, top[:, :, None], 0.0).max(axis=1)
        named = right * np.maximum(p[:, [a]], p[:, b])
        either += 2 * wrong * np.maximum(named, wrong * neither).sum(axis=1)
    return same + either


def _best_other(p: FloatArray) -> FloatArray:
    """For each class the largest probability among the others, shape (n, K)."""
    n = len(p)
    first = p.argmax(axis=1)
    rest = p.copy()
    rest[np.arange(n), first] = -1.0
    second = rest.max(axis=1)
    out = np.repeat(p.max(axis=1)[:, None], p.shape[1], axis=1)
    out[np.arange(n), first] = second
    return out


def order(posterior: ArrayLike, accuracy: float, askable: ArrayLike | None = None) -> NDArray[np.int64]:
    """Positions of the images, the one where a judgement gains most first; askable: (n,), False where nobody is left.

    Equal gains (many are 0 once a project is nearly done) fall back to the smaller margin.
    """
    p = np.asarray(posterior, dtype=np.float64)
    two = np.partition(p, -2, axis=1)[:, -2:]
    found = np.lexsort((two[:, 1] - two[:, 0], -gain(p, accuracy)))
    return found if askable is None else found[np.asarray(askable, dtype=bool)[found]]


def temperature(probabilities: ArrayLike, image: ArrayLike, answers: ArrayLike, accuracy: ArrayLike) -> float:
    """The temperature of a model by the answers of people who err, on images drawn at random.

    probabilities: out of fold, before any temperature, (n, K). One row for each answer: image, its place in
    probabilities; answers, class codes; accuracy, of whoever gave it; all (m,). Maximises the likelihood of the
    answers, prod over images of sum_k p_k(T) prod P(answer | k): with the answers taken for the truth, a model that is
    better than the people would look too sure of itself. 1.0 without answers.
    """
    p, at, said = np.asarray(probabilities, np.float64), np.asarray(image, np.int64), np.asarray(answers, np.int64)
    if not said.size:
        return 1.0
    k = p.shape[1]
    right = np.clip(np.broadcast_to(np.asarray(accuracy, dtype=np.float64), said.shape), 1e-6, 1 - 1e-6)
    chances = np.zeros(p.shape)
    wrong = np.log((1 - right) / (k - 1))
    np.add.at(chances, at, np.repeat(wrong[:, None], k, axis=1))
    np.add.at(chances, (at, said), np.log(right) - wrong)
    answered = np.unique(at)
    logs, chances = np.log(np.clip(p[answered], 1e-12, 1.0)), chances[answered]

    def loss(log_t: float) -> float:
        scaled = logs / math.exp(log_t)
        return -float((logsumexp(scaled + chances, axis=1) - logsumexp(scaled, axis=1)).sum())

    from scipy.optimize import minimize_scalar  # a fifth of a second to import

    found = minimize_scalar(loss, bounds=tuple(math.log(t) for t in TEMPERATURES), method="bounded")
    return float(math.exp(found.x))


# ---------------------------------------------------------------- what share is right


@dataclass(frozen=True, slots=True)
class Checks:
    """Blind slices: random images that people judged without help, and what the labels would be without them.

    confidence: what the posterior claims of the label that the image would have, shape (n,); right: whether that is
    what the people settled on, shape (n,); judged: whether somebody's vote is part of it (then it can stand for images
    with a vote), or the model alone (for images nobody has looked at), shape (n,).
    """

    confidence: FloatArray
    right: NDArray[np.bool_]
    judged: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ShareRight:
    """How many of the labels are right now."""

    estimate: Stat  # both sources together, 95 %
    claimed: float | None  # by the posterior alone
    corrected: Stat  # by the blind slices alone, post-stratified; undefined without any
    n_checked: int

    def reached(self, goal: float) -> bool:
        """The estimate is at the goal, and known nearly enough.

        The first reading at a goal is one that erred upwards more often than not; a wide one would be points off.
        surely() asks more: that the interval is above the goal.
        """
        return self.estimate.value is not None and self.estimate.value >= goal and self.is_known(goal)

    def is_known(self, goal: float) -> bool:
        """The interval goes no farther to each side than is near enough."""
        value, low = self.estimate.value, self.estimate.low
        return value is not None and low is not None and value - low <= near_enough(goal)

    def wanted(self, goal: float) -> float:
        """The estimate at which the goal will be said to be reached: there, or where it is known nearly enough.

        The interval narrows as errors go: in proportion, about. Never below the goal, at most 1.
        """
        value, low = self.estimate.value, self.estimate.low
        if value is None or low is None or self.is_known(goal):
            return goal
        return max(goal, 1 - (1 - value) * near_enough(goal) / (value - low))

    def surely(self, goal: float) -> bool:
        return self.estimate.low is not None and self.estimate.low >= goal


def near_enough(goal: float) -> float:
    """Half of the 95 % interval at which a goal is said to be reached: NEAR, or PART of the errors it allows."""
    return max(NEAR, PART * (1 - goal))


def share_right(confidence: ArrayLike, judged: ArrayLike, checks: Checks | None = None) -> ShareRight:
    """Share of labels that are right, from what the posterior claims and from blind checks.

    confidence: largest posterior of each image that is no check, shape (n,); judged: whether a person has judged it.
    The claim is the mean confidence. The checks correct it by the mean of right - confidence in each stratum of
    (judged, confidence), weighted by the images there (post-stratified difference estimator, Cochran 1977): right
    whatever the posterior is worth, but as uncertain as few images are. Both are combined by their variances; the
    claim's is TRUST times its own share of errors. A stratum without checks keeps its claim and that variance.
    """
    c, known = np.asarray(confidence, dtype=np.float64), np.asarray(judged, dtype=bool)
    n = c.size
    if not n:
        nothing = undefined(Reason("no_images"))
        return ShareRight(nothing, None, nothing, 0)
    claimed = float(c.mean())
    unsure, correction, checked = 0.0, 0.0, 0  # variance of the correction; the correction; images checked
    doubted, errors_checked = 0.0, 0.0  # errors claimed where nothing is checked, and where something is
    own = np.searchsorted(EDGES, c) + len(EDGES) * 2 * known
    checks = checks or Checks(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    theirs = np.searchsorted(EDGES, checks.confidence) + len(EDGES) * 2 * checks.judged
    for stratum in np.unique(own):
        inside = own == stratum
        weight, errors = inside.sum() / n, float((1 - c[inside]).sum() / n)
        mine = theirs == stratum
        m = int(mine.sum())
        if m == 0:
            doubted += errors
            continue
        gap = checks.right[mine] - checks.confidence[mine]
        correction += weight * float(gap.mean())
        # Half an image of each kind added: a stratum where all were right is not known without error.
        share = (float(checks.right[mine].sum()) + 0.5) / (m + 1)
        unsure += weight**2 * share * (1 - share) / m
        errors_checked += errors
        checked += m
    noise = (TRUST * errors_checked) ** 2
    shrunk = noise / (noise + unsure) if noise + unsure > 0 else 0.0
    variance = shrunk * unsure + (TRUST * doubted) ** 2 + float((c * (1 - c)).sum()) / n**2
    value = min(1.0, max(0.0, claimed + shrunk * correction))
    estimate = _stat(value, variance, n)
    if checked:
        corrected = _stat(min(1.0, max(0.0, claimed + correction)), unsure + (TRUST * doubted) ** 2, checked)
    else:
        corrected = undefined(NO_BLIND_IMAGES)
    return ShareRight(estimate, claimed, corrected, checked)


def _stat(value: float, variance: float, n: int) -> Stat:
    half = Z95 * math.sqrt(variance)
    return Stat(value, max(0.0, value - half), min(1.0, value + half), n)


# ---------------------------------------------------------------- what the next judgements buy


@dataclass(frozen=True, slots=True)
class Outlook:
    """What share would be right after so many further judgements, if the posterior is honest."""

    judgements: NDArray[np.int64]  # 0 first
    right: FloatArray  # expected share right, shape of judgements; the model learns nothing meanwhile

    def after(self, n: float) -> float:
        """Expected share right after n more judgements; beyond the last look, that one."""
        return float(np.interp(n, self.judgements, self.right))

    def until(self, goal: float) -> int | None:
        """Judgements until the goal; None when the look ahead does not reach it."""
        over = np.flatnonzero(self.right >= goal - 1e-12)
        if not over.size:
            return None
        at = int(over[0])
        if at == 0:
            return 0
        low, high = self.right[at - 1], self.right[at]
        step = self.judgements[at] - self.judgements[at - 1]
        return math.ceil(float(self.judgements[at - 1] + step * (goal - low) / (high - low)))


def outlook(
    posterior: ArrayLike, accuracy: float, *, judgements: int, opinions_left: Sequence[int] | None = None
) -> Outlook:
    """Live through the next judgements: truths drawn from the posterior, answers of people with this accuracy.

    posterior: (n, K); judgements: how far to look; opinions_left: how many people are left for each image, all that are
    wanted where None. Each round asks where `gain` is largest and updates the posterior, as the product would. What the
    model learns from the answers is not foreseen, so the real course is better where there is a model.
    """
    p = np.asarray(posterior, dtype=np.float64)
    n_all, k = p.shape
    if not n_all:
        return Outlook(np.zeros(1, np.int64), np.ones(1))
    rng = np.random.default_rng(SEED)
    chosen = np.arange(n_all) if n_all <= LOOKED_AT else rng.choice(n_all, LOOKED_AT, replace=False)
    p = p[chosen].copy()
    left = np.full(len(p), np.iinfo(np.int64).max) if opinions_left is None else np.array(opinions_left)[chosen]
    scale = n_all / len(p)
    truth = (p.cumsum(axis=1) < rng.random((len(p), 1)) * p.sum(axis=1, keepdims=True)).sum(axis=1).clip(0, k - 1)
    wrong = (1 - accuracy) / (k - 1)
    each = max(1, math.ceil(judgements / scale / LOOK_STEPS))
    made, counts, shares = 0, [0], [float(p.max(axis=1).mean())]
    while made * scale < judgements:
        ask = order(p, accuracy, left > 0)[:each]
        if not ask.size:
            break
        slips = rng.random(ask.size) >= accuracy
        answers = np.where(slips, (truth[ask] + rng.integers(1, k, ask.size)) % k, truth[ask])
        chance = np.full((ask.size, k), wrong)
        chance[np.arange(ask.size), answers] = accuracy
        p[ask] *= chance
        p[ask] /= p[ask].sum(axis=1, keepdims=True)
        left[ask] -= 1
        made += ask.size
        counts.append(round(made * scale))
        shares.append(float(p.max(axis=1).mean()))
    # An expectation cannot fall with more answers; one drawn course may, by a hair.
    return Outlook(np.array(counts, np.int64), np.maximum.accumulate(np.array(shares)))
