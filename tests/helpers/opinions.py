"""What a model says of an image, as sure as a test wants it."""

from __future__ import annotations

from labeler.models import Image, TrainingRun
from labeler.training.prelabels import Opinion


def opinion(run: TrainingRun, image: Image, margin: float) -> Opinion:
    """One class, as sure as the margin says: with three classes p, (1 - p) / 2 twice."""
    top = (1 + 2 * margin) / 3
    return Opinion(image.pk, [top, (1 - top) / 2, (1 - top) / 2], run.category_ids[:1], top, margin)
