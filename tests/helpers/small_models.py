"""Small trained models."""

from __future__ import annotations

from worker.ml.saved.checkpoint import Checkpoint


def kept(weights: dict, *, image_size: int, recipe: dict | None = None) -> Checkpoint:
    return Checkpoint(
        candidate="frozen", backbone="efficientnet_lite0", backbone_sha256="", first_stage=None,
        image_size=image_size, task="single", categories=[{"id": 1, "name": "no"}, {"id": 2, "name": "yes"}],
        temperature=1.0, calibrated_on=0, config={}, metrics={}, comparison=[], n_labels=0, created_at="",
        weights=weights, recipe=recipe or {},
    )  # fmt: skip
