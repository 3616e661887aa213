"""One object for each cluster: which class, which box, which polygon, which pixels.

Knows clusters, edges of boxes, IoU of pairs and masks in a crop. Who decides what has no majority is not its matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labeler.stats.objects.drawings import DIGITS, BoolArray, Drawings, FloatArray, IntArray
from labeler.stats.objects.matching import Clusters

DISPUTED = -1
# Warfield, Zou and Wells 2004 start where everybody is all but right.
_START = 0.99999


@dataclass(frozen=True, slots=True)
class Agreed:
    """The outcome of each cluster, shape (n,).

    majority: more than half of those who answered the image drew it. category: of most of its members; DISPUTED (-1)
    where two classes have equally many.
    box: left, top, right, bottom, shape (n, 4): the median of each edge, which of two members is their mean.
    medoid: the member with the largest mean IoU to the others, as object number; ties go to the first in the order of
    bounds.
    """

    majority: BoolArray
    category: IntArray
    box: FloatArray
    medoid: IntArray


def consensus(drawings: Drawings, found: Clusters) -> Agreed:
    """What most people drew, cluster by cluster.

    Pairs that `drawings` leaves out for their low IoU count as 0 for the medoid.
    """
    return Agreed(
        majority=2 * found.size > drawings.answered.sum(axis=1)[found.image],
        category=_classes(drawings, found),
        box=_boxes(drawings, found),
        medoid=_medoids(drawings, found),
    )


def _classes(drawings: Drawings, found: Clusters) -> IntArray:
    k = max(drawings.n_categories, 1)
    cell, count = np.unique(found.of * k + drawings.category, return_counts=True)
    cluster = cell // k
    most = np.zeros(found.size.size, dtype=np.int64)
    np.maximum.at(most, cluster, count)
    top = count == most[cluster]
    tied = np.bincount(cluster[top], minlength=most.size) > 1
    category = np.empty_like(most)
    category[cluster[top]] = cell[top] % k
    return np.where(tied, DISPUTED, category)


def _boxes(drawings: Drawings, found: Clusters) -> FloatArray:
    order = np.argsort(found.of, kind="stable")
    starts = np.cumsum(found.size) - found.size
    box = np.empty((found.size.size, 4))
    for size in np.unique(found.size):
        at = np.flatnonzero(found.size == size)
        members = order[starts[at][:, None] + np.arange(size)]  # (clusters of this size, size)
        box[at] = np.median(drawings.bounds[members], axis=1)
    return box


def _medoids(drawings: Drawings, found: Clusters) -> IntArray:
    same = found.of[drawings.first] == found.of[drawings.second]
    i, j, iou = drawings.first[same], drawings.second[same], drawings.iou[same]
    n = drawings.n_objects
    total = np.bincount(i, weights=iou, minlength=n) + np.bincount(j, weights=iou, minlength=n)
    order = np.lexsort((*drawings.bounds.T[::-1], -np.round(total, DIGITS), found.of))
    return order[np.cumsum(found.size) - found.size]


@dataclass(frozen=True, slots=True)
class Staple:
    """What masks of several people say of each pixel.

    probability: that it is foreground, the masks' shape. mask: probability of one half and more. sensitivity,
    specificity: of each person, shape (n_people,). rounds: of the iteration; converged: it stopped by itself.
    """

    probability: FloatArray
    mask: BoolArray
    sensitivity: FloatArray
    specificity: FloatArray
    rounds: int
    converged: bool


def staple(masks: ArrayLike, *, tolerance: float = 1e-7, at_most: int = 500) -> Staple:
    """Masks of two and more people to one, weighing each person by how they agree with the outcome.

    masks: foreground by person, shape (n_people, h, w) or (n_people, n), in the crop that holds all of them: the share
    of foreground, and with it the outcome, depends on the crop.
    Warfield, Zou and Wells 2004: prior g is the mean share of foreground; with sensitivities p and specificities q,
    a = g prod p^d (1 - p)^(1 - d), b = (1 - g) prod (1 - q)^d q^(1 - d), W = a / (a + b); then p = sum W d / sum W,
    q = sum (1 - W)(1 - d) / sum (1 - W), until no p or q moves by more than `tolerance`.
    Where all masks are the same, they are the outcome. Raises ValueError without masks, or for other shapes.
    """
    drawn = np.asarray(masks, dtype=bool)
    if drawn.ndim < 2 or not len(drawn) or not drawn[0].size:
        raise ValueError("masks must have the shape (n_people, height, width), with at least one pixel")
    shape, flat = drawn.shape[1:], drawn.reshape(len(drawn), -1)
    # Pixels that the same people marked are the same: a handful of patterns stands for 10,000 pixels.
    patterns, place, count = np.unique(flat, axis=1, return_inverse=True, return_counts=True)
    d, size = patterns.astype(np.float64), count.astype(np.float64)
    prior = float((d @ size).mean() / size.sum())
    if prior in (0.0, 1.0):
        ones = np.ones(len(drawn))
        return Staple(drawn[0].astype(np.float64), drawn[0].copy(), ones, ones, 0, True)
    p, q = np.full(len(d), _START), np.full(len(d), _START)
    rounds, moved = 0, np.inf
    foreground = np.empty(d.shape[1])
    while rounds < at_most and moved > tolerance:
        # In logarithms: a product of fifty people's shares is below what a float can hold.
        with np.errstate(divide="ignore"):
            log_p, log_not_p, log_q, log_not_q = np.log(p), np.log1p(-p), np.log(q), np.log1p(-q)
        a = np.log(prior) + _sum(d, log_p) + _sum(1 - d, log_not_p)
        b = np.log1p(-prior) + _sum(d, log_not_q) + _sum(1 - d, log_q)
        foreground = _share_of(a, b, prior)
        inside, outside = foreground * size, (1 - foreground) * size
        new_p = d @ inside / inside.sum() if inside.sum() > 0 else p
        new_q = (1 - d) @ outside / outside.sum() if outside.sum() > 0 else q
        moved = float(max(np.abs(new_p - p).max(), np.abs(new_q - q).max()))
        p, q, rounds = np.clip(new_p, 0, 1), np.clip(new_q, 0, 1), rounds + 1
    probability = foreground[place.reshape(-1)].reshape(shape)
    return Staple(probability, probability >= 0.5, p, q, rounds, moved <= tolerance)


def _sum(which: FloatArray, logs: FloatArray) -> FloatArray:
    """Sum over people of logs where `which` is 1; what is not asked for may be minus infinity."""
    return np.where(which > 0, logs[:, None], 0.0).sum(axis=0)


def _share_of(a: FloatArray, b: FloatArray, prior: float) -> FloatArray:
    """exp(a) / (exp(a) + exp(b)); the prior where both are impossible."""
    with np.errstate(invalid="ignore", over="ignore"):
        share = 1 / (1 + np.exp(b - a))
    return np.where(np.isnan(share), prior, share)
