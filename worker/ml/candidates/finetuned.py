"""The candidate "finetuned": the last stages of the CNN trained further, when labels and time suffice.

Knows folds, views and the clock. Does not know the training loop itself (finetune.py).
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labeler.train_settings import TrainConfig
from worker.ml.candidates import finetune
from worker.ml.candidates.logistic import Linear, fit_path
from worker.ml.candidates.network_search import (
    NetworkSettings,
    Trial,
    best_of,
    search,
    settings_to_try,
    summary,
    trial_epochs,
)
from worker.ml.candidates.resume import Keeper, epochs_of
from worker.ml.device import autocast, to_device
from worker.ml.distributed import process_group
from worker.ml.images.augmented_views import CachedViews, LiveViews, Views
from worker.ml.networks import backbones
from worker.ml.training.folds import stratified_folds
from worker.ml.training.run import Judged, Progress, Run, Skipped, Trained, hot_of

# C of the regression that training starts from. It is stronger than what judges best: a head that already fits
# its labels perfectly leaves no gradient for the features. Clothing, 200 labels: right .780 with 0.001, .748
# with 0.1; log loss .62 and .78.
FIRST_HEAD_C = 0.001
# Fewer images would stop by luck, and they are missed more in learning: then every epoch of the schedule runs.
FEWEST_TO_STOP_BY = 100
VIEW_BYTES = 1_500_000_000  # most that kept activations may take
# (views, epochs), most thorough first; views 0: fresh views for every batch. A full schedule on fewer stages was
# better than a short one on more, so the short ones come after all others.
CPU_CHOICES = ((4, 10), (4, 7))
CPU_LAST_CHOICES = ((2, 7), (2, 5))
GPU_CHOICES = ((0, 20), (0, 10), (0, 5))


@dataclass(frozen=True, slots=True)
class FinetunePlan:
    """How much is trained, for how long; decided once per run."""

    first_stage: int
    views: int
    epochs: int
    estimate_s: float


class Finetuned:
    """Frozen trunk, trained tail and head; starts from the regression of the first candidate."""

    name = "finetuned"
    title = "The network trained further"

    def __init__(self) -> None:
        self._kept_views: Views | None = None
        self._kept_list: list[NetworkSettings] | None = None

    def wants_pixels(self, config: TrainConfig, n_labels: int) -> bool:
        return n_labels >= config.finetune.min_labels

    def why_not(self, run: Run) -> str | None:
        return run.lacks(run.config.finetune.min_labels)

    @property
    def _views(self) -> Views:
        assert self._kept_views is not None, "_fill_views runs first"
        return self._kept_views

    # -- cross-validation ------------------------------------------------------------------------------

    def cross_validate(self, run: Run) -> Generator[Progress, None, Judged]:
        plan = yield from self._plan(run)
        listed = self._listed(run, plan)
        n_folds, of_trials = run.config.folds, trial_epochs(plan.epochs) * len(listed) if len(listed) > 1 else 0
        of_fold = of_trials + plan.epochs  # epochs, as the bar counts them
        probabilities = np.zeros(run.soft.shape, np.float32)
        curves, best_epochs, batch = [], [], run.config.finetune.batch
        trials = []
        begun = time.monotonic()
        for fold in range(n_folds):
            train, judge = run.split(fold)
            where, done, total = f"fold {fold + 1} of {n_folds}", fold * of_fold, n_folds * of_fold
            chosen = listed[0]
            if len(listed) > 1:
                searched = time.monotonic()
                sign = Progress("finetune", f"Trying settings of the network, {where}", done, total, 0.0)
                trials.append((yield from self._search(run, plan, fold, train, sign)))
                chosen = listed[best_of(trials[-1])]
                begun += time.monotonic() - searched  # trials have a time limit of their own
            kept = run.stages.load(f"finetuned-{fold}")
            if kept is None:
                learn, stop = stopping_part(run, train, fold)
                keeper = Keeper(run.stages, epochs_of(self.name, fold))
                begun -= keeper.spent_s  # of an attempt that was killed: counts for this fold, and for those after it
                images = run.drawn(learn), judge, stop
                sign = Progress("finetune", f"Training the network, {where}", done + of_trials, total, 0.0)
                ends = begun + 2 * run.time_limit_s
                fit, tail = yield from self._fit(run, plan, chosen, plan.epochs, images, fold, keeper, sign, ends)
                p = finetune.probabilities_of(tail, self._views, judge, run.device, run.task)
                note: dict[str, Any] = {"best_epoch": fit.best_epoch, "curve": [asdict(e) for e in fit.curve]}
                kept = {"judge": p}, note | {"batch": fit.batch, "spent_s": keeper.spent_s}
                run.stages.save(f"finetuned-{fold}", *kept)
                run.stages.drop(epochs_of(self.name, fold))
            else:
                begun -= kept[1].get("spent_s", 0.0)  # the time limit is one for all attempts together
            probabilities[judge] = kept[0]["judge"]
            curves.append(kept[1]["curve"])
            best_epochs.append(max(1, kept[1]["best_epoch"]))
            batch = min(batch, kept[1]["batch"])  # smaller where memory was short
        found = summary(listed, trials) if trials else {}
        last = _chosen(found, listed[0])
        settings = asdict(plan) | (asdict(last) if found else {}) | found
        settings |= {"epochs": round(median(best_epochs)), "learning_rate": _rate(run, last), "batch": batch}
        return Judged(probabilities, settings, {"x": "epoch", "points": mean_curve(curves)})

    def refit(self, run: Run) -> Generator[Progress, None, Trained]:
        plan = yield from self._plan(run)
        settings = run.judged[self.name].settings
        epochs, chosen = settings["epochs"], _chosen(settings, self._listed(run, plan)[0])
        everything, nothing = run.drawn(np.arange(len(run.x))), np.empty(0, np.int64)
        keeper = Keeper(run.stages, epochs_of(self.name, None))
        sign = Progress("refit", "Training the network, all labels", 0, epochs, 0.0)
        images = everything, nothing, nothing
        _, tail = yield from self._fit(run, plan, chosen, epochs, images, None, keeper, sign, None)
        return Trained(tail.state(), chosen.first_stage)

    def _listed(self, run: Run, plan: FinetunePlan) -> list[NetworkSettings]:
        if self._kept_list is None:
            self._kept_list = listed_settings(run, plan)
        return self._kept_list

    def _search(
        self, run: Run, plan: FinetunePlan, fold: int, train: NDArray[np.int64], sign: Progress
    ) -> Generator[Progress, None, list[Trial]]:
        """Short trials of the settings on a fold's training images."""
        listed = self._listed(run, plan)
        yield sign
        yield from self._fill_views(run, plan)
        epochs, nothing = trial_epochs(plan.epochs), np.empty(0, np.int64)

        def attempt(
            settings: NetworkSettings, learn: NDArray[np.int64], judge: NDArray[np.int64], keeper: Keeper, ends: float
        ) -> Generator[Progress, None, NDArray[np.float32]]:
            now = replace(sign, done=sign.done + epochs * listed.index(settings))
            images = run.drawn(learn), nothing, nothing
            _, tail = yield from self._fit(run, plan, settings, epochs, images, fold, keeper, now, ends, told=False)
            return finetune.probabilities_of(tail, self._views, judge, run.device, run.task)

        return (yield from search(run, f"finetuned-search-{fold}", train, listed, attempt))

    def _fit(
        self,
        run: Run,
        plan: FinetunePlan,
        settings: NetworkSettings,
        epochs: int,
        images: finetune.Images,
        fold: int | None,
        keeper: Keeper,
        sign: Progress,
        ends: float | None,
        told: bool = True,
    ) -> Generator[Progress, None, tuple[finetune.Fit, finetune.Tail]]:
        """sign: the sign of life with which it begins; each epoch is one more of what is done. ends: when it is stopped
        (Skipped), earlier attempts reckoned in; None: there is no limit. told: its epochs are told as a curve.
        """
        tune, n_folds = run.config.finetune, run.config.folds
        yield from self._fill_views(run, plan)
        network = backbones.load(backbones.get(run.config.backbone))
        head = _first_head(run, images[0])
        tail = finetune.Tail(network, self._views.cut, head, settings.dropout, settings.first_stage)
        recipe = finetune.Recipe(
            task=run.task, epochs=epochs, batch=tune.batch, learning_rate=_rate(run, settings),
            weight_decay=settings.weight_decay, label_smoothing=tune.label_smoothing, patience=tune.patience,
            seed=run.config.seed * 1000 + (n_folds if fold is None else fold),
        )  # fmt: skip
        known = finetune.Labeled(self._views, torch.from_numpy(run.soft).float(), torch.from_numpy(run.weights).float())
        done = sign.done
        yield sign
        result: finetune.Fit | None = None
        for event in finetune.fit(tail, known, images, recipe, run.device, keeper):
            if isinstance(event, finetune.Fit):
                result = event
                continue
            line = None
            if event is not None:
                done += 1
                line = {"candidate": self.name, "fold": fold} | asdict(event) if told else None
            yield replace(sign, done=min(done, sign.total), epoch=line)
            late = ends is not None and time.monotonic() > ends
            # signs of life come at other times in other processes, epochs at the same
            if (process_group.world() == 1 or event is not None) and process_group.agree(late):
                raise Skipped(f"Stopped: it took more than twice the time limit of {run.time_limit_s:.0f} s.")
        assert result is not None
        return result, tail

    # -- views and plan --------------------------------------------------------------------------------

    def _fill_views(self, run: Run, plan: FinetunePlan) -> Iterator[Progress]:
        cut = min(settings.first_stage for settings in self._listed(run, plan))
        if self._kept_views is not None and self._kept_views.cut == cut:
            return
        assert run.pixels is not None
        config = run.config
        if plan.views == 0:
            self._kept_views = _live_views(run, cut, len(run.pixels))
            return
        backbone = backbones.get(config.backbone)
        frozen = backbones.frozen(backbone, run.device)
        views = CachedViews(len(run.pixels), plan.views, cut)
        generator = torch.Generator().manual_seed(config.seed)
        total, told = len(run.pixels) * (plan.views + 1), time.monotonic()
        yield Progress("views", "Preparing varied views of the images", 0, total, 0.0)
        for done in views.fill(run.pixels, frozen, backbone, config.image_size, config.augmentation, generator):
            if time.monotonic() - told > finetune.TICK_S or done == total:
                told = time.monotonic()
                yield Progress("views", "Preparing varied views of the images", done, total, 0.0)
        self._kept_views = views

    def _plan(self, run: Run) -> Generator[Progress, None, FinetunePlan]:
        """What fits into the time limit by a short measurement, or as a killed run decided before.

        Raises Skipped when nothing fits."""
        kept = run.stages.load("plan")
        if kept is not None:
            return FinetunePlan(**kept[1])
        yield Progress("measure", "Measuring how fast this machine trains", 0, 1, 0.0)
        plan: FinetunePlan | None = None
        problem: Skipped | None = None
        try:
            plan = choose_plan(run)
        except Skipped as reason:
            problem = reason
        plan, problem = process_group.agree((plan, problem))
        if plan is None:
            assert problem is not None
            raise problem
        run.stages.save("plan", {}, asdict(plan))
        return plan


def choose_plan(run: Run) -> FinetunePlan:
    """The most thorough plan whose estimate fits into the time limit; raises Skipped when none does."""
    tune, limit, n = run.config.finetune, run.time_limit_s, len(run.x)
    backbone = backbones.get(run.config.backbone)
    on_cpu = run.device.type == "cpu"
    cuts = (tune.first_stage,) if tune.first_stage is not None else backbone.tails if on_cpu else (0,)
    choices = [(cut, choice) for cut in cuts for choice in (CPU_CHOICES if on_cpu else GPU_CHOICES)]
    if on_cpu:
        choices += [(cut, choice) for choice in CPU_LAST_CHOICES for cut in cuts[-2:]]
    costs: dict[int, tuple[float, float, int]] = {}
    cheapest = float("inf")
    for cut, (views, epochs) in choices:
        if cut not in costs:
            costs[cut] = _measure(run, cut)
        trunk_s, tail_s, view_bytes = costs[cut]
        views = views if tune.views is None else tune.views
        epochs = epochs if tune.epochs is None else tune.epochs
        if n * (views + 1) * view_bytes > VIEW_BYTES and views:
            continue
        # every fold trains on the others, then once on all: n * folds image passes per epoch
        passes = n * epochs * run.config.folds
        estimate = passes * tail_s + (n * (views + 1) if views else passes) * trunk_s
        if estimate <= limit:
            return FinetunePlan(cut, views, epochs, round(estimate, 1))
        cheapest = min(cheapest, estimate)
    if cheapest == float("inf"):
        raise Skipped(f"The views of {n} images do not fit into memory.")
    raise Skipped(f"It would take about {cheapest:.0f} s; the time limit is {limit:.0f} s.")


def _measure(run: Run, cut: int) -> tuple[float, float, int]:
    """(seconds per view of the trunk, seconds per image of a training step, bytes of one kept view)."""
    backbone = backbones.get(run.config.backbone)
    n = min(16, run.config.finetune.batch, len(run.x))
    views = _live_views(run, cut, n)
    indices, generator = torch.arange(n), torch.Generator().manual_seed(0)
    x = views.varied(indices, generator)  # a first pass, to warm up
    _wait(run.device)
    begun = time.monotonic()
    x = views.varied(indices, generator)
    _wait(run.device)
    trunk_s = (time.monotonic() - begun) / n
    tail = finetune.Tail(backbones.load(backbone), cut, _first_head(run, np.arange(len(run.x))), 0.0)
    to_device(tail, run.device).train()
    for _ in range(2):  # the first to warm up
        begun = time.monotonic()
        with autocast(run.device):
            tail(x).square().mean().backward()
        _wait(run.device)
    return trunk_s, (time.monotonic() - begun) / n, 2 * x[0].numel()


def _view_bytes(run: Run, cut: int) -> int:
    """Of one kept view, float16."""
    return 2 * _live_views(run, cut, 1).plain(torch.zeros(1, dtype=torch.long))[0].numel()


def _live_views(run: Run, cut: int, n: int) -> LiveViews:
    """Of the first n images."""
    assert run.pixels is not None
    backbone, pixels = backbones.get(run.config.backbone), run.pixels if n == len(run.pixels) else run.pixels[:n]
    frozen = backbones.frozen(backbone, run.device)
    return LiveViews(pixels, frozen, backbone, run.config.image_size, cut, run.config.augmentation)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _first_head(run: Run, images: NDArray[np.int64]) -> Linear:
    return fit_path(run.x[images], run.soft[images], run.weights[images], [FIRST_HEAD_C], run.task)[0]


def listed_settings(run: Run, plan: FinetunePlan) -> list[NetworkSettings]:
    """The settings as given, and those that are tried beside them.

    To train a stage more, views have to be kept before that stage: it is not tried where they do not fit into memory.
    """
    tune, backbone = run.config.finetune, backbones.get(run.config.backbone)
    given = NetworkSettings(plan.first_stage, tune.learning_rate, tune.weight_decay, tune.dropout)
    listed = settings_to_try(given, backbone.n_stages, run.config.search.network_settings)
    earliest = min(settings.first_stage for settings in listed)
    if earliest == plan.first_stage or not plan.views:
        return listed
    fits = len(run.x) * (plan.views + 1) * _view_bytes(run, earliest) <= VIEW_BYTES
    return [settings for settings in listed if fits or settings.first_stage >= plan.first_stage]


def _chosen(found: dict[str, Any], given: NetworkSettings) -> NetworkSettings:
    """What the last fit is made with, by what was tried; the settings as given where nothing was."""
    rows = found.get("search", [])
    return next((NetworkSettings(**row["settings"]) for row in rows if row["chosen"]), given)


def _rate(run: Run, settings: NetworkSettings) -> float:
    """The more is trained, the smaller the steps: early stages hold what every image set needs."""
    n_stages = backbones.get(run.config.backbone).n_stages
    first = settings.first_stage
    return settings.learning_rate * (1.0 if first >= n_stages - 2 else 0.5 if first >= 4 * n_stages // 9 else 0.3)


def stopping_part(run: Run, train: NDArray[np.int64], fold: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split a fold's training images: most to learn from, a few that only say when to stop.

    The images that judge the fold take no part in it: stopping by them would flatter the candidate.
    """
    share = run.config.finetune.stop_share
    if share * len(train) < FEWEST_TO_STOP_BY:
        return train, train[:0]
    groups = None if run.samples.groups is None else run.samples.groups[train]
    parts = stratified_folds(
        hot_of(run.soft[train], run.task), max(2, round(1 / share)), run.config.seed + fold, groups
    )
    return train[parts != 0], train[parts == 0]


def mean_curve(curves: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The curves of all folds as one, mean over the folds that came that far."""
    points = []
    for epoch in range(1, max(len(c) for c in curves) + 1):
        lines = [c[epoch - 1] for c in curves if len(c) >= epoch]
        point: dict[str, float | int | None] = {"epoch": epoch, "folds": len(lines)}
        for key in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
            known = [line[key] for line in lines if line[key] is not None]
            point[key] = float(np.mean(known)) if known else None
        points.append(point)
    return points
