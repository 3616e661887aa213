"""Several candidates as one: the mean of their calibrated probabilities, or a regression on what they say.

Knows out-of-fold probabilities of candidates that were judged before. Does not know how those learn. Which candidates
are members, how each is calibrated and how they are weighed is decided, for the judgement of a fold, on the other folds
alone: an ensemble that chose its members on the images that judge it would beat them by luck.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labeler.train_settings import ENSEMBLES, TrainConfig
from worker.ml.candidates import linear_learners, logistic
from worker.ml.evaluation import calibration
from worker.ml.training.run import Judged, Progress, Run, Trained, losses

MEMBERS = 3  # more gained nothing and each costs its time in every prediction
PENALTIES = (0.01, 0.1, 1.0)
STACK_SCALE = 3.0  # log probabilities to about the size that the penalties are meant for


@dataclass
class Joined:
    """Members and how they are joined."""

    names: list[str]
    calibrations: list[calibration.Calibration]
    stack: logistic.Linear | None


def stack_rows(probabilities: list[NDArray[Any]], task: str) -> NDArray[np.float32]:
    """What a stack learns from: each member's log probabilities (single: less their mean), side by side (n, M K)."""
    parts = []
    for p in probabilities:
        z = linear_learners.log_scores(p, task)
        parts.append((z - z.mean(1, keepdims=True) if task == "single" else z) / STACK_SCALE)
    return np.concatenate(parts, 1).astype(np.float32)


def mean_of(probabilities: list[NDArray[Any]], calibrations: list[calibration.Calibration], task: str) -> NDArray[Any]:
    """The mean of calibrated probabilities, (n, K)."""
    each = [
        logistic.to_probabilities(how.apply(linear_learners.log_scores(p, task)), task)
        for p, how in zip(probabilities, calibrations, strict=True)
    ]
    return np.mean(each, axis=0)


class Ensemble:
    """ "ensemble": the mean; "stacking": logistic regression on the members' log probabilities (Wolpert 1992)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.title = (
            "Mean of the best candidates" if name == "ensemble" else "Regression on what the best candidates say"
        )

    def wants_pixels(self, config: TrainConfig, n_labels: int) -> bool:
        return False

    def why_not(self, run: Run) -> str | None:
        n = len(self._rivals(run))
        return None if n >= 2 else f"Joins candidates that were tried; there {'is' if n == 1 else 'are'} {n}."

    def _rivals(self, run: Run) -> list[str]:
        return [name for name in run.judged if name not in ENSEMBLES]

    def cross_validate(self, run: Run) -> Generator[Progress, None, Judged]:
        n_folds = run.config.folds
        held_out = np.zeros(run.soft.shape, np.float32)
        by_fold = []
        for fold in range(n_folds):
            yield Progress(self.name, f"{self.title}, fold {fold + 1} of {n_folds}", fold, n_folds, 0.0)
            train, judge = run.split(fold)
            joined = self._join(run, train)
            held_out[judge] = self._say(run, joined, judge)
            by_fold.append(joined.names)
        settings = {"members": self._join(run, np.arange(len(run.x))).names, "members_by_fold": by_fold}
        return Judged(held_out, settings, {"x": "setting", "points": []})

    def refit(self, run: Run) -> Generator[Progress, None, Trained]:
        joined = self._join(run, np.arange(len(run.x)))
        tensors: dict[str, torch.Tensor] = {}
        members = []
        for place, (name, how) in enumerate(zip(joined.names, joined.calibrations, strict=True)):
            trained = yield from run.candidates[name].refit(run)
            tensors |= {f"{place}.{key}": tensor for key, tensor in trained.weights.items()}
            tensors[f"{place}.ensemble.shift"] = torch.from_numpy(how.shift.copy())
            members.append(
                {
                    "candidate": name,
                    "first_stage": trained.first_stage,
                    "recipe": trained.recipe,
                    "factor": how.factor,
                }
            )
        if joined.stack is not None:
            tensors["stack.weight"] = torch.from_numpy(joined.stack.weight).float()
            tensors["stack.bias"] = torch.from_numpy(joined.stack.bias).float()
        kind = "mean" if joined.stack is None else "stack"
        return Trained({k: v.contiguous() for k, v in tensors.items()}, None, {"kind": kind, "members": members})

    def _join(self, run: Run, images: NDArray[np.int64]) -> Joined:
        """Choose, calibrate and weigh by the out-of-fold probabilities of `images` alone."""
        soft, weights, task = run.soft[images], run.weights[images], run.task
        loss = {
            name: float(np.minimum(losses(run.judged[name].probabilities[images], soft, task), 5.0).mean())
            for name in self._rivals(run)
        }
        names = sorted(loss, key=lambda name: loss[name])[:MEMBERS]
        said = [run.judged[name].probabilities[images] for name in names]
        calibrations = [calibration.fit(linear_learners.log_scores(p, task), soft, weights, task) for p in said]
        if self.name == "ensemble":
            return Joined(names, calibrations, None)
        rows, fold_of = stack_rows(said, task), run.fold_of[images]
        totals = np.zeros(len(PENALTIES))
        for fold in np.unique(fold_of):
            learn, judge = fold_of != fold, fold_of == fold
            fits = logistic.fit_path(rows[learn], soft[learn], weights[learn], list(PENALTIES), task)
            for place, fit in enumerate(fits):
                p = logistic.to_probabilities(fit.logits(rows[judge]), task)
                totals[place] += losses(p, soft[judge], task).sum()
        penalty = PENALTIES[int(totals.argmin())]
        return Joined(names, calibrations, logistic.fit_path(rows, soft, weights, [penalty], task)[0])

    def _say(self, run: Run, joined: Joined, images: NDArray[np.int64]) -> NDArray[np.float32]:
        said = [run.judged[name].probabilities[images] for name in joined.names]
        if joined.stack is None:
            return mean_of(said, joined.calibrations, run.task).astype(np.float32)
        logits = joined.stack.logits(stack_rows(said, run.task))
        return logistic.to_probabilities(logits, run.task).astype(np.float32)
