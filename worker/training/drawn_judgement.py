"""How right a model that draws is, as its page tells it: one of ours after a training, or another program's.

Knows datasets and what a model found. Which images judge it is said by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.agreement import objects as agreement
from labeler.labeling.label_arrays import Selection
from labeler.models import Project
from labeler.models.project import Task
from worker.ml.detection.samples import Drawn, Found
from worker.ml.evaluation import objects as evaluation
from worker.ml.evaluation import pixel_figures
from worker.training.drawn_dataset import DrawnDataset, DrawnExample

MOST_PEOPLE = 50  # whose pairs are counted for the second annotator's AP


@dataclass(frozen=True, slots=True)
class Judged:
    """The images that judge a model, with what people say and what it says."""

    examples: list[DrawnExample]
    found: list[Found]
    on_test: bool

    @property
    def truth(self) -> list[Drawn]:
        return [one.drawn for one in self.examples]

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.array([one.size for one in self.examples], np.int64).reshape(-1, 2)


def figures(
    project: Project, dataset: DrawnDataset, judged: Judged, shown_from: NDArray[np.float64], wish: str
) -> dict[str, Any]:
    """What metrics of a run hold of the images that judge it. shown_from: (K,), of each class; wish: it came from."""
    about = judged.truth, judged.found, judged.sizes, dataset.category_names
    is_semantic = dataset.task == Task.SEMANTIC
    found = (
        pixel_figures.report(*about) if is_semantic
        else evaluation.report(*about, by_masks=dataset.task != Task.BOXES, shown_from=shown_from)
    )  # fmt: skip
    confusion = found["confusion"]
    for cell, positions in confusion["images"].items():
        confusion["images"][cell] = [judged.examples[at].image_id for at in positions]
    return found | {
        "judged_on": "test" if judged.on_test else "cross-validation", "wish": wish,
        "second_annotator_ap50": None if is_semantic else second_annotator(project),
    }  # fmt: skip


def second_annotator(project: Project) -> dict[str, Any] | None:
    """STAT: AP50 of one person judged as if a model by another, over pairs of people; what an AP is held against.

    From blind answers alone. The mean of the pairs that have one, each as heavy as its images; the interval is from the
    lowest lower to the highest upper end, which is wider than that of a mean. None before two people share an image.
    """
    # Every image that two people have judged blind: how it was chosen does not matter to a model's ceiling.
    report = agreement.count(project, Selection(labels="blind", sample="all"))
    pairs = [pair["second_annotator_ap"] for pair in report["pairs"][:MOST_PEOPLE]]
    known = [stat for stat in pairs if stat["value"] is not None]
    if not known:
        return None
    n = sum(stat["n"] for stat in known)
    lows = [stat["low"] for stat in known if stat["low"] is not None]
    highs = [stat["high"] for stat in known if stat["high"] is not None]
    return {
        "value": sum(stat["value"] * stat["n"] for stat in known) / n, "low": min(lows, default=None),
        "high": max(highs, default=None), "n": n, "reason": None,
    }  # fmt: skip
