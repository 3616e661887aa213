"""Does a model learn its images by heart? Read from the losses while it learned, by a rule that is stated.

Knows losses. Where they come from, and what a step is (an epoch, a value of C), is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RISE = 0.05  # of the lowest loss on unseen images: less is the noise of two trainings
FEWEST = 3  # points: two have no course


@dataclass(frozen=True, slots=True)
class Course:
    """Where the loss on unseen images was lowest, and whether it rose from there while the other still fell."""

    overfits: bool
    rises: bool  # the loss on unseen images did, whatever the other does
    best: int  # position of the lowest loss on unseen images
    lowest: float
    last: float
    gap: float | None  # share right of the images learned from minus that of unseen ones, at `best`


def course(points: Sequence[Mapping[str, Any]]) -> Course | None:
    """points: {train_loss, validation_loss, train_accuracy?, validation_accuracy?} in the order of learning.

    Overfits: the loss on unseen images ends more than RISE above its lowest, while the loss on the images learned from
    is lower at the end than it was there. None where fewer than FEWEST points have both losses.
    """
    known = [
        (k, row)
        for k, row in enumerate(points)
        if row.get("train_loss") is not None and row.get("validation_loss") is not None
    ]
    if len(known) < FEWEST:
        return None
    best, at_best = min(known, key=lambda pair: pair[1]["validation_loss"])
    end = known[-1][1]
    lowest, last = float(at_best["validation_loss"]), float(end["validation_loss"])
    right = at_best.get("train_accuracy"), at_best.get("validation_accuracy")
    rises = last > lowest * (1 + RISE)
    return Course(
        overfits=rises and end["train_loss"] < at_best["train_loss"],
        rises=rises,
        best=best,
        lowest=lowest,
        last=last,
        gap=None if right[0] is None or right[1] is None else float(right[0] - right[1]),
    )
