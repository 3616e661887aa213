"""How good are these probabilities on these images, with intervals and without NaN.

Knows arrays only; every answer is ready for JSON. A STAT is {"value", "low", "high", "n", "reason"}: value is
None with a reason where the figure is not defined. All intervals are 95 %:
* shares (accuracy, precision, recall): Wilson's score interval (Wilson 1927).
* F1 of one class: F1 = 2J / (1 + J) with J = tp / (tp + fp + fn), a share; Wilson's interval of J, mapped.
* means and other figures (macro and weighted F1, log loss, ECE): percentile bootstrap over images, 1,000
  resamples, fixed seed.
  The ECE of a resample is larger on average than that of the sample, so its interval is moved back by the mean excess.
* ROC AUC: DeLong's variance (DeLong et al. 1988; Sun and Xu 2014), normal on the logit scale.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from labeler.stats.intervals import Z95, wilson

Array = NDArray[Any]  # of any number type
Stat = dict[str, Any]
RESAMPLES = 1000
ECE_BINS = 15
TINY = 1e-12  # probabilities are kept this far from 0 in the log loss


def stat(value: float | None, low: float | None, high: float | None, n: int, reason: str | None = None) -> Stat:
    def clean(x: float | None) -> float | None:
        return None if x is None or not math.isfinite(x) else float(x)

    return {"value": clean(value), "low": clean(low), "high": clean(high), "n": int(n), "reason": reason}


def share(hits: int, n: int, undefined: str) -> Stat:
    interval = wilson(hits, n)
    return stat(None, None, None, 0, undefined) if interval is None else stat(hits / n, *interval, n)


def f1(tp: int, fp: int, fn: int) -> Stat:
    """F1 of one class; n counts the images that are of the class, or called so, or both."""
    n = tp + fp + fn
    interval = wilson(tp, n)
    if interval is None:
        return stat(None, None, None, 0, "The class neither occurs nor is predicted.")
    low, high = interval
    return stat(2 * tp / (2 * tp + fp + fn), 2 * low / (1 + low), 2 * high / (1 + high), n)


def resamples(n: int, seed: int = 0) -> NDArray[np.float32]:
    """How often each image occurs in each bootstrap sample: (RESAMPLES, n)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float32)


def _percentiles(values: Array) -> tuple[float | None, float | None]:
    values = values[np.isfinite(values)]
    if len(values) < RESAMPLES // 2:
        return None, None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _with_bootstrap(value: float, draws: Array, n: int, what: str) -> Stat:
    low, high = _percentiles(draws)
    if low is None or high is None or high - low < 1e-9:
        # All right, or all wrong: resampling cannot invent the errors that were not seen.
        return stat(value, None, None, n, f"No interval: the images are too few, or too alike, to resample {what}.")
    return stat(value, low, high, n)


def roc_auc(scores: Array, positive: NDArray[np.bool_]) -> Stat:
    """Probability that a positive image scores above a negative one, ties half (Mann-Whitney)."""
    n = len(scores)
    n_pos = int(positive.sum())
    n_neg = n - n_pos
    if n_pos == 0 or n_neg == 0:
        return stat(None, None, None, n, "Needs images with and without this class.")
    ranks = rankdata(scores)
    # structural components: for each image the share of the other kind that it beats
    v_pos = (ranks[positive] - rankdata(scores[positive])) / n_neg
    v_neg = 1 - (ranks[~positive] - rankdata(scores[~positive])) / n_pos
    value = float(v_pos.mean())
    if n_pos < 2 or n_neg < 2 or value in (0.0, 1.0):
        return stat(value, None, None, n, "No interval: too few images, or the classes are fully apart.")
    se = math.sqrt(v_pos.var(ddof=1) / n_pos + v_neg.var(ddof=1) / n_neg)
    logit, spread = math.log(value / (1 - value)), Z95 * se / (value * (1 - value))
    # 1 / (1 + e^x) written with tanh, which does not overflow
    low, high = (0.5 * (1 + math.tanh(0.5 * (logit + sign * spread))) for sign in (-1, 1))
    return stat(value, low, high, n)


def _ece_terms(confidence: Array, right: Array) -> tuple[Array, Array]:
    """Bin number and signed gap of each image; ECE = sum over bins |sum of gaps| / n (Naeini et al. 2015)."""
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    return bins, right - confidence


def _ece_stat(value: float, draws: Array, n: int) -> Stat:
    result = _with_bootstrap(value, draws, n, "the calibration error")
    if result["low"] is not None:
        excess = float(draws.mean()) - value
        result["low"] = min(value, max(0.0, result["low"] - excess))
        result["high"] = max(value, result["high"] - excess)
    return result


def expected_calibration_error(confidence: Array, right: Array, draws: Array | None = None) -> Stat:
    """Mean distance of confidence and share right, over 15 equal bins. Small samples push it upward."""
    n = len(confidence)
    bins, gap = _ece_terms(confidence, right)
    in_bin = np.eye(ECE_BINS)[bins] * gap[:, None]  # (n, bins)
    value = float(np.abs(in_bin.sum(0)).sum() / n)
    if draws is None:
        draws = resamples(n)
    return _ece_stat(value, np.abs(draws @ in_bin).sum(1) / n, n)


def _mean_stat(values: Array, draws: Array, what: str) -> Stat:
    n = len(values)
    return _with_bootstrap(float(values.mean()), draws @ values / n, n, what)


def _per_class(
    probabilities: Array, truth: NDArray[np.bool_], called: NDArray[np.bool_], names: list[Any]
) -> list[Any]:
    rows = []
    for k, name in enumerate(names):
        tp = int((truth[:, k] & called[:, k]).sum())
        fp = int((~truth[:, k] & called[:, k]).sum())
        fn = int((truth[:, k] & ~called[:, k]).sum())
        rows.append(
            {
                "category": name,
                "n": tp + fn,
                "precision": share(tp, tp + fp, "The model never chose this class."),
                "recall": share(tp, tp + fn, "No image has this class."),
                "f1": f1(tp, fp, fn),
                "roc_auc": roc_auc(probabilities[:, k], truth[:, k]),
            }
        )
    return rows


def _f1_averages(truth: NDArray[np.bool_], called: NDArray[np.bool_], draws: Array) -> dict[str, Stat]:
    """macro (mean over the classes that occur or are called), weighted by support, and micro F1."""
    n = len(truth)
    hit = (truth & called).astype(np.float32)
    total = truth.astype(np.float32) + called.astype(np.float32)
    support = truth.astype(np.float32)

    def averages(weights: Array) -> tuple[Array, Array, Array]:
        tp, both, real = weights @ hit, weights @ total, weights @ support  # (B, K) each
        each = np.divide(2 * tp, both, out=np.full_like(tp, np.nan), where=both > 0)
        known = np.isfinite(each)
        macro = np.where(known, each, 0).sum(1) / np.maximum(known.sum(1), 1)
        weighted = (np.where(known, each, 0) * real).sum(1) / np.maximum(real.sum(1), 1)
        micro = 2 * tp.sum(1) / np.maximum(both.sum(1), 1)
        return macro, weighted, micro

    values, drawn = averages(np.ones((1, n), np.float32)), averages(draws)
    if total.sum() == 0:
        nothing = stat(None, None, None, n, "No class occurs and none is predicted.")
        return {"macro_f1": nothing, "weighted_f1": nothing, "micro_f1": nothing}
    return {
        name: _with_bootstrap(float(values[i][0]), drawn[i], n, "F1")
        for i, name in enumerate(("macro_f1", "weighted_f1", "micro_f1"))
    }


def _mean_auc(rows: list[dict[str, Any]], n: int) -> Stat:
    defined = [row["roc_auc"]["value"] for row in rows if row["roc_auc"]["value"] is not None]
    if not defined:
        return stat(None, None, None, n, "No class has images with and without it.")
    left_out = len(rows) - len(defined)
    reason = f"Mean of {len(defined)} classes; {left_out} undefined." if left_out else None
    return stat(float(np.mean(defined)), None, None, n, reason)


def evaluate_single(probabilities: Array, truth: NDArray[np.int64], names: list[Any]) -> dict[str, Any]:
    """The report of a single-choice model. probabilities: (n, K), rows sum to 1; truth: (n,) in 0..K-1.

    names: what stands for each category in the answer (ids or names). n == 0 gives a report of undefined
    figures. confusion["counts"][i][j] counts images of class i that were called j.
    """
    n, n_categories = probabilities.shape
    if n == 0:
        return _empty("single", names)
    probabilities = probabilities.astype(np.float64)
    chosen = probabilities.argmax(1)
    right = chosen == truth
    truth_hot, chosen_hot = np.eye(n_categories, dtype=bool)[truth], np.eye(n_categories, dtype=bool)[chosen]
    draws = resamples(n)
    rows = _per_class(probabilities, truth_hot, chosen_hot, names)
    losses = -np.log(np.clip(probabilities[np.arange(n), truth], TINY, 1))
    averages = _f1_averages(truth_hot, chosen_hot, draws)
    averages.pop("micro_f1")  # equals accuracy when each image has one class
    counts = np.bincount(truth * n_categories + chosen, minlength=n_categories**2).reshape(n_categories, -1)
    return {
        "task": "single",
        "n": n,
        "accuracy": share(int(right.sum()), n, ""),
        **averages,
        "per_class": rows,
        "confusion": {"categories": list(names), "counts": counts.tolist()},
        "roc_auc": _mean_auc(rows, n),
        "log_loss": _mean_stat(losses, draws, "the log loss"),
        "ece": expected_calibration_error(probabilities.max(1), right.astype(float), draws),
    }


def evaluate_multi(probabilities: Array, truth: NDArray[np.bool_], names: list[Any]) -> dict[str, Any]:
    """The report of a multi-label model. probabilities: (n, K), each by itself; truth: (n, K) of 0 and 1.

    accuracy is the share of images whose whole set is right; label_accuracy the share of single yes/no
    answers. Per class, confusion is [[tn, fp], [fn, tp]]. log_loss and ece are over all yes/no answers.
    """
    n, n_categories = probabilities.shape
    if n == 0:
        return _empty("multi", names)
    probabilities = probabilities.astype(np.float64)
    truth = truth.astype(bool)
    called = probabilities >= 0.5
    draws = resamples(n)
    rows = _per_class(probabilities, truth, called, names)
    for k, row in enumerate(rows):
        cell = np.bincount(truth[:, k] * 2 + called[:, k], minlength=4)
        row["confusion"] = cell.reshape(2, 2).tolist()
    p_right = np.clip(np.where(truth, probabilities, 1 - probabilities), TINY, 1)
    confidence, bit_right = np.maximum(probabilities, 1 - probabilities), called == truth
    bins, gap = _ece_terms(confidence.ravel(), bit_right.ravel().astype(float))
    per_image = np.zeros((n, ECE_BINS))
    np.add.at(per_image, (np.repeat(np.arange(n), n_categories), bins), gap)
    # resampled by image, not by answer: the answers about one image depend on each other
    ece_draws = np.abs(draws @ per_image).sum(1) / (n * n_categories)
    return {
        "task": "multi",
        "n": n,
        "accuracy": share(int(bit_right.all(1).sum()), n, ""),
        "label_accuracy": _mean_stat(bit_right.mean(1), draws, "the share of right answers"),
        **_f1_averages(truth, called, draws),
        "per_class": rows,
        "roc_auc": _mean_auc(rows, n),
        "log_loss": _mean_stat(-np.log(p_right).mean(1), draws, "the log loss"),
        "ece": _ece_stat(float(np.abs(per_image.sum(0)).sum() / (n * n_categories)), ece_draws, n),
    }


def evaluate(probabilities: Array, targets: Array, names: list[Any], task: str) -> dict[str, Any]:
    """evaluate_single or evaluate_multi, by task."""
    return (evaluate_single if task == "single" else evaluate_multi)(probabilities, targets, names)


def _empty(task: str, names: list[Any]) -> dict[str, Any]:
    nothing = stat(None, None, None, 0, "No image to judge on.")
    report: dict[str, Any] = {"task": task, "n": 0}
    keys = ["accuracy", "macro_f1", "weighted_f1", "roc_auc", "log_loss", "ece"]
    for key in keys + (["label_accuracy", "micro_f1"] if task == "multi" else []):
        report[key] = dict(nothing)
    figures = ("precision", "recall", "f1", "roc_auc")
    report["per_class"] = [{"category": c, "n": 0, **{f: dict(nothing) for f in figures}} for c in names]
    if task == "single":
        report["confusion"] = {"categories": list(names), "counts": [[0] * len(names) for _ in names]}
    else:
        for row in report["per_class"]:
            row["confusion"] = [[0, 0], [0, 0]]
    return report
