"""Which labels are probably wrong: where a model that has not seen a label disagrees with it, and is sure.

Knows labels and out-of-fold probabilities. Does not know who labeled, nor what happens to a suspicion: it is a reason
to look again, never a correction.

Confident learning (Northcutt, Jiang and Chuang 2021): a model may be timid about one class and bold about another, so
its probability of class j is held against how sure it is on average of the images that are labeled j, the threshold of
j. An image is suspected when another class stands higher against its threshold than the label does, and is the more
probable one. It is a confident suspicion when that class reaches its threshold. How many there are is no estimate of
how many labels are wrong, as the paper has it of models that are nearly always right: one that errs on a fifth of the
images doubted 10 to 26 % of labels of which 1.4 % were wrong. What share of the doubts was right is counted when people
have looked (labeler/review/label_errors.py). Where the model was trained with the label itself it would repeat it: the
probabilities must be out of fold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.intervals import FloatArray

FEWEST_PER_CLASS = 5  # labels of a class, below which its threshold is an anecdote: the class accuses nobody


@dataclass(frozen=True, slots=True)
class Suspects:
    """Images to look at again, the likeliest error first; all arrays have shape (m,)."""

    image: NDArray[np.int64]  # positions
    label: NDArray[np.int64]  # what it is labeled; for several labels the class in question
    suggested: NDArray[np.int64]  # what the model says; for several labels 1: should have it, 0: should not
    doubt: FloatArray  # in 0..1: how much surer the model is of its own answer than of the label
    confident: NDArray[np.bool_]  # as sure as it is on average of images that are labeled so
    thresholds: FloatArray  # mean self-confidence of each class, shape (K,); NaN for a class with too few labels

    def __len__(self) -> int:
        return len(self.image)


def suspects(probabilities: ArrayLike, labels: ArrayLike) -> Suspects:
    """Single choice. probabilities: out of fold, (n, K), rows of NaN where there is none; labels: codes (n,).

    Ranked by p(suggested) - p(label), the normalised margin: of equal doubts the order of the images stays.
    Raises ValueError for shapes that do not fit.
    """
    p, given = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if p.ndim != 2 or given.shape != (len(p),):
        raise ValueError("there must be one label for each row of probabilities")
    known = np.flatnonzero(~np.isnan(p).any(axis=1))
    n, k = known.size, p.shape[1]
    if not n:
        empty = np.empty(0, np.int64)
        return Suspects(empty, empty, empty, np.empty(0), np.empty(0, bool), np.full(k, np.nan))
    p, given = p[known], given[known]
    own = p[np.arange(n), given]
    counts = np.bincount(given, minlength=k)
    means = np.bincount(given, weights=own, minlength=k) / np.maximum(counts, 1)
    thresholds = np.where(counts >= FEWEST_PER_CLASS, means, np.nan)
    usual = np.nan_to_num(thresholds, nan=float(np.nanmean(thresholds)) if (counts >= FEWEST_PER_CLASS).any() else 0.5)
    relative = p - usual
    own_relative = relative[np.arange(n), given]
    relative[:, np.isnan(thresholds)] = -np.inf
    relative[np.arange(n), given] = own_relative  # a label of a rare class may defend itself
    says = relative.argmax(axis=1)
    doubt = p[np.arange(n), says] - own
    accused = np.flatnonzero((says != given) & (doubt > 0))
    ranked = accused[np.argsort(-doubt[accused], kind="stable")]
    confident = relative[np.arange(n), says] >= 0
    return Suspects(
        known[ranked], given[ranked], says[ranked], doubt[ranked], confident[ranked], thresholds
    )  # fmt: skip


def suspects_of_sets(probabilities: ArrayLike, labels: ArrayLike) -> Suspects:
    """Several labels: each class is a question of its own, and an image may be suspected for more than one.

    probabilities, labels: (n, K), the latter of 0 and 1. label holds the class in question, suggested whether the
    image should have it.
    """
    p, given = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    if p.shape != given.shape or p.ndim != 2:
        raise ValueError("there must be one answer for each probability")
    parts = [suspects(np.column_stack((1 - p[:, at], p[:, at])), given[:, at]) for at in range(p.shape[1])]
    doubt = np.concatenate([part.doubt for part in parts]) if parts else np.empty(0)
    ranked = np.argsort(-doubt, kind="stable")
    classes = np.concatenate([np.full(len(part), at) for at, part in enumerate(parts)])[ranked] if parts else doubt
    return Suspects(
        image=np.concatenate([part.image for part in parts])[ranked],
        label=classes.astype(np.int64),
        suggested=np.concatenate([part.suggested for part in parts])[ranked],
        doubt=doubt[ranked],
        confident=np.concatenate([part.confident for part in parts])[ranked],
        thresholds=np.array([part.thresholds[1] for part in parts]),
    )
