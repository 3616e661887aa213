"""Judge what another program's model has drawn on the held-out images, as our own models that draw are judged.

Knows rows of predictions. Its probabilities stay as they were given, and its objects are shown from the threshold that
it was registered with: of a model that cannot be asked nobody knows what it would say of other images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labeler.label_set import categories as label_set
from labeler.models import Prediction, TrainingRun
from labeler.models.project import Task
from labeler.training.outside_objects import SHOWN
from labeler.training.run_answers import Answers, Part
from worker.ml.detection.samples import Found
from worker.training import drawn_findings, drawn_judgement
from worker.training.drawn_dataset import DrawnDataset, DrawnExample, assemble, shapes_of
from worker.training.drawn_judgement import Judged


def judge(run: TrainingRun) -> tuple[list[Answers], dict[str, Any], dict[str, int]]:
    """Its answers on the images that judge it, its figures, and how many images those are; no figures without any."""
    dataset = assemble(run.project)
    test = said(run, dataset, dataset.test)
    counts = {"test": len(test.examples), "calibration": 0}
    if not test.examples:
        return [], {}, counts
    shown_from = np.full(len(dataset.category_ids), float(run.config.get("threshold", SHOWN)))
    found = drawn_findings.counts_of(dataset, test, shown_from)
    figures = drawn_judgement.figures(run.project, dataset, test, shown_from, "")
    figures["slices"] = drawn_findings.by_metadata(dataset, test.examples, found)
    return [drawn_findings.answers(dataset, Part.TEST, test.examples, found)], figures, counts


def said(run: TrainingRun, dataset: DrawnDataset, examples: Sequence[DrawnExample]) -> Judged:
    """What it drew on those of the images that it has sent something about; an object without a probability is sure.

    Objects of a class that was merged count as what it became, and those of a removed one as nothing.
    """
    position = {pk: at for at, pk in enumerate(dataset.category_ids)}
    index = label_set.index(run.project)
    rows = Prediction.objects.filter(run=run, image__in=[one.image_id for one in examples])
    drawn = dict(rows.values_list("image", "drawn"))
    there = [one for one in examples if one.image_id in drawn]
    found = []
    for one in there:
        objects = [
            (position[now], row) for row in drawn[one.image_id] or [] for now in index.present([row["category"]])
            if now in position
        ]  # fmt: skip
        found.append(_found(objects, with_masks=dataset.task != Task.BOXES))
    return Judged(there, found, on_test=True)


def _found(objects: Sequence[tuple[int, dict[str, Any]]], *, with_masks: bool) -> Found:
    shapes, boxes = shapes_of([row for _kind, row in objects])
    sure = [1.0 if row["probability"] is None else row["probability"] for _kind, row in objects]
    return Found(
        boxes,
        np.array([kind for kind, _row in objects], np.int64),
        np.array(sure, np.float32),
        tuple(shapes) if with_masks else None,
    )
