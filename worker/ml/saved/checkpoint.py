"""A trained model on disk: one safetensors file of weights and one JSON file that describes it.

Knows bytes and names. Does not know how a model was chosen or which one is active. The JSON carries the checksum of
the weights and of itself, so a damaged, swapped or half-written pair is noticed and said, never used.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from worker.ml.detection.train import DrawnResult
from worker.ml.errors import CheckpointDamaged
from worker.ml.networks import backbones
from worker.ml.saved.storage import write_atomically
from worker.ml.training.train import Result

FORMAT = "labeler-model-1"


@dataclass(frozen=True)
class Checkpoint:
    """A model as it lies on disk. `path` names the JSON file; the weights lie beside it."""

    candidate: str
    backbone: str
    backbone_sha256: str  # of the published weights that the model stands on
    first_stage: int | None
    image_size: int
    task: str
    categories: list[dict[str, Any]]  # [{"id", "name"}], in the order of the outputs
    temperature: float
    calibrated_on: int  # labels of the calibration slice; 0: not calibrated
    config: dict[str, Any]
    metrics: dict[str, Any]
    comparison: list[dict[str, Any]]
    n_labels: int
    created_at: str
    weights: dict[str, torch.Tensor]
    sha256: str = ""  # of the weights file
    recipe: dict[str, Any] = field(default_factory=dict)  # how the tensors are used (scorers.py); empty: a linear head

    def describe(self) -> dict[str, Any]:
        """Everything but the tensors, JSON-ready."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "weights"}


def from_result(
    result: Result,
    categories: list[dict[str, Any]],
    *,
    temperature: float = 1.0,
    calibrated_on: int = 0,
    metrics: dict[str, Any] | None = None,
) -> Checkpoint:
    """A checkpoint of a run's result; `categories` are {"id", "name"} in the order of result.categories."""
    if len(categories) != len(result.categories):
        raise ValueError("one id and name per category of the result")
    backbone = backbones.get(result.config.backbone)
    return Checkpoint(
        candidate=result.candidate, backbone=backbone.name, backbone_sha256=backbones.checksum(backbone),
        first_stage=result.first_stage, image_size=result.config.image_size, task=result.task,
        categories=categories, temperature=temperature, calibrated_on=calibrated_on,
        config=result.config.to_json(), metrics=metrics or {}, comparison=result.comparison,
        n_labels=result.n_labels, created_at=datetime.now(UTC).isoformat(timespec="seconds"), weights=result.weights,
        recipe=result.recipe,
    )  # fmt: skip


def of_drawn(
    result: DrawnResult,
    categories: list[dict[str, Any]],
    *,
    calibrated_on: int = 0,
    metrics: dict[str, Any] | None = None,
    recipe: dict[str, Any] | None = None,
) -> Checkpoint:
    """A checkpoint of a model that draws. recipe: what is added to the result's own: thresholds, calibration."""
    backbone = backbones.get(result.config.backbone)
    return Checkpoint(
        candidate=result.candidate, backbone=backbone.name, backbone_sha256=backbones.checksum(backbone),
        first_stage=result.recipe["first_stage"], image_size=int(result.recipe["canvas"]["width"]), task=result.task,
        categories=categories, temperature=1.0, calibrated_on=calibrated_on, config=result.config.to_json(),
        metrics=metrics or {}, comparison=result.comparison, n_labels=result.n_labels,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"), weights=result.weights,
        recipe=result.recipe | (recipe or {}),
    )  # fmt: skip


def save(path: Path, checkpoint: Checkpoint) -> Checkpoint:
    """Write `path` (JSON) and the weights beside it; returns the checkpoint with its checksum.

    The weights go first, under a name that holds their checksum: until the JSON is renamed into place an old
    pair at `path` stays whole, and a kill in between leaves only a file that nobody names.
    """
    content = save_tensors(
        {key: value.contiguous() for key, value in checkpoint.weights.items()},
        metadata=header_of(checkpoint) if "canvas" in checkpoint.recipe else None,
    )
    checkpoint = replace(checkpoint, sha256=hashlib.sha256(content).hexdigest())
    weights_name = f"{path.stem}-{checkpoint.sha256[:12]}.safetensors"
    write_atomically(path.parent / weights_name, content)
    described = {
        "format": FORMAT, "weights": weights_name, "preprocessing": _preprocessing(checkpoint), **checkpoint.describe()
    }  # fmt: skip
    described["self_sha256"] = _own_checksum(described)
    write_atomically(path, json.dumps(described, indent=1, ensure_ascii=False, allow_nan=False).encode())
    return checkpoint


def header_of(checkpoint: Checkpoint) -> dict[str, str]:
    """What stands in the header of a safetensors file of a model that draws, so that it can be used by itself.

    {"format": "pt", "labeler": JSON of {"classes", "backbone", "preprocessing", "recipe"}}: the recipe has the canvas
    in px, from which probability on each class is shown, and the two numbers that calibrate.
    """
    about = {
        "classes": [one["name"] for one in checkpoint.categories], "backbone": checkpoint.backbone,
        "preprocessing": _preprocessing(checkpoint), "recipe": checkpoint.recipe,
    }  # fmt: skip
    return {"format": "pt", "labeler": json.dumps(about, sort_keys=True, allow_nan=False)}


def _preprocessing(checkpoint: Checkpoint) -> dict[str, Any]:
    """For readers without this code: how an image becomes what the network takes."""
    backbone = backbones.get(checkpoint.backbone)
    both = {
        "upright": "EXIF orientation applied, RGB, transparency on white",
        "pixels": "(p - offset) / scale, p in 0..255",
        "offset": backbone.offset,
        "scale": backbone.scale,
    }
    if (canvas := checkpoint.recipe.get("canvas")) is not None:
        return both | {
            "resize": "bilinear, to fit the canvas; at its top left, the rest 127",
            "width": canvas["width"],
            "height": canvas["height"],
        }
    return both | {
        "crop": "the largest centre square, no margin cut off",
        "resize": "bilinear",
        "size": checkpoint.image_size,
        "features": "the means of the last feature maps, scaled to length sqrt(d)",
    }


def _own_checksum(described: dict[str, Any]) -> str:
    rest = {key: value for key, value in described.items() if key != "self_sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, allow_nan=False).encode()).hexdigest()


def load(path: Path) -> Checkpoint:
    """Read and verify. Raises CheckpointDamaged, saying what is wrong, and never returns half a model."""
    try:
        described = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointDamaged(f"The model file {path.name} is missing.") from error
    except (OSError, ValueError) as error:
        raise CheckpointDamaged(f"The model file {path.name} cannot be read.") from error
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise CheckpointDamaged(f"The model file {path.name} is of another format than {FORMAT}.")
    if described.get("self_sha256") != _own_checksum(described):
        raise CheckpointDamaged(f"The model file {path.name} was altered: its checksum differs.")
    # only a bare name: the JSON must not lead to files elsewhere
    weights_path = path.parent / Path(described["weights"]).name
    try:
        content = weights_path.read_bytes()
    except OSError as error:
        raise CheckpointDamaged(f"The weights {weights_path.name} are missing.") from error
    if hashlib.sha256(content).hexdigest() != described["sha256"]:
        raise CheckpointDamaged(f"The weights {weights_path.name} are damaged: their checksum differs.")
    if described["backbone"] not in backbones.names():
        raise CheckpointDamaged(f"The model stands on {described['backbone']}, which is not known here.")
    if backbones.checksum(backbones.get(described["backbone"])) != described["backbone_sha256"]:
        raise CheckpointDamaged(f"The model stands on other weights of {described['backbone']} than there are here.")
    # Models of before there were recipes are linear heads.
    described.setdefault("recipe", {})
    fields = {key: described[key] for key in Checkpoint.__dataclass_fields__ if key != "weights"}
    return Checkpoint(weights=load_tensors(content), **fields)
