"""Agreement when a judgement is a set of classes: MASI distance, and kappa class by class.

Knows boolean rows (image, annotator, set of classes), ordered by image. An empty set is a judgement:
"none of them".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.grouping import Groups, sums
from labeler.stats.intervals import SEED, FloatArray, IntArray, resampled
from labeler.stats.kappa import SAME_SINGLE_CLASS, Kappa
from labeler.stats.pairs import Comparisons, pooled_binary, sample_comparisons, with_fisher_z
from labeler.stats.results import (
    FEW_IMAGES,
    NO_SHARED_IMAGES,
    ONE_CLASS_ONLY,
    Stat,
    undefined,
    with_interval,
)

BoolArray = NDArray[np.bool_]

EXACT_SETS = 4096  # distinct sets compared all with all (17 million distances); above, with a random 4096 judgements
_CHUNK = 1 << 22


def masi_distance(one: ArrayLike, other: ArrayLike) -> FloatArray:
    """1 - J M between sets of classes, in [0, 1] (Passonneau 2006).

    one, other: boolean, shape (..., K), broadcast against each other. J = shared / united classes; M = 1 for
    equal sets, 2/3 if one contains the other, 1/3 if they overlap, 0 if not. Two empty sets are equal: 0.
    """
    one, other = np.asarray(one, dtype=bool), np.asarray(other, dtype=bool)
    shared = (one & other).sum(axis=-1)
    return _masi(shared, one.sum(axis=-1), other.sum(axis=-1))


def _masi(shared: NDArray[Any], size: NDArray[Any], other_size: NDArray[Any]) -> FloatArray:
    united = size + other_size - shared
    monotony = np.where(shared == np.minimum(size, other_size), 2 / 3, 1 / 3)
    distance = 1 - shared / np.maximum(united, 1) * monotony
    return np.where(shared == united, 0.0, distance)


@dataclass(frozen=True, slots=True)
class ComparedSets:
    """Every two judgements of one image, and how far apart they are."""

    groups: Groups
    comparisons: Comparisons  # of all shared images, not of a sample
    a: IntArray
    b: IntArray
    first: BoolArray  # the sets of a and of b, shape (comparisons, K)
    second: BoolArray
    distance: FloatArray


def compare_sets(groups: Groups, annotator: IntArray, answers: BoolArray, n_annotators: int) -> ComparedSets:
    """All comparisons of sets. Raises ValueError for two rows of one person on one image."""
    unnumbered = np.divmod(np.arange(n_annotators**2), n_annotators)
    found = sample_comparisons(groups, annotator, n_annotators, unnumbered, at_most=groups.starts.size)
    keys, pair = np.unique(found.pair, return_inverse=True)
    a, b = np.divmod(keys, n_annotators)
    if (a == b).any():
        raise ValueError("one person has two rows on the same image")
    shared = groups.select(groups.sizes >= 2)
    comparisons = Comparisons(found.image, pair, found.first, found.second, found.n_images, found.weight)
    first, second = answers[found.first], answers[found.second]
    return ComparedSets(shared, comparisons, a, b, first, second, masi_distance(first, second))


def masi_alpha(compared: ComparedSets, answers: BoolArray) -> tuple[Stat, Stat]:
    """Krippendorff's alpha with MASI distance, and the share of equal sets; each with a 95 % interval.

    alpha = 1 - Do / De over images with two or more judgements: Do is the mean distance within images, each
    image weighted by its number of judgements, De that between all judgements. None where all judgements are
    the same (0/0). observed: mean over images of the share of pairs with equal sets.
    """
    groups, comparisons = compared.groups, compared.comparisons
    n = groups.starts.size
    if n == 0:
        return undefined(NO_SHARED_IMAGES), undefined(NO_SHARED_IMAGES)
    r = groups.sizes.astype(np.float64)
    within = 2 * np.bincount(comparisons.image, compared.distance, n) / (r - 1)
    equal = sums(comparisons.image, compared.distance == 0, n) / (r * (r - 1) / 2)
    to_others = np.add.reduceat(_distance_to_all(answers[groups.rows()]), np.cumsum(groups.sizes) - groups.sizes)
    by_chance = float(to_others.sum() / r.sum())

    def figures(totals: FloatArray) -> FloatArray:
        # The double sum of De in a resample, to first order around the sample: twice the mean distance of the
        # resampled judgements to the original ones, less the distance among the original ones.
        chance = 2 * totals[:, 2] / totals[:, 1] - by_chance
        alpha = np.where(chance > 1e-12, 1 - totals[:, 0] / totals[:, 1] / chance, np.nan)
        return np.column_stack((alpha, totals[:, 3] / totals[:, 4]))

    columns = np.column_stack((within, r, to_others, equal, np.ones(n)))
    intervals = resampled(columns, np.ones(n, dtype=np.int64), figures)
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha, observed = figures(columns.sum(axis=0)[None, :])[0]
    observed_stat = with_interval(float(observed), intervals[1], n)
    if not np.isfinite(alpha):
        return undefined(ONE_CLASS_ONLY, n), observed_stat
    return with_interval(float(alpha), intervals[0], n), observed_stat


def _distance_to_all(answers: BoolArray) -> FloatArray:
    """The mean distance of each judgement to all others, shape (n,)."""
    packed = np.packbits(answers, axis=1)
    _, example, kind, count = np.unique(
        packed.view(np.dtype((np.void, packed.shape[1]))).ravel(),
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    sets = answers[example]
    if len(sets) <= EXACT_SETS:
        reference, weight = sets, count.astype(np.float64)
    else:
        drawn = np.random.default_rng(SEED).choice(len(answers), EXACT_SETS, replace=False)
        reference, weight = answers[drawn], np.full(EXACT_SETS, len(answers) / EXACT_SETS)
    sizes, reference_sizes = sets.sum(axis=1), reference.sum(axis=1)
    totals = np.empty(len(sets))
    rows = max(1, _CHUNK // len(reference))
    for start in range(0, len(sets), rows):
        part = slice(start, start + rows)
        # float32 products of 0 and 1 are exact up to 16 million classes, and go through BLAS.
        shared = sets[part].astype(np.float32) @ reference.T.astype(np.float32)
        totals[part] = _masi(shared, sizes[part, None], reference_sizes[None, :]) @ weight
    return totals[kind] / (len(answers) - 1)


def pair_and_class_kappas(compared: ComparedSets, n_categories: int) -> tuple[list[Kappa], list[Stat], Stat]:
    """(kappa of each pair of people, kappa of each class over all pairs, Light's mean of the first).

    A set is K yes/no answers. Pair: sum over classes of (observed - expected) / sum of (1 - expected), that
    is kappa of the means over classes; PABAK and AC1 come from the means too. Class: Conger's kappa of that
    answer over pairs (pairs.py). Errors: delta method, summed per image.
    """
    comparisons, pairs, k = compared.comparisons, len(compared.a), n_categories
    pair = comparisons.pair
    n = np.bincount(pair, minlength=pairs).astype(np.float64)

    def per_pair(answers: BoolArray) -> FloatArray:
        return np.column_stack([np.bincount(pair, answers[:, i], pairs) for i in range(k)])

    yes_a, yes_b = per_pair(compared.first), per_pair(compared.second)
    yes_yes = per_pair(compared.first & compared.second)
    classes = [
        pooled_binary(
            yes_yes[:, i],
            yes_a[:, i],
            yes_b[:, i],
            n,
            comparisons,
            compared.first[:, i],
            compared.second[:, i],
        )
        for i in range(k)
    ]
    if pairs == 0:
        return [], classes, undefined(NO_SHARED_IMAGES)
    r, c, m = yes_a / n[:, None], yes_b / n[:, None], n[:, None]
    # From counts, so that an impossible disagreement is exactly 0 and not a rounding error.
    expected_counts = yes_a * yes_b + (m - yes_a) * (m - yes_b)
    expected = (expected_counts / (m * m)).mean(axis=1)
    observed = ((m - yes_a - yes_b + 2 * yes_yes) / m).mean(axis=1)
    defined: BoolArray = np.asarray((expected_counts < m * m).any(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(defined, (observed - expected) / (1 - expected), np.nan)
        middle = (r + c) / 2
        by_chance = (2 * middle * (1 - middle)).mean(axis=1)
        ac1 = (observed - by_chance) / (1 - by_chance)
    # What one image adds: the answers a and b gave, against what the other's habit makes of them.
    habit = np.zeros(len(pair))
    for i in range(k):
        habit += np.where(compared.first[:, i], c[pair, i], 1 - c[pair, i])
        habit += np.where(compared.second[:, i], r[pair, i], 1 - r[pair, i])
    agreed = np.mean(compared.first == compared.second, axis=1)
    kappa: FloatArray = np.where(defined, value, 0.0)
    kappa = kappa[pair]
    terms = agreed - kappa - (1 - kappa) * (habit / k - expected[pair])
    with np.errstate(divide="ignore", invalid="ignore"):
        influence = np.where(defined[pair], terms / (n * (1 - expected))[pair], 0.0)
    error = np.sqrt(np.bincount(pair, influence**2, pairs))
    kappas = [
        _pair_kappa(*figures)
        for figures in zip(
            value.tolist(),
            error.tolist(),
            observed.tolist(),
            expected.tolist(),
            ac1.tolist(),
            n.tolist(),
            strict=True,
        )
    ]
    if not defined.any():
        return kappas, classes, undefined(ONE_CLASS_ONLY, int(n.sum()))
    if defined.sum() == 1:
        return kappas, classes, kappas[int(np.flatnonzero(defined)[0])].stat()
    light = with_fisher_z(
        float(value[defined].mean()),
        comparisons.standard_error(influence / defined.sum()),
        int(n[defined].sum()),
        comparisons.n_images < FEW_IMAGES,
    )
    return kappas, classes, light


def _pair_kappa(value: float, error: float, observed: float, expected: float, ac1: float, images: float) -> Kappa:
    n, pabak = int(images), 2 * observed - 1
    if not np.isfinite(value):
        return Kappa(None, None, None, None, observed, expected, pabak, ac1, n, SAME_SINGLE_CLASS)
    stat = with_fisher_z(value, error, n, few=n < FEW_IMAGES)
    return Kappa(value, stat.low, stat.high, error, observed, expected, pabak, ac1, n, stat.reason)


def confused_sets(compared: ComparedSets, n_categories: int) -> IntArray:
    """On how many images one person chose i without j and another j without i; symmetric, shape (K, K)."""
    k = n_categories
    only_first, only_second = compared.first & ~compared.second, compared.second & ~compared.first
    both = np.flatnonzero(only_first.any(axis=1) & only_second.any(axis=1))
    seen: list[IntArray] = [np.empty(0, dtype=np.int64)]
    rows = max(1, _CHUNK // (k * k))
    for start in range(0, both.size, rows):
        part = both[start : start + rows]
        comparison, i, j = np.nonzero(only_first[part][:, :, None] & only_second[part][:, None, :])
        image = compared.comparisons.image[part][comparison]
        seen.append((image * k + np.minimum(i, j)) * k + np.maximum(i, j))
    # Once for each image, however many of its people are of two minds.
    cell = np.unique(np.concatenate(seen)) % (k * k)
    table = np.bincount(cell, minlength=k * k).reshape(k, k)
    return table + table.T
