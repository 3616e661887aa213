"""95 % intervals: Wilson for shares, Fisher's z for coefficients, resampling of images for the rest.

Knows sums and standard errors, not what they mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
Interval = tuple[float, float]

Z95 = 1.959963984540054  # standard normal quantile at 0.975
SEED = 20240229  # fixed: the same labels give the same interval, today and in a report of last year
REPLICATES = 1000
# Above either, the linear limit of the bootstrap: it agrees there to the third digit, and 1,000 x 220 Poisson
# draws take 15 ms of the 50 a report may take.
RESAMPLED_PATTERNS = 500
RESAMPLED_IMAGES = 10_000


def wilson(successes: float, n: float) -> Interval | None:
    """95 % interval of a share (Wilson 1927); None without observations.

    successes: 0..n, of n images, or of as many as the figures of fewer are worth. Raises ValueError outside of that.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if n == 0:
        return None
    share, z2 = successes / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * float(np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)))
    # At 0 and n the exact bound is the share itself; rounding would leave 1e-17 or 0.9999999.
    return (0.0 if successes == 0 else middle - half, 1.0 if successes == n else middle + half)


def fisher_z(value: FloatArray, standard_error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """95 % bounds of coefficients in (-1, 1), symmetric on the atanh scale (Fisher 1921).

    value, standard_error: shape (n,). The result stays inside [-1, 1] by construction.
    A value of exactly -1 or 1 has no such interval: NaN, for the caller to replace.
    """
    value = np.asarray(value, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.arctanh(value)
        half = Z95 * np.asarray(standard_error, dtype=np.float64) / (1 - value**2)
        low, high = np.tanh(z - half), np.tanh(z + half)
    unbounded = ~(np.abs(value) < 1)
    return np.where(unbounded, np.nan, low), np.where(unbounded, np.nan, high)


def resampled(
    columns: FloatArray,
    images: NDArray[Any],
    statistics: Callable[[FloatArray], FloatArray],
    *,
    replicates: int = REPLICATES,
) -> list[Interval | None]:
    """95 % intervals of statistics that are functions of sums over images.

    columns: what one image adds to each sum, one row per distinct pattern, shape (P, m).
    images: how many images have the pattern, shape (P,).
    statistics: sums, shape (B, m) -> values, shape (B, s); NaN where undefined. They must be ratios:
    unchanged when every sum is multiplied.
    Returns s intervals, None where fewer than half of the replicates were defined or all were equal.

    Up to RESAMPLED_PATTERNS patterns and RESAMPLED_IMAGES images: percentile bootstrap over images with
    Poisson weights (Hanley and MacGibbon 2006; a pattern of c images gets weight Poisson(c)).
    Above: infinitesimal jackknife (Efron 1982), the linear limit of the same bootstrap, which needs one pass.
    """
    if len(images) <= RESAMPLED_PATTERNS and images.sum() <= RESAMPLED_IMAGES:
        weights = np.random.default_rng(SEED).poisson(images, size=(replicates, len(images)))
        with np.errstate(divide="ignore", invalid="ignore"):
            values = statistics(weights @ columns)
        return [percentiles(column) for column in values.T]
    return _linearised(columns, images, statistics)


def percentiles(values: FloatArray) -> Interval | None:
    """The middle 95 % of a figure's replicates; None where fewer than half were defined, or all were equal."""
    defined = values[np.isfinite(values)]
    if not defined.size or defined.size < values.size / 2 or np.ptp(defined) < 1e-12:
        return None
    low, high = np.quantile(defined, (0.025, 0.975))
    return float(low), float(high)


def _linearised(
    columns: FloatArray, images: NDArray[Any], statistics: Callable[[FloatArray], FloatArray]
) -> list[Interval | None]:
    sums = images @ columns
    steps = np.diag(np.maximum(np.abs(sums), 1.0) * 1e-5)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = statistics(sums[None, :])[0]
        slopes = (statistics(sums + steps) - statistics(sums - steps)) / (2 * np.diag(steps)[:, None])
    influence = (columns - sums / images.sum()) @ slopes
    errors = np.sqrt(images @ influence**2)
    return [
        (max(-1.0, float(value - Z95 * error)), min(1.0, float(value + Z95 * error)))
        if np.isfinite(value) and np.isfinite(error) and error > 1e-12
        else None
        for value, error in zip(values, errors, strict=True)
    ]
