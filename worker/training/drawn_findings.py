"""What a run of a model that draws tells beyond its figures: each image that judges it, and where it is worse.

Knows datasets and what the model found. Kept with the run: RunAnswers to compare versions by
(labeler/training/drawn_comparison.py), and metrics: "slices".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.training import drawn_comparison
from labeler.training.run_answers import Answers, Part
from worker.ml.detection.samples import Found
from worker.ml.evaluation import drawn_slices, per_image
from worker.training import run_report
from worker.training.drawn_dataset import DrawnDataset, DrawnExample

Counted = NDArray[np.int64]


def counts_of(
    dataset: DrawnDataset, examples: Sequence[DrawnExample], found: Sequence[Found], shown_from: NDArray[np.float64]
) -> Counted:
    """(n, K, 3): shared, the model's, people's objects of each image and class; pixels of semantic classes."""
    truth = [one.drawn for one in examples]
    sizes = np.array([one.size for one in examples], np.int64).reshape(-1, 2)
    n_classes = len(dataset.category_ids)
    if dataset.task == "semantic":
        return per_image.of_pixels(truth, found, sizes, n_classes)
    return per_image.of_objects(
        truth, found, sizes, n_classes, by_masks=dataset.task != "boxes", shown_from=shown_from
    )  # fmt: skip


def answers(dataset: DrawnDataset, part: Part, examples: Sequence[DrawnExample], counts: Counted) -> Answers:
    ids = [one.image_id for one in examples]
    truth = [_checksum(one, dataset.category_ids) for one in examples]
    return drawn_comparison.answers(part, ids, counts, dataset.category_ids, truth)


def by_metadata(dataset: DrawnDataset, examples: Sequence[DrawnExample], counts: Counted) -> list[dict[str, Any]]:
    """Where the model is worse, for each field of metadata: [{field, slices, n}], fields with a worse slice first."""
    pixels = dataset.task == "semantic"
    columns = run_report.metadata_of([one.image_id for one in examples])
    reports = [{"field": field, **drawn_slices.by_value(values, counts, pixels=pixels)} for field, values in columns]
    return sorted(reports, key=lambda report: not any(row["worse"] for row in report["slices"]))


def _checksum(example: DrawnExample, category_ids: Sequence[int]) -> int:
    drawn = example.drawn
    return drawn_comparison.checksum([
        {"category": category_ids[kind], "box": np.rint(box).tolist(), "shape": shape}
        for kind, box, shape in zip(
            drawn.classes.tolist(), drawn.boxes, drawn.masks or [None] * len(drawn), strict=True
        )
    ])  # fmt: skip
