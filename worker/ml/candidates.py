"""The first candidate: logistic regression on the frozen features, in seconds on any machine.

Knows the regression and folds. Every candidate has this shape: name, title, `wants_pixels`, `why_not`, and
two generators that yield Progress and return a Judged and a Trained.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

import numpy as np
import torch

from worker.ml import logistic
from worker.ml.compare import scores
from worker.ml.config import TrainConfig
from worker.ml.run import Judged, Progress, Run, Trained, losses


class Candidate(Protocol):
    """One way to learn from the labels."""

    name: str
    title: str

    def wants_pixels(self, config: TrainConfig, n_labels: int) -> bool: ...
    def why_not(self, run: Run) -> str | None: ...
    def cross_validate(self, run: Run) -> Generator[Progress, None, Judged]: ...
    def refit(self, run: Run) -> Generator[Progress, None, Trained]: ...


class Frozen:
    """L2-normalised features x sqrt(d), softmax or sigmoid regression, C chosen by cross-validation."""

    name = "frozen"
    title = "Frozen features with logistic regression"

    def wants_pixels(self, config: TrainConfig, n_labels: int) -> bool:
        return False

    def why_not(self, run: Run) -> str | None:
        return None

    def cross_validate(self, run: Run) -> Generator[Progress, None, Judged]:
        penalties, n_folds = list(run.config.penalties), run.config.folds
        n, n_categories = run.soft.shape
        held_out = np.zeros((len(penalties), n, n_categories), np.float32)
        train_figures = np.zeros((n_folds, len(penalties), 2))
        for fold in range(n_folds):
            yield Progress("frozen", f"Frozen features, fold {fold + 1} of {n_folds}", fold, n_folds, 0.0)
            train, judge = run.split(fold)
            kept = run.stages.load(f"frozen-{fold}")
            if kept is None:
                shown = run.drawn(train)
                fits = logistic.fit_path(run.x[shown], run.soft[shown], run.weights[shown], penalties, run.task)
                seen = [logistic.to_probabilities(f.logits(run.x[train]), run.task) for f in fits]
                figures = [
                    [losses(p, run.soft[train], run.task).mean(), scores(p, run.soft[train], run.task).mean()]
                    for p in seen
                ]
                p_judge = [logistic.to_probabilities(f.logits(run.x[judge]), run.task) for f in fits]
                kept = {"judge": np.array(p_judge, np.float32), "train": np.array(figures)}, None
                run.stages.save(f"frozen-{fold}", *kept)
            held_out[:, judge], train_figures[fold] = kept[0]["judge"], kept[0]["train"]

        each_loss = np.stack([losses(p, run.soft, run.task) for p in held_out])  # (penalties, n)
        # The penalty with which a fold is judged was chosen on the other folds: nothing judges its own choice.
        judged = np.empty_like(held_out[0])
        for fold in range(n_folds):
            train, judge = run.split(fold)
            judged[judge] = held_out[each_loss[:, train].mean(1).argmin(), judge]
        chosen = int(each_loss.mean(1).argmin())
        points = [
            {
                "C": penalty,
                "train_loss": float(train_figures[:, i, 0].mean()),
                "train_accuracy": float(train_figures[:, i, 1].mean()),
                "validation_loss": float(each_loss[i].mean()),
                "validation_accuracy": float(scores(held_out[i], run.soft, run.task).mean()),
            }
            for i, penalty in enumerate(penalties)
        ]
        return Judged(judged, {"C": penalties[chosen]}, {"x": "C", "points": points})

    def refit(self, run: Run) -> Generator[Progress, None, Trained]:
        yield Progress("refit", "Fitting the chosen model to all labels", 0, 1, 0.0)
        penalty = run.judged[self.name].settings["C"]
        shown = run.drawn(np.arange(len(run.x)))
        head = logistic.fit_path(run.x[shown], run.soft[shown], run.weights[shown], [penalty], run.task)[0]
        weights = {
            "head.weight": torch.from_numpy(head.weight).float(),
            "head.bias": torch.from_numpy(head.bias).float(),
        }
        return Trained({key: value.contiguous() for key, value in weights.items()}, None)
