"""How good is the new model? Figures on held-out images, and the temperature of its probabilities.

Knows datasets, rows of predictions and worker.ml.evaluation.metrics. Does not know how the probabilities came about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.stats.results import FEW_IMAGES
from worker.ml.evaluation import curves, metrics
from worker.ml.evaluation.temperature import fit_temperature
from worker.training.dataset import Dataset, Example

FEWEST_TO_FIT = 50  # calibration images for one temperature: with ten, three lucky ones would make it 0.05


def targets_of(dataset: Dataset, examples: Sequence[Example]) -> NDArray:
    """Single choice: (n,) positions in dataset.category_ids; several labels: (n, K) of 0 and 1."""
    return _as_targets(dataset, [example.categories for example in examples])


def truth_of(dataset: Dataset, examples: Sequence[Example], found: NDArray) -> tuple[NDArray[np.bool_], NDArray]:
    """Which of these images a model can be judged on, (n,), and as targets_of() the truth of those.

    found: what it says of each, (n, K). Not on what it could not read (NaN), and not where people alone say nothing.
    """
    seen = ~np.isnan(found).any(axis=1)
    seen &= np.array([example.truth is not None for example in examples], bool)
    named = [example.truth or [] for example, is_seen in zip(examples, seen, strict=True) if is_seen]
    return seen, _as_targets(dataset, named)


def _as_targets(dataset: Dataset, named: Sequence[Sequence[int]]) -> NDArray:
    position = {pk: k for k, pk in enumerate(dataset.category_ids)}
    if not dataset.is_multi:
        return np.array([position[categories[0]] for categories in named], np.int64)
    hot = np.zeros((len(named), len(position)), np.int64)
    for row, categories in enumerate(named):
        hot[row, [position[pk] for pk in categories]] = 1
    return hot


def soft_targets_of(dataset: Dataset, examples: Sequence[Example]) -> NDArray:
    """(n, K) probabilities, from how sure people's consensus is of each image.

    Single choice: the rest of the certainty spread evenly over the other classes. Several labels: each yes and no is
    as sure as all K of them together allow, were their errors independent: confidence ** (1 / K), at least one half.
    """
    hard, n_categories = targets_of(dataset, examples), len(dataset.category_ids)
    sure = np.array([example.confidence for example in examples], float)[:, None]
    if dataset.is_multi:
        each = np.maximum(sure ** (1 / n_categories), 0.5)
        return np.where(hard == 1, each, 1 - each)
    chosen = np.eye(n_categories)[hard]
    # Never below an even share: the consensus stays the likeliest class, however few agreed.
    sure = np.maximum(sure, 1 / n_categories)
    return chosen * sure + (1 - chosen) * (1 - sure) / max(n_categories - 1, 1)


def temperature_of(dataset: Dataset, found: NDArray) -> tuple[float, int]:
    """The temperature that fits the calibration slice, and of how many images; 1 while those are too few for one.

    found: (n, K); rows of NaN, of images that could not be read, are none of them.
    """
    seen, truth = truth_of(dataset, dataset.calibration, found)
    n = int(seen.sum())
    return (fit_temperature(found[seen], truth, dataset.task) if n >= FEWEST_TO_FIT else 1.0), n


def report(dataset: Dataset, out_of_fold: NDArray, test: NDArray) -> dict[str, Any]:
    """The figures of a run's row: those of the test images, or of cross-validation while those are few.

    out_of_fold: (n, K) for dataset.train; test: (n, K) for dataset.test; NaN rows are left out, and images of which
    people alone say nothing where the model voted along. `judged_on` says which; `cross_validation` always has its
    accuracy and macro F1, `held_out` those of the test images; `curves` are of the same images as the figures.
    """
    known, trained = truth_of(dataset, dataset.train, out_of_fold)
    names = dataset.category_names
    crossed = metrics.evaluate(out_of_fold[known], trained, names, dataset.task)
    seen, tested = truth_of(dataset, dataset.test, test)
    held_out = metrics.evaluate(test[seen], tested, names, dataset.task)
    # All of a report from two images says nothing, beside a hundred that were cross-validated.
    use_test = seen.sum() >= min(FEW_IMAGES, max(1, known.sum()))
    shown, truth = (test[seen], tested) if use_test else (out_of_fold[known], trained)
    return {
        **(held_out if use_test else crossed),
        "judged_on": "test" if use_test else "cross-validation",
        "cross_validation": {key: crossed[key] for key in ("n", "accuracy", "macro_f1")},
        "held_out": {key: held_out[key] for key in ("n", "accuracy", "macro_f1")},
        "chance": chance(dataset),
        "curves": curves.curves(shown, truth, names, dataset.task),
    }


def chance(dataset: Dataset) -> float:
    """How often the most frequent answer of the training labels would be right: what any model must beat."""
    if not dataset.train:
        return 0.0
    answers = Counter(tuple(example.categories) for example in dataset.train)
    return max(answers.values()) / len(dataset.train)
