"""When one class is rare: give its images more weight, show them more often, or show the others less often.

Knows arrays. Which images judge a model is decided before (folds.py): only images to learn from come here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 10.0  # times an image may count, or be shown: a class of one image must not become the data set


def balancing_weights(soft: NDArray[Any]) -> NDArray[np.float64]:
    """Weights (n,) that give each category the same say: n / (K n_k), at most 10; several labels: their mean."""
    support = soft.sum(0)
    each = np.where(support > 0, len(soft) / (np.maximum(support, 1e-9) * max((support > 0).sum(), 1)), 0)
    total = soft.sum(1)
    mixed = np.divide(soft @ np.minimum(each, MOST), total, out=np.ones(len(soft)), where=total > 0)
    return mixed / mixed.mean()


def resampled(soft: NDArray[Any], how: str, seed: int) -> NDArray[np.int64]:
    """Positions 0 .. n - 1 to learn from, sorted; "oversample": each at least once, "undersample": at most once.

    Expected copies follow balancing_weights: over, relative to the most frequent class and at most 10; under,
    relative to the rarest and at least a tenth. Systematic sampling along the weights keeps each class within one
    image of what is expected.
    """
    weights = balancing_weights(soft)
    if how == "oversample":
        expected = np.minimum(weights / weights.min(), MOST)
    elif how == "undersample":
        expected = np.maximum(weights / weights.max(), 1 / MOST)
    else:
        raise ValueError(f"there is no resampling called {how}")
    rng = np.random.default_rng(seed)
    # Equal weights lie together (a class, mostly), in random order inside: which of them are taken is chance, how
    # many is not.
    order = np.lexsort((rng.random(len(soft)), expected))
    ends = np.floor(np.cumsum(expected[order]) + rng.random() + 1e-9)
    copies = np.diff(np.r_[0.0, ends]).astype(np.int64)
    return np.sort(np.repeat(order, copies))
