"""AP50 of boxes or masks, by which candidates are compared. The figures that people see: worker/ml/evaluation/objects.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labeler.geometry import overlaps
from labeler.stats.objects.average_precision import Objects, ap_by_class, box_pairs, match
from worker.ml.detection.samples import Drawn, Found


def ap50(
    truth: Sequence[Drawn], found: Sequence[Found], n_classes: int, sizes: NDArray[np.int64] | None = None
) -> float | None:
    """Mean over the classes that are there, 0 to 1; None where nothing is. sizes: (n, 2), then masks are compared."""
    sides = []
    for side in (truth, found):
        image = np.repeat(np.arange(len(side)), [len(one) for one in side])
        boxes = np.concatenate([np.zeros((0, 4)), *(one.boxes for one in side)])
        kinds = np.concatenate([np.zeros(0, np.int64), *(one.classes for one in side)])
        sides.append((image, boxes, kinds))
    score = np.concatenate([np.zeros(0), *(one.probabilities for one in found)])
    (image, boxes, kinds), (image_of, boxes_of, kinds_of) = sides
    there = Objects(image, kinds, boxes[:, 2] * boxes[:, 3])
    said = Objects(image_of, kinds_of, boxes_of[:, 2] * boxes_of[:, 3], score)
    if sizes is None:
        bounds = [np.concatenate([b[:, :2], b[:, :2] + b[:, 2:]], 1) for b in (boxes, boxes_of)]
        pairs = box_pairs(there, said, *bounds, least=0.5)
    else:
        pairs = _mask_pairs(truth, found, sizes)
        same = kinds_of[pairs[0]] == kinds[pairs[1]]
        pairs = (pairs[0][same], pairs[1][same], pairs[2][same])
    matched = match(there, said, pairs, n_images=len(truth), n_categories=n_classes, ious=(0.5,))
    by_class = ap_by_class(matched, np.ones(len(truth)))[0]
    known = by_class[np.isfinite(by_class)]
    return round(float(known.mean()), 4) if len(known) else None


def _mask_pairs(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(detection, truth, IoU) of masks on one image, counted over all images."""
    columns: list[tuple[NDArray, NDArray, NDArray]] = []
    first = second = 0
    for drawn, said, (width, height) in zip(truth, found, sizes.tolist(), strict=True):
        near = overlaps.iou_pairs(said.masks or (), drawn.masks or (), least=0.5, width=width, height=height)
        columns.append((near.i + first, near.j + second, near.value))
        first, second = first + len(said), second + len(drawn)
    i, j, iou = (np.concatenate(parts) if columns else np.zeros(0) for parts in zip(*columns, strict=True))
    return i.astype(np.int64), j.astype(np.int64), iou
