"""What another program's model said of some images, as arrays over its classes.

Knows rows of predictions; nothing of a network. Where no probabilities were given its answer counts as certain: right
or wrong it is all the same, but no figure about how sure it is may be made of that (worker/training/judge_outside.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labeler.models import Prediction, TrainingRun


def answers_of(run: TrainingRun, image_ids: Sequence[int]) -> dict[int, list[float]]:
    """By image, over run.category_ids, as it was given: (K,) probabilities, or 1 for its answer and 0 for the rest."""
    found, _sure = given(run, image_ids)
    there = np.flatnonzero(~np.isnan(found).any(axis=1)).tolist()
    return {image_ids[k]: found[k].tolist() for k in there}


def given(run: TrainingRun, image_ids: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n, K) as answers_of(), rows of NaN where it said nothing; and (n,) of which it gave probabilities."""
    place = {pk: at for at, pk in enumerate(image_ids)}
    position = {pk: at for at, pk in enumerate(run.category_ids)}
    found = np.full((len(image_ids), len(position)), np.nan)
    sure = np.zeros(len(image_ids), bool)
    rows = Prediction.objects.filter(run=run, image__in=list(image_ids))
    for image, named, probabilities in rows.values_list("image", "categories", "given"):
        at = place[image]
        if probabilities:
            found[at], sure[at] = probabilities, True
        else:
            found[at] = 0.0
            found[at, [position[pk] for pk in named]] = 1.0
    return found, sure
