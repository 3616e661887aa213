"""What the people together say about many images: the majority, with ties flagged.

Knows counts of votes as arrays; the votes on one image, at a save, are in tally.py, by the same rule.
What a reviewer decided stands above this and is known elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Majority:
    """The vote on many images; each array has shape (n_images,)."""

    category: NDArray[np.int64]  # the class with most votes; -1 where two have as many, or nobody voted
    tied: NDArray[np.bool_]  # two or more classes share the first place
    share: NDArray[np.float64]  # of the votes for a first place, in (0, 1]; 0 without votes: the confidence
    posterior: NDArray[np.float64]  # the share, drawn towards 1/K where votes are few: see smoothed_share
    n: NDArray[np.int64]  # votes


def majority(votes: ArrayLike) -> Majority:
    """Majority vote. votes: how often each class was chosen, shape (n_images, K), K >= 1.

    Raises ValueError for another shape or negative counts.
    """
    votes = np.asarray(votes)
    if votes.ndim != 2 or votes.shape[1] == 0 or (votes < 0).any():
        raise ValueError("votes must be counts of shape (n_images, n_categories)")
    most, n = votes.max(axis=1), votes.sum(axis=1)
    tied = (n > 0) & ((votes == most[:, None]).sum(axis=1) > 1)
    category = np.where((n > 0) & ~tied, votes.argmax(axis=1), -1)
    share = np.where(n > 0, most / np.maximum(n, 1), 0.0)
    return Majority(category, tied, share, smoothed_share(most, n, votes.shape[1]), n.astype(np.int64))


def smoothed_share(most: ArrayLike, n: ArrayLike, n_categories: int) -> NDArray[np.float64]:
    """Posterior mean of the winner's share under a Dirichlet prior of one vote spread over the classes.

    (most + 1/K) / (n + 1): 1 of 1 counts less than 5 of 5, which the bare share cannot tell apart.
    """
    return (np.asarray(most) + 1 / n_categories) / (np.asarray(n) + 1)
