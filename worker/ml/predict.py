"""What a trained model says about images: probabilities, how sure it is, and the temperature that makes them honest.

Knows checkpoints, features and images. Does not know which images need a prediction or where answers are kept.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax

from worker.ml import backbones, checkpoint
from worker.ml.checkpoint import Checkpoint
from worker.ml.device import with_smaller_batches
from worker.ml.errors import CheckpointDamaged
from worker.ml.features import decoded_batches
from worker.ml.frozen import FrozenNetwork
from worker.ml.images import Source, to_network
from worker.ml.logistic import scale_features

CHUNK = 4096  # rows of features at a time: 100,000 images need no second copy in memory
MIN_CALIBRATION = 200  # labels of the calibration slice below which no percentage is shown
TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Model:
    """A checkpoint ready to predict. `uses_features`: cached features of the backbone are all it needs."""

    checkpoint: Checkpoint
    device: torch.device
    head_weight: NDArray[np.float32]  # (K, d)
    head_bias: NDArray[np.float32]  # (K,)

    @property
    def uses_features(self) -> bool:
        return self.checkpoint.first_stage is None

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
    n_features = backbones.get(loaded.backbone).n_features
    try:
        weight, bias = loaded.weights["head.weight"].float().numpy(), loaded.weights["head.bias"].float().numpy()
    except KeyError as error:
        raise CheckpointDamaged("The model has no head.") from error
    if weight.shape != (len(loaded.categories), n_features) or bias.shape != (len(loaded.categories),):
        raise CheckpointDamaged("The model's head does not fit its categories and backbone.")
    return Model(loaded, device, weight, bias)


def predict_features(model: Model, features: NDArray) -> NDArray[np.float32]:
    """Probabilities (n, K) from cached features (n, d) of the backbone, temperature applied."""
    if not model.uses_features:
        raise ValueError("this model was trained below its features: use predict_images")
    return _head(model, features)


def _head(model: Model, features: NDArray) -> NDArray[np.float32]:
    out = np.empty((len(features), len(model.head_bias)), np.float32)
    for start in range(0, len(features), CHUNK):
        x = scale_features(features[start : start + CHUNK])
        logits = x @ model.head_weight.T + model.head_bias
        out[start : start + CHUNK] = _to_probabilities(logits / model.checkpoint.temperature, model.task)
    return out


def _to_probabilities(logits: NDArray, task: str) -> NDArray:
    return softmax(logits, axis=1) if task == "single" else expit(logits)


@dataclass(frozen=True, slots=True)
class PredictionBatch:
    """Probabilities of some images, by position in the sequence of sources."""

    indices: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    failed: dict[int, str]


def network_of(model: Model) -> FrozenNetwork:
    """The backbone with the model's own stages, in its fast form."""
    loaded = model.checkpoint
    backbone = backbones.get(loaded.backbone)
    if model.uses_features:
        return backbones.frozen(backbone, model.device)
    network = copy.deepcopy(backbones.load(backbone))
    own = {k.removeprefix("network."): v for k, v in loaded.weights.items() if k.startswith("network.")}
    _, unexpected = network.load_state_dict(own, strict=False)
    expected = {
        f"{name}.{key}"
        for stage in range(loaded.first_stage or 0, network.n_stages)
        for name, module in network.stage_modules(stage).items()
        for key in module.state_dict()
    }
    if unexpected or expected != own.keys():
        raise CheckpointDamaged("The model's layers do not fit its backbone.")
    return FrozenNetwork(network, model.device)


def predict_images(model: Model, sources: Sequence[Source], *, batch: int = 16) -> Iterator[PredictionBatch]:
    """Probabilities of images, streamed; a broken one is reported in `failed`, the others go on."""
    backbone = backbones.get(model.checkpoint.backbone)
    network = network_of(model)
    for indices, pixels, failed in decoded_batches(sources, batch=batch, size=model.checkpoint.image_size):
        if len(indices) == 0:
            yield PredictionBatch(indices, np.empty((0, len(model.head_bias)), np.float32), failed)
            continue

        def features(n: int, pixels: NDArray[np.uint8] = pixels) -> NDArray[np.float32]:
            parts = []
            for start in range(0, len(pixels), n):
                x = torch.from_numpy(pixels[start : start + n]).to(model.device)
                parts.append(network.run(to_network(x, offset=backbone.offset, scale=backbone.scale)).cpu().numpy())
            return np.concatenate(parts)

        found, _ = with_smaller_batches(features, len(pixels))
        yield PredictionBatch(indices, _head(model, found), failed)


def predict(
    model: Model,
    *,
    features: NDArray | None = None,
    sources: Sequence[Source] | None = None,
) -> NDArray[np.float32]:
    """Probabilities (n, K) from features where they suffice, else from the images; NaN rows: unreadable images."""
    if features is not None and model.uses_features:
        return predict_features(model, features)
    if sources is None:
        raise ValueError("this model needs the images")
    out = np.full((len(sources), len(model.head_bias)), np.nan, np.float32)
    for part in predict_images(model, sources):
        out[part.indices] = part.probabilities
    return out


def margin(probabilities: NDArray, task: str) -> NDArray[np.float32]:
    """How sure the model is, 0 (undecided) to 1: top minus runner-up; several labels: the least sure answer's
    distance from a coin toss, min over categories of 2 |p - 1/2|."""
    if task == "multi":
        return (np.abs(probabilities - 0.5) * 2).min(1).astype(np.float32)
    if probabilities.shape[1] == 1:
        return np.ones(len(probabilities), np.float32)
    top = np.partition(probabilities, -2, axis=1)
    return (top[:, -1] - top[:, -2]).astype(np.float32)


def apply_temperature(probabilities: NDArray, temperature: float, task: str) -> NDArray:
    """The same answers, less (T > 1) or more (T < 1) sure. The order of the categories never changes."""
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1 - 1e-12)
    if task == "single":
        return softmax(np.log(p) / temperature, axis=1)
    return expit((np.log(p) - np.log1p(-p)) / temperature)


def fit_temperature(probabilities: NDArray, targets: NDArray, task: str) -> float:
    """The one T in 0.05..20 that minimises the log loss on held-out images (Guo et al. 2017).

    probabilities (n, K) at temperature 1; targets (n,) positions, or (n, K) of 0 and 1. Only the random
    calibration slice is fair: labels chosen for being uncertain would bias T. 1.0 without images, and whenever
    no other T is better: fitting never raises the loss.
    """
    if len(probabilities) == 0:
        return 1.0
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1 - 1e-12)
    if task == "single":
        logits, rows = np.log(p), np.arange(len(p))

        def loss(log_t: float) -> float:
            return float(-log_softmax(logits / np.exp(log_t), axis=1)[rows, targets].mean())
    else:
        logits = np.log(p) - np.log1p(-p)
        sign = np.where(targets.astype(bool), 1.0, -1.0)

        def loss(log_t: float) -> float:
            return float(-log_expit(sign * logits / np.exp(log_t)).mean())

    # convex in 1/T, so one minimum: a bounded search in log T finds it
    found = minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x)) if loss(found.x) < loss(0.0) else 1.0
