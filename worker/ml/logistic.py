"""Regularised logistic regression on frozen features: softmax for one category per image, sigmoids for many.

Knows arrays only. Accepts weighted images and soft targets, which scikit-learn's does not, and solves a whole
path of penalties in one go. scikit-learn is the reference in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Linear:
    """logits = x @ weight.T + bias, for x scaled by `scale_features`."""

    weight: Floats  # (K, d)
    bias: Floats  # (K,)

    def logits(self, x: NDArray) -> Floats:
        return x @ self.weight.T.astype(x.dtype) + self.bias.astype(x.dtype)


def scale_features(features: NDArray) -> NDArray[np.float32]:
    """Each row to length sqrt(d): the brightness of an image stays out, and C means the same for every d."""
    x = np.asarray(features, dtype=np.float32)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x * (np.sqrt(x.shape[1], dtype=np.float32) / np.maximum(length, 1e-6))


def to_probabilities(logits: NDArray, task: str) -> NDArray:
    """Rows that sum to 1 for "single"; each entry by itself for "multi"."""
    return softmax(logits, axis=1) if task == "single" else expit(logits)


def fit_path(
    x: NDArray[np.float32], targets: Floats, weights: Floats, penalties: list[float], task: str
) -> list[Linear]:
    """One Linear for each C in `penalties` (given in rising order), each started from the one before.

    x: (n, d) scaled features. targets: (n, K), rows of probabilities for "single", each entry in 0..1 for
    "multi". weights: (n,). Minimises sum_i w_i loss_i + |W|^2 / (2 C); the bias is free.

    The solution lies in the span of the images (representer theorem), so with n < d the fit is done in n
    coordinates instead of d: the same answer, and with 200 labels a sixth of the work.
    """
    n, d = x.shape
    n_categories = targets.shape[1]
    basis = None
    z = x.astype(np.float64)
    if n < d:
        # x = L q with orthonormal rows q: |W q| = |W|, and x @ (W q).T = L @ W.T
        q, r = np.linalg.qr(z.T)  # q (d, n), r (n, n)
        basis, z = q.T, r.T
    m = z.shape[1]
    solutions: list[Linear] = []
    start = np.zeros((n_categories, m + 1))
    with np.errstate(divide="ignore"):
        prior = (weights[:, None] * targets).sum(0) / weights.sum()
    # A category that no image of this fold has starts, and stays, improbable instead of undecided.
    start[:, m] = np.log(np.clip(prior, 1e-3, 1.0))
    for penalty in penalties:

        def objective(flat: Floats, penalty: float = penalty) -> tuple[float, Floats]:
            theta = flat.reshape(n_categories, m + 1)
            logits = z @ theta[:, :m].T + theta[:, m]
            if task == "single":
                log_p = log_softmax(logits, axis=1)
                loss = -(weights[:, None] * targets * log_p).sum()
                residual = np.exp(log_p) * targets.sum(1, keepdims=True) - targets
            else:
                loss = (weights[:, None] * (np.logaddexp(0, logits) - targets * logits)).sum()
                residual = expit(logits) - targets
            residual = residual * weights[:, None]
            gradient = np.empty_like(theta)
            gradient[:, :m] = residual.T @ z + theta[:, :m] / penalty
            # a whisper of a penalty on the bias: a category without any image would run to minus infinity
            gradient[:, m] = residual.sum(0) + theta[:, m] * 1e-3
            loss += (theta[:, :m] ** 2).sum() / (2 * penalty) + 0.5e-3 * (theta[:, m] ** 2).sum()
            return loss, gradient.ravel()

        found = minimize(
            objective, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 300, "gtol": 1e-4 * n}
        )
        start = found.x.reshape(n_categories, m + 1)
        weight = start[:, :m] if basis is None else start[:, :m] @ basis
        solutions.append(Linear(weight.copy(), start[:, m].copy()))
    return solutions
