"""Do people agree with the model because they saw what it says? Shares with and without, their difference, an estimate.

Knows four counts. Which labels they come from is decided by whoever counts: images that were drawn at random on both
sides, or the ones the model was unsure of would be compared with the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from labeler.stats.intervals import Z95, wilson
from labeler.stats.results import Reason, Stat, undefined, with_interval

NO_LABELS_OF_ONE_SIDE = Reason("no_labels_of_one_side")


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Agreement with the model's suggestion, seen and not seen."""

    shown: Stat  # share of labels equal to the suggestion, where it was seen
    hidden: Stat  # the same where it was not
    difference: Stat  # shown - hidden
    copied: Stat  # of the labels that would have differed: the share that gave way, (shown - hidden) / (1 - hidden)


def anchoring(*, equal_shown: int, n_shown: int, equal_hidden: int, n_hidden: int) -> Anchoring:
    """How much more often people say what the model says when they see it.

    Shares get Wilson's interval, their difference Newcombe's (1998, method 10), which holds for few and for one-sided
    counts; the share that gave way is 1 - (1 - shown) / (1 - hidden), with the interval of a ratio of two shares on the
    log scale (Katz et al. 1978, half a count added). Negative values say that people contradict what they see.
    None where a side has no labels, or where everybody agrees with the model unseen.
    Raises ValueError when more are equal than there are.
    """
    for equal, n in ((equal_shown, n_shown), (equal_hidden, n_hidden)):
        if not 0 <= equal <= n:
            raise ValueError(f"{equal} equal labels of {n}")
    shown, hidden = share_of(equal_shown, n_shown), share_of(equal_hidden, n_hidden)
    difference = share_difference(equal_shown, n_shown, equal_hidden, n_hidden)
    if shown.value is None or hidden.value is None:
        return Anchoring(shown, hidden, difference, undefined(NO_LABELS_OF_ONE_SIDE, 0))
    n = min(n_shown, n_hidden)
    if hidden.value == 1.0:
        return Anchoring(shown, hidden, difference, undefined(Reason("all_say_it_unseen"), n))
    ratio = (1 - shown.value) / (1 - hidden.value)
    x, y = n_shown - equal_shown + 0.5, n_hidden - equal_hidden + 0.5
    middle = math.log((x / (n_shown + 0.5)) / (y / (n_hidden + 0.5)))
    half = Z95 * math.sqrt(max(0.0, 1 / x - 1 / (n_shown + 0.5) + 1 / y - 1 / (n_hidden + 0.5)))
    low, high = 1 - math.exp(middle + half), 1 - math.exp(middle - half)
    value = 1 - ratio
    return Anchoring(shown, hidden, difference, with_interval(value, (min(low, value), max(high, value)), n))


def share_difference(successes_a: int, n_a: int, successes_b: int, n_b: int) -> Stat:
    """Share a minus share b with its 95 % interval (Newcombe 1998, method 10: from the two Wilson intervals)."""
    a, b = wilson(successes_a, n_a), wilson(successes_b, n_b)
    if a is None or b is None:
        return undefined(NO_LABELS_OF_ONE_SIDE, 0)
    p, q = successes_a / n_a, successes_b / n_b
    low = p - q - math.hypot(p - a[0], b[1] - q)
    high = p - q + math.hypot(a[1] - p, q - b[0])
    n = min(n_a, n_b)
    return with_interval(p - q, (low, high), n)


def share_of(successes: int, n: int) -> Stat:
    """A share with Wilson's 95 % interval; a caution under FEW_IMAGES. None without observations."""
    interval = wilson(successes, n)
    if interval is None:
        return undefined(Reason("no_labels"), 0)
    return with_interval(successes / n, interval, n)
