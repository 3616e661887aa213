"""Is a new model good enough to take over from the one in use? Both on the same images, by a margin.

Judges; who makes a model the active one is labeler/training/runs.py.
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
from worker.ml.evaluation import compare
from worker.training.dataset import Dataset
from worker.training.evaluation import targets_of, truth_of

MARGIN = 0.02  # the new model may be this much worse and still count as not worse


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to make the model active, and why, in words."""

    activate: bool
    note: str


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
    if in_use.run.is_outside:
        return _instead_of_outside(in_use.run, old, new)
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


def _instead_of_outside(run: TrainingRun, old: NDArray, new: NDArray) -> Verdict:
    """A lead chose another program's model: it stays until one of ours is better on the same held-out images."""
    name = f"model {run.number} ({run.origin}), another program's"
    if len(new) < FEW_IMAGES:
        few = f"{len(new)} held-out images have a prediction of both, and {FEW_IMAGES} are needed to compare them"
        return Verdict(False, f"Not used; {name}, stays: {few}. A lead can choose this one.")
    better, p = compare.better_beyond_noise(old, new)
    told = f"{100 * new.mean():.1f} % right against {100 * old.mean():.1f} % on the same {len(new)} held-out images"
    if better:
        return Verdict(True, f"Used in place of {name}: {told}, better beyond chance ({compare.chance(p)}).")
    return Verdict(False, f"Not used; {name}, stays: {told}, not better beyond chance ({compare.chance(p)}).")


def _on_test_images(dataset: Dataset, in_use: InUse, test: NDArray) -> tuple[NDArray, NDArray]:
    """How right the model in use and the new one are on each test image that both have judged."""
    ids = [example.image_id for example in dataset.test]
    shared = [k for k, image_id in enumerate(ids) if image_id in in_use.test and not np.isnan(test[k]).any()]
    if not shared:
        return np.empty(0), np.empty(0)
    old = as_of_today(dataset, in_use.run, np.array([in_use.test[ids[k]] for k in shared], float))
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
    old = as_of_today(dataset, in_use.run, said)
    new = out_of_fold[known][shared]
    return compare.scores(old, truth[shared], dataset.task), compare.scores(new, truth[shared], dataset.task)


def as_of_today(dataset: Dataset, run: TrainingRun, found: NDArray) -> NDArray:
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
