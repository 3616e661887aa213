"""What would fewer labels have given, and did active learning pay? Accuracy after so many labels, in the order in which
they were asked for and in random order.

Knows labeled features, for the second of them in the order of labeling, and the regression: of the candidates the one
that trains in a second, and the shape of its curve is what one wants to know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.stats.intervals import Z95
from worker.ml.candidates import logistic
from worker.ml.evaluation.compare import scores
from worker.ml.evaluation.metrics import share, stat
from worker.ml.training.folds import stratified_folds
from worker.ml.training.run import TrainingSet, hot_of

SUBSETS = (0.125, 0.25, 0.5, 0.75, 1.0)  # shares of the largest subset
FOLDS, JUDGES = 5, 3  # folds, and how many of them judge: every image of three is enough for the shape
FEWEST_LABELS = 60  # below, the smallest subset would hold a handful
SHARES = (0.25, 0.5, 0.75, 1.0)  # of the labels drawn at random
FEWEST_RANDOM, FEWEST_CHOSEN, FEWEST_TEST = 40, 20, 30
LARGEST = 800  # labels of a fit: each takes some tenths of a second then, all of a curve some 2.5 seconds of one core


def points(
    samples: TrainingSet, *, penalty: float, seed: int = 0, tick: Callable[[], None] = lambda: None
) -> tuple[list[int], NDArray[np.float64]]:
    """How right would the model be with fewer labels? What the points foresee is labeler/stats/learning.py's.

    Sizes of the subsets (S,), and how right models trained on them were on images they had not seen, (S, n judged).
    penalty: C of the regression. tick is called before every fit, and may raise. Both are empty with fewer than
    FEWEST_LABELS.
    """
    n = len(samples)
    if n < FEWEST_LABELS:
        return [], np.empty((0, 0))
    x, soft = logistic.scale_features(samples.features), samples.soft()
    weights = np.ones(n) if samples.weights is None else samples.weights.astype(np.float64)
    fold_of = stratified_folds(hot_of(soft, samples.task), FOLDS, seed, samples.groups)
    smallest_rest = min(int((fold_of != fold).sum()) for fold in range(JUDGES))
    sizes = [round(share * min(smallest_rest, LARGEST)) for share in SUBSETS]
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


def curves(
    samples: TrainingSet,
    drawn: NDArray[np.bool_],
    test_features: NDArray[Any],
    test_targets: NDArray[Any],
    *,
    penalty: float,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """{"points": [{size, asked: STAT, random: STAT}], "n": test images, "reason": why there are none}.

    samples: in the order of labeling. drawn (n,): which were drawn at random; a model chose the rest. Both curves are
    judged on the same test images, which nothing chose. asked: the first `size` labels as they came, random ones among
    them; random: the first `size` drawn ones. For several labels the figure is the share of right yes and no.
    """
    n_random, n_chosen, n_test = int(drawn.sum()), int((~drawn).sum()), len(test_features)
    reason = None
    if n_chosen < FEWEST_CHOSEN:
        reason = f"The model chose {n_chosen} of the labeled images; {FEWEST_CHOSEN} are needed."
    elif n_random < FEWEST_RANDOM:
        reason = f"{n_random} labeled images were drawn at random; {FEWEST_RANDOM} are needed."
    elif n_test < FEWEST_TEST:
        reason = f"There are {n_test} test images; {FEWEST_TEST} are needed."
    if reason is not None:
        return {"points": [], "n": n_test, "reason": reason}
    soft = samples.soft()
    hot = hot_of(soft, samples.task)
    x, x_test = logistic.scale_features(samples.features), logistic.scale_features(test_features)
    orders = {"asked": np.arange(len(samples)), "random": np.flatnonzero(drawn)}
    points = []
    for size in sorted({round(part * min(n_random, LARGEST)) for part in SHARES}):
        first = {name: order[:size] for name, order in orders.items()}
        if any((hot[images].sum(0) > 0).sum() < 2 for images in first.values()):
            continue  # one class: nothing can be learned yet
        row: dict[str, Any] = {"size": size}
        for name, images in first.items():
            tick()
            fit = logistic.fit_path(x[images], soft[images], np.ones(size), [penalty], samples.task)[0]
            right = scores(logistic.to_probabilities(fit.logits(x_test), samples.task), test_targets, samples.task)
            row[name] = share(int(right.sum()), n_test, "") if samples.task == "single" else _mean(right)
        points.append(row)
    return {"points": points, "n": n_test, "reason": None if points else "Too few classes in the first labels."}


def _mean(right: NDArray[np.float64]) -> dict[str, Any]:
    value, half = float(right.mean()), Z95 * float(right.std(ddof=1)) / np.sqrt(len(right))
    return stat(value, max(0.0, value - half), min(1.0, value + half), len(right))
