"""Runs whose model lies on disk, made without training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tests.helpers.factories import make_model
from worker.inference import saved_models
from worker.ml.saved import checkpoint
from worker.ml.training.settings import read_settings
from worker.ml.training.train import Result

SIDE = 64  # of the network's input: a seventh of the work of 224


def save_model(
    project: Any, *, weights: dict | None = None, recipe: dict | None = None, candidate: str = "frozen",
    calibrated_on: int = 0, temperature: float = 1.0, seed: int = 0, metrics: dict | None = None, **fields: Any,
):  # fmt: skip
    """A finished run, its model saved as training saves it; without weights a linear head drawn by `seed`."""
    run = make_model(project, **{"active": False, **fields})
    n = len(run.category_ids)
    if weights is None:
        g = torch.Generator().manual_seed(seed)
        weights = {"head.weight": torch.randn(n, 1280, generator=g) / 20, "head.bias": torch.randn(n, generator=g)}
    result = Result(
        candidate=candidate, weights=weights, first_stage=None, comparison=[], history={},
        out_of_fold=np.zeros((1, n), np.float32), skipped={}, seconds={},
        config=read_settings({"image_size": SIDE}), task=project.task, categories=tuple(run.category_ids),
        n_labels=60, recipe=recipe or {},
    )  # fmt: skip
    named = [{"id": pk, "name": name} for pk, name in zip(run.category_ids, run.category_names, strict=True)]
    made = checkpoint.from_result(
        result, named, calibrated_on=calibrated_on, temperature=temperature, metrics=metrics or {}
    )
    run.checkpoint, run.checkpoint_sha256 = saved_models.save(run, 1, made)
    run.config = result.config.to_json()
    run.temperature, run.is_calibrated, run.metrics = temperature, calibrated_on >= 200, metrics or {}
    run.save()
    project.runs.exclude(pk=run.pk).update(is_active=False)
    type(run).objects.filter(pk=run.pk).update(is_active=True)
    run.is_active = True
    return run
