"""An index of how images look, as a worker writes it."""

from __future__ import annotations

import numpy as np

from labeler.training import features
from worker.indexing import build_index

NAME = features.name_of("tiny", 64, "ab" * 32)


def seen(images, vectors, name=NAME) -> None:
    """A worker has looked at these images."""
    rows = np.asarray(vectors, np.float32)
    features.store(name, {i.sha256: v.astype("<f2").tobytes() for i, v in zip(images, rows, strict=True)})


def index(project, images, name=NAME) -> int:
    rows = sorted((image.pk, image.sha256) for image in images)
    return build_index.write(project.pk, name, rows, last_image=rows[-1][0])
