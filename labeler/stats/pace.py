"""Seconds of work per judgement, from the moments of a person's answers and the seconds measured for each.

Knows who answered when. The calendar does not matter: a break between two answers is no work, however long it was.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.intervals import Z95, FloatArray
from labeler.stats.results import Reason, Stat, undefined

LONGEST_ANSWER = 24 * 3600.0  # seconds kept with a label: more is a tab left open, and would ruin every mean
SITTING_BREAK = 30 * 60  # seconds without an answer: after that a new sitting begins
# Between two answers the next image is loaded, a guideline read, a word said. More than half a minute in which no
# image was looked at is none of that, and not work.
PAUSE = 30.0
# An image may stay on the screen of somebody who has left: no answer takes more than so many seconds, or so many times
# the median, where that is more.
LONGEST, LONGEST_TIMES = 120.0, 10.0
FEWEST = 10  # judgements: below, nothing is told
FEWEST_SITTINGS = 5  # for an interval: it is from their spread


def median(seconds: NDArray[Any]) -> float | None:
    """Of the measured times, to two digits; None without any. seconds: NaN where not measured."""
    measured = seconds[~np.isnan(seconds)]
    return round(float(np.median(measured)), 2) if measured.size else None


def sitting_starts(at: ArrayLike) -> NDArray[np.bool_]:
    """Of one person's answers, those with which a sitting begins; at: seconds, ascending, shape (n,)."""
    times = np.asarray(at, np.float64)
    return np.concatenate((np.ones(min(1, times.size), np.bool_), np.diff(times) > SITTING_BREAK))


def seconds_per_judgement(person: ArrayLike, at: ArrayLike, seconds: ArrayLike, counts: ArrayLike) -> Stat:
    """Seconds of one person's work per judgement, with a 95 % interval; n is the number of judgements.

    person, at (seconds of any clock), seconds (from the image painted to the answer; NaN where not measured) and counts
    (False: it took time and is no judgement, as a skip): shape (n,), in any order.

    Answers are a stretch of work as long as no PAUSE lies between one and the painting of the next. A stretch took from
    its first answer to its last and the first's own seconds; or the sum of all own seconds, where that is more: answers
    that were kept on a device and sent together, or a page of many that was saved at once. The interval is of a ratio
    of two sums over sittings (Cochran 1977, section 6.3), on the logarithmic scale.
    """
    who, when = np.asarray(person), np.asarray(at, np.float64)
    order = np.lexsort((when, who))
    who, when = who[order], when[order]
    judged = np.asarray(counts, np.bool_)[order]
    n = int(judged.sum())
    if n < FEWEST:
        return undefined(Reason("too_few_judgements", {"fewest": FEWEST}), n)
    begins_person = np.concatenate(([True], np.diff(who) != 0))
    gaps = np.where(begins_person, np.inf, np.diff(when, prepend=when[0]))
    own = _own(np.asarray(seconds, np.float64)[order], gaps)
    if own is None:
        return undefined(Reason("answers_not_timed"), n)
    begins = gaps - own > PAUSE
    first = np.flatnonzero(begins)
    last = np.append(first[1:], when.size) - 1
    took = np.maximum(np.add.reduceat(own, first), when[last] - when[first] + own[first])
    total = float(took.sum())
    if total <= 0:
        return undefined(Reason("answers_not_timed"), n)
    begins_sitting = begins_person | (gaps > SITTING_BREAK)
    work = np.bincount(np.cumsum(begins_sitting)[first] - 1, weights=took).astype(np.float64)
    done = np.bincount(np.cumsum(begins_sitting) - 1, weights=judged).astype(np.float64)
    return _ratio(work, done, n)


def _own(measured: FloatArray, gaps: FloatArray) -> FloatArray | None:
    """Seconds of each answer, none longer than is likely, the median where one was not measured.

    Where none was measured: the median of what lies between two answers. None where there is nothing of either.
    """
    known = measured[~np.isnan(measured)]
    if not known.size:
        known = gaps[gaps <= LONGEST]
        if not known.size:
            return None
    median = float(np.median(known))
    return np.minimum(np.where(np.isnan(measured), median, measured), max(LONGEST, LONGEST_TIMES * median))


def _ratio(work: FloatArray, done: FloatArray, n: int) -> Stat:
    """work, done: of each sitting."""
    value, k = float(work.sum() / done.sum()), work.size
    if k < FEWEST_SITTINGS:
        return Stat(value, None, None, n, Reason("too_few_sittings", {"fewest": FEWEST_SITTINGS}))
    error = math.sqrt(k / (k - 1) * float(((work - value * done) ** 2).sum())) / float(done.sum())
    factor = math.exp(min(Z95 * error / value, 20.0))
    return Stat(value, value / factor, value * factor, n)
