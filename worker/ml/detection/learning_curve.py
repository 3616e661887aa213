"""How much would it find with fewer images, or with others? By training on parts of them.

The points of a learning curve, of growing parts; and both orders of asking (orders.py), where they can be compared.

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
from worker.ml.detection import orders as orders_of_asking
from worker.ml.detection.canvas import Canvas
from worker.ml.detection.fit import Data, Plan, fit
from worker.ml.detection.kept_maps import KeptMaps, Remembered
from worker.ml.detection.network import Network
from worker.ml.detection.orders import Orders
from worker.ml.detection.samples import DrawnSet, Found, split
from worker.ml.device import is_out_of_memory
from worker.ml.distributed import process_group
from worker.ml.errors import LossNotFinite, OutOfMemory
from worker.ml.saved.storage import Stages
from worker.ml.training.run import Progress

SHARES = (0.15, 0.3, 0.5, 0.75, 1.0)  # of the largest part
FEWEST, LARGEST = 40, 240  # answered images; below, the smallest part would hold two or three
JUDGED_SHARE, MOST_JUDGED = 0.4, 60  # of the images: a figure of ten images would tell nothing
TIME_SHARE, ORDERS_SHARE = 0.25, 0.15  # of the time limit of a candidate: the curve, and both orders with it
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
    largest part. orders: what asking brought, or why that is not known."""

    candidate: str  # what was trained: "heatmap" or "unet"
    figure: str
    sizes: NDArray[np.int64]
    reached: NDArray[np.float64]
    again: NDArray[np.float64]
    n: int
    steps: int
    orders: Orders | Reason | None = None


def time_share(samples: DrawnSet) -> float:
    """Of the time limit of a candidate, what is spent here."""
    return TIME_SHARE if orders_of_asking.why_not(samples) else TIME_SHARE + ORDERS_SHARE


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
        compared = orders_of_asking.parts(samples, order, judge)
        beside = [] if isinstance(compared, Reason) else [*compared[0], *compared[1]]
        plan, shares, is_compared = _plan(network, data, order, beside, config, left, batch, device, stages)
        if plan.steps < FEWEST_STEPS:
            return Reason("curve_needs_time", {"seconds": round(seconds)})
        sizes = sorted({max(2, round(share * len(order))) for share in shares})
        parts = [order[:size] for size in sizes] + beside * is_compared
        trained = yield from _train(network, data, parts, len(order), plan, config, device, stages, tell)
        network.maps = Remembered(network.maps)  # type: ignore[method-assign]
        weights = np.random.default_rng(SEED).poisson(1, size=(REPLICATES, len(judge)))
        weights = np.concatenate([np.ones((1, len(judge))), weights])
        by_lot = np.zeros(len(judge)) if samples.asked is None else samples.asked.by_lot[judge]
        rows = []
        for at, heads in enumerate(trained):
            network.load_state_dict(heads)
            model, found = finder(network), list[Found]()
            for start in range(0, len(judge), AT_ONCE):
                yield tell("Judging for the learning curve", 0.9 + 0.1 * (at + start / len(judge)) / len(parts))
                some = judge[start : start + AT_ONCE]
                found += model.on_canvases(data.pixels[some], samples.sizes[some])
            rows.append(figures(judge, found, weights if at < len(sizes) else weights * by_lot))
    except (LossNotFinite, OutOfMemory, RuntimeError, MemoryError) as error:
        # What went wrong in one of several processes alone ends all: the others would wait for it.
        if isinstance(error, RuntimeError) and (process_group.world() > 1 or not is_out_of_memory(error)):
            raise
        return Reason("curve_went_wrong")
    values, again = _told(rows[: len(sizes)])
    orders: Orders | Reason | None = None
    if isinstance(compared, Reason):
        orders = compared
    elif not is_compared:
        orders = Reason("orders_need_time", {"seconds": round(seconds)})
    else:
        orders = _orders([len(part) for part in compared[0]], rows[len(sizes) :], int(by_lot.sum()))
    return Points(candidate, figure, np.array(sizes, np.int64), values, again, len(judge), plan.steps, orders)


def _told(rows: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(S,) of all images that judge, and (B, S) of those resamplings that have something to find."""
    values = np.stack(rows, 1)
    return values[0], values[1:][np.isfinite(values[1:]).all(1)]


def _orders(sizes: list[int], rows: Sequence[NDArray[np.float64]], n: int) -> Orders | Reason:
    values, again = _told(rows)
    if not np.isfinite(values).all():
        return Reason("orders_went_wrong")
    asked, by_lot = np.s_[..., : len(sizes)], np.s_[..., len(sizes) :]
    return Orders(np.array(sizes, np.int64), values[asked], values[by_lot], again[asked], again[by_lot], n)


def _train(
    network: Network, data: Data, parts: Sequence[NDArray[np.int64]], largest: int, plan: Plan, config: TrainConfig,
    device: torch.device, stages: Stages, tell: Callable[[str, float], Progress],
) -> Generator[Progress, None, list[dict[str, Tensor]]]:  # fmt: skip
    """The heads learned from each part, all from the same beginning."""
    untrained = _copy(network)
    trained = []
    for at, part in enumerate(parts):
        network.load_state_dict(untrained)
        # What is learned from fewer images is learned in fewer steps.
        own = replace(plan, steps=max(2, round(plan.steps * math.sqrt(len(part) / largest))))
        for step in fit(network, data, part, own, config.augmentation, device, stages, f"curve-{at}-{len(part)}"):
            share = (at + step.done / step.total) / len(parts)
            yield tell(f"Learning from {len(part)} of the images", 0.25 + 0.65 * share)
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
    network: Network, data: Data, images: NDArray[np.int64], beside: Sequence[NDArray[np.int64]], config: TrainConfig,
    seconds: float, batch: int, device: torch.device, stages: Stages,
) -> tuple[Plan, tuple[float, ...], bool]:  # fmt: skip
    """As many steps for all images as the time allows, the shares of the images to learn from, and whether from the
    parts beside them too. Where all leaves too little time, the parts beside go first, then the smallest share."""
    taken_up = stages.load("curve-plan")
    if taken_up is not None:
        kept = taken_up[1]
        return Plan(**kept["plan"]), tuple(kept["shares"]), kept["is_compared"]
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
    steps = process_group.agree((1 - JUDGING) * seconds / min(times))  # in all
    also = sum(math.sqrt(len(part) / len(images)) for part in beside)
    for shares, is_compared in ((SHARES, bool(beside)), (SHARES, False), (SHARES[1:], False)):
        most = int(steps / (sum(map(math.sqrt, shares)) + also * is_compared))
        if most >= FEWEST_STEPS:
            break
    plan = replace(plan, steps=min(most, MOST_STEPS))
    stages.save("curve-plan", {}, {"plan": asdict(plan), "shares": shares, "is_compared": is_compared})
    return plan, shares, is_compared
