"""What a model and people share on each image: objects, or pixels; to compare versions and groups of images by it.

Counts of shape (n, K, 3), of each image and class: shared, the model's, people's; labeler/stats/objects/shared.py makes
figures of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from worker.ml.detection.samples import Drawn, Found
from worker.ml.evaluation import objects, pixel_figures


def of_objects(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], n_classes: int, *, by_masks: bool,
    shown_from: NDArray[np.float64],
) -> NDArray[np.int64]:  # fmt: skip
    """Objects at the thresholds of each class: those that are right at IoU .5, those shown, those that people drew.

    sizes: (n, 2), width and height in px. shown_from: (K,), 0 to 1. Summed over images they give precision, recall and
    F1 of objects.report.
    """
    matched = objects.both(truth, found, sizes, n_classes, by_masks=by_masks).matched((objects.IOU,))
    shown = objects.scores(matched, found) >= shown_from[matched.category]
    cell = matched.image * n_classes + matched.category
    size = len(truth) * n_classes
    right, said = (np.bincount(cell[kept], minlength=size) for kept in (shown & matched.hit[0], shown))
    shape = (len(truth), n_classes)
    return np.stack([right.reshape(shape), said.reshape(shape), matched.truth], axis=2)


def of_pixels(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], n_classes: int
) -> NDArray[np.int64]:
    """Pixels that people gave a class: those that both, that the model, that people call so."""
    data = pixel_figures.count(truth, found, sizes, n_classes, edges=False)
    return np.stack([data.both, data.model, data.people], axis=2).astype(np.int64)
