"""From scores of any scale to logits whose probabilities can be believed: one factor, and a shift per category.

Knows arrays. A support vector machine gives distances, a forest shares of trees: fitted on images that the scores
have not seen, this makes them comparable with the regression (Platt 1999; vector scaling with one factor, Guo et al.
2017). The temperature that a run fits on its calibration slice (ml/saved/predict.py) comes on top and stays what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from worker.ml.candidates.logistic import loss_and_residual

SHIFT_SPREAD = 1.0  # shifts and the factor's logarithm are held towards 0 as by a normal prior: ten labels
FACTOR_SPREAD = 2.0  # per category would otherwise decide about certainty


@dataclass(frozen=True, slots=True)
class Calibration:
    """logits = scores * factor + shift; factor > 0, shift (K,)."""

    factor: float
    shift: NDArray[np.float64]

    def apply(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(scores, np.float64) * self.factor + self.shift


def fit(scores: NDArray[Any], soft: NDArray[Any], weights: NDArray[Any], task: str) -> Calibration:
    """The most likely factor and shifts. scores, soft: (n, K); weights (n,), their sum counts as that many labels.

    Never raises the weighted log loss: nothing is changed where no other factor is likelier.
    """
    n_categories = scores.shape[1]
    scores = np.asarray(scores, np.float64)

    def objective(theta: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        factor, shift = np.exp(theta[0]), theta[1:]
        loss, residual = loss_and_residual(scores * factor + shift, soft, weights[:, None], task)
        gradient = np.empty_like(theta)
        gradient[0] = (residual * scores).sum() * factor + theta[0] / FACTOR_SPREAD**2
        gradient[1:] = residual.sum(0) + shift / SHIFT_SPREAD**2
        loss += 0.5 * (theta[0] / FACTOR_SPREAD) ** 2 + 0.5 * (shift**2).sum() / SHIFT_SPREAD**2
        return loss, gradient

    bounds = [(-5.0, 5.0)] + [(-10.0, 10.0)] * n_categories
    found = minimize(objective, np.zeros(1 + n_categories), jac=True, method="L-BFGS-B", bounds=bounds)
    return Calibration(float(np.exp(found.x[0])), found.x[1:].copy())
