"""Cohen's kappa from confusion counts: closed forms for one pair of people or all pairs at once.

Knows tables of counts, not images or people. Nominal classes; weights for ordered ones would
replace "same class" in _variance_terms and the two lines that sum observed and expected.

Notation (statistics in docs/agreement.md): n shared images, p = counts / n, r and c the row and column
shares; observed = sum_i p_ii, expected = sum_i r_i c_i, kappa = (observed - expected) / (1 - expected).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.grouping import sums
from labeler.stats.intervals import Z95, FloatArray, IntArray, fisher_z
from labeler.stats.results import FEW_IMAGES, NO_SPREAD, TOO_FEW_IMAGES, Reason, Stat

NOTHING_SHARED = Reason("nothing_shared")
SAME_SINGLE_CLASS = Reason("same_single_class")
FISHER_IMAGES = 100  # from here, with MINORITY expected, Fisher-z on the FCE error covers 93.8 to 95.7 %
MINORITY = 5
ROUNDING = 1e-13  # a million images with a single disagreement have a variance of 1e-6


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement of two people beyond chance, with its evidence."""

    value: float | None  # None: undefined, see reason
    low: float | None
    high: float | None
    standard_error: float | None  # Fleiss, Cohen and Everitt 1969
    observed: float | None  # share of shared images with equal labels
    expected: float | None  # the same share if both chose by their own habits alone
    pabak: float | None  # chance as if all declared classes were equally likely
    ac1: float | None  # Gwet's AC1: chance that does not explode when one class dominates
    n: int  # images labeled by both
    reason: Reason | None

    def stat(self) -> Stat:
        return Stat(self.value, self.low, self.high, self.n, self.reason)


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Confusion counts of pairs of people: the cells that are not zero.

    a, b: the people of each pair, a < b, shape (P,).
    pair, label_a, label_b, count: shape (cells,); pair indexes a and b.
    """

    n_categories: int
    a: IntArray
    b: IntArray
    pair: IntArray
    label_a: IntArray
    label_b: IntArray
    count: IntArray

    def table(self, pair: int) -> IntArray:
        """The full table of one pair, shape (n_categories, n_categories)."""
        table = np.zeros((self.n_categories, self.n_categories), dtype=np.int64)
        own = self.pair == pair
        table[self.label_a[own], self.label_b[own]] = self.count[own]
        return table


@dataclass(frozen=True, slots=True)
class PairKappas:
    """The figures of all pairs as arrays of shape (P,); NaN where undefined. Rows leave as Kappa.

    rows, columns: how often each person of the pair chose each class on shared images, shape (P, K).
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    standard_error: FloatArray
    observed: FloatArray
    expected: FloatArray
    pabak: FloatArray
    ac1: FloatArray
    n: FloatArray
    few: NDArray[np.bool_]  # few images, or few outside the dominant class
    rows: FloatArray
    columns: FloatArray

    def kappas(self) -> list[Kappa]:
        names = ("value", "low", "high", "standard_error", "observed", "expected", "pabak", "ac1")
        arrays: list[FloatArray] = [getattr(self, name) for name in names]
        figures = [_none_for_nan(array) for array in arrays]
        rows = zip(*figures, self.n.tolist(), self.few.tolist(), strict=True)
        return [
            Kappa(value, low, high, se, po, pe, pabak, ac1, int(n), _reason(value, low, n, few))
            for value, low, high, se, po, pe, pabak, ac1, n, few in rows
        ]


def _none_for_nan(array: FloatArray) -> list[float | None]:
    values = array.astype(object)
    values[~np.isfinite(array)] = None
    return values.tolist()


def _reason(value: float | None, low: float | None, n: float, few: bool) -> Reason | None:
    if n == 0:
        return NOTHING_SHARED
    if value is None:
        return SAME_SINGLE_CLASS
    if low is None:
        return NO_SPREAD
    return TOO_FEW_IMAGES if few else None


def cohen_kappa(a: ArrayLike, b: ArrayLike, n_categories: int) -> Kappa:
    """Agreement of two people beyond chance, in [-1, 1] (Cohen 1960).

    a, b: category indices, shape (n,), for the n images both labeled; n may be 0.
    value is None when n is 0 or when both always chose one same class: chance agreement is 1.
    Raises ValueError if shapes differ or an index lies outside 0..n_categories-1.
    """
    return kappa_from_table(confusion_table(a, b, n_categories))


def confusion_table(a: ArrayLike, b: ArrayLike, n_categories: int) -> NDArray[np.int64]:
    """How often two people gave each two answers, shape (K, K). Arguments and errors as of cohen_kappa."""
    a, b = np.asarray(a, dtype=np.int64), np.asarray(b, dtype=np.int64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"two equal rows of labels are needed, not shapes {a.shape} and {b.shape}")
    if a.size and not (min(a.min(), b.min()) >= 0 and max(a.max(), b.max()) < n_categories):
        raise ValueError(f"a category lies outside 0..{n_categories - 1}")
    return np.bincount(a * n_categories + b, minlength=n_categories**2).reshape(n_categories, n_categories)


def checked_table(table: NDArray[Any]) -> NDArray[Any]:
    """The table, or ValueError unless it is square and has no negative counts."""
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.shape[0] == 0:
        raise ValueError(f"a square table is needed, not shape {table.shape}")
    if (table < 0).any():
        raise ValueError("counts cannot be negative")
    return table


def kappa_from_table(table: ArrayLike) -> Kappa:
    """Cohen's kappa of one confusion table, shape (K, K), over the declared classes.

    Raises ValueError for a table that is not square or has negative counts.
    """
    table = checked_table(np.asarray(table))
    label_a, label_b = np.nonzero(table)
    one = np.zeros(1, dtype=np.int64)
    pair = np.zeros(label_a.size, dtype=np.int64)
    counts = PairCounts(len(table), one, one + 1, pair, label_a, label_b, table[label_a, label_b])
    return pair_kappas(counts).kappas()[0]


def pair_kappas(counts: PairCounts) -> PairKappas:
    """Kappa, standard error, interval, PABAK and AC1 of every pair, in one pass over the cells.

    Interval (the rule, with simulated coverage, is in docs/agreement.md): from FISHER_IMAGES shared images
    and MINORITY expected outside the dominant class, the standard error of Fleiss, Cohen and Everitt (1969)
    on Fisher's z scale. Below, the normal interval of the table with 1/K^2 added to each cell, widened to
    contain the value. None when n <= 2, or when the standard error is exactly 0 without perfect agreement
    (somebody used a single class, or the two never used the same one): [0, 0] would claim certainty.
    """
    k, pairs = counts.n_categories, len(counts.a)
    pair, cell_count = counts.pair, counts.count.astype(np.float64)
    same = counts.label_a == counts.label_b
    n = sums(pair, cell_count, pairs)
    agree = sums(pair[same], cell_count[same], pairs)
    rows = sums(pair * k + counts.label_a, cell_count, pairs * k).reshape(pairs, k)
    columns = sums(pair * k + counts.label_b, cell_count, pairs * k).reshape(pairs, k)
    with np.errstate(divide="ignore", invalid="ignore"):
        r, c = rows / n[:, None], columns / n[:, None]
        observed, expected = agree / n, np.einsum("pk,pk->p", r, c)
        # From counts, which are exact: 0/0 must be seen as such, and a constant person has 0, not 1e-17.
        by_habit = np.einsum("pk,pk->p", rows, columns)
        value = np.where(by_habit == n * n, np.nan, (agree * n - by_habit) / (n * n - by_habit))
        terms = _variance_terms(counts, r, c, value, pair)
        spread = sums(pair, cell_count / n[pair] * terms**2, pairs)
        error = _standard_error(spread, expected, value, n)
        low, high = fisher_z(value, error)
        middle = (r + c) / 2
        pabak = (observed - 1 / k) / (1 - 1 / k) if k > 1 else np.full(pairs, np.nan)
        by_chance = np.einsum("pk,pk->p", middle, 1 - middle) / (k - 1) if k > 1 else np.full(pairs, np.nan)
        ac1 = (observed - by_chance) / (1 - by_chance)
        minority_expected = n * (1 - r.max(axis=1)) * (1 - c.max(axis=1))
        minority = n * (1 - middle.max(axis=1))
    perfect = agree == n
    certain = ~perfect & ~(error > 0)
    smooth = ~((n >= FISHER_IMAGES) & (minority_expected >= MINORITY)) | perfect
    if smooth.any():
        smooth_low, smooth_high = _smoothed(counts, rows, columns, agree, n)
        low = np.where(smooth, np.fmin(value, smooth_low), low)
        high = np.where(smooth, np.fmax(value, smooth_high), high)
    hidden = ~np.isfinite(value) | certain | (n <= 2)
    low, high = np.where(hidden, np.nan, low), np.where(hidden, np.nan, high)
    few = (n < FEW_IMAGES) | (minority < MINORITY)
    return PairKappas(value, low, high, error, observed, expected, pabak, ac1, n, few, rows, columns)


def _variance_terms(counts: PairCounts, r: FloatArray, c: FloatArray, kappa: FloatArray, pair: IntArray) -> FloatArray:
    """w_ij - (wr_i + wc_j)(1 - kappa) for each cell; with identity weights wr_i = c_i and wc_j = r_j."""
    same = counts.label_a == counts.label_b
    return same - (c[pair, counts.label_a] + r[pair, counts.label_b]) * (1 - kappa)[pair]


def _standard_error(spread: FloatArray, expected: FloatArray, kappa: FloatArray, n: FloatArray) -> FloatArray:
    """Root of equation 12 of Fleiss, Cohen and Everitt (1969): the error of kappa, not that of kappa = 0."""
    variance = spread - (kappa - expected * (1 - kappa)) ** 2
    # Rounding leaves +-1e-17 where the variance is 0: its root would be NaN, or claim an interval of 1e-9.
    return np.sqrt(np.where(variance > ROUNDING, variance, 0) / n) / (1 - expected)


def _smoothed(
    counts: PairCounts, rows: FloatArray, columns: FloatArray, agree: FloatArray, n: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Normal 95 % bounds of the tables with 1/K^2 added to each cell, clipped to [-1, 1].

    The cells that are zero are summed in closed form: with g = 1 - kappa,
    sum_ij ([i = j] - g (c_i + r_j))^2 = K - 4g + g^2 (K sum c^2 + 2 + K sum r^2).
    """
    k, pairs, pair = counts.n_categories, len(counts.a), counts.pair
    total = n + 1
    r, c = (rows + 1 / k) / total[:, None], (columns + 1 / k) / total[:, None]
    observed, expected = (agree + 1 / k) / total, np.einsum("pk,pk->p", r, c)
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = (observed - expected) / (1 - expected)
        terms = _variance_terms(counts, r, c, kappa, pair) ** 2
        g = 1 - kappa
        squares = np.einsum("pk,pk->p", r, r) + np.einsum("pk,pk->p", c, c)
        added = (k - 4 * g + g**2 * (k * squares + 2)) / (k * k * total)
        spread = sums(pair, counts.count / total[pair] * terms, pairs) + added
        half = Z95 * _standard_error(spread, expected, kappa, total)
    return np.maximum(kappa - half, -1), np.minimum(kappa + half, 1)
