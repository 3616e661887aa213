"""Regressions as candidates: with the usual penalty, with few features (L1), and many of them together (bagging).

Two functions each, as learners.py has it, which lists them; and what of soft targets a method of hard classes takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from worker.ml.candidates import logistic

Array = NDArray[Any]  # of any number type
Arrays = dict[str, Array]
Settings = dict[str, Any]
TINY = 1e-4


def hard(soft: Array, weights: Array) -> tuple[NDArray[np.int64], Array]:
    """The likeliest category of each image, and the image's weight times its probability."""
    likeliest = soft.argmax(1)
    return likeliest, weights * soft[np.arange(len(soft)), likeliest]


def yes_or_no(column: Array, weights: Array) -> tuple[NDArray[np.bool_], Array]:
    yes = column > 0.5
    return yes, weights * np.where(yes, column, 1 - column)


def log_scores(p: Array, task: str) -> NDArray[np.float64]:
    """Probabilities to scores that a factor and a shift can correct."""
    p = np.clip(np.asarray(p, np.float64), TINY, 1 - TINY)
    return np.log(p) if task == "single" else np.log(p) - np.log1p(-p)


def fit_logistic(x: Array, soft: Array, weights: Array, task: str, settings: Settings, seed: int) -> Arrays:
    found = logistic.fit_path(x, soft, weights, [settings["C"]], task)[0]
    return {"weight": found.weight.astype(np.float32), "bias": found.bias.astype(np.float32)}


def logistic_scores(arrays: Arrays, x: Array, task: str) -> Array:
    return x @ arrays["weight"].T + arrays["bias"]


def fit_l1(x: Array, soft: Array, weights: Array, task: str, settings: Settings, seed: int) -> Arrays:
    """Each class against the rest, with most of the features left out (L1 penalty)."""
    n_classes = soft.shape[1]
    weight, bias = np.zeros((n_classes, x.shape[1]), np.float32), np.zeros(n_classes, np.float32)
    likeliest, sure = hard(soft, weights)
    for k in range(n_classes):
        yes, trust = (likeliest == k, sure) if task == "single" else yes_or_no(soft[:, k], weights)
        if yes.all() or not yes.any():
            bias[k] = 4.0 if yes.all() else -4.0  # nothing to tell apart: as it is here, so it is always
            continue
        fitted = LogisticRegression(solver="liblinear", l1_ratio=1.0, C=settings["C"], random_state=seed)
        fitted.fit(x, yes, sample_weight=trust)
        weight[k], bias[k] = fitted.coef_[0], fitted.intercept_[0]
    return {"weight": weight, "bias": bias}


def fit_bagging(x: Array, soft: Array, weights: Array, task: str, settings: Settings, seed: int) -> Arrays:
    """The same regression on as many random samples of the images, drawn with replacement (Breiman 1996)."""
    rng, n, bags = np.random.default_rng(seed), len(x), []
    for _ in range(settings["bags"]):
        often = rng.multinomial(n, np.full(n, 1 / n))
        chosen = often > 0
        shown = (weights * often.astype(float))[chosen]
        bags.append(fit_logistic(x[chosen], soft[chosen], shown, task, settings, seed))
    return {key: np.stack([bag[key] for bag in bags]) for key in ("weight", "bias")}


def bagging_scores(arrays: Arrays, x: Array, task: str) -> Array:
    """The mean of the probabilities that the regressions give."""
    said = np.einsum("nd,tkd->tnk", x, arrays["weight"]) + arrays["bias"][:, None]
    p = softmax(said, axis=2) if task == "single" else expit(said)
    return log_scores(p.mean(0), task)
