"""The first candidate: logistic regression on the frozen features, in seconds on any machine.

Knows the regression and folds. Every candidate has this shape: name, title, `wants_pixels`, `why_not`, and
two generators that yield Progress and return a Judged and a Trained.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from labeler.train_settings import TrainConfig
from worker.ml.candidates import logistic
from worker.ml.evaluation.compare import scores
from worker.ml.training.run import Judged, Progress, Run, Trained, losses

WORSE_BY = 3.0  # standard errors of the difference


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
        kept = run.stages.load("frozen")
        if kept is None:
            z, _ = run.principal
            splits = [run.split(fold) for fold in range(n_folds)]
            paths = [_path(run, z, run.drawn(train)) for train, _ in splits]
            tried: list[NDArray[np.float32]] = []  # (n, K) for each penalty, judged by models without the image
            figures: list[NDArray[Any]] = []
            each_loss: list[NDArray[Any]] = []
            for penalty in penalties:
                yield Progress("frozen", "Frozen features with regression", len(tried), len(penalties), 0.0)
                found = np.zeros(run.soft.shape, np.float32)
                seen = []
                for path, (train, judge) in zip(paths, splits, strict=True):
                    fit = path.fit(penalty)
                    p = logistic.to_probabilities(fit.logits(z[train]), run.task)
                    soft = run.soft[train]
                    seen.append((losses(p, soft, run.task).mean(), scores(p, soft, run.task).mean()))
                    found[judge] = logistic.to_probabilities(fit.logits(z[judge]), run.task)
                tried.append(found)
                figures.append(np.mean(seen, axis=0))
                each_loss.append(losses(found, run.soft, run.task))
                if _is_past_the_best(each_loss):
                    break
            kept = {"judge": np.array(tried), "train": np.array(figures)}, None
            run.stages.save("frozen", *kept)
        held_out, train_figures = kept[0]["judge"], kept[0]["train"]

        loss = np.stack([losses(p, run.soft, run.task) for p in held_out])  # (penalties, n)
        # The penalty with which a fold is judged was chosen on the other folds: nothing judges its own choice.
        judged = np.empty_like(held_out[0])
        for fold in range(n_folds):
            train, judge = run.split(fold)
            judged[judge] = held_out[loss[:, train].mean(1).argmin(), judge]
        chosen = int(loss.mean(1).argmin())
        points = [
            {
                "C": penalty,
                "train_loss": float(train_figures[i, 0]),
                "train_accuracy": float(train_figures[i, 1]),
                "validation_loss": float(loss[i].mean()),
                "validation_accuracy": float(scores(held_out[i], run.soft, run.task).mean()),
            }
            for i, penalty in enumerate(penalties[: len(held_out)])
        ]
        return Judged(judged, {"C": penalties[chosen]}, {"x": "C", "points": points})

    def refit(self, run: Run) -> Generator[Progress, None, Trained]:
        yield Progress("refit", "Fitting the chosen model to all labels", 0, 1, 0.0)
        penalty = run.judged[self.name].settings["C"]
        shown = run.drawn(np.arange(len(run.x)))
        z, axes = run.principal
        head = _path(run, z, shown).fit(penalty)
        if axes is not None:
            head = axes.back(head)
        weight, bias = torch.from_numpy(head.weight).float(), torch.from_numpy(head.bias).float()
        return Trained({"head.weight": weight.contiguous(), "head.bias": bias.contiguous()}, None)


def _path(run: Run, z: NDArray[np.float32], shown: NDArray[np.int64]) -> logistic.Path:
    return logistic.Path(z[shown], run.soft[shown], run.weights[shown], run.task)


def _is_past_the_best(each_loss: list[NDArray[Any]]) -> bool:
    """Whether the last penalty tried is worse than the best before it beyond doubt: then weaker ones are worse still.

    each_loss: (n,) for each penalty, of the same images. With few images nothing is beyond doubt, and all are tried.
    """
    if len(each_loss) < 2:
        return False
    best = min(each_loss[:-1], key=np.mean)
    worse = each_loss[-1] - best
    return bool(worse.mean() > WORSE_BY * worse.std() / np.sqrt(len(worse)))
