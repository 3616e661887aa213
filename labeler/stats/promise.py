"""Which suggestions may be accepted without a person looking: a threshold that carries a promise, and its audit.

The promise reads "precision at least p, with confidence c". Knows scores and whether each suggestion was right on
images judged blind (the calibration slice). Does not know models, queues or people.

* The bound is exact (Clopper and Pearson 1934): 59, 93 or 124 accepted with 0, 1 or 2 errors carry 95 % and 95 %.
* One threshold is found by fixed-sequence testing (Maurer et al. 1995; Angelopoulos et al. 2021, Learn then Test): the
  thresholds are known before any label is looked at, they are tried from strict to loose, and the first that fails ends
  it. So the confidence is that of one test, however many thresholds were tried. The best-looking threshold would
  break its promise: a point estimate of 95 % is below the truth half of the time.
* A random few of the accepted go to people all the same. Their errors feed a test that may be read after every answer
  (Ville 1939): an accepted set that keeps its promise is suspended with a chance of ALARM at most, ever.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.intervals import FloatArray
from labeler.stats.results import Reason
from labeler.stats.special import bdtr, betaincinv, logsumexp

ALARM = 0.05  # chance that an audit ever suspends what keeps its promise
STEPS = 40  # thresholds tried, equally many images between two
# The first threshold holds this share of the calibration labels at least. A stricter start would end at a single
# early error (59 labels forgive none); a looser one gives up where only few images are sure.
FIRST_SHARE = 0.25
WORSE = (1.25, 1.5, 2.0, 3.0, 4.0, 6.0)  # how many times the promised share of errors the audit looks for


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised of the accepted suggestions."""

    precision: float = 0.95  # least share of them that is right
    confidence: float = 0.95  # chance, over random calibration slices, that this is true

    def __post_init__(self) -> None:
        if not (0.5 <= self.precision < 1 and 0.5 <= self.confidence < 1):
            raise ValueError("precision and confidence of a promise lie between 0.5 and 1")


DEFAULT = Promise()


def lower_bound(right: int, n: int, confidence: float = 0.95) -> float:
    """Exact one-sided lower bound of a share (Clopper and Pearson 1934); 0 where nothing was right or seen.

    Raises ValueError unless 0 <= right <= n.
    """
    if not 0 <= right <= n:
        raise ValueError(f"{right} right of {n}")
    return float(betaincinv(right, n - right + 1, 1 - confidence)) if right else 0.0


def labels_needed(errors: int, promise: Promise = DEFAULT) -> int:
    """How many accepted calibration labels carry the promise with so many errors among them: 59, 93, 124, ..."""
    # lower_bound(n - errors, n) >= precision is P(X <= errors) <= 1 - confidence for X of n with 1 - precision errors.
    low, high = errors, errors + 1
    while bdtr(errors, high, 1 - promise.precision) > 1 - promise.confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if bdtr(errors, middle, 1 - promise.precision) > 1 - promise.confidence:
            low = middle
        else:
            high = middle
    return high


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which score on suggestions are accepted, with what carries it. value None: none are, and reason says why."""

    value: float | None
    accepted: int  # calibration labels at or above it
    errors: int  # of these
    precision_low: float | None  # exact lower bound of the precision, at the promise's confidence
    n: int  # calibration labels in all
    reason: Reason | None = None

    def accepts(self, scores: ArrayLike) -> NDArray[np.bool_]:
        found = np.asarray(scores, dtype=np.float64)
        return np.zeros(found.shape, dtype=bool) if self.value is None else found >= self.value


def scores_of(probabilities: ArrayLike, *, several: bool = False) -> FloatArray:
    """How sure each suggestion is, shape (n,). probabilities: (n, K).

    A single choice: the largest probability. Several labels: a suggestion is the whole set, and its score the product
    of how sure each class is, in or out.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    return np.prod(np.maximum(p, 1 - p), axis=1) if several else p.max(axis=1)


def right_of(probabilities: ArrayLike, truth: ArrayLike, *, several: bool = False) -> NDArray[np.bool_]:
    """Which suggestions are right, shape (n,). truth: (n,) class codes; for several labels (n, K) of 0 and 1.

    A set is right only where every class is: the promise is about whole answers.
    """
    p, known = np.asarray(probabilities, dtype=np.float64), np.asarray(truth)
    return ((p >= 0.5) == (known > 0.5)).all(axis=1) if several else p.argmax(axis=1) == known


def thresholds_of(scores: ArrayLike, steps: int = STEPS) -> FloatArray:
    """Thresholds from strict to loose with equally many of these images between two; shape (m,), m <= steps.

    scores: of images without labels, shape (n,). They must not be the calibration images: where the thresholds come
    from images whose labels are tested at them, the confidence is no longer exact.
    """
    known = np.asarray(scores, dtype=np.float64)
    if not known.size:
        return np.empty(0)
    return np.unique(np.quantile(known, 1 - np.arange(1, steps + 1) / steps, method="lower"))[::-1]


def choose(scores: ArrayLike, right: ArrayLike, grid: ArrayLike, promise: Promise = DEFAULT) -> Threshold:
    """The loosest threshold that fixed-sequence testing reaches.

    scores, right: of a random sample of the images, judged blind, shape (n,). grid: thresholds that owe nothing to
    `right`, in any order (thresholds_of). Those that too few calibration images reach to be tested are passed over:
    that looks at scores only.
    Raises ValueError for arrays of different lengths.
    """
    s, ok = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=bool)
    if s.shape != ok.shape or s.ndim != 1:
        raise ValueError("scores and right must have one entry per calibration image")
    fewest = labels_needed(0, promise)
    from_here = max(fewest, math.ceil(FIRST_SHARE * s.size))
    best = Threshold(None, 0, 0, None, s.size)
    if s.size < fewest:
        return replace(best, reason=Reason("too_few_for_promise", {"n": s.size, "fewest": fewest}))
    order = np.argsort(-s, kind="stable")
    falling, errors_to = s[order], np.concatenate(([0], np.cumsum(~ok[order])))
    for value in np.unique(np.asarray(grid, dtype=np.float64))[::-1]:
        accepted = int(np.searchsorted(-falling, -value, side="right"))
        if accepted < from_here:
            continue
        errors = int(errors_to[accepted])
        low = lower_bound(accepted - errors, accepted, promise.confidence)
        if low < promise.precision:
            if best.value is None:
                return replace(
                    best, accepted=accepted, errors=errors, precision_low=low,
                    reason=Reason("too_many_errors", {"n": accepted, "errors": errors}),
                )  # fmt: skip
            break
        best = Threshold(float(value), accepted, errors, low, s.size)
    if best.value is None:
        return replace(best, reason=Reason("no_threshold_reached"))
    return best


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The thresholds in force: one for all classes, or some classes' own and one for the rest."""

    promise: Promise
    pooled: Threshold  # of all classes without one of their own
    own: dict[int, Threshold]  # by class code

    def accepts(self, scores: ArrayLike, classes: ArrayLike) -> NDArray[np.bool_]:
        """Which suggestions are accepted. scores, classes: (n,), the suggested class's code."""
        s, codes = np.asarray(scores, dtype=np.float64), np.asarray(classes)
        accepted = self.pooled.accepts(s)
        for code, threshold in self.own.items():
            accepted = np.where(codes == code, threshold.accepts(s), accepted)
        return accepted

    def coverage(self, scores: ArrayLike, classes: ArrayLike) -> float | None:
        """Share of images accepted; None without images."""
        accepted = self.accepts(scores, classes)
        return float(accepted.mean()) if accepted.size else None


def choose_all(
    scores: ArrayLike, right: ArrayLike, classes: ArrayLike, unlabeled: ArrayLike, promise: Promise = DEFAULT,
    *, unlabeled_classes: ArrayLike | None = None, per_class: bool = False,
) -> Acceptance:  # fmt: skip
    """Thresholds of a project. scores, right, classes: of the calibration images, shape (n,); unlabeled: scores (m,).

    per_class: a class gets a threshold of its own where enough calibration images are called so to keep the promise
    for it alone; the other classes share one. All of these promises together hold with the stated confidence
    (Bonferroni), so each needs more labels than one alone: 95 % twice is 72 without an error, not 59.
    Raises ValueError for per_class without unlabeled_classes.
    """
    s, ok, codes = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=bool), np.asarray(classes)
    pool = np.asarray(unlabeled, dtype=np.float64)
    if not per_class:
        return Acceptance(promise, choose(s, ok, thresholds_of(pool), promise), {})
    if unlabeled_classes is None:
        raise ValueError("thresholds per class need the classes that are suggested for the unlabeled images")
    of_pool = np.asarray(unlabeled_classes)
    # How many classes are tested decides how strict each test is, and that decides how many can be: from the most
    # frequent down, while the last still has enough. Counts of suggestions only, no label.
    names, counts = np.unique(codes, return_counts=True)
    by_size = names[np.argsort(-counts, kind="stable")]
    own: list[int] = []
    for code in by_size.tolist():
        each = _shared(promise, len(own) + 2)
        if counts[names == code][0] < labels_needed(0, each):
            break
        own.append(code)
    each = _shared(promise, len(own) + 1)
    rest, rest_of_pool = ~np.isin(codes, own), ~np.isin(of_pool, own)
    pooled = choose(s[rest], ok[rest], thresholds_of(pool[rest_of_pool]), each)
    thresholds = {
        code: choose(s[codes == code], ok[codes == code], thresholds_of(pool[of_pool == code]), each) for code in own
    }
    return Acceptance(promise, pooled, thresholds)


def _shared(promise: Promise, among: int) -> Promise:
    return replace(promise, confidence=1 - (1 - promise.confidence) / among)


# ---------------------------------------------------------------- audit


@dataclass(frozen=True, slots=True)
class Audit:
    """What people said of accepted suggestions that were shown to them all the same."""

    n: int
    errors: int
    evidence: float  # of a breach: at 1 / alarm the promise is suspended
    suspended: bool
    suspended_at: int | None  # after how many answers
    precision_low: float  # exact lower bound at 95 %, for reading; not part of the rule


def audited(image_ids: ArrayLike, share: float, seed: int = 0) -> NDArray[np.bool_]:
    """Which of the accepted images go to people: each with this chance, the same ones whenever it is asked.

    image_ids: integers, shape (n,). The choice owes nothing to the score, so what people find is true of all accepted.
    """
    if not 0 <= share <= 1:
        raise ValueError("a share lies between 0 and 1")
    # SplitMix64 (Steele et al. 2014): neighbours' ids give unrelated numbers.
    z = np.asarray(image_ids).astype(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).astype(np.float64) / 2**64 < share


def audit(wrong: Sequence[bool] | NDArray[np.bool_], promise: Promise = DEFAULT, alarm: float = ALARM) -> Audit:
    """Has the promise been broken? wrong: of each audited suggestion, in the order people settled them.

    The evidence is the likelihood of what was seen under shares of errors that break the promise (a mean over WORSE
    times what it allows) over that under the most it allows. While the promise holds this is a nonnegative
    supermartingale that starts at 1, so the chance that it ever reaches 1 / alarm is at most alarm (Ville 1939), and
    one may look after every answer. Once suspended it stays so: a lucky stretch afterwards does not repair it.
    Only settled answers count: one person's slip is no error of the model.
    """
    seen = np.asarray(wrong, dtype=bool)
    allowed = 1 - promise.precision
    worse = np.minimum(np.array(WORSE) * allowed, (1 + allowed) / 2)
    errors = np.cumsum(seen)[:, None]
    rights = np.arange(1, seen.size + 1)[:, None] - errors
    logs = errors * np.log(worse / allowed) + rights * np.log((1 - worse) / (1 - allowed))
    # capped: a thousand errors in a row are e^3000, and no reader is wiser for it
    evidence = np.exp(np.minimum(logsumexp(logs, axis=1) - math.log(worse.size), 700)) if seen.size else np.ones(0)
    over = np.flatnonzero(evidence >= 1 / alarm)
    n, n_errors = seen.size, int(seen.sum())
    at = int(over[0]) + 1 if over.size else None
    return Audit(n, n_errors, float(evidence[-1]) if n else 1.0, at is not None, at, lower_bound(n - n_errors, n))
