"""How right would the model be with fewer labels? The points of a learning curve, by training on subsets.

Knows labeled features and the regression. Frozen features only: it is the candidate that trains in a second, and the
shape of its curve is what one wants to know. What the points foresee is labeler/stats/learning.py.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from worker.ml.candidates import logistic
from worker.ml.evaluation.compare import scores
from worker.ml.training.folds import stratified_folds
from worker.ml.training.run import TrainingSet, hot_of

SHARES = (0.125, 0.25, 0.5, 0.75, 1.0)  # of the largest subset
FOLDS, JUDGES = 5, 3  # folds, and how many of them judge: every image of three is enough for the shape
LARGEST = 800  # labels of a subset; the fits then take some 2.5 seconds of one core
FEWEST = 60  # labels: below, the smallest subset would hold a handful


def points(
    samples: TrainingSet, *, penalty: float, seed: int = 0, tick: Callable[[], None] = lambda: None
) -> tuple[list[int], NDArray[np.float64]]:
    """Sizes of the subsets (S,), and how right models trained on them were on images they had not seen, (S, n judged).

    penalty: C of the regression. tick is called before every fit, and may raise. None with fewer than FEWEST labels.
    """
    n = len(samples)
    if n < FEWEST:
        return [], np.empty((0, 0))
    x, soft = logistic.scale_features(samples.features), samples.soft()
    weights = np.ones(n) if samples.weights is None else samples.weights.astype(np.float64)
    fold_of = stratified_folds(hot_of(soft, samples.task), FOLDS, seed, samples.groups)
    smallest_rest = min(int((fold_of != fold).sum()) for fold in range(JUDGES))
    sizes = [round(share * min(smallest_rest, LARGEST)) for share in SHARES]
    rng = np.random.default_rng(seed)
    judged = []
    for fold in range(JUDGES):
        judge = np.flatnonzero(fold_of == fold)
        rest = rng.permutation(np.flatnonzero(fold_of != fold))
        rows = []
        for size in sizes:
            tick()
            train = rest[:size]
            fit = logistic.fit_path(x[train], soft[train], weights[train], [penalty], samples.task)[0]
            found = logistic.to_probabilities(fit.logits(x[judge]), samples.task)
            rows.append(scores(found, soft[judge], samples.task))
        judged.append(np.stack(rows))
    return sizes, np.concatenate(judged, axis=1)
