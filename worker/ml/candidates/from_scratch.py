"""The candidate "scratch": a network trained from nothing on the project's own images.

Knows folds, pixels and the clock. Does not know the training loop itself (finetune.py), nor which network it is
(scratch_networks.py). It wins where images look nothing like photographs: drawings, signs, stains. Elsewhere a
pretrained network is far ahead.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from labeler.train_settings import Augmentation, TrainConfig
from worker.ml.candidates import finetune
from worker.ml.candidates.finetuned import mean_curve, stopping_part
from worker.ml.candidates.resume import Keeper, epochs_of
from worker.ml.candidates.scratch_networks import ScratchNetwork, network_of, recipe_of
from worker.ml.device import autocast, is_out_of_memory, to_device
from worker.ml.distributed import process_group
from worker.ml.errors import LossNotFinite, OutOfMemory
from worker.ml.images.augmented_views import WHOLE
from worker.ml.images.pixels import Squares
from worker.ml.images.tensors import augment, scaled
from worker.ml.training.run import Judged, Progress, Run, Skipped, Trained

EPOCHS = (80, 60, 40, 25)  # most thorough first; fewer have not learned anything yet
OFFSET, SCALE = 127.0, 64.0  # pixels to about -2..2
ROOM = 1.25  # crops are cut from a square so much larger than the network's


def shrunk(pixels: Tensor, side: int) -> Tensor:
    """uint8 (n, h, w, 3) to uint8 (n, side, side, 3), averaged over what falls together."""
    planes = pixels.permute(0, 3, 1, 2).float()
    planes = F.interpolate(planes, size=(side, side), mode="bilinear", antialias=True)
    return planes.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def network_input(small: Tensor) -> Tensor:
    """uint8 (n, size, size, 3) to what the network takes."""
    return scaled(small.permute(0, 3, 1, 2).float(), OFFSET, SCALE).contiguous(memory_format=torch.channels_last)


class PixelViews:
    """Fresh views of small images for every batch: they cost little beside the network."""

    cut = 0

    def __init__(self, pixels: NDArray[np.uint8] | Squares, size: int, how: Augmentation, device: torch.device) -> None:
        self._size, self._how = size, how
        parts = [torch.from_numpy(pixels[i : i + 64]) for i in range(0, len(pixels), 64)]
        # Shrunk once, with averaging: sampling 256 pixels at 64 places would skip three of four.
        self._plain = torch.cat([shrunk(part, size) for part in parts]).to(device)
        self._roomy = torch.cat([shrunk(part, round(size * ROOM)) for part in parts]).to(device)

    def plain(self, indices: Tensor) -> Tensor:
        return network_input(self._plain[indices.to(self._plain.device)])

    def varied(self, indices: Tensor, generator: torch.Generator, part: slice = WHOLE) -> Tensor:
        assert part == WHOLE, "this network is trained in one process"
        planes = augment(self._roomy[indices.to(self._roomy.device)], self._size, self._how, generator)
        return scaled(planes, OFFSET, SCALE).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True, slots=True)
class ScratchPlan:
    """For how long; decided once per run."""

    epochs: int
    estimate_s: float


class Scratch:
    """A network of the project's own."""

    name = "scratch"
    title = "A network trained from nothing"

    def __init__(self) -> None:
        self._kept_views: PixelViews | None = None

    def wants_pixels(self, config: TrainConfig, n_labels: int) -> bool:
        return n_labels >= config.scratch.min_labels

    def why_not(self, run: Run) -> str | None:
        return run.lacks(run.config.scratch.min_labels)

    def cross_validate(self, run: Run) -> Generator[Progress, None, Judged]:
        plan = yield from self._plan(run)
        probabilities = np.zeros(run.soft.shape, np.float32)
        curves, best_epochs = [], []
        begun = time.monotonic()
        found = [run.stages.load(f"scratch-{fold}") for fold in range(run.config.folds)]
        problems: dict[int, Exception] = {}
        for fold in range(process_group.rank(), run.config.folds, process_group.world()):
            if (kept := found[fold]) is not None:
                begun -= kept[1].get("spent_s", 0.0)  # the time limit is one for all attempts together
                continue
            try:
                keeper = _keeper(run, fold)
                begun -= keeper.spent_s if keeper else 0.0  # counts for this fold, and for those after it
                found[fold] = yield from self._fold(run, plan, fold, keeper, begun)
            except (Skipped, LossNotFinite, OutOfMemory) as problem:
                problems[fold] = problem
                if process_group.world() == 1:
                    raise
        for fold in range(run.config.folds):
            whose = fold % process_group.world()
            if (failed := process_group.agree(problems.get(fold), source=whose)) is not None:
                raise failed
            kept = process_group.agree(found[fold], source=whose)
            assert kept is not None
            run.stages.save(f"scratch-{fold}", *kept)
            probabilities[run.split(fold)[1]] = kept[0]["judge"]
            curves.append(kept[1]["curve"])
            best_epochs.append(max(1, kept[1]["best_epoch"]))
        ours = run.config.scratch
        settings = asdict(plan) | {"epochs": round(median(best_epochs)), "size": ours.size, "network": ours.network}
        return Judged(probabilities, settings, {"x": "epoch", "points": mean_curve(curves)})

    def _fold(
        self, run: Run, plan: ScratchPlan, fold: int, keeper: Keeper | None, begun: float
    ) -> Generator[Progress, None, tuple[dict[str, NDArray[Any]], Any]]:
        train, judge = run.split(fold)
        learn, stop = stopping_part(run, train, fold)
        fold_begun = time.monotonic()
        images = run.drawn(learn), judge, stop
        fit, network = yield from self._fit(run, plan.epochs, images, fold, keeper, begun)
        p = finetune.probabilities_of(network, self._views(run), judge, run.device, run.task)
        note: dict[str, Any] = {"best_epoch": fit.best_epoch, "curve": [asdict(line) for line in fit.curve]}
        kept = {"judge": p}, note | {"spent_s": keeper.spent_s if keeper else time.monotonic() - fold_begun}
        run.stages.save(f"scratch-{fold}", *kept)
        run.stages.drop(epochs_of("scratch", fold))
        return kept

    def refit(self, run: Run) -> Generator[Progress, None, Trained]:
        epochs = run.judged[self.name].settings["epochs"]
        everything, nothing = run.drawn(np.arange(len(run.x))), np.empty(0, np.int64)
        _, network = yield from self._fit(run, epochs, (everything, nothing, nothing), None, _keeper(run, None), None)
        tensors = {f"scratch.{key}": value for key, value in network.state().items()}
        return Trained(tensors, None, recipe_of(run.config.scratch))

    def _views(self, run: Run) -> PixelViews:
        if self._kept_views is None:
            assert run.pixels is not None
            self._kept_views = PixelViews(run.pixels, run.config.scratch.size, run.config.augmentation, run.device)
        return self._kept_views

    def _network(self, run: Run, seed: int) -> ScratchNetwork:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return network_of(run.config.scratch.network, run.soft.shape[1], run.config.scratch.dropout)

    def _fit(
        self,
        run: Run,
        epochs: int,
        images: finetune.Images,
        fold: int | None,
        keeper: Keeper | None,
        begun: float | None,
    ) -> Generator[Progress, None, tuple[finetune.Fit, ScratchNetwork]]:
        """begun: when the folds' time began to run, earlier attempts included; None: there is no limit."""
        settings, n_folds = run.config.scratch, run.config.folds
        seed = run.config.seed * 1000 + 500 + (n_folds if fold is None else fold)
        network = self._network(run, seed)
        recipe = finetune.Recipe(
            task=run.task, epochs=epochs, batch=settings.batch, learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay, label_smoothing=settings.label_smoothing,
            # the last epochs of the schedule, with the smallest steps, are the best ones: no hurry to stop
            patience=max(run.config.finetune.patience, epochs // 3), seed=seed,
        )  # fmt: skip
        stage = "refit" if fold is None else "scratch"
        where = "all labels" if fold is None else f"fold {fold + 1} of {n_folds}"
        text = f"Training a network from nothing, {where}"
        total = epochs if fold is None else epochs * n_folds
        done = 0 if fold is None else epochs * fold
        yield Progress(stage, text, done, total, 0.0)
        targets, weights = torch.from_numpy(run.soft).float(), torch.from_numpy(run.weights).float()
        known = finetune.Labeled(self._views(run), targets, weights)
        result: finetune.Fit | None = None
        for event in finetune.fit(network, known, images, recipe, run.device, keeper):
            if isinstance(event, finetune.Fit):
                result = event
                continue
            line = None
            if event is not None:
                done += 1
                line = {"candidate": self.name, "fold": fold} | asdict(event)
            yield Progress(stage, text, min(done, total), total, 0.0, line)
            if begun is not None and time.monotonic() - begun > 2 * run.time_limit_s:
                raise Skipped(f"Stopped: it took more than twice the time limit of {run.time_limit_s:.0f} s.")
        assert result is not None
        return result, network

    def _plan(self, run: Run) -> Generator[Progress, None, ScratchPlan]:
        """The longest schedule that fits into the time limit by a short measurement, or as a killed run decided before.

        Raises Skipped when none fits."""
        kept = run.stages.load("scratch-plan")
        if kept is not None:
            return ScratchPlan(**kept[1])
        yield Progress("scratch", "Measuring how fast this machine trains", 0, 1, 0.0)
        try:
            seconds = process_group.agree(self._seconds_per_image(run))
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            ours = run.config.scratch
            raise Skipped(f"{ours.network} cannot look at {ours.size} px: choose a larger size.") from error
        wanted = run.config.scratch.epochs
        for epochs in EPOCHS if wanted is None else (wanted,):
            # every fold trains on the others, then once on all: n * folds images per epoch
            estimate = len(run.x) * run.config.folds * epochs * seconds
            if estimate <= run.time_limit_s:
                plan = ScratchPlan(epochs, round(estimate, 1))
                run.stages.save("scratch-plan", {}, asdict(plan))
                return plan
        raise Skipped(f"It would take about {estimate:.0f} s; the time limit is {run.time_limit_s:.0f} s.")

    def _seconds_per_image(self, run: Run) -> float:
        views, network = self._views(run), to_device(self._network(run, 0), run.device)
        network.train()
        indices = torch.arange(min(len(run.x), run.config.scratch.batch))
        generator = torch.Generator().manual_seed(0)
        spent = []
        for _ in range(3):  # the first to warm up
            begun = time.monotonic()
            with autocast(run.device):
                network(views.varied(indices, generator)).square().mean().backward()
            if run.device.type == "cuda":
                torch.cuda.synchronize(run.device)
            spent.append(time.monotonic() - begun)
        return min(spent[1:]) / len(indices)


def _keeper(run: Run, fold: int | None) -> Keeper | None:
    """None where several processes train: each has other folds, and reading a stage waits for all of them."""
    return Keeper(run.stages, epochs_of("scratch", fold)) if process_group.world() == 1 else None
