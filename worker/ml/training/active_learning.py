"""Which images to ask people about next: priorities from features and from the model's doubt.

Knows arrays only: features in, a priority in 0..1 per image out, 1 first. Does not know queues or people.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

DIMENSIONS = 64  # features are projected to so many before clustering: distances hold within some 15 %
CHUNK = 8192


def _projected(features: NDArray[Any], seed: int) -> NDArray[np.float32]:
    """Rows of length 1, randomly projected (Johnson-Lindenstrauss): clustering 1,280 numbers is 20 times slower."""
    n, d = features.shape
    matrix = np.random.default_rng(seed).standard_normal((d, min(DIMENSIONS, d))).astype(np.float32)
    out = np.empty((n, matrix.shape[1]), np.float32)
    for start in range(0, n, CHUNK):
        x = features[start : start + CHUNK].astype(np.float32)
        x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)
        out[start : start + CHUNK] = x @ matrix
    return out / np.sqrt(matrix.shape[1])


def _clusters(points: NDArray[np.float32], k: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Cluster of each point and its distance to the centre."""
    k = max(1, min(k, len(points)))
    found = MiniBatchKMeans(k, random_state=seed, n_init=1, batch_size=1024, max_iter=20).fit(points)
    cluster = found.labels_.astype(np.int64)
    return cluster, np.linalg.norm(points - found.cluster_centers_[cluster], axis=1)


def _place_within(group: NDArray[np.int64], key: NDArray[Any]) -> NDArray[np.int64]:
    """The place 0, 1, … of each element inside its group, smallest key first."""
    order = np.lexsort((key, group))
    sorted_group = group[order]
    starts = np.flatnonzero(np.r_[True, sorted_group[1:] != sorted_group[:-1]])
    places = np.arange(len(group)) - np.repeat(starts, np.diff(np.r_[starts, len(group)]))
    out = np.empty(len(group), np.int64)
    out[order] = places
    return out


def _priority(order: NDArray[np.int64]) -> NDArray[np.float32]:
    """1 for the first image of an order, 0 for the last."""
    n = len(order)
    out = np.empty(n, np.float32)
    out[order] = 1 - np.arange(n) / max(n - 1, 1)
    return out


def first_priorities(features: NDArray[Any], n_first: int, seed: int = 0) -> NDArray[np.float32]:
    """Before any model: the first `n_first` images cover the data, one from the middle of each cluster.

    Then the second of each cluster, and so on; large clusters first. features (n, d) -> (n,) in 0..1.
    """
    if len(features) == 0:
        return np.empty(0, np.float32)
    cluster, distance = _clusters(_projected(features, seed), n_first, seed)
    place = _place_within(cluster, distance)
    size = np.bincount(cluster)[cluster]
    return _priority(np.lexsort((cluster, -size, place)))


def priorities(
    margins: NDArray[Any], features: NDArray[Any] | None = None, *, batch: int = 50, seed: int = 0
) -> NDArray[np.float32]:
    """With a model: the least sure first, and within the first ten batches spread over what they show.

    margins (n,) in 0..1, small = unsure. The 10 x `batch` smallest are clustered into `batch` groups and dealt one
    from each group at a time, so that a batch does not ask the same question fifty times. Without features: by
    margin alone.
    """
    n = len(margins)
    order = np.argsort(margins, kind="stable")
    if features is not None and n > batch:
        head = order[: 10 * batch]
        cluster, _ = _clusters(_projected(features[head], seed), batch, seed)
        place = _place_within(cluster, margins[head])
        order = np.r_[head[np.lexsort((margins[head], place))], order[10 * batch :]]
    return _priority(order)
