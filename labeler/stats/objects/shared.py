"""How well a model draws, from counts of each image: a figure of any images, two models, a part against the rest.

Counts are objects, or pixels where every pixel has a class: of each image and class how many the model and people
share, how many the model has, how many people have; shape (n, K, 3), each of them 0 or more. Objects are shared that
lie at the same place (IoU .5) and have the same class. Images are resampled, because what lies on one image is not
independent. Knows no shape and no image: worker/ml/evaluation/drawn_slices.py counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labeler.stats.intervals import SEED, FloatArray, percentiles
from labeler.stats.objects.average_precision import NOTHING_TO_FIND, REPLICATES
from labeler.stats.objects.drawings import BoolArray, IntArray
from labeler.stats.results import Reason, Stat, undefined, with_interval

NOTHING_FOUND = Reason("nothing_found")
PERMUTATIONS = 999  # the smallest p is then .001
OBJECTS = ("f1", "precision", "recall")  # the first one is what models are compared by
PIXELS = ("miou",)


def figures(counts: ArrayLike, *, pixels: bool) -> dict[str, Stat]:
    """f1, precision and recall of all objects together, or miou: mean IoU of the classes that people gave; all 0 to 1.

    n is the number of images; the 95 % intervals are quantiles of REPLICATES resamples. Undefined: precision where the
    model shows nothing (nothing_found), the others where people drew nothing (no_object_to_find).
    Raises ValueError for another shape than (n, K, 3).
    """
    rows = _rows(counts, pixels)
    values = _values(_sums(rows, _weights(len(rows))), pixels)
    return {name: _stat(column, len(rows), name) for name, column in values.items()}


def differences(old: ArrayLike, new: ArrayLike, *, pixels: bool) -> dict[str, Stat]:
    """The same figures of the new model minus those of the old, -1 to 1, both resampled together.

    old, new: counts of the same images by the same answers of people. Undefined where one of the two is.
    Raises ValueError when the shapes differ.
    """
    before, after = _rows(old, pixels), _rows(new, pixels)
    if before.shape != after.shape:
        raise ValueError("old and new must be counts of the same images and classes")
    weights = _weights(len(before))
    first, second = (_values(_sums(rows, weights), pixels) for rows in (before, after))
    return {name: _stat(second[name] - first[name], len(before), name) for name in first}


def scores(counts: ArrayLike) -> FloatArray:
    """Of each image (n,) twice what is shared over what both have, 0 to 1: F1, or of pixels the share that is right.

    1 where neither has anything: to show nothing on an empty image is right.
    """
    shared, model, people = np.moveaxis(np.asarray(counts, float).sum(axis=1), -1, 0)
    return np.asarray(np.divide(2 * shared, model + people, out=np.ones_like(shared), where=model + people > 0))


def against_the_rest(counts: ArrayLike, codes: IntArray, *, pixels: bool) -> tuple[FloatArray, FloatArray]:
    """(difference, p) of each group of images, (G,) both: the first figure in the group minus that of all others.

    codes: (n,), the group of each image, 0 to G - 1. p: one-sided, that the group is lower by chance alone: how often
    PERMUTATIONS ways to deal the images to groups of these sizes give as low a difference. NaN for both where the
    figure is undefined inside or outside.
    """
    rows = _rows(counts, pixels)
    groups = int(codes.max()) + 1 if len(codes) else 0
    member = (np.arange(groups)[:, None] == codes).astype(float)
    observed = _apart(member, rows, pixels)
    rng = np.random.default_rng(SEED)
    lower, defined = np.zeros(groups), np.zeros(groups)
    for _ in range(PERMUTATIONS):
        dealt = _apart(member, rows[rng.permutation(len(rows))], pixels)
        defined += np.isfinite(dealt)
        lower += dealt <= observed + 1e-12  # NaN is not lower
    return observed, np.where(np.isfinite(observed), (1 + lower) / (1 + defined), np.nan)


def _apart(member: FloatArray, rows: FloatArray, pixels: bool) -> FloatArray:
    inside = _sums(rows, member)
    name = (PIXELS if pixels else OBJECTS)[0]
    return np.asarray(_values(inside, pixels)[name] - _values(rows.sum(0) - inside, pixels)[name])


def _rows(counts: ArrayLike, pixels: bool) -> FloatArray:
    rows = np.asarray(counts, float)
    if rows.ndim != 3 or rows.shape[2] != 3:
        raise ValueError("counts have shape (images, classes, 3)")
    return rows if pixels else rows.sum(axis=1, keepdims=True)  # objects of all classes together


def _weights(n: int) -> FloatArray:
    """(1 + replicates, n): how often each image counts, once and then in each replicate."""
    again = np.random.default_rng(SEED).poisson(1, size=(REPLICATES, n))
    return np.concatenate([np.ones((1, n)), again])


def _sums(rows: FloatArray, weights: FloatArray) -> FloatArray:
    return np.asarray((weights @ rows.reshape(len(rows), rows.shape[1] * 3)).reshape(len(weights), *rows.shape[1:]))


def _values(sums: FloatArray, pixels: bool) -> dict[str, FloatArray]:
    """Each figure of each row of sums, (B, K, 3) -> (B,); NaN where undefined."""
    shared, model, people = np.moveaxis(sums, -1, 0)
    if pixels:
        there = people > 0
        iou = np.where(there, shared / np.maximum(model + people - shared, 1), 0).sum(1)
        return {"miou": _ratio(iou, there.sum(1), there.any(1))}
    shared, model, people = shared[:, 0], model[:, 0], people[:, 0]
    return {
        "f1": _ratio(2 * shared, model + people, people > 0),
        "precision": _ratio(shared, model, model > 0),
        "recall": _ratio(shared, people, people > 0),
    }


def _ratio(above: FloatArray, below: FloatArray | IntArray, defined: BoolArray) -> FloatArray:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=defined))


def _stat(values: FloatArray, n: int, name: str) -> Stat:
    """The figure, followed by its replicates."""
    if not np.isfinite(values[0]):
        return undefined(NOTHING_FOUND if name == "precision" else NOTHING_TO_FIND, n)
    return with_interval(float(values[0]), percentiles(values[1:]), n)
