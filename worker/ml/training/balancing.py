"""Which way to balance classes of unequal size, if any: tried out on the labels there are to learn from.

Knows the regression on frozen features, which is fast and stands for the other candidates. How images are weighed or
drawn is class_weights.py's. No test image comes here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.train_settings import TrainConfig
from worker.ml.candidates import logistic
from worker.ml.evaluation import metrics
from worker.ml.evaluation.compare import better_beyond_noise, chance
from worker.ml.training.class_weights import balancing_weights, resampled
from worker.ml.training.folds import stratified_folds
from worker.ml.training.run import TrainingSet, hot_of, losses

EVEN = 3.0  # times the rarest class that the most frequent one may have: below, there is nothing to balance
WAYS = ("weights", "oversample", "undersample")
LEVEL = 0.05 / len(WAYS)  # three tries must not win by luck together


def choose(samples: TrainingSet, config: TrainConfig) -> dict[str, Any]:
    """The way whose mean recall over the classes is best, if beyond noise better than none and macro F1 no lower.

    {"chosen", "rows": [{how, macro_f1: STAT, accuracy: STAT, p: float or None}], "reason"}; out of fold, with the C
    that is best without balancing. p is one-sided, of the paired t test on how right each image is, every class alike.
    """
    soft = samples.soft()
    hot = hot_of(soft, samples.task)
    counts = hot.sum(0)
    there = counts[counts > 0]
    ratio = float(there.max() / there.min()) if len(there) > 1 else 1.0
    if ratio < EVEN:
        text = f"The most frequent class has {ratio:.1f} times the images of the rarest: nothing to balance."
        return {"chosen": "none", "rows": [], "reason": text}
    x = logistic.scale_features(samples.features)
    trust = np.ones(len(samples)) if samples.weights is None else samples.weights.astype(np.float64)
    fold_of = stratified_folds(hot, config.folds, config.seed, samples.groups)
    penalties = list(config.penalties)
    plain = np.zeros((len(penalties), *soft.shape), np.float32)
    folds = [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(config.folds)]
    for learn, judge in folds:
        fits = logistic.fit_path(x[learn], soft[learn], trust[learn], penalties, samples.task)
        plain[:, judge] = [logistic.to_probabilities(fit.logits(x[judge]), samples.task) for fit in fits]
    best = int(np.argmin([losses(p, soft, samples.task).mean() for p in plain]))
    said = {"none": plain[best]}
    for how in WAYS:
        said[how] = np.zeros_like(plain[best])
        for learn, judge in folds:
            if how == "weights":
                weights = trust[learn] * balancing_weights(soft[learn])
            else:
                learn = learn[resampled(soft[learn], how, config.seed)]
                weights = trust[learn]
            fit = logistic.fit_path(x[learn], soft[learn], weights, [penalties[best]], samples.task)[0]
            said[how][judge] = logistic.to_probabilities(fit.logits(x[judge]), samples.task)
    return _decided(said, hot, samples)


def _decided(said: dict[str, NDArray[Any]], hot: NDArray[np.bool_], samples: TrainingSet) -> dict[str, Any]:
    alike = {how: _right_with_classes_alike(p, hot, samples.task) for how, p in said.items()}
    rows, chosen, reason = [], "none", "No way of balancing finds more of the rare classes beyond noise."
    for how, p in said.items():
        truth = hot.argmax(1) if samples.task == "single" else hot
        report = metrics.evaluate(p, truth, list(samples.categories), samples.task)
        better, p_better = (False, None) if how == "none" else better_beyond_noise(alike["none"], alike[how], LEVEL)
        rows.append({"how": how, "macro_f1": report["macro_f1"], "accuracy": report["accuracy"], "p": p_better})
        # More of the rare classes at the price of many false alarms is no gain.
        better = better and (report["macro_f1"]["value"] or 0) >= (rows[0]["macro_f1"]["value"] or 0)
        if better and p_better is not None and alike[how].mean() > alike[chosen].mean():
            chosen = how
            gain = 100 * (alike[how].mean() - alike["none"].mean())
            reason = f"Mean recall over the classes is {gain:.1f} points better, beyond noise ({chance(p_better)})."
    return {"chosen": chosen, "rows": rows, "reason": reason}


def _right_with_classes_alike(p: NDArray[Any], hot: NDArray[np.bool_], task: str) -> NDArray[np.float64]:
    """How right each image is (n,), weighed so that the mean is the mean recall over the classes that occur."""
    n = len(p)
    if task == "single":
        truth = hot.argmax(1)
        support = np.bincount(truth, minlength=hot.shape[1])
        return (p.argmax(1) == truth) * n / (support[truth] * (support > 0).sum())
    right, support = (p >= 0.5) == hot, hot.sum(0)
    known = (support > 0) & (support < n)
    of_each = np.where(hot, n / (2 * np.maximum(support, 1)), n / (2 * np.maximum(n - support, 1)))
    return (right * of_each)[:, known].mean(1)
