"""The curves behind a model's figures: ROC, precision and recall, reliability; ready for JSON.

Knows arrays only, like metrics.py, whose STAT this uses. A curve is thinned to POINTS points: a plot shows no more, and
a run's row is read with every page.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.stats.intervals import Z95
from worker.ml.evaluation.metrics import ECE_BINS, Stat, share, stat

Array = NDArray[Any]  # of any number type
POINTS = 60  # of a curve; its ends are always kept
MOST_CLASSES = 30  # whose curves are kept: the most frequent ones
DIGITS = 4


def _steps(scores: Array, positive: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Thresholds from high to low with the positives and negatives at or above each; ties count as one threshold."""
    order = np.argsort(-scores, kind="stable")
    falling, hit = scores[order], positive[order]
    last = np.flatnonzero(np.append(np.diff(falling) != 0, True)) if len(scores) else np.empty(0, np.int64)
    tp = np.cumsum(hit)[last]
    return falling[last], tp, last + 1 - tp


def roc_points(scores: Array, positive: NDArray[np.bool_]) -> dict[str, list[float]] | None:
    """False-positive share x and true-positive share y from (0, 0) to (1, 1), with thresholds; None with one class.

    scores: (n,); positive: (n,). The first threshold is left out of reach: nothing is called so there. Corners that
    lie on a straight line are dropped, which changes no area.
    """
    n_pos = int(positive.sum())
    n_neg = len(positive) - n_pos
    if n_pos == 0 or n_neg == 0:
        return None
    thresholds, tp, fp = _steps(scores, positive)
    x, y = np.r_[0, fp], np.r_[0, tp]
    dx, dy = np.diff(x), np.diff(y)
    bends = np.r_[True, dx[:-1] * dy[1:] != dy[:-1] * dx[1:], True]
    x, y = x / n_neg, y / n_pos
    thresholds = np.r_[max(1.0, float(thresholds[0])), thresholds]
    return _thinned(x[bends], y[bends], thresholds[bends], along=(x + y)[bends])


def precision_recall_points(scores: Array, positive: NDArray[np.bool_]) -> dict[str, list[float]] | None:
    """Recall x and precision y from the highest threshold to the lowest; None without positives."""
    if not positive.any():
        return None
    thresholds, tp, fp = _steps(scores, positive)
    x = tp / tp[-1]
    return _thinned(x, tp / (tp + fp), thresholds, along=x)


def _thinned(x: Array, y: Array, thresholds: Array, along: Array) -> dict[str, list[float]]:
    if len(x) > POINTS:
        # The corners next to equally spaced places along the curve: dense where it moves, sparse where it rests.
        wanted = np.linspace(along[0], along[-1], POINTS)
        keep = np.unique(np.r_[0, np.searchsorted(along, wanted).clip(0, len(x) - 1), len(x) - 1])
        x, y, thresholds = x[keep], y[keep], thresholds[keep]
    rounded = (np.round(values.astype(np.float64), DIGITS).tolist() for values in (x, y, thresholds))
    return dict(zip(("x", "y", "thresholds"), rounded, strict=True))


def average_precision(scores: Array, positive: NDArray[np.bool_]) -> Stat:
    """Mean precision over the recalls that are reached, without interpolation: sum of (R_i - R_i-1) P_i.

    Interval: normal on the logit scale with 1 / (n+ AP (1 - AP)) as variance, n+ positives (Boyd, Eng and Page 2013);
    a model without knowledge has the share of positives, not one half.
    """
    n_pos = int(positive.sum())
    if n_pos == 0:
        return stat(None, None, None, len(positive), "No image has this class.")
    _, tp, fp = _steps(scores, positive)
    value = float((np.diff(tp, prepend=0) / n_pos * tp / (tp + fp)).sum())
    if n_pos < 2 or not 0 < value < 1:
        return stat(value, None, None, len(positive), "No interval: too few images, or the class comes first.")
    spread, logit = Z95 / math.sqrt(n_pos * value * (1 - value)), math.log(value / (1 - value))
    low, high = (0.5 * (1 + math.tanh(0.5 * (logit + sign * spread))) for sign in (-1, 1))
    return stat(value, low, high, len(positive))


def reliability(confidence: Array, right: Array) -> list[dict[str, Any]]:
    """Stated against true certainty in the bins of the ECE; empty bins are left out.

    confidence, right: (n,). Each row: from, to, n, confidence (mean of what was stated), right (STAT, Wilson). The ECE
    is the mean of |right - confidence| over these rows, weighted by n.
    """
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    rows = []
    for at in np.unique(bins):
        inside = bins == at
        n, hits = int(inside.sum()), int(np.asarray(right)[inside].sum())
        rows.append(
            {
                "from": at / ECE_BINS,
                "to": (at + 1) / ECE_BINS,
                "n": n,
                "confidence": float(np.asarray(confidence, dtype=np.float64)[inside].mean()),
                "right": share(hits, n, ""),
            }
        )
    return rows


def curves(probabilities: Array, targets: Array, names: list[Any], task: str) -> dict[str, Any]:
    """All of them for a run's row. probabilities: (n, K); targets: (n,) positions, or (n, K) of 0 and 1 for "multi".

    {"classes": [{category, n, roc, precision_recall, average_precision}], "left_out": number of classes beyond
    MOST_CLASSES, "mean_average_precision": float or None, "reliability": [...]}.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    n_categories = len(names)
    if task == "single":
        truth = np.eye(n_categories, dtype=bool)[targets]
        confidence = p.max(1) if len(p) else np.empty(0)
        right = p.argmax(1) == targets if len(p) else np.empty(0, bool)
    else:
        truth = np.asarray(targets).astype(bool)
        confidence, right = np.maximum(p, 1 - p).ravel(), ((p >= 0.5) == truth).ravel()
    support = truth.sum(0)
    average = [average_precision(p[:, k], truth[:, k]) for k in range(n_categories)]
    chosen = np.sort(np.argsort(-support, kind="stable")[:MOST_CLASSES])
    known = [row["value"] for row in average if row["value"] is not None]
    return {
        "classes": [
            {
                "category": names[k],
                "n": int(support[k]),
                "roc": roc_points(p[:, k], truth[:, k]),
                "precision_recall": precision_recall_points(p[:, k], truth[:, k]),
                "average_precision": average[k],
            }
            for k in chosen.tolist()
        ],
        "left_out": n_categories - len(chosen),
        "mean_average_precision": float(np.mean(known)) if known else None,
        "reliability": reliability(confidence, right),
    }
