"""Predict with a trained model: probabilities, and how sure it is.

Knows checkpoints, features and images. Does not know which images need a prediction or where answers are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from worker.ml.candidates.logistic import to_probabilities
from worker.ml.images.decode_files import processes_for
from worker.ml.images.tensors import CACHE_SIDE, Source
from worker.ml.networks import backbones
from worker.ml.networks.features import decoded_batches
from worker.ml.saved import checkpoint, scorers
from worker.ml.saved.checkpoint import Checkpoint
from worker.ml.saved.scorers import Batch, Scorer

CHUNK = 4096  # rows of features at a time: 100,000 images need no second copy in memory
MIN_CALIBRATION = 200  # labels of the calibration slice below which no percentage is shown


@dataclass(frozen=True)
class Model:
    """A checkpoint ready to predict. `uses_features`: cached features of the backbone are all it needs."""

    checkpoint: Checkpoint
    device: torch.device
    scorer: Scorer

    @property
    def uses_features(self) -> bool:
        return self.scorer.needs == {"features"}

    @property
    def calibrated(self) -> bool:
        return self.checkpoint.calibrated_on >= MIN_CALIBRATION

    @property
    def task(self) -> str:
        return self.checkpoint.task

    @property
    def categories(self) -> list[dict[str, Any]]:
        return self.checkpoint.categories


def load_model(path: Path, device: torch.device) -> Model:
    """Read a checkpoint and check that it fits its backbone. Raises CheckpointDamaged, WeightsMissing."""
    return from_checkpoint(checkpoint.load(path), device)


def from_checkpoint(loaded: Checkpoint, device: torch.device) -> Model:
    scorer = scorers.build(
        loaded.recipe, loaded.weights, backbone=backbones.get(loaded.backbone), first_stage=loaded.first_stage,
        n_categories=len(loaded.categories), task=loaded.task, device=device,
    )  # fmt: skip
    return Model(loaded, device, scorer)


def predict_features(model: Model, features: NDArray[Any]) -> NDArray[np.float32]:
    """Probabilities (n, K) from cached features (n, d) of the backbone, temperature applied."""
    if not model.uses_features:
        raise ValueError("this model looks at more than features: use predict_images")
    out = np.empty((len(features), len(model.categories)), np.float32)
    for start in range(0, len(features), CHUNK):
        out[start : start + CHUNK] = _probabilities(model, features=features[start : start + CHUNK])
    return out


def _probabilities(
    model: Model, *, features: NDArray[Any] | None = None, pixels: NDArray[np.uint8] | None = None
) -> NDArray[Any]:
    loaded = model.checkpoint
    batch = Batch(backbones.get(loaded.backbone), model.device, loaded.image_size, features, pixels)
    return to_probabilities(model.scorer.logits(batch) / loaded.temperature, model.task)


def predict_pixels(model: Model, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probabilities (n, K) of decoded squares (n, side, side, 3), of the side that predict_images decodes to."""
    return _probabilities(model, pixels=pixels).astype(np.float32)


def side_of(model: Model) -> int:
    """The side of the square that the model is shown.

    Where a part of it looks at the 256 pixels it was trained on, the network's smaller square is made of them.
    """
    return CACHE_SIDE if "cache" in model.scorer.needs else model.checkpoint.image_size


def predict_images(
    model: Model, sources: Sequence[Source], *, batch: int = 16
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Positions of some images and their probabilities, streamed; broken ones are left out, the others go on."""
    decoded = decoded_batches(sources, batch=batch, size=side_of(model), processes=processes_for(model.device.type))
    nothing = np.empty((0, len(model.categories)), np.float32)
    for indices, pixels, _failed in decoded:
        yield indices, predict_pixels(model, pixels) if len(indices) else nothing


def predict(
    model: Model, *, features: NDArray[Any] | None = None, sources: Sequence[Source] | None = None
) -> NDArray[np.float32]:
    """Probabilities (n, K) from features where they suffice, else from the images; NaN rows: unreadable images."""
    if features is not None and model.uses_features:
        return predict_features(model, features)
    if sources is None:
        raise ValueError("this model needs the images")
    out = np.full((len(sources), len(model.categories)), np.nan, np.float32)
    for indices, found in predict_images(model, sources):
        out[indices] = found
    return out


def margin(probabilities: NDArray[Any], task: str) -> NDArray[np.float32]:
    """How sure the model is, 0 (undecided) to 1: top minus runner-up; several labels: the least sure answer's
    distance from a coin toss, min over categories of 2 |p - 1/2|."""
    if task == "multi":
        return (np.abs(probabilities - 0.5) * 2).min(1).astype(np.float32)
    if probabilities.shape[1] == 1:
        return np.ones(len(probabilities), np.float32)
    top = np.partition(probabilities, -2, axis=1)
    return (top[:, -1] - top[:, -2]).astype(np.float32)
