"""Everything that compares two people on one image: counts per pair, and means over all pairs.

Knows rows (image, annotator, category), ordered by image. What the means are for: agreement.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.grouping import Groups, group_rows, of_equal_size, side_by_side, sums
from labeler.stats.intervals import SEED, FloatArray, IntArray, fisher_z
from labeler.stats.kappa import MINORITY, PairCounts, PairKappas, kappa_from_table
from labeler.stats.results import (
    FEW_IMAGES,
    NO_SHARED_IMAGES,
    NO_SPREAD,
    ONE_CLASS_ONLY,
    TOO_FEW_IMAGES,
    Reason,
    Stat,
    undefined,
)

DENSE_CELLS = 1 << 23  # 64 MB of counts; with more people times classes only cells that occur are kept
SPREAD_IMAGES = 10_000  # images that estimate a standard error; its own error is then about 1 %


def checked_codes(codes: ArrayLike, bound: int, name: str) -> IntArray:
    """codes as integers in 0..bound-1, shape (n,); else ValueError."""
    codes = np.asarray(codes)
    if codes.size == 0:
        return np.empty(0, dtype=np.int64)
    if codes.ndim != 1 or not np.issubdtype(codes.dtype, np.integer):
        raise ValueError(f"{name} must be integers in one row")
    if not (codes.min() >= 0 and codes.max() < bound):
        raise ValueError(f"{name} must lie in 0..{bound - 1}")
    return codes


def count_pairs(
    image: ArrayLike, annotator: ArrayLike, category: ArrayLike, n_annotators: int, n_categories: int
) -> PairCounts:
    """Confusion counts of every pair of people who share an image.

    image: any codes, ordered; annotator: 0..n_annotators-1; category: 0..n_categories-1; each shape (n,).
    A missing answer ("cannot tell") is a row left out: the pair is then not counted on that image.
    Raises ValueError for rows out of order, codes out of range, or two rows of one person on one image.
    """
    groups = group_rows(image)
    annotator = checked_codes(annotator, n_annotators, "annotator")
    category = checked_codes(category, n_categories, "category")
    if not np.asarray(image).size == annotator.size == category.size:
        raise ValueError("image, annotator and category must be equally long")
    return count_rows(groups, annotator, category, n_annotators, n_categories)


def count_rows(
    groups: Groups, annotator: IntArray, category: IntArray, n_annotators: int, n_categories: int
) -> PairCounts:
    """count_pairs for codes that are already checked and grouped."""
    side = n_annotators * n_categories
    # 32-bit codes halve the bytes to move: 4.4 instead of 4.9 ms for 300,000 rows.
    small = side * side < 2**31
    kind: type[np.integer] = np.int32 if small else np.int64
    code: IntArray = annotator.astype(kind) * kind(n_categories) + category.astype(kind)
    dense = np.zeros(side * side, dtype=np.int64) if side * side <= DENSE_CELLS else None
    kept: list[IntArray] = []
    for place, r in of_equal_size(groups):
        together = side_by_side(code, groups, place, r)
        for distance in range(1, r):
            one, other = together[:, : r - distance], together[:, distance:]
            # The smaller code is the smaller person, so (a, b) and (b, a) fall into one cell.
            cell = np.minimum(one, other) * kind(side)
            cell += np.maximum(one, other)
            if dense is None:
                kept.append(cell.ravel())
            else:
                dense += np.bincount(cell.ravel(), minlength=dense.size)
    if dense is not None:
        cells = np.flatnonzero(dense)
        count = dense[cells]
    else:
        cells, count = np.unique(np.concatenate(kept) if kept else np.empty(0, kind), return_counts=True)
    first, second = np.divmod(cells, side)
    (a, label_a), (b, label_b) = np.divmod(first, n_categories), np.divmod(second, n_categories)
    if (a == b).any():
        raise ValueError("one person has two rows on the same image")
    keys, pair = _number_pairs(a * n_annotators + b, n_annotators**2)
    return PairCounts(n_categories, *np.divmod(keys, n_annotators), pair, label_a, label_b, count)


def _number_pairs(key: IntArray, bound: int) -> tuple[IntArray, IntArray]:
    """The distinct keys in order, and the place of each key among them."""
    if bound > DENSE_CELLS:
        keys, place = np.unique(key, return_inverse=True)
        return keys, place
    present = np.zeros(bound, dtype=bool)
    present[key] = True
    return np.flatnonzero(present), (np.cumsum(present) - 1)[key]


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Pairs of judgements on a sample of images, for standard errors of means over pairs of people.

    image: which sampled image, 0..n_images-1; pair: place in PairCounts; first, second: the row of the person
    a and of b. weight: images in the project for each sampled one. Two pairs that share an image are not
    independent: errors come from sums per image.
    """

    image: IntArray
    pair: IntArray
    first: IntArray
    second: IntArray
    n_images: int
    weight: float

    def standard_error(self, influence: FloatArray) -> float:
        """Error of a mean whose derivative for each comparison is influence, shape (comparisons,)."""
        per_image = sums(self.image, influence, self.n_images)
        return float(np.sqrt(self.weight * (per_image @ per_image)))


def sample_comparisons(
    groups: Groups, annotator: IntArray, n_annotators: int, pairs: tuple[IntArray, IntArray], at_most: int | None = None
) -> Comparisons:
    """The comparisons on at most that many shared images (default SPREAD_IMAGES), chosen by a fixed seed.

    pairs: the people (a, b) of each pair, as PairCounts numbers them. The derivatives of a mean sum to its
    variance over images, and 10,000 of them tell that variance as well as 100,000 do, in a tenth of the time.
    """
    shared = groups.select(groups.sizes >= 2)
    at_most, weight = SPREAD_IMAGES if at_most is None else at_most, 1.0
    if shared.starts.size > at_most:
        weight = shared.starts.size / at_most
        chosen = np.random.default_rng(SEED).choice(shared.starts.size, at_most, replace=False, shuffle=False)
        shared = Groups(shared.starts[np.sort(chosen)], shared.sizes[np.sort(chosen)])
    numbers = np.zeros(n_annotators**2, dtype=np.int64)
    numbers[pairs[0] * n_annotators + pairs[1]] = np.arange(pairs[0].size)
    parts = list(_compared(shared))
    if not parts:
        parts = [(np.empty(0, dtype=np.int64),) * 3]
    image, one, other = (np.concatenate(part) for part in zip(*parts, strict=True))
    swapped = annotator[one] > annotator[other]
    first, second = np.where(swapped, other, one), np.where(swapped, one, other)
    pair = numbers[annotator[first].astype(np.int64) * n_annotators + annotator[second]]
    return Comparisons(image, pair, first, second, shared.starts.size, weight)


def _compared(groups: Groups) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """(place in groups, row, other row) for every two rows of one image, in blocks."""
    for place, r in of_equal_size(groups):
        rows = groups.starts[place][:, None] + np.arange(r)
        for distance in range(1, r):
            yield np.repeat(place, r - distance), rows[:, : r - distance].ravel(), rows[:, distance:].ravel()


def light_kappa(kappas: PairKappas, comparisons: Comparisons, category: IntArray) -> Stat:
    """Light's kappa (Light 1971): the unweighted mean of the pair kappas that are defined.

    n is the number of those pairs' shared images, an image counted once for each pair. The interval follows
    Fisher's z; its error is the delta method of Fleiss, Cohen and Everitt summed per image, so that two pairs
    who share a person and an image count as the dependent figures they are. People are taken as given.
    """
    defined = np.isfinite(kappas.value)
    n = int(kappas.n[defined].sum())
    if not defined.any():
        return undefined(ONE_CLASS_ONLY if len(defined) else NO_SHARED_IMAGES, int(kappas.n.sum()))
    if defined.sum() == 1:
        return kappas.kappas()[int(np.flatnonzero(defined)[0])].stat()
    value = float(kappas.value[defined].mean())
    pair = comparisons.pair
    j, k = category[comparisons.first], category[comparisons.second]
    kappa, expected, shared = kappas.value[pair], kappas.expected[pair], kappas.n[pair]
    chosen = (kappas.columns[pair, j] + kappas.rows[pair, k]) / shared
    with np.errstate(invalid="ignore", divide="ignore"):
        terms = (j == k) - chosen * (1 - kappa) - (kappa - expected * (1 - kappa))
        influence = np.where(defined[pair], terms / (shared * (1 - expected) * defined.sum()), 0.0)
    few = comparisons.n_images < FEW_IMAGES
    return with_fisher_z(value, comparisons.standard_error(influence), n, few)


def one_against_rest(
    counts: PairCounts, kappas: PairKappas, comparisons: Comparisons, category: IntArray
) -> list[Stat]:
    """For each class: do people agree on this class against all others?

    Pooled over pairs, each with its own habits: sum n (observed - expected) / sum n (1 - expected), which is
    Cohen's kappa of the 2x2 table for two people, and Conger's (1980) kappa for more.
    n: comparisons of two people.
    Undefined when no shared image has the class, or all have nothing else.
    """
    k_classes, pairs = counts.n_categories, len(counts.a)
    both = counts.label_a == counts.label_b
    agreed = sums(counts.pair[both] * k_classes + counts.label_a[both], counts.count[both], pairs * k_classes)
    return [
        pooled_binary(
            agreed.reshape(pairs, k_classes)[:, k],
            kappas.rows[:, k],
            kappas.columns[:, k],
            kappas.n,
            comparisons,
            category[comparisons.first] == k,
            category[comparisons.second] == k,
        )
        for k in range(k_classes)
    ]


def pooled_binary(
    yes_yes: FloatArray,
    yes_a: FloatArray,
    yes_b: FloatArray,
    n: FloatArray,
    comparisons: Comparisons,
    first_yes: NDArray[np.bool_],
    second_yes: NDArray[np.bool_],
) -> Stat:
    """Conger's kappa of one yes/no question over pairs, each weighted by its shared images.

    yes_yes, yes_a, yes_b: how often both, a, b said yes, of n shared images; shape (P,).
    first_yes, second_yes: the answers of the sampled comparisons.
    """
    total, yes = int(n.sum()), float((yes_a + yes_b).sum())
    if total == 0:
        return undefined(NO_SHARED_IMAGES)
    by_habit = yes_a * yes_b + (n - yes_a) * (n - yes_b)
    # From counts, which are exact: only where within each pair both always gave one same answer.
    if not (by_habit < n * n).any():
        always = Reason("all_chose_this_class") if yes == 2 * total else ONE_CLASS_ONLY
        return undefined(Reason("nobody_chose_this_class") if yes == 0 else always, total)
    if len(n) == 1:
        only_a, only_b = yes_a[0] - yes_yes[0], yes_b[0] - yes_yes[0]
        table = np.array([[n[0] - only_a - only_b - yes_yes[0], only_b], [only_a, yes_yes[0]]])
        return kappa_from_table(table.astype(np.int64)).stat()
    r, c, expected = yes_a / n, yes_b / n, by_habit / (n * n)
    possible = float((n - by_habit / n).sum())
    observed = (n - yes_a - yes_b + 2 * yes_yes) / n
    value = float((n * (observed - expected)).sum()) / possible
    # What a comparison adds depends only on its pair and the two answers: a small table to look up.
    habit = (
        np.stack((1 - c, c), axis=1)[:, :, None] + np.stack((1 - r, r), axis=1)[:, None, :] - expected[:, None, None]
    )
    terms = (np.eye(2) - value - (1 - value) * habit) / possible
    influence = terms.ravel()[comparisons.pair * 4 + first_yes * 2 + second_yes]
    few = comparisons.n_images < FEW_IMAGES or min(yes, 2 * total - yes) / 2 < MINORITY
    return with_fisher_z(value, comparisons.standard_error(influence), total, few)


def with_fisher_z(value: float, error: float, n: int, few: bool) -> Stat:
    """A figure with its interval on Fisher's z scale; none at n <= 2, at an error of 0, and at -1 and 1."""
    low, high = fisher_z(np.array([value]), np.array([error]))
    if n <= 2 or not (error > 1e-9 and np.isfinite(low[0])):
        return Stat(value, None, None, n, NO_SPREAD)
    return Stat(value, float(low[0]), float(high[0]), n, TOO_FEW_IMAGES if few else None)
