"""How many people must judge this image? Adaptive overlap: stop where the answers are clear, ask on where they are not.

Knows the answers on one image, what is known of the people who gave them, and the classes' shares. With two equal
answers of three wanted, the third cannot change the majority: that alone saves three labels in ten. Fixed overlap
stays the default of a project; this decides only where a budget is set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labeler.stats.intervals import FloatArray

FEWEST = 2  # one answer alone is never checked by anybody; agreement would have nothing to compare


@dataclass(frozen=True, slots=True)
class OverlapRule:
    """A project's setting. fewest..most labels per image; enough: the posterior at which asking stops."""

    fewest: int = FEWEST
    most: int = 5
    enough: float = 0.95

    def __post_init__(self) -> None:
        if not 1 <= self.fewest <= self.most:
            raise ValueError("the fewest labels must lie between 1 and the most")
        if not 0.5 <= self.enough < 1:
            raise ValueError("enough must lie between 0.5 and 1")


def posterior(answers: ArrayLike, accuracy: ArrayLike, shares: ArrayLike, model: ArrayLike | None = None) -> FloatArray:
    """P(class) of one image, shape (K,), by the one-coin model (stats/dawid_skene.py).

    answers: class codes, shape (m,); accuracy: of those who gave them, in (0, 1), shape (m,); shares: of the classes,
    shape (K,), all above 0. model: its calibrated out-of-fold probabilities, shape (K,), instead of the shares.
    """
    codes, right = np.asarray(answers, dtype=np.int64), np.asarray(accuracy, dtype=np.float64)
    start = np.asarray(shares if model is None else model, dtype=np.float64)
    k = start.size
    log = np.log(np.clip(start, 1e-3, None))
    wrong = np.log((1 - right) / (k - 1))
    log += wrong.sum()
    np.add.at(log, codes, np.log(right) - wrong)
    p = np.exp(log - log.max())
    return p / p.sum()


def in_doubt(rule: OverlapRule, answers: ArrayLike, accuracy: ArrayLike, shares: ArrayLike) -> bool:
    """Whether these answers leave the most probable class below what is enough. Shapes as for posterior()."""
    return float(posterior(answers, accuracy, shares).max()) < rule.enough


def seats(rule: OverlapRule, n_votes: int, doubted: Callable[[], bool], *, fewest: int | None = None) -> int:
    """How many people shall judge an image with so many votes in all: one more where doubted() says so.

    doubted is only asked between the bounds. fewest: in place of the rule's, for images that judge a model.
    """
    least = rule.fewest if fewest is None else fewest
    if n_votes < least:
        return least
    if n_votes >= rule.most:
        return n_votes
    return n_votes + 1 if doubted() else n_votes


def expected_error(posteriors: ArrayLike) -> float | None:
    """Share of images whose most probable class is wrong, if the posteriors are right; None without images.

    posteriors: shape (n_images, K).
    """
    p = np.asarray(posteriors, dtype=np.float64)
    return float(1 - p.max(axis=1).mean()) if len(p) else None
