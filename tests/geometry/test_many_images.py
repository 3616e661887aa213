"""Overlaps of many images in one pass: the same as image by image."""

from __future__ import annotations

import numpy as np
import pytest

from labeler.geometry import masks, overlaps
from labeler.geometry.many_images import Pixels, box_pairs


def test_objects_of_all_images_overlap_as_those_of_each_image():
    rng = np.random.default_rng(1)
    n = 240
    image, person = np.sort(rng.integers(0, 12, n)), rng.integers(0, 3, n)
    corners, sides = rng.integers(0, 60, (n, 2)), rng.integers(5, 40, (n, 2))
    boxes = [{"box": [*corner, *side]} for corner, side in zip(corners.tolist(), sides.tolist(), strict=True)]
    drawn = [
        masks.encode(np.ones(side[::-1], dtype=bool), *corner) for corner, side in zip(corners, sides, strict=True)
    ]

    expected = {}
    for one in range(12):
        rows = np.flatnonzero(image == one)
        here = [boxes[k] for k in rows]
        for i, j, iou in zip(*overlaps.iou_pairs(here, here, width=100, height=100), strict=True):
            a, b = int(rows[i]), int(rows[j])
            if a < b and person[a] != person[b]:
                expected[a, b] = pytest.approx(iou)

    def told(pairs):
        return {(int(i), int(j)): value for i, j, value in zip(*pairs, strict=True)}

    assert len(expected) > 500
    bounds = np.hstack((corners, corners + sides)).astype(float)
    assert told(box_pairs(bounds, image, person)) == expected
    # Far to the right a float has fewer digits: the number of an image must not change an IoU.
    assert told(box_pairs(bounds, image + 10_000_000, person)) == expected
    assert told(Pixels.from_shapes(drawn, [100] * n, [100] * n).pairs(image, person)) == expected
