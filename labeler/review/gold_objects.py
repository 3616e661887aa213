"""How many of the known objects of a gold image somebody found, at the project's least overlap and with their class.

Pure of rows: knows a gold image's objects and an answer's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labeler.label_set.categories import CategoryIndex
from labeler.labeling.objects import SHAPES, Drawn
from labeler.models import Image


def score(
    image: Image, known: Sequence[Mapping[str, Any]], drawn: Sequence[Drawn], *, iou: float, index: CategoryIndex
) -> tuple[int, int]:
    """(right, n): n counts the known objects and those that the person invented, right the known ones found.

    Found: the best free match by falling overlap is at least `iou` and has the class. Merged classes are what they were
    merged into. An object of another class at the place of a known one is one error, not two.
    """
    from labeler.geometry import overlaps

    shapes = [{kind: one[kind] for kind in SHAPES if kind in one} for one in known]
    if not shapes or not drawn:
        return 0, len(shapes) + len(drawn)
    i, j, value = overlaps.iou_pairs(
        shapes, [one.shape for one in drawn], least=iou, width=image.width, height=image.height
    )
    taken_known: set[int] = set()
    taken_drawn: set[int] = set()
    right = 0
    for at in np.argsort(-value, kind="stable").tolist():
        a, b = int(i[at]), int(j[at])
        if a in taken_known or b in taken_drawn:
            continue
        taken_known.add(a)
        taken_drawn.add(b)
        right += index.resolve([known[a]["category"]]) == index.resolve([drawn[b].category])
    return right, len(shapes) + len(drawn) - len(taken_drawn)
