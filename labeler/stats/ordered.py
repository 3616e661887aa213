"""Krippendorff's alpha for classes with an order or with values, and Gwet's AC1 for many people: with intervals.

Knows how often each class was chosen per image. Nominal alpha, with its closed form, is in alpha.py.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from labeler.stats.alpha import Patterns, patterns_from_counts
from labeler.stats.intervals import FloatArray
from labeler.stats.results import NO_SHARED_IMAGES, ONE_CLASS_ONLY, Stat, undefined, with_interval
from labeler.stats.special import stdtrit

Metric = Literal["nominal", "ordinal", "interval"]
METRICS: tuple[Metric, ...] = ("nominal", "ordinal", "interval")


def ordered_alpha(votes: ArrayLike | Patterns, metric: Metric, values: ArrayLike | None = None) -> Stat:
    """Krippendorff's alpha with a metric, in (-inf, 1], with its 95 % interval over images.

    votes: how often each class was chosen, shape (n_images, K), classes in their order. values: what the classes stand
    for, shape (K,), for the metric interval; without them 0, 1, 2 …
    With coincidences o_ck = sum_i n_ic (n_ik - [c = k]) / (r_i - 1), n_c = sum_k o_ck and N = sum n_c,
        alpha = 1 - (N - 1) sum o_ck d_ck / sum n_c n_k d_ck     (Krippendorff 2011),
    with d = [c != k]; (v_c - v_k)^2; or for ordered classes (n_c/2 + all between + n_k/2)^2.
    Interval: the jackknife's error over images (Quenouille 1956) on Fisher's z scale, with the degrees of freedom
    that its own spread leaves (Satterthwaite 1946): it holds .93 to .96 of simulated truths from n = 100 on, with n - 1
    degrees .917 to .95, the percentile bootstrap .90 to .94 (bench/trust.py).
    Images with one label are left out. None without shared images or when everyone always chose one class.
    Raises ValueError for an unknown metric or a wrong number of values.
    """
    if metric not in METRICS:
        raise ValueError(f"metric is one of {', '.join(METRICS)}")
    patterns = (votes if isinstance(votes, Patterns) else patterns_from_counts(votes)).shared()
    k, n = patterns.votes.shape[1], int(patterns.images.sum())
    at = np.arange(k, dtype=np.float64) if values is None else np.asarray(values, dtype=np.float64)
    if at.shape != (k,):
        raise ValueError(f"{k} values are needed, one per class, not shape {at.shape}")
    if n == 0:
        return undefined(NO_SHARED_IMAGES)
    v = patterns.votes.astype(np.float64)
    coincidences = (v[:, :, None] * v[:, None, :] - v[:, :, None] * np.eye(k)) / (v.sum(axis=1) - 1)[:, None, None]
    together = np.einsum("p,pck->ck", patterns.images.astype(np.float64), coincidences)
    value = float(_alphas(together[None], metric, at)[0])
    if not np.isfinite(value):
        return undefined(ONE_CLASS_ONLY, n)
    # Without one image of each pattern; images of one pattern leave the same behind.
    without = _alphas(together - coincidences, metric, at)
    error, freedom = 0.0, float(n - 1)
    if np.isfinite(without).all():
        apart = without - patterns.images @ without / n
        error = float(np.sqrt((n - 1) / n * (patterns.images @ apart**2)))
        freedom = _freedom(apart, patterns.images.astype(np.float64), n)
    return with_interval(value, on_z(value, error, n, freedom), n)


def _freedom(apart: FloatArray, images: FloatArray, n: int) -> float:
    """Degrees of freedom of an error that few images carry: 2n / (kurtosis - 1) (Satterthwaite 1946), n - 1 at most.

    A far miss on an ordered scale weighs many times a near one: the error itself is then as uncertain as one from few.
    """
    second = images @ apart**2 / n
    if second <= 0:
        return float(n - 1)
    kurtosis = float(images @ apart**4 / n / second**2)
    return float(max(1.0, min(n - 1, 2 * n / max(kurtosis - 1, 1e-9))))


def on_z(value: float, error: float, n: int, freedom: float | None = None) -> tuple[float, float] | None:
    """95 % interval of a coefficient on Fisher's z scale; None where there is none. freedom: n - 1 unless told."""
    if n < 3 or not (error > 1e-12 and abs(value) < 1):
        return None
    half = float(stdtrit(n - 1 if freedom is None else freedom, 0.975)) * error / (1 - value**2)
    z = np.arctanh(value)
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def _alphas(o: FloatArray, metric: Metric, at: FloatArray) -> FloatArray:
    """Coincidences, shape (B, K, K) -> alpha, shape (B,); NaN where one class is left."""
    per_class = o.sum(axis=2)
    total = per_class.sum(axis=1)
    if metric == "ordinal":
        # Up to and including half of each class: the distance of two classes is the difference of these ranks.
        ranks = np.cumsum(per_class, axis=1) - per_class / 2
        apart = (ranks[:, :, None] - ranks[:, None, :]) ** 2
    elif metric == "interval":
        apart = np.broadcast_to(np.subtract.outer(at, at) ** 2, o.shape)
    else:
        apart = np.broadcast_to(1 - np.eye(o.shape[1]), o.shape)
    seen = (o * apart).sum(axis=(1, 2))
    by_chance = np.einsum("bc,bk,bck->b", per_class, per_class, apart)
    one_class = (per_class > 0).sum(axis=1) < 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(one_class, np.nan, 1 - (total - 1) * seen / by_chance)


def gwet_ac1(votes: ArrayLike | Patterns) -> Stat:
    """Gwet's AC1 for any number of people and missing answers, with its 95 % interval (Gwet 2008, 2014).

    votes: how often each class was chosen, shape (n_images, K), K declared classes. With r_i answers on image i:
    observed = mean over images with r_i >= 2 of sum_k n_ik (n_ik - 1) / (r_i (r_i - 1)); chance = sum_k pi_k (1 - pi_k)
    / (K - 1) with pi_k the mean over all images of n_ik / r_i, so that images with one label change it.
    Its error is that of the linearised contribution of each image, as Gwet has it; the interval lies on Fisher's z
    scale with n - 1 degrees of freedom, because near 1 the symmetric one holds .88 of simulated truths at n = 100 and
    this one .96 (bench/trust.py). It stays meaningful where one class dominates, and kappa falls for that alone.
    n: images with two labels.
    """
    patterns = votes if isinstance(votes, Patterns) else patterns_from_counts(votes)
    rated = patterns.votes.sum(axis=1) >= 1
    v, images = patterns.votes[rated].astype(np.float64), patterns.images[rated].astype(np.float64)
    k = v.shape[1]
    r = v.sum(axis=1)
    two = r >= 2
    n, n_two = images.sum(), images[two].sum()
    if n_two == 0:
        return undefined(NO_SHARED_IMAGES)
    if k < 2:
        return undefined(ONE_CLASS_ONLY, int(n_two))
    agreeing = np.where(two, (v * (v - 1)).sum(axis=1) / np.maximum(r * (r - 1), 1), 0.0)
    observed = images @ agreeing / n_two
    shares = v / r[:, None]
    habit = images @ shares / n
    chance = float((habit * (1 - habit)).sum() / (k - 1))
    value = float((observed - chance) / (1 - chance))
    own = n / n_two * (agreeing - chance * two) / (1 - chance)
    own_chance = shares @ (1 - habit) / (k - 1)
    linear = own - 2 * (1 - value) * (own_chance - chance) / (1 - chance)
    error = float(np.sqrt(images @ (linear - value) ** 2 / (n * (n - 1)))) if n > 1 else 0.0
    return with_interval(value, on_z(value, error, int(n)), int(n_two))
