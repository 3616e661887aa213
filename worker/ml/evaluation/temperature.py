"""The temperature that calibrates probabilities, and probabilities at a temperature.

Knows arrays only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax

TEMPERATURES = (0.05, 20.0)


def apply_temperature(probabilities: NDArray[Any], temperature: float, task: str) -> NDArray[Any]:
    """The same answers, less (T > 1) or more (T < 1) sure. The order of the categories never changes."""
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1 - 1e-12)
    if task == "single":
        return softmax(np.log(p) / temperature, axis=1)
    return expit((np.log(p) - np.log1p(-p)) / temperature)


def fit_temperature(probabilities: NDArray[Any], targets: NDArray[Any], task: str) -> float:
    """The one T in 0.05..20 that minimises the log loss on held-out images (Guo et al. 2017).

    probabilities (n, K) at temperature 1; targets (n,) positions, or (n, K) of 0 and 1. Only the random
    calibration slice is fair: labels chosen for being uncertain would bias T. 1.0 without images, and whenever
    no other T is better: fitting never raises the loss.
    """
    if len(probabilities) == 0:
        return 1.0
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1 - 1e-12)
    if task == "single":
        logits, rows = np.log(p), np.arange(len(p))

        def loss(log_t: float) -> float:
            return float(-log_softmax(logits / np.exp(log_t), axis=1)[rows, targets].mean())
    else:
        logits = np.log(p) - np.log1p(-p)
        sign = np.where(targets.astype(bool), 1.0, -1.0)

        def loss(log_t: float) -> float:
            return float(-log_expit(sign * logits / np.exp(log_t)).mean())

    # convex in 1/T, so one minimum: a bounded search in log T finds it
    found = minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x)) if loss(found.x) < loss(0.0) else 1.0
