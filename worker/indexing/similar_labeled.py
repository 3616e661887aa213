"""The labeled images that look most like a picture which is not in the project.

Knows kept features of labeled images; computes those of the picture and keeps them nowhere. Images of the project are
compared with each other by labeler/training/image_index.py.
"""

from __future__ import annotations

import numpy as np

from labeler.models import Image, Project
from labeler.models.image import Status
from labeler.training import features as kept
from worker.indexing.features import kept_as
from worker.ml.networks import backbones
from worker.ml.networks.features import embed
from worker.ml.saved.predict import Model

COMPARED = 10_000  # settled images, the newest: 25 MB of features, a tenth of a second
READ = 2_000  # vectors read at once


def nearest(project: Project, model: Model, picture: bytes, n: int) -> list[tuple[int, float]]:
    """Ids of up to `n` settled images and the cosine of their features with the picture's, the most similar first.

    By the features of the model's backbone, as they are before any training; images without kept ones are left out.
    """
    backbone, size = backbones.get(model.checkpoint.backbone), model.checkpoint.image_size
    (step,) = embed([picture], backbone, model.device, batch=1, size=size)
    if not len(step.indices):
        return []
    own = _unit(step.features.astype(np.float32))[0]
    settled = Image.objects.filter(project=project, status=Status.SETTLED).order_by("-pk")
    images = list(settled.values_list("pk", "sha256")[:COMPARED])
    name, found = kept_as(backbone, size), []
    for start in range(0, len(images), READ):
        part = images[start : start + READ]
        places, rows = kept.table(name, [sha256 for _pk, sha256 in part], 2 * backbone.n_features)
        near = _unit(rows.view("<f2").astype(np.float32)) @ own
        found += [(part[at][0], float(cosine)) for at, cosine in zip(places.tolist(), near.tolist(), strict=True)]
    return sorted(found, key=lambda one: (-one[1], one[0]))[:n]


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
