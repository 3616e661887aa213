"""Reduce vectors of images: to enough numbers to tell images apart, and to two to draw.

Knows vectors. Principal components by a singular value decomposition; of many long vectors by a random start and two
power iterations (Halko, Martinsson and Tropp 2011), which agrees on what is drawn and takes a hundredth of the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.intervals import SEED, FloatArray

KEPT = 32  # numbers per image: what lies beyond is noise for telling looks apart
EXACT = 256  # images, or numbers each: up to here the whole decomposition
SPARE = 10  # directions that the random start has more than are kept
POWERS = 2


@dataclass(frozen=True, slots=True)
class Reduced:
    """What is left of some vectors. Axes point so that the farthest image is on their positive side: the same images
    give the same map on every machine.
    """

    points: FloatArray  # shape (n, 2): the two directions in which the images differ most
    share: float  # of all variance that those two show, in [0, 1]; 0 where nothing varies
    compact: FloatArray  # shape (n, at most KEPT): distances as far as so few numbers hold them


def reduce(vectors: ArrayLike) -> Reduced:
    """Principal components of vectors of length 1. vectors: shape (n, d), finite; raises ValueError for anything else.

    compact is turned at random: in the principal axes themselves shuffled columns still have the gaps between groups,
    and clusters.group_by_look compares with shuffled columns.
    """
    x = unit_rows(vectors)
    if len(x):
        x = x - x.mean(axis=0)
    scores, total = _components(x)
    points = np.zeros((len(x), 2))
    points[:, : min(2, scores.shape[1])] = scores[:, :2]
    m = scores.shape[1]
    turn, _r = np.linalg.qr(np.random.default_rng(SEED).normal(size=(m, m)))
    share = float((points**2).sum()) / total if total > 1e-12 else 0.0
    return Reduced(points, min(1.0, share), scores @ turn)


def unit_rows(vectors: ArrayLike) -> FloatArray:
    """The vectors at length 1, those of length 0 as they are. Raises ValueError unless finite, of shape (n, d)."""
    x = np.asarray(vectors, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise ValueError("vectors must be finite, of shape (n, d)")
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(lengths == 0, 1, lengths)


def hull(points: ArrayLike) -> NDArray[np.int64]:
    """Indices of the corners of the convex hull, in order (Andrew 1979). points: shape (n, 2)."""
    p = np.asarray(points, dtype=np.float64)
    order = np.lexsort((p[:, 1], p[:, 0])).tolist()

    def half(sequence: list[int]) -> list[int]:
        corners: list[int] = []
        for at in sequence:
            while len(corners) > 1 and _turn(p[corners[-2]], p[corners[-1]], p[at]) <= 0:
                corners.pop()
            corners.append(at)
        return corners[:-1]

    return np.array((half(order) + half(order[::-1])) or order[:1], dtype=np.int64)


def _turn(a: FloatArray, b: FloatArray, c: FloatArray) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _components(x: FloatArray) -> tuple[FloatArray, float]:
    """Scores on the first components, shape (n, at most KEPT), and the sum of squares of x."""
    total = float((x**2).sum())
    if min(x.shape) == 0:
        return np.zeros((len(x), 0)), total
    basis = x
    if min(x.shape) > EXACT:
        start = np.random.default_rng(SEED).normal(size=(x.shape[1], KEPT + SPARE))
        q, _r = np.linalg.qr(x @ start)
        for _power in range(POWERS):
            q, _r = np.linalg.qr(x.T @ q)
            q, _r = np.linalg.qr(x @ q)
        basis = q.T @ x
    _u, _s, axes = np.linalg.svd(basis, full_matrices=False)
    scores = x @ axes[:KEPT].T
    if len(scores):
        # The sign of an axis is free: without a rule two machines would draw two maps.
        far = scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])]
        scores = scores * np.where(far < 0, -1.0, 1.0)
    return scores, total
