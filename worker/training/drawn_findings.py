"""What a run of a model that draws tells beyond its figures: each image, where it is worse, what it doubts.

Knows datasets and what the model found. Kept with the run: RunAnswers to compare versions by
(labeler/training/drawn_comparison.py), and metrics: "slices", "label_errors", "learning_curve", "orders".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.stats import learning
from labeler.stats.results import Reason, plain
from labeler.training import drawn_comparison
from labeler.training.run_answers import Answers, Part
from worker.ml.detection.learning_curve import Points
from worker.ml.detection.orders import Orders
from worker.ml.evaluation import drawn_slices, object_doubts
from worker.training import run_report
from worker.training.drawn_dataset import DrawnDataset, DrawnExample
from worker.training.drawn_judgement import Judged

Counted = NDArray[np.int64]
NAMES = {"ap50": "AP50", "miou": "mIoU"}
NEXT = 0.05  # of the figure: how many more images bring so much is told
FINER = np.linspace(1.0, 4.0, 31)  # times the present images, at which that is looked for


def counts_of(dataset: DrawnDataset, judged: Judged, shown_from: NDArray[np.float64]) -> Counted:
    """(n, K, 3): shared, the model's, people's objects of each image and class; pixels of semantic classes."""
    about = judged.truth, judged.found, judged.sizes, len(dataset.category_ids)
    if dataset.task == "semantic":
        return drawn_slices.counts_of_pixels(*about)
    return drawn_slices.counts_of_objects(*about, by_masks=dataset.task != "boxes", shown_from=shown_from)


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


def label_errors(
    dataset: DrawnDataset, judged: Judged, shown_from: NDArray[np.float64], last_label: int
) -> dict[str, Any]:
    """Places of training images that the model doubts: {n, last_label, suspects: [{image, label, suggested, doubt,
    confident, box}]}, at most SUSPECTS.

    judged: what it said before it learned from them. label: id of the class in question; suggested: whether there
    should be an object. last_label: id of the newest label when the run began; an image answered since is not doubted.
    """
    about = judged.truth, judged.found, judged.sizes, len(dataset.category_ids)
    rows = object_doubts.doubts(*about, by_masks=dataset.task != "boxes", shown_from=shown_from)
    return {
        "n": len(rows),
        "last_label": last_label,
        "suspects": [
            {
                "image": judged.examples[one.image].image_id, "label": dataset.category_ids[one.kind],
                "suggested": one.missing, "doubt": round(one.doubt, 4), "confident": True, "box": list(one.box),
            }
            for one in rows[: run_report.SUSPECTS]
        ],
    }  # fmt: skip


def learning_curve(points: Points | Reason | None, n: int) -> dict[str, Any]:
    """What fewer images gave and what more are expected to bring, for heads on the published network.

    {candidate, figure, points: [{size, value, low, high}], ahead: [{size, expected, low, high}], n, reason, stop,
    advice, next}; value: AP50 or mIoU. stop and advice are of twice the n images there are; next: how many more bring
    NEXT points.
    """
    if not isinstance(points, Points):
        why = plain(points)
        return {"points": [], "ahead": [], "n": 0, "reason": why, "stop": False, "advice": why, "next": None}
    name = NAMES[points.figure]
    ahead = [round(times * n) for times in run_report.AHEAD]
    sizes = sorted({*ahead, *(round(times * n) for times in FINER)})
    curve = learning.forecast_figure(points.sizes.tolist(), points.reached, points.again, sizes, n=points.n)
    advice = learning.advise(curve, ahead[2], since=ahead[0], figure=name)
    low, high = np.quantile(points.again, (0.025, 0.975), axis=0) if len(points.again) else (points.reached,) * 2
    measured = (points.sizes, points.reached, np.minimum(low, points.reached), np.maximum(high, points.reached))
    foreseen = (curve.ahead, curve.expected, curve.low, curve.high)
    return {
        "candidate": points.candidate, "figure": points.figure,
        "points": _rows(("size", "value", "low", "high"), measured),
        "ahead": [row for row in _rows(("size", "expected", "low", "high"), foreseen) if row["size"] in ahead],
        "n": points.n, "reason": plain(curve.reason), "stop": advice.stop, "advice": plain(advice.told),
        "next": plain(learning.images_for(curve, ahead[0], NEXT, name)),
    }  # fmt: skip


def orders(points: Points | Reason | None) -> dict[str, Any]:
    """Whether asking where the model is unsure paid: {points: [{size, asked: STAT, random: STAT, gain: STAT}], figure,
    n, reason}. gain: asked less random, its interval from the same images that judge; n: those images, drawn by lot."""
    if not isinstance(points, Points):
        return {"points": [], "figure": None, "n": 0, "reason": plain(points)}
    found = points.orders
    if not isinstance(found, Orders):
        return {"points": [], "figure": None, "n": 0, "reason": plain(found)}
    rows = []
    for at, size in enumerate(found.sizes.tolist()):
        told = {
            "asked": (found.asked, found.asked_again), "random": (found.by_lot, found.by_lot_again),
            "gain": (found.asked - found.by_lot, found.asked_again - found.by_lot_again),
        }  # fmt: skip
        rows.append({"size": size} | {name: _stat(value, again, at, found.n) for name, (value, again) in told.items()})
    return {"points": rows, "figure": points.figure, "n": found.n, "reason": None}


def _stat(values: NDArray[np.float64], again: NDArray[np.float64], at: int, n: int) -> dict[str, Any]:
    """STAT of one size, with the 95 % that resampling the images gives."""
    value = float(values[at])
    low, high = np.quantile(again[:, at], (0.025, 0.975)).tolist() if len(again) else (None, None)
    if low is not None and high is not None:
        low, high = round(min(low, value), 4), round(max(high, value), 4)
    return {"value": round(value, 4), "low": low, "high": high, "n": n, "reason": None}


def _rows(names: Sequence[str], columns: Sequence[NDArray[Any]]) -> list[dict[str, Any]]:
    return [
        {name: value if name == "size" else round(value, 4) for name, value in zip(names, row, strict=True)}
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _checksum(example: DrawnExample, category_ids: Sequence[int]) -> int:
    drawn = example.drawn
    return drawn_comparison.checksum([
        {"category": category_ids[kind], "box": np.rint(box).tolist(), "shape": shape}
        for kind, box, shape in zip(
            drawn.classes.tolist(), drawn.boxes, drawn.masks or [None] * len(drawn), strict=True
        )
    ])  # fmt: skip
