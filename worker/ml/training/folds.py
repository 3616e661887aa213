"""Which images judge which model in cross-validation: the same folds for every candidate.

Knows targets and groups as arrays. Near-duplicates (one group) never lie on both sides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def stratified_folds(
    hot: NDArray[Any], n_folds: int, seed: int, groups: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """The fold 0 .. n_folds - 1 of each image, each category spread as evenly as its number allows.

    hot: (n, K) of 0 and 1 (several ones per row for several labels). groups: (n,) or None. Greedy, the rarest
    category first (after Sechidis et al. 2011): a group goes to the fold that has least of its rarest category,
    then to the smallest.
    """
    n, n_categories = hot.shape
    _, group_of = np.unique(np.arange(n) if groups is None else groups, return_inverse=True)
    n_groups = int(group_of.max()) + 1
    content = np.zeros((n_groups, n_categories))
    np.add.at(content, group_of, hot)
    sizes = np.bincount(group_of, minlength=n_groups)
    rarity = np.where(content > 0, content.sum(0), np.inf)
    rarest = rarity.argmin(1)  # images without any category share the first column; they only fill up
    shuffled = np.random.default_rng(seed).permutation(n_groups)
    order = shuffled[np.lexsort((-sizes[shuffled], rarity[shuffled].min(1)))]
    fold_content, fold_size = np.zeros((n_folds, n_categories)), np.zeros(n_folds)
    fold_of_group = np.empty(n_groups, np.int64)
    for group in order:
        key = fold_content[:, rarest[group]] if content[group].any() else np.zeros(n_folds)
        fold = int(np.lexsort((fold_size, key))[0])
        fold_of_group[group] = fold
        fold_content[fold] += content[group]
        fold_size[fold] += sizes[group]
    return fold_of_group[group_of]
