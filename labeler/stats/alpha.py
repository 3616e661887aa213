"""Agreement of many people at once, from how often each class was chosen per image.

Knows counts per image, not who chose. Krippendorff's alpha, Fleiss' kappa and observed
agreement; one class per judgement (sets of classes: multilabel.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labeler.stats.grouping import Groups
from labeler.stats.intervals import REPLICATES, FloatArray, IntArray, Interval, resampled, wilson
from labeler.stats.results import NO_SHARED_IMAGES, ONE_CLASS_ONLY, Reason, Stat, undefined, with_interval

_CODE_BITS = 36  # a code of this many bits, times the number of images so far told apart, fits 63 bits


@dataclass(frozen=True, slots=True)
class Patterns:
    """Which votes occurred, and on how many images: 100,000 images with 3 labels of 10 classes have 220.

    votes: how often each class was chosen, shape (P, K); images: how many images have it, shape (P,).
    """

    votes: IntArray
    images: IntArray

    def shared(self) -> Patterns:
        """Only images with labels of two or more people."""
        enough = self.votes.sum(axis=1) >= 2
        return Patterns(self.votes[enough], self.images[enough])


def patterns_from_counts(votes: ArrayLike) -> Patterns:
    """Each image its own pattern. votes: how often each class was chosen, shape (n_images, K)."""
    votes = np.asarray(votes)
    if votes.ndim != 2 or (votes < 0).any():
        raise ValueError("votes must be counts of shape (n_images, n_categories)")
    return Patterns(votes, np.ones(len(votes), dtype=np.int64))


def count_patterns(groups: Groups, category: IntArray, n_categories: int) -> Patterns:
    """Distinct votes and their frequency, without an (n_images, K) table.

    An image's votes are written as digits of one number; where the classes do not fit into 36 bits, images
    are told apart block of classes by block of classes.
    """
    n_images = groups.starts.size
    if n_images == 0:
        return Patterns(np.empty((0, n_categories), dtype=np.int64), np.empty(0, dtype=np.int64))
    base = int(groups.sizes.max()) + 1
    per_block = max(1, int(_CODE_BITS / np.log2(base)))
    code = np.zeros(n_images, dtype=np.int64)
    for first in range(0, n_categories, per_block):
        digits = min(per_block, n_categories - first)
        weight = np.zeros(n_categories, dtype=np.int64)
        weight[first : first + digits] = base ** np.arange(digits, dtype=np.int64)
        part = np.add.reduceat(weight[category], groups.starts)
        if first:
            code = np.unique(code, return_inverse=True)[1]
            part = np.unique(part, return_inverse=True)[1]
            code = code * (int(part.max()) + 1)
        code = code + part
    example, images = _distinct(code)
    chosen = Groups(groups.starts[example], groups.sizes[example])
    place = np.repeat(np.arange(example.size), chosen.sizes)
    votes = np.bincount(place * n_categories + category[chosen.rows()], minlength=example.size * n_categories)
    return Patterns(votes.reshape(-1, n_categories), images)


def _distinct(code: IntArray) -> tuple[IntArray, IntArray]:
    """Where each distinct code occurs once, and how often it occurs."""
    if int(code.max()) <= 20 * code.size + 1000:  # counting beats sorting while the table stays small
        counts = np.bincount(code)
        place = np.zeros(counts.size, dtype=np.int64)
        place[code] = np.arange(code.size)
        present = np.flatnonzero(counts)
        return place[present], counts[present]
    _, example, images = np.unique(code, return_index=True, return_counts=True)
    return example, images


@dataclass(frozen=True, slots=True)
class ManyRaters:
    """The figures of all people together, over images with two or more labels."""

    alpha: Stat
    fleiss: Stat
    observed: Stat


def many_raters(patterns: Patterns, *, replicates: int = REPLICATES) -> ManyRaters:
    """Krippendorff's alpha, Fleiss' kappa and observed agreement, each with its 95 % interval.

    alpha (nominal; Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"): with n_ik votes for
    class k on image i, r_i = sum_k n_ik >= 2, n_k = sum_i n_ik and N = sum_k n_k,
        1 - (1 - sum_ik n_ik (n_ik - 1) / (r_i - 1) / N) / (1 - sum_k n_k (n_k - 1) / (N (N - 1))).
    fleiss (Fleiss 1971): the same idea without the small-sample term, for the same number of labels on
    every shared image; otherwise None. Images with a single label are left out.
    observed: mean over images of the share of pairs of people who agree.

    Undefined: without shared images all three; when everyone always chose one class alpha and Fleiss (0/0).
    Intervals resample images, so often as replicates says; observed on exactly two labels per image is a share and
    gets Wilson's.
    Where nobody ever disagreed, resampling sees no spread: the lower bound is then the one at which the
    rate of disagreement is Wilson's upper bound for 0 of n images.
    """
    shared = patterns.shared()
    n = int(shared.images.sum())
    if n == 0:
        nothing = undefined(NO_SHARED_IMAGES)
        return ManyRaters(nothing, nothing, nothing)
    votes = shared.votes.astype(np.float64)
    r = votes.sum(axis=1)
    agreeing = np.einsum("pk,pk->p", votes, votes - 1)
    # Sums over images, in this order: agreement by label, agreement by image, images, votes per class.
    columns = np.column_stack((agreeing / (r - 1), agreeing / (r * (r - 1)), np.ones_like(r), votes))
    sums = shared.images @ columns
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha, fleiss, observed = _figures(sums[None, :])[0]
    intervals: list[Interval | None] = resampled(columns, shared.images, _figures, replicates=replicates)
    unanimous = bool((agreeing == r * (r - 1)).all())
    balanced = bool((r == r[0]).all())
    if unanimous or (balanced and r[0] == 2):
        intervals[2] = wilson(min(n, round(observed * n)), n)
    if (sums[3:] > 0).sum() < 2:
        alone = undefined(ONE_CLASS_ONLY, n)
        return ManyRaters(alone, alone, with_interval(float(observed), intervals[2], n))
    if unanimous:
        most_disagreement = 1 - intervals[2][0] if intervals[2] else 1.0
        by_chance = 1 - float((sums[3:] / sums[3:].sum()) @ (sums[3:] / sums[3:].sum()))
        intervals[0] = intervals[1] = (max(-1.0, 1 - most_disagreement / by_chance), 1.0)
    fleiss_stat = (
        with_interval(float(fleiss), intervals[1], n)
        if balanced
        else undefined(Reason("fleiss_of_unequal_numbers", {"fewest": int(r.min()), "most": int(r.max())}), n)
    )
    return ManyRaters(
        with_interval(float(alpha), intervals[0], n),
        fleiss_stat,
        with_interval(float(observed), intervals[2], n),
    )


def _figures(sums: FloatArray) -> FloatArray:
    """Sums of many_raters, shape (B, 3 + K) -> alpha, fleiss, observed, shape (B, 3); NaN where 0/0."""
    by_label, by_image, images, per_class = sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3:]
    total = per_class.sum(axis=1)
    squares = np.einsum("bk,bk->b", per_class, per_class)
    # Exact for integer counts: a resample with one class left must give 0/0, not a ratio of rounding errors.
    by_chance_pairs = total * total - squares
    # total * (total - 1) - sum_k n_k (n_k - 1) = total^2 - squares
    alpha = 1 - (1 - by_label / total) * total * (total - 1) / by_chance_pairs
    fleiss = 1 - (1 - by_image / images) * total * total / by_chance_pairs
    one_class = by_chance_pairs <= 0
    return np.column_stack((np.where(one_class, np.nan, alpha), np.where(one_class, np.nan, fleiss), by_image / images))


def krippendorff_alpha(votes: ArrayLike) -> Stat:
    """Nominal alpha with a bootstrap interval. votes: choices per image and class, shape (n_images, K)."""
    return many_raters(patterns_from_counts(votes)).alpha
