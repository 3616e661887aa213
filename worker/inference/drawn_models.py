"""A run's model that draws, from its files, and what it says of images as the rows that are stored.

Knows where models and previews lie. What it computes is worker/ml/detection's. All objects of probability .05 and more
are stored, at most 300 of an image; shown are those that reach the threshold of their class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from django.conf import settings

from labeler.geometry import masks
from labeler.geometry.shapes import Impossible, Malformed
from labeler.intake.images import media_store
from labeler.models import Image, TrainingRun
from labeler.models.project import Task
from labeler.training.prelabels import Opinion
from worker.ml.detection.samples import Found
from worker.ml.errors import CheckpointDamaged
from worker.ml.evaluation import drawn_heat, heat
from worker.ml.evaluation.objects import calibrated
from worker.ml.images.decoding import Source
from worker.ml.saved import drawn
from worker.ml.saved.drawn import DrawnModel


def load(run: TrainingRun, device: torch.device) -> DrawnModel:
    """A finished run's model. Raises CheckpointDamaged: missing, altered, or not the one its row names."""
    model = drawn.load_model(Path(settings.MODELS_DIR) / run.checkpoint, device)
    if model.checkpoint.sha256 != run.checkpoint_sha256:
        raise CheckpointDamaged(f"The file of model {run.number} is not the one that was trained.")
    return model


def opinions(
    model: DrawnModel, run: TrainingRun, image_ids: Sequence[int], hashes: Sequence[str], tick: Callable[[], None]
) -> list[Opinion]:
    """What the model draws on these images; unreadable ones are left out."""
    rows = Image.objects.filter(pk__in=image_ids).values_list("pk", "width", "height")
    sizes_of = {pk: (width, height) for pk, width, height in rows}
    there = [(pk, sha256) for pk, sha256 in zip(image_ids, hashes, strict=True) if pk in sizes_of]
    store, said = media_store(), []
    for start in range(0, len(there), 16):
        tick()
        part = there[start : start + 16]
        sizes = np.array([sizes_of[pk] for pk, _ in part], np.int64)
        found = model.found([store.preview_path(sha256) for _, sha256 in part], sizes)
        for (pk, _), one, size in zip(part, found, sizes.tolist(), strict=True):
            if one is not None:
                said.append(opinion(model, run.project.task, pk, one, size))
    return said


def opinion(model: DrawnModel, task: str, image_id: int, found: Found, size: Sequence[int]) -> Opinion:
    """As it is stored. probability: of the least sure object that is shown; where none is, that none is there.

    margin: how far the object that is nearest to its threshold is from it, 0 to 1: what a look would settle. Of rare
    classes as little as half of it, so that images with them are asked for sooner (Brust and others 2019).
    """
    objects: list[dict[str, Any]] = []
    doubts, rarity = [], model.rarity
    for k in np.argsort(-found.probabilities, kind="stable").tolist():
        p, threshold = float(found.probabilities[k]), model.shown_from[int(found.classes[k])]
        shape = _shape(model, task, found, k, size)
        if shape is None:
            continue
        doubts.append(rarity[int(found.classes[k])] * _distance(p, threshold))
        objects.append({
            "number": len(objects) + 1, "category": model.categories[int(found.classes[k])]["id"],
            "probability": round(p, 4), "shown": p >= threshold, **shape,
        })  # fmt: skip
    shown = [one for one in objects if one["shown"]]
    likeliest = max((one["probability"] for one in objects), default=0.0)
    return Opinion(
        image_id, [], sorted({one["category"] for one in shown}),
        min((one["probability"] for one in shown), default=1 - likeliest), min(doubts, default=1.0), None, objects,
    )  # fmt: skip


def said(
    model: DrawnModel, task: str, sources: Sequence[Source], sizes: Sequence[tuple[int, int]]
) -> list[dict[str, Any]]:
    """What it draws on pictures that were decoded before, as answers have it, in px of their sizes."""
    told = []
    for found, size in zip(model.found(sources, np.array(sizes, np.int64)), sizes, strict=True):
        assert found is not None  # it was decoded a moment ago
        one = opinion(model, task, 0, found, size)
        told.append({"categories": one.categories, "probability": round(one.probability, 4), "objects": one.drawn})
    return told


def seen(model: DrawnModel, source: Source, size: Sequence[int], category: int = 0) -> tuple[dict[str, Any], bytes]:
    """What the model saw of a class on a picture, as an explanation is stored, and a PNG to lay over it.

    category: 0 for all classes together: {category: None}. Raises ImageUnreadable.
    """
    ids = [one["id"] for one in model.categories]
    found = drawn_heat.heat_of(model, source, size, ids.index(category) if category else None)
    p = None if found.method == drawn_heat.UNCERTAINTY else round(calibrated(found.peak, *model.platt), 4)
    told = {
        "category": category or None, "probability": p, "calibrated": model.calibrated, "method": found.method,
        "any": found.peak >= drawn_heat.LEAST, "thirds": heat.thirds(found.values),
    }  # fmt: skip
    return told, heat.overlay(found.values, *size, whole=True)


def _distance(p: float, threshold: float) -> float:
    """How far a probability is from the threshold, 0 to 1; of pixels, which have none: how sure it is."""
    if threshold <= 0:
        return min(1.0, max(0.0, p))
    far = (p - threshold) / max(1 - threshold, 1e-9) if p >= threshold else (threshold - p) / threshold
    return min(1.0, max(0.0, far))


def _shape(model: DrawnModel, task: str, found: Found, k: int, size: Sequence[int]) -> dict[str, Any] | None:
    """A box, a mask or an outline, as the project's task wants it; None where an outline would be nothing."""
    if task == Task.BOXES or found.masks is None:
        x, y, width, height = (round(float(v), 2) for v in found.boxes[k])
        return {"box": [x, y, min(width, size[0] - x), min(height, size[1] - y)]}
    shape = found.masks[k]
    if task != Task.POLYGONS:
        return shape
    crop = masks.decode(shape)
    try:
        return masks.outline(crop.bits, crop.x, crop.y, tolerance=model.tolerance)
    except (Impossible, Malformed, ValueError):
        return None  # simplified away
