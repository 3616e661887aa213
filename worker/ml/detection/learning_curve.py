"""How much would it find with fewer images? The points of a learning curve, by training on growing parts of them.

Heads alone are trained, on maps of the published network that are computed once: the shape of the curve is what one
wants to know, and this is the candidate that learns in seconds. Knows networks, images and the clock; what the points
foresee is labeler/stats/learning.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeler.stats.intervals import SEED
from labeler.stats.objects.average_precision import REPLICATES
from labeler.stats.results import Reason
from labeler.train_settings import TrainConfig
from worker.ml.detection.canvas import Canvas
from worker.ml.detection.fit import Data, Plan, fit
from worker.ml.detection.kept_maps import KeptMaps, Remembered
from worker.ml.detection.network import Network
from worker.ml.detection.samples import DrawnSet, Found, split
from worker.ml.device import is_out_of_memory
from worker.ml.errors import LossNotFinite, OutOfMemory
from worker.ml.saved.storage import Stages
from worker.ml.training.run import Progress

SHARES = (0.15, 0.3, 0.5, 0.75, 1.0)  # of the largest part
FEWEST, LARGEST = 40, 240  # answered images; below, the smallest part would hold two or three
JUDGED_SHARE, MOST_JUDGED = 0.4, 60  # of the images: a figure of ten images would tell nothing
TIME_SHARE = 0.25  # of the time limit of a candidate
VIEWS = 3  # of each image
MOST_BYTES = 600_000_000  # of the maps that are kept
MOST_STEPS, FEWEST_STEPS, MEASURED = 400, 60, 6
RATE = 5.0  # times the step size of the settings: heads alone, in few steps
JUDGING = 0.15  # of the time
AT_ONCE = 8  # images that are judged between two looks at whether somebody has cancelled
# From the images that judge, what was found there and weights (B, n) of them to the figure (B,), NaN: nothing to find.
Figures = Callable[[NDArray[np.int64], list[Found], NDArray[Any]], NDArray[np.float64]]


class Finder(Protocol):
    """A trained model: Detector, or Segmenter."""

    def on_canvases(self, pixels: NDArray[np.uint8], sizes: NDArray[np.int64]) -> list[Found]: ...


@dataclass(frozen=True, slots=True)
class Points:
    """sizes: images learned from (S,). reached: the figure, 0 to 1 (S,). again: the same with the images that judge
    resampled, the same ones for every size (B, S). n: images that judged. figure: "ap50" or "miou"; steps: for the
    largest part."""

    candidate: str  # what was trained: "heatmap" or "unet"
    figure: str
    sizes: NDArray[np.int64]
    reached: NDArray[np.float64]
    again: NDArray[np.float64]
    n: int
    steps: int


def points(
    network: Network, finder: Callable[[Network], Finder], data: Data, samples: DrawnSet, config: TrainConfig,
    candidate: str, figure: str, figures: Figures, *, seconds: float, batch: int, device: torch.device, stages: Stages,
    tell: Callable[[str, float], Progress],
) -> Generator[Progress, None, Points | Reason]:  # fmt: skip
    """The points; a reason where there are too few images, or too little time or memory: a model needs no curve.

    network: its trunk is frozen, its heads are what is trained, anew for each size. tell: progress from what is being
    done and the share of it that is done.
    """
    learn, judge = split(samples, config.seed, share=JUDGED_SHARE, most=MOST_JUDGED)
    if len(samples) < FEWEST or not any(len(samples.drawn[int(k)]) for k in judge):
        return Reason("curve_needs_images", {"n": FEWEST})
    room = int(MOST_BYTES / (VIEWS * _bytes_of(network, data.canvas)))
    order = np.random.default_rng(config.seed).permutation(learn)[: min(LARGEST, room)]
    begun = time.monotonic()
    try:
        kept = [KeptMaps(order, VIEWS) for _ in range(network.n_looks)]
        for look, maps in enumerate(kept):
            for done in maps.fill(
                network.maps, data.canvas, data.pixels, data.extents, config.augmentation, data.offset, data.scale,
                device, config.seed, look,
            ):  # fmt: skip
                share = (look + done / (len(order) * VIEWS)) / len(kept)
                yield tell("Looking at the images for the learning curve", 0.25 * share)
        data = replace(data, kept=kept)
        left = seconds - (time.monotonic() - begun)
        plan, shares = _plan(network, data, order, config, left, batch, device, stages)
        if plan.steps < FEWEST_STEPS:
            return Reason("curve_needs_time", {"seconds": round(seconds)})
        sizes = sorted({max(2, round(share * len(order))) for share in shares})
        trained = yield from _train(network, data, order, sizes, plan, config, device, stages, tell)
        network.maps = Remembered(network.maps)  # type: ignore[method-assign]
        weights = np.random.default_rng(SEED).poisson(1, size=(REPLICATES, len(judge)))
        weights = np.concatenate([np.ones((1, len(judge))), weights])
        rows = []
        for at, heads in enumerate(trained):
            network.load_state_dict(heads)
            model, found = finder(network), list[Found]()
            for start in range(0, len(judge), AT_ONCE):
                yield tell("Judging for the learning curve", 0.9 + 0.1 * (at + start / len(judge)) / len(sizes))
                some = judge[start : start + AT_ONCE]
                found += model.on_canvases(data.pixels[some], samples.sizes[some])
            rows.append(figures(judge, found, weights))
    except (LossNotFinite, OutOfMemory, RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and not is_out_of_memory(error):
            raise
        return Reason("curve_went_wrong")
    values = np.stack(rows, 1)
    again = values[1:][np.isfinite(values[1:]).all(1)]
    return Points(candidate, figure, np.array(sizes, np.int64), values[0], again, len(judge), plan.steps)


def _train(
    network: Network, data: Data, order: NDArray[np.int64], sizes: Sequence[int], plan: Plan, config: TrainConfig,
    device: torch.device, stages: Stages, tell: Callable[[str, float], Progress],
) -> Generator[Progress, None, list[dict[str, Tensor]]]:  # fmt: skip
    """The heads learned from the first images of each size, all from the same beginning."""
    untrained = _copy(network)
    trained = []
    for at, size in enumerate(sizes):
        network.load_state_dict(untrained)
        # What is learned from fewer images is learned in fewer steps.
        own = replace(plan, steps=max(2, round(plan.steps * math.sqrt(size / len(order)))))
        for step in fit(network, data, order[:size], own, config.augmentation, device, stages, f"curve-{size}"):
            share = (at + step.done / step.total) / len(sizes)
            yield tell(f"Learning from {size} of the images", 0.25 + 0.65 * share)
        trained.append(_copy(network))
    return trained


def _bytes_of(network: Network, canvas: Canvas) -> float:
    """What the maps of one view take."""
    views = [canvas.of_look(look) for look in range(network.n_looks)]
    px = sum(view.view_width * view.view_height for view in views)
    return sum(2 * c * px / stride**2 for stride, _, c in network.levels)


def _copy(network: Network) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def _plan(
    network: Network, data: Data, images: NDArray[np.int64], config: TrainConfig, seconds: float, batch: int,
    device: torch.device, stages: Stages,
) -> tuple[Plan, tuple[float, ...]]:  # fmt: skip
    """As many steps for the largest size as the time allows, and the shares of the images: four of them where five
    leave too little time."""
    taken_up = stages.load("curve-plan")
    if taken_up is not None:
        return Plan(**taken_up[1]["plan"]), tuple(taken_up[1]["shares"])
    tune = config.finetune
    rate = RATE * tune.learning_rate
    plan = Plan(MEASURED, min(batch, len(images)), rate, 0.0, min(tune.weight_decay, 0.05), config.seed)
    untrained, times = _copy(network), []
    for _ in range(2):  # the first ones take longer
        begun = time.monotonic()
        for _step in fit(network, data, images, plan, config.augmentation, device, Stages(None, ""), "measured"):
            pass
        times.append((time.monotonic() - begun) / MEASURED)
    network.load_state_dict(untrained)
    most = (1 - JUDGING) * seconds / min(times)
    shares = SHARES if most >= FEWEST_STEPS * sum(map(math.sqrt, SHARES)) else SHARES[1:]
    plan = replace(plan, steps=min(int(most / sum(map(math.sqrt, shares))), MOST_STEPS))
    stages.save("curve-plan", {}, {"plan": asdict(plan), "shares": shares})
    return plan, shares
