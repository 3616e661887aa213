"""Train a network on canvases with objects: views, targets, steps, and what is kept in case of a kill.

Knows networks, batches and the clock. Does not know candidates or how a model is judged (train.py).
Each step draws its images and views from (seed, step): a fit that was killed goes on as if nothing had happened.
In several processes (ml/distributed) each takes a part of every batch, and their gradients are added up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from labeler.geometry import masks
from labeler.train_settings import Augmentation
from worker.ml.detection import canvas as canvases
from worker.ml.detection import decode, losses
from worker.ml.detection.canvas import HALF, Canvas, View
from worker.ml.detection.kept_maps import KeptMaps
from worker.ml.detection.network import MASK, ROI, Network, regions
from worker.ml.detection.samples import DrawnSet, edges_of
from worker.ml.device import autocast, is_out_of_memory
from worker.ml.distributed import process_group
from worker.ml.errors import LossNotFinite
from worker.ml.images.tensors import PixelScale, scaled
from worker.ml.saved.storage import Stages

CROP = 56  # px of an object's mask, as kept for training
SEEN = 0.25  # of an object's area in the view: what shows less of it is not asked for
KEEP_SECONDS = 15.0
TICK_S = 1.0
MOST_REPEATS = 3.0  # of an image with a rare class
COMMON = 0.2  # share of the images: classes on fewer are shown more often
MASKS = 8  # of an image in a step: those of a crowd teach much the same
PROPOSALS = 24  # of an image, to learn the second stage from
LOSSES = ("places", "edges", "masks", "second")  # of a detector; of a segmenter: places alone
LINES = 40  # of a curve
WARM = 0.1  # of the steps: the step size rises


@dataclass(frozen=True)
class Data:
    """Images and objects as the network sees them, in px of the canvas.

    pixels: (n, h, w, 3) uint8. extents: (n, 2), px that each image takes. boxes: of each image (k, 4) left, top, right,
    bottom. crops: of each image (k, 56, 56) uint8, each object's mask within its box; None where boxes are drawn.
    """

    canvas: Canvas
    pixels: NDArray[np.uint8]
    extents: NDArray[np.float32]
    boxes: list[NDArray[np.float32]]
    classes: list[NDArray[np.int64]]
    weights: list[NDArray[np.float32]]
    crops: list[NDArray[np.uint8]] | None
    n_classes: int
    offset: PixelScale
    scale: PixelScale
    class_weights: Tensor  # (K,): of a centre of each class; more where a class has few objects
    labels: NDArray[np.uint8] | None = None  # (n, h, w): class positions, where pixels are told; 255 void
    kept: Sequence[KeptMaps] | None = None  # of each look, where heads alone are trained: views with the maps of them


def data_of(
    samples: DrawnSet, canvas: Canvas, pixels: NDArray[np.uint8], offset: PixelScale, scale: PixelScale
) -> Data:
    """The training images with their objects, brought to the canvas."""
    extents, boxes = [], []
    for size, drawn in zip(samples.sizes, samples.drawn, strict=True):
        factor = canvas.scale(size)
        extents.append(size * factor)
        boxes.append((edges_of(drawn.boxes) * factor).astype(np.float32))
    crops = None
    if samples.task in ("masks", "polygons"):
        crops = [_crops(drawn.masks or (), size) for size, drawn in zip(samples.sizes, samples.drawn, strict=True)]
    return Data(
        canvas, pixels, np.array(extents, np.float32).reshape(-1, 2), boxes, [d.classes for d in samples.drawn],
        [d.weights for d in samples.drawn], crops, len(samples.categories), offset, scale, _class_weights(samples),
    )  # fmt: skip


def _class_weights(samples: DrawnSet) -> Tensor:
    """(K,), half to four: by the root of how many times rarer a class is than the mean of the classes."""
    counts = np.bincount(
        np.concatenate([np.zeros(0, np.int64), *(d.classes for d in samples.drawn)]), minlength=len(samples.categories)
    )
    weights = np.sqrt(counts[counts > 0].mean() / np.maximum(counts, 1)) if counts.any() else np.ones(len(counts))
    return torch.from_numpy(np.clip(weights, 0.5, 4.0).astype(np.float32))


def _crops(shapes: Sequence[dict[str, Any]], size: NDArray[np.int64]) -> NDArray[np.uint8]:
    kept = np.zeros((len(shapes), CROP, CROP), np.uint8)
    for k, shape in enumerate(shapes):
        bits = masks.raster(shape, int(size[0]), int(size[1])).bits
        if bits.size:
            crop = Image.fromarray(bits.astype(np.uint8) * 255)
            kept[k] = np.asarray(crop.resize((CROP, CROP), Image.Resampling.BOX))
    return kept


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast. steps: of `batch` images each."""

    steps: int
    batch: int
    head_rate: float
    trunk_rate: float
    weight_decay: float
    seed: int


@dataclass(frozen=True, slots=True)
class Step:
    """Where a fit is. line: of the curve, every so many steps."""

    done: int
    total: int
    line: dict[str, Any] | None


def repeats(data: Data, images: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each image is shown, as shares that sum to 1: more often with a class that is on few images (LVIS)."""
    on = np.zeros((len(images), data.n_classes), bool)
    for row, k in enumerate(images):
        on[row, np.unique(data.classes[k])] = True
    share = on.mean(0)
    factor = np.where(share > 0, np.clip(np.sqrt(COMMON / np.maximum(share, 1e-6)), 1, MOST_REPEATS), 1)
    often = np.where(on, factor, 1.0).max(1) if data.n_classes else np.ones(len(images))
    return np.asarray(often / often.sum())


def fit(
    network: Network, data: Data, images: NDArray[np.int64], plan: Plan, how: Augmentation, device: torch.device,
    stages: Stages, name: str,
) -> Iterator[Step]:  # fmt: skip
    """Train in place; yields at least about once a second. Raises LossNotFinite."""
    trunk = [p for p in network.trunk.parameters() if p.requires_grad]
    heads = list(network.heads.parameters())
    groups = [{"params": heads, "lr": plan.head_rate}] + ([{"params": trunk, "lr": plan.trunk_rate}] if trunk else [])
    optimizer = torch.optim.AdamW(groups, weight_decay=plan.weight_decay)
    curve, first = _take_up(network, optimizer, stages.load(name))
    chances, total = repeats(data, images), plan.steps
    each_line = max(1, total // LINES)
    network.train()
    kept_at = told = time.monotonic()
    losses_seen: list[list[float]] = []
    for step in range(first, total):
        rng = np.random.default_rng([plan.seed, step])
        torch.manual_seed(plan.seed * 1_000_003 + step)
        chosen = images[rng.choice(len(images), plan.batch, replace=len(images) < plan.batch, p=chances)]
        optimizer.zero_grad(set_to_none=True)
        parts = _gradients(network, [*heads, *trunk], data, chosen, how, rng, device)
        if not np.isfinite(parts).all():
            raise LossNotFinite("The loss of the detector became infinite: use a smaller learning rate.")
        for group, highest in zip(optimizer.param_groups, (plan.head_rate, plan.trunk_rate), strict=False):
            group["lr"] = highest * _rate(step, total)
        nn.utils.clip_grad_norm_([*heads, *trunk], 10.0)
        optimizer.step()
        losses_seen.append(parts)
        line = None
        if (step + 1) % each_line == 0 or step + 1 == total:
            mean = np.mean(losses_seen, 0)
            line = {"epoch": round((step + 1) * plan.batch / len(images), 2), "train_loss": round(float(mean.sum()), 4)}
            line |= dict(zip(LOSSES, [round(float(v), 4) for v in mean], strict=False))
            curve.append(line)
            losses_seen = []
        now = time.monotonic()
        if line is not None and now - kept_at > KEEP_SECONDS:
            _keep(network, optimizer, stages, name, step + 1, curve)
            kept_at = time.monotonic()
        if line is not None or now - told > TICK_S:
            told = now
            yield Step(step + 1, total, line)
    process_group.average(network.heads.buffers())  # each has normalised its own parts of the batches
    network.eval()


def _rate(step: int, total: int) -> float:
    """Of the highest: up in a tenth of the steps, then down along a cosine."""
    warm = max(1, int(WARM * total))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, total - warm)))) + 0.002


def _gradients(
    network: Network, parameters: Sequence[Tensor], data: Data, chosen: NDArray[np.int64], how: Augmentation,
    rng: np.random.Generator, device: torch.device,
) -> list[float]:  # fmt: skip
    """Fill in the gradients of the batch's losses; the losses. Raises MemoryError in all processes where the memory of
    one is short: otherwise the others would wait for its gradients."""
    mine = chosen[process_group.share(len(chosen))]
    if process_group.world() > 1:  # each draws its own views
        rng = np.random.default_rng([*rng.integers(2**32, size=2).tolist(), process_group.rank()])
    share, short = len(mine) / len(chosen), 0.0
    values = [0.0] * (len(LOSSES) if data.labels is None else 1)
    try:
        if len(mine):
            parts = _losses(network, data, mine, how, rng, device)
            (share * torch.stack(parts).sum()).backward()
            values = [share * part.item() for part in parts]
    except (RuntimeError, MemoryError) as error:
        if process_group.world() == 1 or not is_out_of_memory(error):
            raise
        short = 1.0
    *values, n_short = process_group.add_up([*values, short], device)
    if n_short:
        raise MemoryError("the memory of a process does not suffice")
    process_group.add_gradients(parameters)
    return values


def _losses(
    network: Network, data: Data, chosen: NDArray[np.int64], how: Augmentation, rng: np.random.Generator,
    device: torch.device,
) -> list[Tensor]:  # fmt: skip
    look = int(rng.random() < data.canvas.wide) if data.canvas.wide else 0
    canvas = data.canvas.of_look(look)
    x: Tensor | list[Tensor]
    if data.kept is not None:
        views, x = data.kept[look].draw(chosen, rng, device)
    else:
        views = canvases.vary(canvas, data.extents[chosen], how, rng)
        pixels = torch.from_numpy(data.pixels[chosen]).to(device)
        x = scaled(canvases.see(canvas, pixels, views, how, rng), data.offset, data.scale)
    if data.labels is not None:
        with autocast(device):
            logits = network(x)
        wanted_labels = canvases.see_labels(data.canvas, torch.from_numpy(data.labels[chosen]).to(device), views)
        return losses.pixel_losses(logits, wanted_labels)
    seen = [_seen(data, int(k), view, canvas, look) for k, view in zip(chosen, views, strict=True)]
    boxes = [torch.from_numpy(s.boxes) for s in seen]
    classes = [torch.from_numpy(s.classes) for s in seen]
    with autocast(device):
        features, heat, edges = network.look(x, look)
    height, width = heat.shape[-2:]
    weights = [torch.from_numpy(s.weights) for s in seen]
    wanted = losses.targets(boxes, classes, weights, data.n_classes, height, width, network.stride)
    wanted = losses.Targets(*(t.to(device) for t in (wanted.heat, wanted.peaks, wanted.boxes, wanted.near)))
    found = losses.edges_to_boxes(edges, network.stride, losses.typical_of(canvas, look))
    none = heat.sum() * 0
    parts = [
        losses.heat_loss(heat, wanted, data.class_weights.to(device)),
        2 * losses.box_loss(found, wanted),
        none,
        none,
    ]
    if network.heads.masks is not None:
        parts[2] = _loss_of_masks(network, features, seen, rng, device)
    if network.heads.second is not None:
        parts[3] = _loss_of_second(network, features, heat, found, boxes, classes, rng, device)
    return parts


@dataclass(frozen=True, slots=True)
class _Seen:
    """The objects of a view: whole: (k, 4) boxes before clipping; mirrored: of x, of y."""

    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]
    weights: NDArray[np.float32]
    whole: NDArray[np.float32]
    crops: NDArray[np.uint8] | None
    mirrored: tuple[bool, bool]


def _seen(data: Data, k: int, view: View, canvas: Canvas, look: int) -> _Seen:
    whole = view.boxes(data.boxes[k])
    limits = np.array([canvas.view_width, canvas.view_height] * 2, np.float32)
    boxes = np.clip(whole, 0, limits)
    areas = [np.prod(box[:, 2:] - box[:, :2], axis=1) for box in (boxes, whole)]
    there = (areas[0] >= SEEN * areas[1]) & ((boxes[:, 2:] - boxes[:, :2]).min(1, initial=1e9) >= 2)
    if canvas.large:  # the other look is asked for the others
        there &= (np.sqrt(areas[1]) * (HALF if look else 1) >= canvas.large) == bool(look)
    crops = None if data.crops is None else data.crops[k][there]
    mirrored = (view.factor[0] < 0, view.factor[1] < 0)
    return _Seen(boxes[there], data.classes[k][there], data.weights[k][there], whole[there], crops, mirrored)


def _jittered(boxes: Tensor, rng: np.random.Generator, by: float) -> Tensor:
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    return boxes + torch.from_numpy(rng.uniform(-by, by, boxes.shape).astype(np.float32)) * sides


def _loss_of_masks(
    network: Network, features: Tensor, seen: Sequence[_Seen], rng: np.random.Generator, device: torch.device
) -> Tensor:
    assert network.heads.masks is not None
    boxes, wanted = [], []
    for one in seen:
        pick = rng.permutation(len(one.boxes))[:MASKS]
        box = network.of_masks(_jittered(torch.from_numpy(one.boxes[pick]), rng, 0.06))
        boxes.append(box.to(device))
        if len(pick):
            assert one.crops is not None
            wanted.append(_masks_in(box, torch.from_numpy(one.whole[pick]), one.crops[pick], one.mirrored))
    inside = regions(features, boxes, MASK // 2, network.stride)
    if not len(inside):
        return features.sum() * 0
    return losses.mask_loss(network.heads.masks(inside)[:, 0], torch.cat(wanted).to(device))


def _masks_in(boxes: Tensor, whole: Tensor, crops: NDArray[np.uint8], mirrored: tuple[bool, bool]) -> Tensor:
    """(k, 28, 28), 0 to 1: the objects' masks as they lie in `boxes`; crops lie in `whole`."""
    steps = (torch.arange(MASK) + 0.5) / MASK
    along = []
    for axis in (0, 1):
        px = boxes[:, axis, None] + (boxes[:, 2 + axis] - boxes[:, axis])[:, None] * steps
        at = (px - whole[:, axis, None]) / (whole[:, 2 + axis] - whole[:, axis]).clamp(min=1e-3)[:, None] * 2 - 1
        along.append(-at if mirrored[axis] else at)
    k = len(boxes)
    grid = torch.stack([along[0][:, None, :].expand(k, MASK, MASK), along[1][:, :, None].expand(k, MASK, MASK)], -1)
    return F.grid_sample(torch.from_numpy(crops)[:, None].float() / 255, grid, align_corners=False)[:, 0]


def _loss_of_second(
    network: Network, features: Tensor, heat: Tensor, found: Tensor, boxes: Sequence[Tensor],
    classes: Sequence[Tensor], rng: np.random.Generator, device: torch.device,
) -> Tensor:  # fmt: skip
    """What lies in proposals: their class, or nothing; and how their edges move."""
    assert network.heads.second is not None
    with torch.no_grad():
        proposed = decode.peaks([torch.sigmoid(heat.float())], [found], most=PROPOSALS)
    regions_of, kinds, moves = [], [], []
    for k, (box, *_) in enumerate(proposed):
        given = boxes[k].to(device)
        both = torch.cat([_jittered(boxes[k], rng, 0.12).to(device)[: 2 * PROPOSALS], box.detach().float()])
        regions_of.append(both)
        iou = decode.iou_of(both, given)
        if not len(given):
            kinds.append(torch.full((len(both),), heat.shape[1], device=device))
            moves.append(torch.full((len(both), 4), float("nan"), device=device))
            continue
        best, which = iou.max(1)
        kinds.append(torch.where(best >= 0.5, classes[k].to(device)[which], heat.shape[1]))
        sides = (both[:, 2:] - both[:, :2]).clamp(min=1).repeat(1, 2)
        move = (given[which] - both) / sides * 4
        moves.append(torch.where((best >= 0.5)[:, None], move, torch.nan))
    inside = regions(features, regions_of, ROI, network.stride)
    if not len(inside):
        return features.sum() * 0
    said = network.heads.second(inside).float()
    kind, move = torch.cat(kinds), torch.cat(moves)
    positive = kind < heat.shape[1]
    loss = F.cross_entropy(said[:, :-4], kind)
    if positive.any():
        loss = loss + F.smooth_l1_loss(said[positive, -4:], move[positive])
    return loss


def _keep(
    network: Network, optimizer: torch.optim.Optimizer, stages: Stages, name: str, step: int, curve: list[Any]
) -> None:
    arrays = {f"w.{key}": value.cpu().numpy() for key, value in network.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        arrays |= {f"o.{index}.{key}": value.cpu().numpy() for key, value in state.items()}
    stages.save(name, arrays, {"step": step, "curve": curve})


def _take_up(network: Network, optimizer: Any, kept: Any) -> tuple[list[dict[str, Any]], int]:
    if kept is None:
        return [], 0
    arrays, note = kept
    network.load_state_dict({key[2:]: torch.from_numpy(a) for key, a in arrays.items() if key.startswith("w.")})
    state: dict[int, dict[str, Tensor]] = {}
    for key, array in arrays.items():
        if key.startswith("o."):
            _, index, field = key.split(".")
            state.setdefault(int(index), {})[field] = torch.from_numpy(array)
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    return note["curve"], note["step"]
