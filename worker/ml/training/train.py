"""One training run: cross-validate the candidates on the same folds, keep the better one, fit it to all labels.

Knows candidates and folds. Does not know where labels come from or where results go: `train` yields, the caller
stores, shows or stops. Read from top to bottom it is the order of events.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from labeler.train_settings import CLASSIC, ENSEMBLES, LEARNERS, TrainConfig
from worker.ml.candidates.classical import Classical
from worker.ml.candidates.ensemble import Ensemble
from worker.ml.candidates.finetuned import Finetuned
from worker.ml.candidates.from_scratch import Scratch
from worker.ml.candidates.frozen_head import Candidate, Frozen
from worker.ml.candidates.logistic import scale_features
from worker.ml.device import is_out_of_memory
from worker.ml.distributed import process_group
from worker.ml.errors import ImageUnreadable, LossNotFinite, OneCategoryOnly, OutOfMemory, TooFewLabels
from worker.ml.evaluation import metrics
from worker.ml.evaluation.compare import better_beyond_noise, chance, scores
from worker.ml.images.pixels import Squares
from worker.ml.images.tensors import CACHE_SIDE, decode
from worker.ml.saved.storage import Stages, fingerprint
from worker.ml.training.balancing import choose as choose_balance
from worker.ml.training.class_weights import balancing_weights
from worker.ml.training.folds import stratified_folds
from worker.ml.training.run import Judged, Progress, Run, Skipped, TrainingSet, hot_of, losses

T = TypeVar("T")
# what makes each candidate of a run anew, by its name in the settings
CANDIDATES: dict[str, Any] = {
    "frozen": Frozen,
    "finetuned": Finetuned,
    "scratch": Scratch,
    **{name: partial(Classical, name, "deep") for name in LEARNERS},
    **{name: partial(Classical, *reversed(name.split("."))) for name in CLASSIC},
    **{name: partial(Ensemble, name) for name in ENSEMBLES},
}
VERSION = 3  # raise it when stored stages of older code must not be taken up
# roughly the time that each stage takes, as parts of the bar of the whole run, in the order of the stages
ALWAYS = {"frozen": 7.0}
PIXELS = {"decode": 3.0}
DESCRIBED = {"classic": 3.0, "sift": 10.0}  # by the input that is measured, once for all methods that learn from it
TUNING = {"measure": 2.0, "views": 18.0, "finetune": 55.0}
SCRATCH = 50.0
OTHER = 7.0  # each other candidate
LAST_SHARE = 0.15  # of the bar, for the fit to all labels


@dataclass(frozen=True)
class Result:
    """The outcome of a run, ready for checkpoint.save and for the run's row."""

    candidate: str
    weights: dict[str, torch.Tensor]  # head.weight (K, d), head.bias (K,), network.… when it was trained
    first_stage: int | None  # first stage of the backbone that differs from the published one
    comparison: list[dict[str, Any]]  # one row per candidate, JSON-ready
    history: dict[str, Any]  # candidate -> curve, JSON-ready
    out_of_fold: NDArray[np.float32]  # (n, K) of the chosen one; rows of skipped images are NaN
    skipped: dict[int, str]  # position -> reason: images that could not be read
    seconds: dict[str, float]  # stage -> wall time
    config: TrainConfig
    task: str
    categories: tuple[Any, ...]
    n_labels: int
    recipe: dict[str, Any] = field(default_factory=dict)  # how the weights are used (ml/saved/scorers.py)
    out_of_fold_of: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # the same of every candidate tried
    balance: dict[str, Any] | None = None  # how imbalance "auto" decided (balancing.choose), JSON-ready


def train(
    samples: TrainingSet, config: TrainConfig, *, device: torch.device, state_dir: Path | None = None
) -> Iterator[Progress | Result]:
    """Train on `samples`; yields Progress, at last a Result. Stop iterating to cancel: nothing is left behind.

    state_dir: finished folds are kept there and found again when the same run (labels, config) is started anew;
    the caller deletes it when the run is over. The same samples, config, seed and plan give the same result on
    a CPU; the plan of the fine-tuning depends on measured speed unless the config fixes it.
    Raises TooFewLabels, OneCategoryOnly, and LossNotFinite or OutOfMemory when no candidate is left.
    """
    check(samples, config)
    clock = _Clock()
    chosen_from: list[Candidate] = [CANDIDATES[name]() for name in config.candidates]
    skipped: dict[int, str] = {}
    pixels: NDArray[np.uint8] | Squares | None = None
    everything = samples
    looking = samples.sources is not None and wants_pixels(config, len(samples))
    clock.bar = bar_of(config, len(samples), looking, decoded=samples.squares is not None)
    if looking and samples.squares is not None:
        pixels = samples.squares
    elif looking:
        pixels, skipped = yield from clock.watch(_within_memory(_decode(samples)))
        samples = samples.without(list(skipped))
        check(samples, config)
    balance = None
    if config.imbalance == "auto":
        balance = yield from clock.watch(_balance(samples, config))
        config = replace(config, imbalance=balance["chosen"])
    run = _prepare(samples, config, device, pixels, state_dir)
    run.candidates.update((candidate.name, candidate) for candidate in chosen_from)

    # Ten challengers that are all as good as the first would otherwise beat it by luck more often than not.
    level = 0.05 / max(1, len(chosen_from) - 1)
    rows: list[dict[str, Any]] = []
    best: Candidate | None = None
    failure: Exception | None = None
    for candidate in chosen_from:
        row: dict[str, Any] = {"candidate": candidate.name, "title": candidate.title, "tried": False}
        row |= {"chosen": False, "reason": candidate.why_not(run)}
        rows.append(row)
        if row["reason"] is not None:
            continue
        begun = time.monotonic()
        try:
            judged = yield from clock.watch(_within_memory(candidate.cross_validate(run)))
        except (Skipped, LossNotFinite, OutOfMemory) as error:
            row["reason"], failure = str(error), error
            continue
        # several processes go on from the same figures, also where a candidate's time had run out in one of them
        run.judged[candidate.name] = judged = process_group.agree(judged)
        row |= {"tried": True, "seconds": round(time.monotonic() - begun, 2), **_figures(run, judged)}
        if best is None or _beats(run, run.judged[best.name], judged, row, level):
            best = candidate
    if best is None:
        raise failure or ValueError("no candidate was tried")
    trained = yield from clock.watch(_within_memory(best.refit(run)))
    next(row for row in rows if row["candidate"] == best.name)["chosen"] = True

    out_of_fold = {}
    for name, judged in run.judged.items():
        out_of_fold[name] = np.full((len(everything), len(samples.categories)), np.nan, np.float32)
        out_of_fold[name][np.setdiff1d(np.arange(len(everything)), list(skipped))] = judged.probabilities
    yield Result(
        candidate=best.name, weights=trained.weights, first_stage=trained.first_stage, comparison=rows,
        history={name: judged.curve for name, judged in run.judged.items()},
        out_of_fold=out_of_fold[best.name], skipped=skipped, seconds=clock.seconds, config=config, task=samples.task,
        categories=tuple(samples.categories), n_labels=len(samples), recipe=trained.recipe, out_of_fold_of=out_of_fold,
        balance=balance,
    )  # fmt: skip


def wants_pixels(config: TrainConfig, n_labels: int) -> bool:
    """Whether a candidate of a run looks at the images themselves."""
    return any(CANDIDATES[name]().wants_pixels(config, n_labels) for name in config.candidates)


def check(samples: TrainingSet, config: TrainConfig) -> None:
    """Can anything be learned from these? Raises TooFewLabels or OneCategoryOnly."""
    if len(samples) < config.min_labels:
        raise TooFewLabels(len(samples), config.min_labels)
    hot = hot_of(samples.soft(), samples.task)
    if samples.task == "single" and (hot.sum(0) > 0).sum() < 2:
        raise OneCategoryOnly("All labels choose the same class: label images of a second class first.")
    if samples.task == "multi" and not ((hot.sum(0) > 0) & (hot.sum(0) < len(hot))).any():
        raise OneCategoryOnly("All images have the same labels: there is nothing to tell apart yet.")


def _within_memory(work: Generator[Progress, None, T]) -> Generator[Progress, None, T]:
    """The same work; where the memory does not suffice, whatever for, it raises OutOfMemory.

    A fit halves its batch by itself. What is left are arrays of all images: then this candidate is not for this
    machine, and the others are. Of several processes the others wait for this one: there all of them end.
    """
    try:
        return (yield from work)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error) or process_group.world() > 1:
            raise
    raise OutOfMemory("The memory does not suffice for all of these images: use a smaller image size, or fewer views.")


def _decode(samples: TrainingSet) -> Generator[Progress, None, tuple[NDArray[np.uint8], dict[int, str]]]:
    """All images as one uint8 array (n, 256, 256, 3), without those that cannot be read."""
    assert samples.sources is not None
    n = len(samples)
    pixels = np.empty((n, CACHE_SIDE, CACHE_SIDE, 3), np.uint8)
    failed: dict[int, str] = {}
    told = 0.0
    for index, source in enumerate(samples.sources):
        try:
            pixels[index] = decode(source, size=CACHE_SIDE)
        except ImageUnreadable as error:
            failed[index] = str(error)
        if time.monotonic() - told > 1 or index == n - 1:
            told = time.monotonic()
            yield Progress("decode", "Reading the labeled images", index + 1, n, 0.0)
    return (np.delete(pixels, list(failed), axis=0) if failed else pixels), failed


def _balance(samples: TrainingSet, config: TrainConfig) -> Generator[Progress, None, dict[str, Any]]:
    yield Progress("balance", "Seeing how to balance the classes", 0, 1, 0.0)
    return choose_balance(samples, config)


def _prepare(
    samples: TrainingSet,
    config: TrainConfig,
    device: torch.device,
    pixels: NDArray[Any] | Squares | None,
    state_dir: Path | None,
) -> Run:
    soft = samples.soft()
    weights = np.ones(len(samples)) if samples.weights is None else samples.weights.astype(np.float64)
    if config.imbalance == "weights":
        weights = weights * balancing_weights(soft)
    parts: list[Any] = [VERSION, torch.__version__, config.to_json(), samples.task, soft, weights]
    parts += [
        np.asarray(samples.features),
        device.type,
        np.asarray(samples.groups if samples.groups is not None else 0),
    ]
    return Run(
        samples=samples, config=config, device=device, stages=Stages(state_dir, fingerprint(*parts)),
        x=scale_features(samples.features), soft=soft, weights=weights / weights.mean(),
        fold_of=stratified_folds(hot_of(soft, samples.task), config.folds, config.seed, samples.groups), pixels=pixels,
    )  # fmt: skip


def _figures(run: Run, judged: Judged) -> dict[str, Any]:
    """The comparison table's figures, from out-of-fold probabilities."""
    truth = run.soft.argmax(1) if run.task == "single" else run.soft > 0.5
    report = metrics.evaluate(judged.probabilities, truth, list(run.samples.categories), run.task)
    keep = ("accuracy", "macro_f1", "log_loss", "ece")
    return {"settings": judged.settings, "n": report["n"], **{key: report[key] for key in keep}}


def _beats(run: Run, old: Judged, new: Judged, row: dict[str, Any], level: float) -> bool:
    """Better beyond noise on the same out-of-fold images, one-sided at `level`: 5 % shared by all challengers.

    Either it is right more often (sign test), or it is right no less often and its log loss is smaller (paired t).
    The loss has more to say with few labels; what it rewards, honest confidence, is what pre-labels are used by.
    """
    right = [scores(j.probabilities, run.soft, run.task) for j in (old, new)]
    # one certain and wrong answer must not outweigh a hundred others
    loss = [np.minimum(losses(j.probabilities, run.soft, run.task), 5.0) for j in (old, new)]
    more_right, p_right = better_beyond_noise(right[0], right[1], level)
    less_loss, p_loss = better_beyond_noise(-loss[0], -loss[1], level)
    row |= {"p_more_right": p_right, "p_less_loss": p_loss}
    if more_right:
        row["reason"] = f"Right more often than the one before, beyond noise ({chance(p_right)})."
        return True
    if less_loss and right[1].mean() >= right[0].mean():
        row["reason"] = f"Its log loss is smaller beyond noise ({chance(p_loss)}), and it is right no less often."
        return True
    row["reason"] = f"Not better beyond noise (p = {p_right:.2f} by accuracy, {p_loss:.2f} by log loss)."
    return False


def bar_of(
    config: TrainConfig, n_labels: int, looking: bool, *, decoded: bool = False
) -> dict[str, tuple[float, float]]:
    """Where each stage begins and ends on the bar of the whole run, 0..1; `looking`: the images are decoded,
    unless they are `decoded` already."""
    parts = (PIXELS if looking and not decoded else {}) | ALWAYS
    for name in config.candidates[1:]:
        if name in CLASSIC:
            source = name.partition(".")[0]
            parts |= ({source: DESCRIBED[source]} if looking else {}) | {name: OTHER}
        elif name != "finetuned":
            parts[name] = SCRATCH if name == "scratch" and looking else OTHER
        elif looking and n_labels >= config.finetune.min_labels:
            parts |= TUNING
    total = sum(parts.values()) / (1 - LAST_SHARE)
    bar, at = {}, 0.0
    for stage, part in parts.items():
        bar[stage] = (at, at + part / total)
        at += part / total
    return bar | {"refit": (1 - LAST_SHARE, 1.0)}


class _Clock:
    """Wall time per stage, and where the run is as a whole."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.bar: dict[str, tuple[float, float]] = {}
        self._overall = 0.0

    def watch(self, work: Generator[Progress, None, Any]) -> Generator[Progress, None, Any]:
        """Pass progress on, with `overall` filled in, and add up the time of each stage."""
        stage, begun = None, time.monotonic()
        try:
            while True:
                try:
                    event = next(work)
                except StopIteration as end:
                    return end.value
                now = time.monotonic()
                # every stage says that it begins, so what lies between two events belongs to the first of them
                spent_on = event.stage if stage is None else stage
                self.seconds[spent_on] = round(self.seconds.get(spent_on, 0.0) + now - begun, 3)
                stage = event.stage
                first, last = self.bar.get(event.stage, (self._overall, self._overall))
                share = event.done / event.total if event.total else 0.0
                # never backwards: the bar is a promise
                self._overall = max(self._overall, first + (last - first) * share)
                yield replace(event, overall=round(self._overall, 4))
                begun = time.monotonic()
        finally:
            if stage is not None:
                self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.monotonic() - begun, 3)
            work.close()
