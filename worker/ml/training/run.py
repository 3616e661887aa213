"""What all candidates of one training run share: the labels, the folds, the clock, and what they report.

Knows arrays and settings. Does not know how a candidate learns (ml/candidates/frozen_head.py,
ml/candidates/finetuned.py) or how one is chosen (train.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labeler.train_settings import TrainConfig
from worker.ml.candidates.logistic import Axes, principal
from worker.ml.images.pixels import Squares
from worker.ml.images.tensors import Source
from worker.ml.saved.storage import Stages
from worker.ml.training.class_weights import resampled

TINY = 1e-12


def hot_of(soft: NDArray[Any], task: str) -> NDArray[np.bool_]:
    """What each image counts as, (n, K): its likeliest category, or every one that is likelier than not."""
    return np.eye(soft.shape[1], dtype=bool)[soft.argmax(1)] if task == "single" else soft > 0.5


@dataclass(frozen=True)
class TrainingSet:
    """The labels to learn from. Held-out images are not in here at all.

    features: (n, d) of the run's backbone. targets: for "single" (n,) category positions 0 .. K-1, or (n, K)
    probabilities (soft labels); for "multi" (n, K) of 0 and 1. categories: what stands for each position, ids
    or names. sources: where each image's pixels are, as for features.embed; None rules fine-tuning out.
    squares: their pixels as uint8 (n, 256, 256, 3), where they are kept (pixels.Squares); else they are decoded.
    weights: (n,) trust in each label. groups: (n,) near-duplicates share a number and a fold.
    """

    features: NDArray[Any]
    targets: NDArray[Any]
    categories: Sequence[Any]
    task: str = "single"
    sources: Sequence[Source] | None = None
    weights: NDArray[Any] | None = None
    groups: NDArray[np.int64] | None = None
    squares: Squares | None = None

    def __post_init__(self) -> None:
        n, k = len(self.features), len(self.categories)
        if self.task not in ("single", "multi"):
            raise ValueError("task is single or multi")
        if self.targets.shape not in (((n,), (n, k)) if self.task == "single" else ((n, k),)):
            raise ValueError(f"targets of shape {self.targets.shape} do not fit {n} images and {k} categories")
        if self.targets.ndim == 1 and n and not 0 <= self.targets.min() <= self.targets.max() < k:
            raise ValueError("a target is not one of the categories")
        for name, given in (
            ("sources", self.sources),
            ("weights", self.weights),
            ("groups", self.groups),
            ("squares", self.squares),
        ):
            if given is not None and len(given) != n:
                raise ValueError(f"{name} must have one entry per image")

    def __len__(self) -> int:
        return len(self.features)

    def soft(self) -> NDArray[np.float64]:
        """Targets as (n, K) probabilities."""
        if self.targets.ndim == 1:
            return np.eye(len(self.categories))[self.targets]
        return self.targets.astype(np.float64)

    def without(self, dropped: Sequence[int]) -> TrainingSet:
        """The same set without some images."""
        keep = np.setdiff1d(np.arange(len(self)), np.array(list(dropped), np.int64))

        def some(values: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if values is None else values[keep]

        sources = None if self.sources is None else [self.sources[i] for i in keep]
        return TrainingSet(
            self.features[keep], self.targets[keep], self.categories, self.task, sources,
            some(self.weights), some(self.groups),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """A sign of life, at least every few seconds. `done` of `total` within the stage, `overall` of the run."""

    stage: str  # decode, frozen, measure, views, finetune, refit
    text: str  # one line for a person
    done: int
    total: int
    overall: float  # 0..1, roughly by time
    epoch: dict[str, Any] | None = None  # one line of a curve: candidate, fold, epoch, losses, accuracies


class Skipped(Exception):
    """A candidate takes no part; the message says why, for the comparison table."""


@dataclass
class Judged:
    """What cross-validation says of one candidate."""

    probabilities: NDArray[np.float32]  # (n, K), each image judged by a model that has not seen it
    settings: dict[str, Any]
    curve: dict[str, Any]  # {"x": "epoch" or "C", "points": [{x, train_loss, train_accuracy, validation_…}]}


@dataclass
class Trained:
    """A candidate fitted to all labels, ready for a checkpoint. With first_stage None no stage of the backbone is its
    own. The recipe says how the tensors are used (ml/saved/scorers.py); empty: as a linear head."""

    weights: dict[str, torch.Tensor]
    first_stage: int | None
    recipe: dict[str, Any] = field(default_factory=dict)


@dataclass
class Run:
    """One run's inputs in the form that candidates use."""

    samples: TrainingSet
    config: TrainConfig
    device: torch.device
    stages: Stages
    x: NDArray[np.float32]  # (n, d) scaled features
    soft: NDArray[np.float64]  # (n, K)
    weights: NDArray[np.float64]  # (n,) mean 1
    fold_of: NDArray[np.int64]  # (n,)
    pixels: NDArray[np.uint8] | Squares | None = None  # (n, 256, 256, 3)
    measured: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)  # by input, once a candidate wants it
    learned: dict[tuple[str, bytes], dict[str, NDArray[Any]]] = field(default_factory=dict)  # by input and its images
    judged: dict[str, Judged] = field(default_factory=dict)
    candidates: dict[str, Any] = field(default_factory=dict)  # by name, for those that are made of others
    _principal: tuple[NDArray[np.float32], Axes | None] | None = None

    @property
    def task(self) -> str:
        return self.samples.task

    def lacks(self, labels: int = 0) -> str | None:
        """Why a candidate that looks at the images, from so many labels on, cannot be tried; None: it can."""
        if len(self.x) < labels:
            return f"Tried from {labels} labels on; there are {len(self.x)}."
        if self.pixels is None:
            return "The images themselves were not at hand, only their features."
        return None

    @property
    def principal(self) -> tuple[NDArray[np.float32], Axes | None]:
        """The scaled features along their principal axes, and the way back (logistic.principal)."""
        if self._principal is None:
            self._principal = principal(self.x)
        return self._principal

    @property
    def time_limit_s(self) -> float:
        if self.config.time_limit_s is not None:
            return self.config.time_limit_s
        return 120.0 if self.device.type == "cpu" else 600.0

    def split(self, fold: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(images to train on, images to judge on) of a fold."""
        return np.flatnonzero(self.fold_of != fold), np.flatnonzero(self.fold_of == fold)

    def drawn(self, images: NDArray[np.int64]) -> NDArray[np.int64]:
        """The images to learn from as they are shown: some repeated or left out when the classes are balanced so."""
        how = self.config.imbalance
        if how not in ("oversample", "undersample"):
            return images
        return images[resampled(self.soft[images], how, self.config.seed)]


def losses(probabilities: NDArray[Any], soft: NDArray[Any], task: str) -> NDArray[np.float64]:
    """Log loss of each image; for several labels the mean over the categories."""
    p = np.clip(probabilities.astype(np.float64), TINY, 1 - TINY)
    if task == "single":
        return -(soft * np.log(p)).sum(1)
    return -(soft * np.log(p) + (1 - soft) * np.log1p(-p)).mean(1)
