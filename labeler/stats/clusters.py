"""Which images look alike? Groups of contested images, so that "these 43 are one question" can be said and answered.

Knows vectors. Spherical k-means (Dhillon and Modha 2001) with k-means++ seeding and a fixed seed. The number of groups
is the one whose simplified silhouette beats most clearly that of the same columns shuffled (the idea of Tibshirani's
gap): in many dimensions even noise falls into groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.intervals import SEED, FloatArray
from labeler.stats.plane import unit_rows

FEWEST = 8  # images: below, a list is clearer than groups
MOST_GROUPS = 12
ROUNDS = 30
CLEARER = 0.05  # than shuffled columns: less is no structure


@dataclass(frozen=True, slots=True)
class Groups:
    """A partition. Groups are numbered by size, the largest first."""

    group: NDArray[np.int64]  # of each image, shape (n,)
    closeness: FloatArray  # cosine to the group's centre, shape (n,): the highest is the most typical
    silhouette: float | None  # of the partition, in [-1, 1]; None for a single group

    def members(self, number: int) -> NDArray[np.int64]:
        """Indices of a group's images, the most typical first."""
        own = np.flatnonzero(self.group == number)
        return own[np.argsort(-self.closeness[own], kind="stable")]


def group_by_look(vectors: ArrayLike) -> Groups:
    """Groups of images whose features point the same way. vectors: shape (n, d), finite; zero vectors stay alone at 0.

    Fewer than FEWEST images, or none that look more alike than by chance: one group. Raises ValueError for NaN.
    """
    x = unit_rows(vectors)
    n = len(x)
    if n < FEWEST:
        return _numbered(x, np.zeros(n, dtype=np.int64), None)
    # What all share (they are all leaves) hides what tells them apart.
    x = unit_rows(x - x.mean(axis=0))
    noise = np.random.default_rng(SEED).permuted(x, axis=0)
    noise /= np.maximum(np.linalg.norm(noise, axis=1, keepdims=True), 1e-12)
    best: tuple[float, float, NDArray[np.int64]] | None = None
    for k in range(2, min(MOST_GROUPS, n // 3) + 1):
        group = _k_means(x, k, np.random.default_rng(SEED + k))
        quality = _silhouette(x, group)
        gain = quality - _silhouette(noise, _k_means(noise, k, np.random.default_rng(SEED + k)))
        if best is None or gain > best[0] + 1e-9:
            best = (gain, quality, group)
    if best is None or best[0] < CLEARER:
        return _numbered(x, np.zeros(n, dtype=np.int64), None)
    return _numbered(x, best[2], best[1])


def _k_means(x: FloatArray, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    centres = x[[int(rng.integers(len(x)))]]
    while len(centres) < k:
        far = np.clip(1 - (x @ centres.T).max(axis=1), 0, None) ** 2
        total = far.sum()
        pick = int(rng.choice(len(x), p=far / total)) if total > 0 else int(rng.integers(len(x)))
        centres = np.vstack((centres, x[pick]))
    group = np.full(len(x), -1)
    for _round in range(ROUNDS):
        following = (x @ centres.T).argmax(axis=1)
        if (following == group).all():
            break
        group = following
        for number in range(k):
            own = x[group == number]
            if len(own):
                middle = own.sum(axis=0)
                length = np.linalg.norm(middle)
                centres[number] = middle / length if length > 0 else centres[number]
    return group.astype(np.int64)


def _silhouette(x: FloatArray, group: NDArray[np.int64]) -> float:
    """Simplified silhouette (Hruschka et al. 2004): distances to centres instead of to all images."""
    numbers = np.unique(group)
    if numbers.size < 2:
        return -1.0
    centres = np.stack([x[group == number].mean(axis=0) for number in numbers])
    apart = np.sqrt(np.clip(((x[:, None, :] - centres[None]) ** 2).sum(axis=2), 0, None))
    own = np.searchsorted(numbers, group)
    a = apart[np.arange(len(x)), own]
    apart[np.arange(len(x)), own] = np.inf
    b = apart.min(axis=1)
    return float(((b - a) / np.maximum(np.maximum(a, b), 1e-12)).mean())


def _numbered(x: FloatArray, group: NDArray[np.int64], silhouette: float | None) -> Groups:
    numbers, sizes = np.unique(group, return_counts=True)
    order = {int(numbers[at]): place for place, at in enumerate(np.argsort(-sizes, kind="stable"))}
    renamed = np.array([order[int(g)] for g in group], dtype=np.int64)
    closeness = np.zeros(len(x))
    for number in range(len(numbers)):
        own = renamed == number
        middle = x[own].sum(axis=0)
        length = np.linalg.norm(middle)
        closeness[own] = x[own] @ (middle / length) if length > 0 else 0.0
    return Groups(renamed, closeness, silhouette)
