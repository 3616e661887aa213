"""Features of images, from the table where they are known, from the network where they are not.

Each batch is stored as soon as it is computed, so a worker that is killed loses one batch. Knows rows, the
media store and worker.ml; not what the features are for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from labeler import features as kept
from labeler.features import name_of
from labeler.intake.images import media_store
from worker import pixels
from worker.ml.backbones import Backbone
from worker.ml.decoding import Source
from worker.ml.features import embed
from worker.ml.pixels import PixelStore

LOOKUP = 1000  # rows per query
BATCH = 16  # images per step of the network, and per transaction


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
    name = name_of(backbone.name, size)
    found = np.zeros((len(hashes), backbone.n_features), np.float16)
    missing: list[int] = []
    for start in range(0, len(hashes), LOOKUP):
        part = hashes[start : start + LOOKUP]
        known = kept.load(name, part)
        for position, sha256 in enumerate(part, start):
            vector = np.frombuffer(known.get(sha256, b""), "<f2")
            if len(vector) == backbone.n_features:
                found[position] = vector
            else:
                missing.append(position)
    done = len(hashes) - len(missing)
    progress(done, len(hashes))
    failed: dict[str, str] = {}
    if not missing:
        return found, failed
    missing_hashes = [hashes[k] for k in missing]
    if squares is None:
        media = media_store()
        wanted: Sequence[Source] = [media.thumb_path(sha256) for sha256 in missing_hashes]
    else:
        wanted = pixels.sources(squares, missing_hashes)
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
