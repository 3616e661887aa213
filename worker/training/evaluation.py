"""Is the new model good, and is it good enough to take over? Figures on held-out images, and the promotion.

Knows datasets, rows of predictions and worker.ml.evaluation.metrics. Does not know how the probabilities came about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.label_set import categories as label_set
from labeler.models import TrainingRun
from labeler.stats.results import FEW_IMAGES
from worker.ml.evaluation import compare, curves, metrics
from worker.ml.saved.predict import fit_temperature
from worker.training.dataset import Dataset, Example

FEWEST_TO_FIT = 50  # calibration images for one temperature: with ten, three lucky ones would make it 0.05
MARGIN = 0.02  # the new model may be this much worse and still count as not worse


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to make the model active, and why, in words."""

    activate: bool
    note: str


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
    answers: dict[tuple[int, ...], int] = {}
    for example in dataset.train:
        answers[tuple(example.categories)] = answers.get(tuple(example.categories), 0) + 1
    return max(answers.values()) / len(dataset.train)


@dataclass(frozen=True, slots=True)
class InUse:
    """The model that pre-labels now, and what it said of images it had not learned from."""

    run: TrainingRun
    test: Mapping[int, Sequence[float]]  # by image id, over the run's classes: of test images
    crossed: Mapping[int, Sequence[int]]  # its answers, ids of categories, in its own cross-validation


def verdict(
    dataset: Dataset, figures: dict[str, Any], in_use: InUse | None, out_of_fold: NDArray, test: NDArray
) -> Verdict:
    """May the new model pre-label from now on? out_of_fold, test: as for report().

    Two models are held against one another on the same images: test images, or while those are few the training images
    that both have judged in cross-validation. Two cross-validations of different images are two questions: active order
    adds the hard ones, and the newer figure would be the lower one.
    """
    crossed = figures["cross_validation"]["accuracy"]["value"] or 0.0
    by_chance = figures["chance"]
    chance_too = f"always giving the most frequent answer would be right on {100 * by_chance:.0f} %."
    if in_use is None:
        text = f"In cross-validation it is right on {100 * crossed:.0f} % of the labeled images; {chance_too}"
        better = crossed > by_chance
        return Verdict(better, f"The first model. {text}" if better else f"Not used: no better than chance. {text}")
    number = in_use.run.number
    old, new = _on_test_images(dataset, in_use, test)
    n_test, where = len(new), "held-out images"
    if n_test < FEW_IMAGES:
        old, new = _on_crossed_images(dataset, in_use, out_of_fold)
        where = "images that both have judged in cross-validation"
    few = f" Only {n_test} held-out images could be compared." if n_test < FEW_IMAGES else ""
    if len(new) >= FEW_IMAGES:
        comparison = compare.not_worse(old, new, MARGIN, of=where)
        promote, reason = comparison.promote, comparison.reason
    else:
        promote, few = crossed > by_chance, ""
        reason = (
            f"Too few images were judged by both to compare them ({n_test} held-out ones, {len(new)} in "
            f"cross-validation; {FEW_IMAGES} are needed). It is right on {100 * crossed:.0f} % in "
            f"cross-validation; {chance_too}"
        )
    outcome = f"Used in place of model {number}." if promote else f"Not used; model {number} stays."
    return Verdict(promote, f"{outcome} {reason}{few}")


def _on_test_images(dataset: Dataset, in_use: InUse, test: NDArray) -> tuple[NDArray, NDArray]:
    """How right the model in use and the new one are on each test image that both have judged."""
    ids = [example.image_id for example in dataset.test]
    shared = [k for k, image_id in enumerate(ids) if image_id in in_use.test and not np.isnan(test[k]).any()]
    if not shared:
        return np.empty(0), np.empty(0)
    old = _as_of_today(dataset, in_use.run, np.array([in_use.test[ids[k]] for k in shared], float))
    truth = targets_of(dataset, dataset.test)[shared]
    return compare.scores(old, truth, dataset.task), compare.scores(test[shared], truth, dataset.task)


def _on_crossed_images(dataset: Dataset, in_use: InUse, out_of_fold: NDArray) -> tuple[NDArray, NDArray]:
    """The same on training images, each model by what it had said before it learned them."""
    known, truth = truth_of(dataset, dataset.train, out_of_fold)
    ids = [example.image_id for example, is_known in zip(dataset.train, known, strict=True) if is_known]
    shared = [k for k, image_id in enumerate(ids) if image_id in in_use.crossed]
    if not shared:
        return np.empty(0), np.empty(0)
    place = {pk: k for k, pk in enumerate(in_use.run.category_ids)}
    said = np.zeros((len(shared), len(place)))
    for row, k in enumerate(shared):
        said[row, [place[pk] for pk in in_use.crossed[ids[k]] if pk in place]] = 1.0
    old = _as_of_today(dataset, in_use.run, said)
    new = out_of_fold[known][shared]
    return compare.scores(old, truth[shared], dataset.task), compare.scores(new, truth[shared], dataset.task)


def _as_of_today(dataset: Dataset, run: TrainingRun, found: NDArray) -> NDArray:
    """What a run's model says, (n, its classes), of the classes of today, (n, K).

    Classes that were merged since count as what they became: one of them, of single choice; any of them, of several
    labels. Those that it did not know get nothing.
    """
    index, place = label_set.index(run.project), {pk: k for k, pk in enumerate(dataset.category_ids)}
    today = np.zeros((len(found), len(place)))
    for column, pk in enumerate(run.category_ids):
        for now in index.present([pk]):
            if now not in place:
                continue
            at, said = place[now], found[:, column]
            today[:, at] = 1 - (1 - today[:, at]) * (1 - said) if dataset.is_multi else today[:, at] + said
    return today
