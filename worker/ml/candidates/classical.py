"""The classical candidates: one method (learners.py) on one kind of input (inputs.py).

Knows folds, the search for settings and calibration. Does not know what a method does, nor what is measured. A name
says both: "svm" learns from the backbone's features, "classic.svm" from the descriptors of ml/images/measures.py,
"sift.svm" from the visual words of ml/images/visual_words.py.

Inside the images that a model may learn from, three inner folds do two things at once: they choose among the method's
settings, and their out-of-fold scores show how to turn scores into probabilities. What judges takes no part in either.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labeler.train_settings import TrainConfig
from worker.ml.candidates import learners, linear_learners, logistic
from worker.ml.candidates.inputs import INPUTS
from worker.ml.evaluation import calibration
from worker.ml.evaluation.compare import scores as right_answers
from worker.ml.training.folds import stratified_folds
from worker.ml.training.run import Judged, Progress, Run, Trained, hot_of, losses

INNER_FOLDS = 3
MEASURED_AT_ONCE = 64  # images between two signs of life


@dataclass
class Fitted:
    """A method fitted to some images, with what turns its scores into logits."""

    rows: NDArray[np.float32]  # (n, d) of all images of the run, made with `learned`
    learned: linear_learners.Arrays  # what making the rows took from the same images; most inputs take nothing
    arrays: linear_learners.Arrays
    settings: dict[str, Any]
    calibration: calibration.Calibration
    tried: int  # settings that the time sufficed for


class Classical:
    """One learner on one kind of input."""

    def __init__(self, learner: str, source: str) -> None:
        self.learner, self.source = learner, source
        self.name = learner if source == "deep" else f"{source}.{learner}"
        self.title = f"{INPUTS[source].title} with {learners.LEARNERS[learner].title}"

    def wants_pixels(self, config: TrainConfig, n_labels: int) -> bool:
        return INPUTS[self.source].measure is not None

    def why_not(self, run: Run) -> str | None:
        most = learners.LEARNERS[self.learner].max_labels
        if len(run.x) > most:
            return f"Tried with up to {most:,} labels; there are {len(run.x):,}."
        return None if INPUTS[self.source].measure is None else run.lacks()

    def cross_validate(self, run: Run) -> Generator[Progress, None, Judged]:
        measured = yield from self._measured(run)
        n_folds = run.config.folds
        held_out = np.zeros(run.soft.shape, np.float32)
        chosen: list[dict[str, Any]] = []
        figures = np.zeros((n_folds, 2))
        for fold in range(n_folds):
            text = f"{self.title}, fold {fold + 1} of {n_folds}"
            yield Progress(self.name, text, fold, n_folds, 0.0)
            train, judge = run.split(fold)
            kept = run.stages.load(f"{self.name}-{fold}")
            if kept is None:
                fitted = yield from self._fit(run, measured, train, Progress(self.name, text, fold, n_folds, 0.0))
                seen = self._probabilities(run, fitted, train)
                truth = run.soft[train]
                figures_here = [losses(seen, truth, run.task).mean(), right_answers(seen, truth, run.task).mean()]
                arrays = {"judge": self._probabilities(run, fitted, judge), "train": np.array(figures_here)}
                kept = arrays, {"settings": fitted.settings, "tried": fitted.tried}
                run.stages.save(f"{self.name}-{fold}", *kept)
            held_out[judge], figures[fold] = kept[0]["judge"], kept[0]["train"]
            chosen.append(kept[1])
        settings = {
            "input": self.source,
            "by_fold": [fold["settings"] for fold in chosen],
            "tried": min(fold["tried"] for fold in chosen),
            "train_loss": float(figures[:, 0].mean()),
            "train_accuracy": float(figures[:, 1].mean()),
        }
        return Judged(held_out, settings, {"x": "setting", "points": []})

    def refit(self, run: Run) -> Generator[Progress, None, Trained]:
        text = "Fitting the chosen model to all labels"
        yield Progress("refit", text, 0, 1, 0.0)
        measured = yield from self._measured(run)
        fitted = yield from self._fit(run, measured, np.arange(len(run.x)), Progress("refit", text, 0, 1, 0.0))
        tensors = {f"learned.{key}": torch.from_numpy(array.copy()) for key, array in fitted.arrays.items()}
        tensors |= {f"input.{key}": torch.from_numpy(array.copy()) for key, array in fitted.learned.items()}
        tensors["calibration.shift"] = torch.from_numpy(fitted.calibration.shift.copy())
        recipe = {
            "kind": "learned", "learner": self.learner, "input": self.source, "settings": fitted.settings,
            "factor": fitted.calibration.factor,
        }  # fmt: skip
        return Trained(tensors, None, recipe)

    # -- one fit ---------------------------------------------------------------------------------------

    def _measured(self, run: Run) -> Generator[Progress, None, linear_learners.Arrays]:
        """What is known of each image before anything is learned; measured once per run and shared."""
        how = INPUTS[self.source]
        if how.measure is None:
            return {"rows": run.x}
        if self.source not in run.measured:
            kept = run.stages.load(self.source)
            if kept is not None:
                run.measured[self.source] = kept[0]
            else:
                assert run.pixels is not None
                n, parts = len(run.pixels), []
                for start in range(0, n, MEASURED_AT_ONCE):
                    yield Progress(self.source, how.text, start, n, 0.0)
                    parts.append(how.measure(run.pixels[start : start + MEASURED_AT_ONCE]))
                found = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
                run.measured[self.source] = found
                run.stages.save(self.source, found, None)
        return run.measured[self.source]

    def _fit(
        self, run: Run, measured: linear_learners.Arrays, images: NDArray[np.int64], sign: Progress
    ) -> Generator[Progress, None, Fitted]:
        """Search, calibrate, fit: all of it on `images` alone."""
        search, task, seed = run.config.search, run.task, run.config.seed
        how, key = INPUTS[self.source], (self.source, images.tobytes())
        if key not in run.learned:  # by another method, from the same images
            run.learned[key] = how.learn(measured, images, seed)
        learned = run.learned[key]
        x = how.rows(measured, learned)
        yield sign
        # The time is shared by the folds and the last fit.
        ends = time.monotonic() + search.time_limit_s / (run.config.folds + 1)
        groups = None if run.samples.groups is None else run.samples.groups[images]
        inner = stratified_folds(hot_of(run.soft[images], task), INNER_FOLDS, seed + 1, groups)
        best: tuple[float, dict[str, Any], calibration.Calibration] | None = None
        tried = 0
        for settings in learners.LEARNERS[self.learner].grid[: search.settings]:
            if tried and time.monotonic() > ends:
                break
            scores = np.zeros((len(images), run.soft.shape[1]))
            for part in range(INNER_FOLDS):
                learn = run.drawn(images[inner != part])
                arrays = learners.fit(self.learner, x[learn], run.soft[learn], run.weights[learn], task, settings, seed)
                scores[inner == part] = learners.scores(self.learner, arrays, x[images[inner == part]], task)
                yield sign
            tried += 1
            # Balanced learning is calibrated in the same balance: else the shifts would take it back.
            place = np.searchsorted(images, run.drawn(images))
            at = images[place]
            fitted = calibration.fit(scores[place], run.soft[at], run.weights[at], task)
            p = logistic.to_probabilities(fitted.apply(scores[place]), task)
            loss = float(np.average(losses(p, run.soft[at], task), weights=run.weights[at]))
            if best is None or loss < best[0]:
                best = loss, settings, fitted
        assert best is not None
        learn = run.drawn(images)
        arrays = learners.fit(self.learner, x[learn], run.soft[learn], run.weights[learn], task, best[1], seed)
        return Fitted(x, learned, arrays, best[1], best[2], tried)

    def _probabilities(self, run: Run, fitted: Fitted, images: NDArray[np.int64]) -> NDArray[np.float32]:
        scores = learners.scores(self.learner, fitted.arrays, fitted.rows[images], run.task)
        return logistic.to_probabilities(fitted.calibration.apply(scores), run.task).astype(np.float32)
