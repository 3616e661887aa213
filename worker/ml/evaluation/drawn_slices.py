"""What a model that draws and people share on each image, and where it does worse, by what is known of the images.

The sibling of slices.py, which knows scores of whole images. Knows values and counts of images, not where either came
from. Counts have the shape (n, K, 3), of each image and class: shared, the model's, people's;
labeler/stats/objects/shared.py makes figures of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.stats.objects import shared
from labeler.stats.results import FEW_IMAGES
from worker.ml.detection.samples import Drawn, Found
from worker.ml.evaluation import objects, pixel_figures, slices


def counts_of_objects(
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


def counts_of_pixels(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], n_classes: int
) -> NDArray[np.int64]:
    """Pixels that people gave a class: those that both, that the model, that people call so."""
    data = pixel_figures.count(truth, found, sizes, n_classes, edges=False)
    return np.stack([data.both, data.model, data.people], axis=2).astype(np.int64)


def by_value(values: Sequence[Any], counts: NDArray[np.int64], *, pixels: bool) -> dict[str, Any]:
    """The figures of each slice, with its difference to all other images, the worst first.

    values: of one metadata field, shape (n,), None where it is missing (a slice of its own). counts: (n, K, 3), of
    objects or pixels.
    Returns {"slices": [{value, n, n_objects, precision, recall, f1 | miou: STAT, difference, p, worse, warning}], "n"};
    n_objects, which people drew, is None of pixels. difference: of f1 or miou, None where it is undefined inside or
    outside. worse: lower than elsewhere beyond chance, with all slices of the field taken together (Holm 1979; images
    dealt to the slices at random). Slices of fewer than FEW_IMAGES images are not tested.
    Raises ValueError where values and counts are not of the same images.
    """
    if len(values) != len(counts):
        raise ValueError("values and counts must be of the same images")
    names, codes = slices.groups(values)
    differences, p = shared.against_the_rest(counts, codes, pixels=pixels)
    rows: list[dict[str, Any]] = []
    for k, name in enumerate(names):
        inside = counts[codes == k]
        n = len(inside)
        tested = FEW_IMAGES <= n <= len(counts) - 2 and np.isfinite(p[k])
        rows.append(
            {
                "value": name, "n": n, "n_objects": None if pixels else int(inside[:, :, 2].sum()),
                **{key: stat.as_dict() for key, stat in shared.figures(inside, pixels=pixels).items()},
                "difference": float(differences[k]) if np.isfinite(differences[k]) else None,
                "p": float(p[k]) if tested else None, "worse": False, "warning": slices.warning_of(n),
            }
        )  # fmt: skip
    slices.mark_worse(rows)
    main = (shared.PIXELS if pixels else shared.OBJECTS)[0]
    rows.sort(key=lambda row: (row["warning"] is not None, row[main]["value"] is None, row[main]["value"] or 0))
    return {"slices": rows, "n": len(counts)}
