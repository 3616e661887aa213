"""Cohen's kappa for ordered classes.

Knows one confusion table. Unweighted kappas of many pairs at once are in kappa.py.

Notation (docs/agreement.md): p = table / n, r and c its row and column shares, w the agreement two answers are worth,
observed = sum w_ij p_ij, expected = sum w_ij r_i c_j, kappa = (observed - expected) / (1 - expected).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from labeler.stats.intervals import FloatArray
from labeler.stats.kappa import FISHER_IMAGES, MINORITY, NOTHING_SHARED, ROUNDING, SAME_SINGLE_CLASS, checked_table
from labeler.stats.results import FEW_IMAGES, NO_SPREAD, TOO_FEW_IMAGES, Stat, undefined
from labeler.stats.special import stdtrit

Weights = Literal["none", "linear", "quadratic"]
WEIGHTS: tuple[Weights, ...] = ("none", "linear", "quadratic")


@dataclass(frozen=True, slots=True)
class WeightedKappa:
    """One pair of people on ordered classes."""

    kappa: Stat
    observed: float | None  # weighted share of equal answers
    expected: float | None
    standard_error: float | None  # Fleiss, Cohen and Everitt 1969: for the interval


def agreement_weights(n_categories: int, kind: Weights) -> FloatArray:
    """What two answers are worth, shape (K, K), in [0, 1]; 1 on the diagonal (Cohen 1968).

    linear: 1 - |i - j| / (K - 1). quadratic: 1 - (i - j)^2 / (K - 1)^2. Over the declared classes, in their order:
    a class that nobody used still makes its neighbours further apart.
    Raises ValueError for an unknown kind.
    """
    if kind not in WEIGHTS:
        raise ValueError(f"weights are one of {', '.join(WEIGHTS)}")
    if kind == "none" or n_categories == 1:
        return np.eye(n_categories)
    apart = np.abs(np.subtract.outer(np.arange(n_categories), np.arange(n_categories))) / (n_categories - 1)
    return 1 - (apart if kind == "linear" else apart**2)


def weighted_kappa(table: ArrayLike, kind: Weights = "linear") -> WeightedKappa:
    """Kappa with partial credit for answers that lie near each other, in [-1, 1] (Cohen 1968).

    table: counts of the answers of two people, shape (K, K), K >= 1 declared classes in their order.
    None without shared images, and when chance alone would already agree in all (both used one same class).
    Interval: the error of Fleiss, Cohen and Everitt (1969, eq. 8 and 12) of the table with 1/K^2 added to each cell, on
    Fisher's z scale with n - 1 degrees of freedom, widened to contain the value: .93 to .96 of simulated samples hold
    the truth from n = 50 on, where the table as it is holds .89 to .97 (bench/trust.py). A caution stands beside it
    under 30 images or 5 answers outside the dominant class. Raises ValueError for another shape or negative counts.
    """
    table = checked_table(np.asarray(table, dtype=np.float64))
    w = agreement_weights(len(table), kind)
    n = float(table.sum())
    if n == 0:
        return WeightedKappa(undefined(NOTHING_SHARED), None, None, None)
    p = table / n
    r, c = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float((w * p).sum()), float(r @ w @ c)
    if 1 - expected < ROUNDING:
        return WeightedKappa(undefined(SAME_SINGLE_CLASS, int(n)), observed, expected, None)
    kappa, error = _value_and_error(table, w)
    outside = n * (1 - max((r + c) / 2))
    few = n < FEW_IMAGES or outside < MINORITY or (n < FISHER_IMAGES and n * (1 - r.max()) * (1 - c.max()) < MINORITY)
    low, high = _interval(table, w, kappa) if n > 2 and error > 0 else (None, None)
    reason = NO_SPREAD if low is None else TOO_FEW_IMAGES if few else None
    return WeightedKappa(Stat(kappa, low, high, int(n), reason), observed, expected, error)


def _interval(table: FloatArray, w: FloatArray, kappa: float) -> tuple[float, float]:
    smooth = table + 1 / table.size
    value, error = _value_and_error(smooth, w)
    half = float(stdtrit(table.sum() - 1, 0.975)) * error / (1 - value**2)
    z = np.arctanh(value)
    return min(kappa, float(np.tanh(z - half))), max(kappa, float(np.tanh(z + half)))


def _value_and_error(table: FloatArray, w: FloatArray) -> tuple[float, float]:
    n = float(table.sum())
    p = table / n
    r, c = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float((w * p).sum()), float(r @ w @ c)
    kappa = (observed - expected) / (1 - expected)
    both = (w @ c)[:, None] + (w.T @ r)[None, :]
    spread = float((p * (w - both * (1 - kappa)) ** 2).sum()) - (kappa - expected * (1 - kappa)) ** 2
    # Rounding leaves +-1e-17 where the variance is 0.
    return kappa, float(np.sqrt((spread if spread > ROUNDING else 0.0) / n) / (1 - expected))
