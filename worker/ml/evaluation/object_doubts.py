"""Which drawn answers look wrong: objects a model finds where nobody drew, and drawn ones that it does not see.

By a model that had not learned from the image: else it repeats what people said. Places are compared by bounds, also
where outlines are drawn: what overlaps the bounds of a thin object is rather taken to be it than doubted. As for
classes (labeler/stats/labelerrors.py), "sure" is held against how sure the model is where it is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeler.stats.objects.boxes import box_iou
from worker.ml.detection.samples import Drawn, Found, edges_of
from worker.ml.evaluation import objects

APART = 0.1  # IoU below which two objects have nothing to do with each other
HIGH = 0.8  # probability below which no missed object is claimed, however timid the model is
FEWEST = 5  # objects of a class that were found; with fewer it accuses nobody


@dataclass(frozen=True, slots=True)
class Doubted:
    """One place. image: position among the images; kind: that of the class."""

    image: int
    kind: int
    missing: bool  # True: nobody drew it; False: people drew it, and the model sees nothing there
    doubt: float  # 0 to 1
    box: tuple[float, float, float, float]  # x, y, width, height in px


def doubts(
    truth: Sequence[Drawn], found: Sequence[Found], sizes: NDArray[np.int64], n_classes: int, *, by_masks: bool,
    shown_from: NDArray[np.float64],
) -> list[Doubted]:  # fmt: skip
    """Missed objects first, the surest first; then objects that the model does not see at all.

    Missing: found with HIGH probability or more, no less than the class's threshold and the mean probability of its
    hits, and no drawn object of any class overlaps it by APART; the doubt is that probability. Not seen: nothing that
    was found, from .05 on, overlaps it by APART; the doubt is half the share of the class's objects that were found at
    all (IoU .5), so that a class the model is blind to comes last. Neither for classes with fewer than FEWEST hits.
    sizes: (n, 2), width and height in px. shown_from: (K,), 0 to 1.
    """
    matched = objects.both(truth, found, sizes, n_classes, by_masks=by_masks).matched((objects.IOU,))
    hit, score = matched.hit[0], objects.scores(matched, found)
    hits = np.bincount(matched.category[hit], minlength=n_classes)
    usual = np.bincount(matched.category[hit], score[hit], n_classes) / np.maximum(hits, 1)
    sure_from = np.where(hits >= FEWEST, np.maximum(np.maximum(HIGH, shown_from), usual), np.inf)
    seen = np.where(hits >= FEWEST, hits / np.maximum(matched.truth.sum(0), 1), 0.0)
    rows: list[Doubted] = []
    for at, (drawn, said) in enumerate(zip(truth, found, strict=True)):
        seen_at, drawn_at = (edges_of(one.boxes).astype(float) for one in (said, drawn))
        near = box_iou(seen_at[:, None], drawn_at[None])  # (found, drawn)
        alone = near.max(axis=1, initial=0) < APART
        rows += [
            Doubted(at, int(said.classes[k]), True, float(said.probabilities[k]), _box(said.boxes[k]))
            for k in np.flatnonzero(alone & (said.probabilities >= sure_from[said.classes]))
        ]
        unseen = near.max(axis=0, initial=0) < APART
        rows += [
            Doubted(at, int(drawn.classes[k]), False, float(seen[drawn.classes[k]]) / 2, _box(drawn.boxes[k]))
            for k in np.flatnonzero(unseen & (seen[drawn.classes] > 0))
        ]
    return sorted(rows, key=lambda one: (-one.doubt, one.image))


def _box(box: NDArray[np.float32]) -> tuple[float, float, float, float]:
    x, y, width, height = (round(float(value), 1) for value in box)
    return x, y, width, height
