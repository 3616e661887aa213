"""Did active learning pay? Accuracy after so many labels, in the order they were asked for and in random order.

Knows labeled features in the order in which they were labeled, and which of them were drawn at random. Both curves are
judged on the same test images, which nothing chose.
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
from worker.ml.training.run import TrainingSet, hot_of

SHARES = (0.25, 0.5, 0.75, 1.0)  # of the labels drawn at random
FEWEST_RANDOM, FEWEST_CHOSEN, FEWEST_TEST = 40, 20, 30
LARGEST = 800  # labels of a fit; each takes some tenths of a second then


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

    samples: in the order of labeling. drawn (n,): which were drawn at random; a model chose the rest. asked: the first
    `size` labels as they came, random ones among them; random: the first `size` drawn ones. For
    several labels the figure is the share of right yes and no.
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
