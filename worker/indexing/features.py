"""Features of images, from the table where they are known, from the network where they are not.

Each batch is stored as soon as it is computed, so a worker that is killed loses one batch. Knows rows, the
media store and worker.ml; not what the features are for.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from django.conf import settings
from numpy.typing import NDArray

from labeler.intake.images import media_store
from labeler.models import TrainingRun
from labeler.models.job import State
from labeler.training import features as kept
from labeler.training import runs
from labeler.training.features import name_of
from worker.indexing import pixels
from worker.ml.images.decoding import Source
from worker.ml.images.pixels import PixelStore, Squares
from worker.ml.networks import backbones
from worker.ml.networks.backbones import Backbone
from worker.ml.networks.features import embed

logger = logging.getLogger(__name__)

LOOKUP = 1024  # rows per query: the most that a pre-labeling asks for at once
BATCH = 16  # images per step of the network, and per transaction


def kept_as(backbone: Backbone, size: int) -> str:
    """The name of the features that these weights make. Raises WeightsMissing.

    An operator may put other weights into a backbone's file: their features have another name, and those of before are
    not taken for them.
    """
    name = name_of(backbone.name, size, backbones.checksum(backbone))
    _bring_over(backbone, size, name)
    return name


@cache
def _bring_over(backbone: Backbone, size: int, name: str) -> None:
    """Once per process: features from before the weights were part of the name keep their worth where they are theirs.

    Where the registry names the file no other was ever taken. Else the newest model that stands on it says whether the
    weights are still those; without a model nobody can tell, and they are computed anew.
    """
    old = name_of(backbone.name, size)
    made = TrainingRun.objects.filter(features="", config__backbone=backbone.name, config__image_size=size)
    standing = [run.pk for run in made.exclude(checkpoint="").only("checkpoint") if _stands_on(run, name)]
    runs.name_features(standing, name)
    if not kept.are_kept(old):
        return
    newest = TrainingRun.objects.filter(config__backbone=backbone.name, config__image_size=size, state=State.DONE)
    is_theirs = backbone.sha256 is not None or newest.filter(features=name, pk__in=standing).exists()
    n = kept.rename(old, name) if is_theirs else kept.forget(old)
    logger.info("%d features of %s: %s", n, old, f"called {name} now" if is_theirs else "of other weights, deleted")


def _stands_on(run: TrainingRun, name: str) -> bool:
    try:
        described = json.loads((Path(settings.MODELS_DIR) / run.checkpoint).read_text())
        return bool(name_of(described["backbone"], described["image_size"], described["backbone_sha256"]) == name)
    except (OSError, ValueError, KeyError):
        return False  # a file that is gone or damaged says nothing


def features_of(
    hashes: Sequence[str],
    backbone: Backbone,
    device: torch.device,
    *,
    size: int,
    progress: Callable[[int, int], None],
    squares: PixelStore | None = None,
) -> tuple[NDArray[np.float16], dict[str, str]]:
    """Features (n, n_features) in the order asked for, and why some are missing, by SHA-256: their rows are
    zeros.

    `progress` is called with (done, n) after each step; what it raises ends the work, with everything so far
    stored. `squares`: decoded images, where there are some: those are not decoded again.
    """
    name = kept_as(backbone, size)
    found = np.zeros((len(hashes), backbone.n_features), np.float16)
    missing: list[int] = []
    for start in range(0, len(hashes), LOOKUP):
        part = hashes[start : start + LOOKUP]
        there, rows = kept.table(name, part, 2 * backbone.n_features)
        found[start + there] = rows.view("<f2")
        known = np.zeros(len(part), bool)
        known[there] = True
        missing += (start + np.flatnonzero(~known)).tolist()
    done = len(hashes) - len(missing)
    progress(done, len(hashes))
    failed: dict[str, str] = {}
    if not missing:
        return found, failed
    missing_hashes = [hashes[k] for k in missing]
    if squares is None:
        media = media_store()
        wanted: Sequence[Source] | Squares = [media.thumb_path(sha256) for sha256 in missing_hashes]
    else:
        kept_squares = all(sha256 in squares for sha256 in missing_hashes)
        wanted = Squares(squares, missing_hashes) if kept_squares else pixels.sources(squares, missing_hashes)
    batch = BATCH if device.type == "cpu" else 16 * BATCH
    for step in embed(wanted, backbone, device, batch=batch, size=size):
        vectors = {hashes[missing[k]]: row.astype("<f2") for k, row in zip(step.indices, step.features, strict=True)}
        kept.store(name, {sha256: row.tobytes() for sha256, row in vectors.items()})
        for k, row in zip(step.indices, step.features, strict=True):
            found[missing[k]] = row
        failed |= {hashes[missing[k]]: reason for k, reason in step.failed.items()}
        done += len(step.indices) + len(step.failed)
        progress(done, len(hashes))
    return found, failed
