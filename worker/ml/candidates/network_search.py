"""Which settings to train a network with: short trials of a few, inside the images that a fold learns from.

Knows the list of settings, the clock, and how trials are kept and compared. Does not know how a network is trained
(finetune.py), nor what a trial is of (finetuned.py).

The images that judge a fold take no part in its trials: each fold chooses for itself, on an inner split of the images
that it learns from. The last fit, which nothing judges, takes what was best on average over the folds that compared.

A short trial leaves a network less sure than a whole training would, and the more so the smaller its steps: by plain
log loss the largest learning rate wins, also where it is right less often. So trials are compared at the temperature
that is best for each, and another setting is chosen only when it is ahead of the given one by more than one standard
error: what differs by less is luck.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass, replace
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from labeler.train_settings import SETTINGS
from worker.ml.candidates.resume import Keeper
from worker.ml.distributed import process_group
from worker.ml.errors import LossNotFinite, OutOfMemory
from worker.ml.evaluation.compare import scores as right_answers
from worker.ml.evaluation.temperature import apply_temperature, fit_temperature
from worker.ml.training.folds import stratified_folds
from worker.ml.training.run import Progress, Run, Skipped, hot_of, losses

INNER_FOLDS = 4  # one of them judges the trials
TRIAL_SHARE = 0.4  # of the epochs of the fit that the trials are for
NO_TIME = "The time for trials was used up."


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """What trials vary. As in the settings "finetune.…", so that a person can set what was found."""

    first_stage: int
    learning_rate: float
    weight_decay: float
    dropout: float


class Trial(TypedDict):
    """How one setting did in one fold. Without figures there is a reason."""

    loss: float | None  # mean log loss of the inner images that judge, at the best temperature
    accuracy: float | None  # of the same images
    gain: float | None  # by how much the loss is smaller than that of the settings as given, on the same images
    error: float | None  # standard error of the gain
    reason: str | None


# settings, images to learn from, images to judge by, keeper, when to stop -> probabilities (n, K) of those that judge.
# Raises Skipped when the time is used up, LossNotFinite, OutOfMemory.
Try = Callable[
    [NetworkSettings, NDArray[np.int64], NDArray[np.int64], Keeper, float],
    Generator[Progress, None, NDArray[np.float32]],
]


def settings_to_try(given: NetworkSettings, n_stages: int, most: int) -> list[NetworkSettings]:
    """The given settings and what differs from them in one thing, the most sensible first; at most `most`, at least 1.

    n_stages: of the network. Left out is what lies outside the limits of the settings.
    """
    rate, decay, dropout = given.learning_rate, given.weight_decay, given.dropout
    listed = [
        given,
        replace(given, learning_rate=_short(rate * 3)),
        replace(given, learning_rate=_short(rate / 3)),
        replace(given, first_stage=given.first_stage + 1),
        replace(given, dropout=_short(dropout + 0.3)),
        replace(given, weight_decay=_short(decay * 4) if decay else 0.05),
        replace(given, first_stage=given.first_stage - 1),
        replace(given, dropout=0.0),
        replace(given, weight_decay=0.0),
    ]
    possible = [one for one in listed if one == given or _is_possible(one, n_stages)]
    return list(dict.fromkeys(possible))[: max(1, most)]


def _short(value: float) -> float:
    return float(f"{value:.2g}")


def _is_possible(one: NetworkSettings, n_stages: int) -> bool:
    limits = {name: SETTINGS[f"finetune.{name}"] for name in ("learning_rate", "weight_decay", "dropout")}
    within = all(limit.low <= getattr(one, name) <= limit.high for name, limit in limits.items())
    return within and 0 <= one.first_stage < n_stages


def trial_epochs(epochs: int) -> int:
    """How long a trial is, for a fit of so many epochs."""
    return max(1, round(TRIAL_SHARE * epochs))


def search(
    run: Run, stage: str, images: NDArray[np.int64], listed: list[NetworkSettings], attempt: Try
) -> Generator[Progress, None, list[Trial]]:
    """Try each of `listed` on `images` alone, in this order while there is time; one Trial for each of them.

    stage: where the run keeps what is finished. The time limit is shared evenly by the folds, and is one for all
    attempts of a run that was killed. A trial that it ends is thrown away.
    """
    kept = run.stages.load(stage)
    trials: list[Trial] = list(kept[1]["trials"]) if kept else []
    of_given: NDArray[np.float64] | None = kept[0].get("given") if kept else None  # loss of each image that judges
    begun = time.monotonic() - (kept[1]["spent_s"] if kept else 0.0)
    groups = None if run.samples.groups is None else run.samples.groups[images]
    inner = stratified_folds(hot_of(run.soft[images], run.task), INNER_FOLDS, run.config.seed + 1, groups)
    learn, judge = images[inner != 0], images[inner == 0]
    share_s = run.config.search.time_limit_s / run.config.folds
    for place in range(len(trials), len(listed)):
        epochs = f"{stage}-epochs-{place}"
        keeper = Keeper(run.stages, epochs)
        begun -= keeper.spent_s
        trial: Trial = {"loss": None, "accuracy": None, "gain": None, "error": None, "reason": None}
        if process_group.agree(time.monotonic() - begun > share_s):
            trial["reason"] = NO_TIME
        else:
            try:
                p = yield from attempt(listed[place], learn, judge, keeper, begun + share_s)
                if not np.isfinite(p).all():
                    raise LossNotFinite("What it says of images not learned from is not a number.")
                loss = _tempered_losses(p, run.soft[judge], run.task)
                trial["loss"] = float(loss.mean())
                trial["accuracy"] = float(right_answers(p, run.soft[judge], run.task).mean())
                if place == 0:
                    of_given = loss
                elif of_given is not None:
                    difference = of_given - loss
                    trial["gain"] = float(difference.mean())
                    trial["error"] = float(difference.std() / math.sqrt(len(difference)))
            except Skipped:
                trial["reason"] = NO_TIME
            except (LossNotFinite, OutOfMemory) as error:
                trial["reason"] = str(error)
        trials.append(trial)
        given = {} if of_given is None else {"given": of_given}
        run.stages.save(stage, given, {"trials": trials, "spent_s": time.monotonic() - begun})
        run.stages.drop(epochs)
    return trials


def _tempered_losses(p: NDArray[np.float32], soft: NDArray[np.float64], task: str) -> NDArray[np.float64]:
    """Log loss of each image (n,) at the one temperature that is best for all of them."""
    truth = soft.argmax(1) if task == "single" else soft > 0.5
    return losses(apply_temperature(p, fit_temperature(p, truth, task), task), soft, task)


def best_of(trials: list[Trial]) -> int:
    """The position with the smallest loss of those that are ahead of the given settings, position 0, by more than a
    standard error; 0 where there are none. Where the given ones failed, the smallest loss there is."""
    best, least = 0, math.inf
    for place, trial in enumerate(trials):
        gain, error = trial["gain"], trial["error"]
        ahead = place == 0 or trials[0]["loss"] is None or (gain is not None and error is not None and gain > error)
        if trial["loss"] is not None and ahead and trial["loss"] < least:
            best, least = place, trial["loss"]
    return best


def _mean(trials: list[Trial]) -> Trial:
    """One trial for those of all folds, without figures where one has none.

    The error is that of independent folds. They share images, so it is a little too small.
    """

    def known(values: list[float | None]) -> list[float]:
        found = [value for value in values if value is not None]
        return found if len(found) == len(trials) else []

    loss, gain = known([trial["loss"] for trial in trials]), known([trial["gain"] for trial in trials])
    error = known([trial["error"] for trial in trials])
    return {
        "loss": float(np.mean(loss)) if loss else None,
        "accuracy": None,
        "gain": float(np.mean(gain)) if gain else None,
        "error": math.sqrt(sum(one**2 for one in error)) / len(error) if error else None,
        "reason": None,
    }


def summary(listed: list[NetworkSettings], by_fold: list[list[Trial]]) -> dict[str, Any]:
    """What was tried, for the comparison table; JSON-ready.

    {by_fold: settings that each fold chose, tried: the fewest trials that a fold finished, search: [{settings, loss,
    accuracy, folds, chosen_in, chosen, reason}]}. loss and accuracy are those of Trial, means over the `folds` that
    finished it, None without one; chosen_in counts the folds that chose it; chosen: the last fit is made with it;
    reason: why it was not finished in the other folds.
    """
    choices = [best_of(trials) for trials in by_fold]
    finished = [sum(trial["loss"] is not None for trial in trials) for trials in by_fold]
    # Where only one was finished nothing was compared. Means over different folds cannot be compared: what some fold
    # had no time for is not chosen for all.
    compared = [trials for trials, n in zip(by_fold, finished, strict=True) if n > 1]
    means: list[Trial] = []
    rows: list[dict[str, Any]] = []
    for place, settings in enumerate(listed):
        trials = [fold[place] for fold in by_fold]
        found = [trial["loss"] for trial in trials if trial["loss"] is not None]
        accuracies = [trial["accuracy"] for trial in trials if trial["accuracy"] is not None]
        means.append(_mean([fold[place] for fold in compared]))
        rows.append(
            {
                "settings": asdict(settings),
                "loss": float(np.mean(found)) if found else None,
                "accuracy": float(np.mean(accuracies)) if accuracies else None,
                "folds": len(found),
                "chosen_in": choices.count(place),
                "chosen": False,
                "reason": next((trial["reason"] for trial in trials if trial["reason"]), None),
            }
        )
    rows[best_of(means)]["chosen"] = True
    return {"by_fold": [asdict(listed[place]) for place in choices], "tried": min(finished), "search": rows}
