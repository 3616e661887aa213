"""A model that draws, from its checkpoint: a detector or segmenter, its classes, calibration and thresholds.

Knows checkpoints and what objects.with_platt does. Does not know rows, nor how objects are stored
(worker/inference/drawn_models.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from worker.ml.detection import detector
from worker.ml.detection.detector import Detector
from worker.ml.detection.samples import Found
from worker.ml.errors import CheckpointDamaged
from worker.ml.evaluation.objects import THRESHOLD, with_platt
from worker.ml.images.decoding import Source
from worker.ml.saved import checkpoint
from worker.ml.saved.checkpoint import Checkpoint
from worker.ml.segmentation import segmenter
from worker.ml.segmentation.segmenter import Segmenter


@dataclass(frozen=True, slots=True)
class DrawnModel:
    """A detector with what a project needs of it. categories: {"id", "name"}, by class position.

    shown_from: by class position, from which probability on an object is shown; 0 where every pixel has a class.
    tolerance: px by which an outline may be simplified. n_objects: by class position, how many it has learned from;
    None where that is not known.
    """

    detector: Detector
    categories: list[dict[str, Any]]
    platt: tuple[float, float]
    shown_from: list[float]
    tolerance: float
    checkpoint: Checkpoint
    n_objects: list[int] | None = None

    @property
    def calibrated(self) -> bool:
        """Whether probabilities can be read as frequencies: two numbers were fitted on calibration images."""
        return self.checkpoint.calibrated_on > 0

    @property
    def is_semantic(self) -> bool:
        return isinstance(self.detector, Segmenter)

    @property
    def rarity(self) -> list[float]:
        """Of each class, half to one: by the root of how many times rarer it is than the mean of the classes."""
        counts = np.array(self.n_objects or [1] * len(self.categories), float)
        shares = counts / max(counts.mean(), 1.0)
        return [float(share) for share in np.clip(np.sqrt(shares), 0.5, 1.0)]

    def found(self, sources: Sequence[Source], sizes: NDArray[Any]) -> list[Found | None]:
        """What is on each image, with calibrated probabilities; None: unreadable.

        sizes: (n, 2), width and height in px in which objects are told.
        """
        return [None if one is None else self.calibrate(one) for _, one in self.detector.find(sources, sizes)]

    def calibrate(self, found: Found) -> Found:
        return with_platt(found, *self.platt)


def load_model(path: Path, device: torch.device) -> DrawnModel:
    """Read a checkpoint's JSON and the weights beside it. Raises CheckpointDamaged, WeightsMissing."""
    return of_checkpoint(checkpoint.load(path), device)


def of_checkpoint(made: Checkpoint, device: torch.device) -> DrawnModel:
    """Raises CheckpointDamaged for a model that names classes."""
    recipe = made.recipe
    kinds = {"detector": detector.from_parts, "segmenter": segmenter.from_parts}
    if recipe.get("kind") not in kinds:
        raise CheckpointDamaged("The model names classes and draws nothing.")
    return DrawnModel(
        kinds[recipe["kind"]](made.weights, recipe, made.backbone, device), made.categories,
        tuple(recipe.get("platt", (1.0, 0.0))), recipe.get("shown_from", [THRESHOLD] * len(made.categories)),
        recipe.get("tolerance", 1.0), made, recipe.get("n_objects"),
    )  # fmt: skip
