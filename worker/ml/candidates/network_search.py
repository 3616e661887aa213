"""Which settings to train a network with: short trials of a few, inside the images that a fold learns from.

Knows the list of settings, the clock, and how trials are kept and compared. Does not know how a network is trained
(finetune.py), nor what a trial is of (finetuned.py).

The images that judge a fold take no part in its trials: each fold chooses for itself, on an inner split of the images
that it learns from. The last fit, which nothing judges, takes what was best on average over the folds that compared.
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
from worker.ml.training.folds import stratified_folds
from worker.ml.training.run import Progress, Run, Skipped, hot_of

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

    loss: float | None  # mean log loss of the inner images that judge
    accuracy: float | None  # of the same images
    reason: str | None


# settings, images to learn from, images to judge by, keeper, when to stop -> (loss, accuracy). Raises Skipped when the
# time is used up, LossNotFinite, OutOfMemory.
Try = Callable[
    [NetworkSettings, NDArray[np.int64], NDArray[np.int64], Keeper, float],
    Generator[Progress, None, tuple[float, float]],
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
    begun = time.monotonic() - (kept[1]["spent_s"] if kept else 0.0)
    groups = None if run.samples.groups is None else run.samples.groups[images]
    inner = stratified_folds(hot_of(run.soft[images], run.task), INNER_FOLDS, run.config.seed + 1, groups)
    learn, judge = images[inner != 0], images[inner == 0]
    share_s = run.config.search.time_limit_s / run.config.folds
    for place in range(len(trials), len(listed)):
        epochs = f"{stage}-epochs-{place}"
        keeper = Keeper(run.stages, epochs)
        begun -= keeper.spent_s
        trial: Trial = {"loss": None, "accuracy": None, "reason": None}
        if process_group.agree(time.monotonic() - begun > share_s):
            trial["reason"] = NO_TIME
        else:
            try:
                loss, accuracy = yield from attempt(listed[place], learn, judge, keeper, begun + share_s)
                if not math.isfinite(loss):
                    raise LossNotFinite("The loss on images not learned from is not a number.")
                trial["loss"], trial["accuracy"] = loss, accuracy
            except Skipped:
                trial["reason"] = NO_TIME
            except (LossNotFinite, OutOfMemory) as error:
                trial["reason"] = str(error)
        trials.append(trial)
        run.stages.save(stage, {}, {"trials": trials, "spent_s": time.monotonic() - begun})
        run.stages.drop(epochs)
    return trials


def best_of(trials: list[Trial]) -> int:
    """The position with the smallest loss; 0, the settings as given, where nothing could be compared."""
    losses = [math.inf if trial["loss"] is None else trial["loss"] for trial in trials]
    return int(np.argmin(losses))


def summary(listed: list[NetworkSettings], by_fold: list[list[Trial]]) -> dict[str, Any]:
    """What was tried, for the comparison table; JSON-ready.

    {by_fold: settings that each fold chose, tried: settings that were tried in every fold, search: [{settings, loss,
    accuracy, folds, chosen_in, chosen, reason}]}. loss and accuracy are means over the `folds` in which the trial was
    finished, None without one; chosen_in counts the folds that chose it; chosen: the last fit is made with it; reason:
    why it was not tried in the other folds.
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
        losses = [trial["loss"] for trial in trials if trial["loss"] is not None]
        accuracies = [trial["accuracy"] for trial in trials if trial["accuracy"] is not None]
        known = [loss for fold in compared if (loss := fold[place]["loss"]) is not None]
        mean = float(np.mean(known)) if known and len(known) == len(compared) else None
        means.append({"loss": mean, "accuracy": None, "reason": None})
        rows.append(
            {
                "settings": asdict(settings),
                "loss": float(np.mean(losses)) if losses else None,
                "accuracy": float(np.mean(accuracies)) if accuracies else None,
                "folds": len(losses),
                "chosen_in": choices.count(place),
                "chosen": False,
                "reason": next((trial["reason"] for trial in trials if trial["reason"]), None),
            }
        )
    rows[best_of(means)]["chosen"] = True
    return {"by_fold": [asdict(listed[place]) for place in choices], "tried": min(finished), "search": rows}
