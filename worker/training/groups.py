"""Which training images are nearly the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labeler.intake import near_duplicates


def groups_of(image_ids: Sequence[int], folds: int) -> NDArray[np.int64] | None:
    """Numbers that near-duplicates share, so that none is judged by a model that learned from its twin.

    None where one group is larger than a fold: images that are all nearly the same cannot be kept apart.
    """
    known = near_duplicates.groups_of(image_ids)
    groups = np.array([known.get(pk, pk) for pk in image_ids], np.int64)
    sizes = np.unique(groups, return_counts=True)[1]
    return groups if len(groups) and sizes.max() <= len(groups) / folds else None
