"""What people have drawn, and what a model has found, as arrays.

Coordinates are px of the upright image, on pixel edges: x from 0 to width. Knows no networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.ml.images.tensors import Source

TASKS = ("boxes", "masks", "polygons", "semantic")


@dataclass(frozen=True, slots=True)
class Drawn:
    """The objects of one image; none of them: people said that nothing is here."""

    boxes: NDArray[np.float32]  # (k, 4): x, y, width, height
    classes: NDArray[np.int64]  # (k,): positions among the classes
    weights: NDArray[np.float32]  # (k,): 0 to 1, the share of the asked people who drew it
    masks: tuple[dict[str, Any], ...] | None = None  # shapes as in labeler.geometry; None where boxes are drawn

    def __len__(self) -> int:
        return len(self.classes)


@dataclass(frozen=True, slots=True)
class Found:
    """What a model says of one image, likeliest first. Of semantic classes: at most one object a class."""

    boxes: NDArray[np.float32]  # (m, 4): x, y, width, height, within the image
    classes: NDArray[np.int64]  # (m,)
    probabilities: NDArray[np.float32]  # (m,): 0 to 1
    masks: tuple[dict[str, Any], ...] | None = None

    def __len__(self) -> int:
        return len(self.classes)


@dataclass(frozen=True, slots=True)
class Asked:
    """How people came to the images. place: (n,) in the order of the first answers; by_lot: (n,) drawn at random."""

    place: NDArray[np.int64]
    by_lot: NDArray[np.bool_]


@dataclass(frozen=True)
class DrawnSet:
    """The images to learn from, with what is on each. Held-out images are not in here at all.

    sources: files or bytes of the upright images. sizes: (n, 2), width and height in px, in which objects are given.
    categories: what stands for each class position, ids or names. groups: (n,) near-duplicates share a number.
    asked: None where that is not known.
    """

    sources: Sequence[Source]
    sizes: NDArray[np.int64]
    drawn: Sequence[Drawn]
    categories: Sequence[Any]
    task: str = "boxes"
    groups: NDArray[np.int64] | None = None
    asked: Asked | None = None

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"task is one of {', '.join(TASKS)}")
        if not len(self.sources) == len(self.sizes) == len(self.drawn):
            raise ValueError("one source, size and answer per image")

    def __len__(self) -> int:
        return len(self.drawn)

    def some(self, positions: NDArray[np.int64]) -> DrawnSet:
        """Those images alone."""
        at = [int(k) for k in positions]
        groups = None if self.groups is None else self.groups[positions]
        asked = None if self.asked is None else Asked(self.asked.place[positions], self.asked.by_lot[positions])
        return DrawnSet(
            [self.sources[k] for k in at], self.sizes[positions], [self.drawn[k] for k in at], self.categories,
            self.task, groups, asked,
        )  # fmt: skip


def nothing(*, masks: bool = False) -> Found:
    """A model that found no object."""
    return Found(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32), () if masks else None)


def split(samples: DrawnSet, seed: int, *, share: float, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions to learn from, and to judge by: that share of the images, so many at most; near-duplicates stay
    together."""
    n = len(samples)
    groups = np.arange(n) if samples.groups is None else samples.groups
    wanted = min(round(share * n), most)
    judged = np.zeros(n, bool)
    for group in np.random.default_rng(seed).permutation(np.unique(groups)):
        mine = groups == group
        if judged.sum() + mine.sum() <= max(wanted, 1):
            judged |= mine
    if not judged.any() or judged.all():  # all images nearly the same: apart anyway, and no figure is better than that
        judged = np.arange(n) % 4 == 3
    return np.flatnonzero(~judged), np.flatnonzero(judged)


def edges_of(boxes: NDArray[Any]) -> NDArray[Any]:
    """(k, 4) left, top, right, bottom of boxes (k, 4) x, y, width, height."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
