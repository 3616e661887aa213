"""Train the last stages of the backbone and a head on it, from a head that already works.

Knows networks, batches and epochs. Does not know folds or other candidates (ml/training/train.py), nor files.

The head starts as the logistic regression of the frozen features (linear probing, then fine-tuning: Kumar et al.
2022, arXiv:2202.10054), so that the first steps improve features instead of repairing a random head. The
forward pass scales features exactly as the regression does.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from worker.ml.candidates.logistic import Linear, to_probabilities
from worker.ml.candidates.resume import Keeper, Progressed
from worker.ml.candidates.trainable import Epoch, Trainable
from worker.ml.device import autocast, is_out_of_memory, to_device, with_smaller_batches
from worker.ml.distributed import process_group
from worker.ml.errors import LossNotFinite, OutOfMemory
from worker.ml.images.augmented_views import WHOLE, Views
from worker.ml.networks.network import Staged

TICK_S = 1.0  # longest silence between two signs of life


class Tail(Trainable):
    """Stages cut .. end of a backbone and a linear head: inputs of stage `cut` to logits (n, K).

    first_stage: the first that is trained, not before `cut`; None: all from `cut` on.
    """

    def __init__(self, network: Staged, cut: int, head: Linear, dropout: float, first_stage: int | None = None) -> None:
        super().__init__()
        self.network, self.cut, self.dropout = copy.deepcopy(network), cut, dropout
        self.network.requires_grad_(False)
        self.trained = {
            name: module
            for stage in range(cut if first_stage is None else first_stage, network.n_stages)
            for name, module in self.network.stage_modules(stage).items()
        }
        for module in self.trained.values():
            module.requires_grad_(True)
        n_categories, n_features = head.weight.shape
        self.head = nn.Linear(n_features, n_categories)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(head.weight))
            self.head.bias.copy_(torch.from_numpy(head.bias))

    def train(self, mode: bool = True) -> Tail:
        # BatchNorm keeps ImageNet's statistics: those of a few hundred images, seen through 32-image batches,
        # are noise, and the trunk below was computed with the old ones.
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        features = self.network.run(x, self.cut).float()
        length = features.norm(dim=1, keepdim=True).clamp(min=1e-6)
        features = features * (math.sqrt(features.shape[1]) / length)
        return self.head(F.dropout(features, self.dropout, self.training))

    def state(self) -> dict[str, Tensor]:
        """What training changed: "network.…" of the trained stages, "head.weight", "head.bias"; on the CPU."""
        kept = {
            f"network.{name}.{key}": value
            for name, module in self.trained.items()
            for key, value in module.state_dict().items()
        }
        kept |= {f"head.{key}": value for key, value in self.head.state_dict().items()}
        return {key: value.detach().to("cpu", copy=True).contiguous() for key, value in kept.items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        for name, module in self.trained.items():
            prefix = f"network.{name}."
            part = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            module.load_state_dict(part, strict=True)
        self.head.load_state_dict({key: state[f"head.{key}"] for key in ("weight", "bias")}, strict=True)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of one fit; `epochs` is the length of the one-cycle schedule."""

    task: str
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    patience: int
    seed: int


@dataclass(frozen=True, slots=True)
class Labeled:
    """All images of a run, and what people say of them."""

    views: Views
    targets: Tensor  # (n, K), may be soft
    weights: Tensor  # (n,)


Images = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]  # to learn from, for the curve, to stop by


@dataclass(slots=True)
class Fit:
    """Where a fit ended."""

    state: dict[str, Tensor]
    best_epoch: int
    batch: int  # as it was, or halved when memory was short
    curve: list[Epoch] = field(default_factory=list)


def smoothed(targets: Tensor, amount: float, task: str) -> Tensor:
    """Move `amount` of each target's certainty to all categories (single) or to one half (multi)."""
    return targets * (1 - amount) + amount * (1 / targets.shape[1] if task == "single" else 0.5)


def loss_of(logits: Tensor, targets: Tensor, weights: Tensor, task: str) -> Tensor:
    """Weighted mean loss of a batch; targets (n, K) may be soft."""
    if task == "single":
        each = -(targets * F.log_softmax(logits, 1)).sum(1)
    else:
        each = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)
    return (each * weights).sum() / weights.sum()


def n_right(logits: Tensor, targets: Tensor, task: str) -> float:
    """How many images are right (single), or the sum over images of the share of right answers (multi)."""
    if task == "single":
        return float((logits.argmax(1) == targets.argmax(1)).sum())
    return float(((logits > 0) == (targets > 0.5)).float().mean(1).sum())


@torch.no_grad()
def logits_of(
    tail: Trainable, views: Views, indices: NDArray[np.int64], device: torch.device, batch: int = 64
) -> Tensor:
    """Logits (n, K) on the plain view, float32 on the CPU."""
    tail.eval()

    def work(batch: int) -> Tensor:
        parts = []
        for start in range(0, len(indices), batch):
            x = views.plain(torch.from_numpy(indices[start : start + batch])).to(device)
            with autocast(device):
                parts.append(tail(x).float().cpu())
        return torch.cat(parts)

    return with_smaller_batches(work, batch)[0]


def fit(
    tail: Trainable, known: Labeled, images: Images, recipe: Recipe, device: torch.device, keeper: Keeper | None = None
) -> Iterator[Epoch | Fit | None]:
    """Train; yields an Epoch after each epoch, None as a sign of life in between, and at last a Fit.

    images: positions, any of the last two may be empty. Those to stop by decide: the epoch of their smallest loss
    is kept and training ends `patience` epochs after it; without, the last epoch is kept. When memory is short the
    batch is halved and the fit starts over. With a `keeper` a fit that was killed goes on after its last kept epoch;
    the epochs before it are yielded again.
    Raises LossNotFinite, OutOfMemory.
    """
    start_state = tail.state()
    batch = (keeper.batch if keeper else None) or recipe.batch
    while True:
        try:
            yield from _fit(tail, known, images, recipe, batch, device, keeper)
            return
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if batch <= 1:
                raise OutOfMemory(
                    "The memory does not suffice to train on one image: use a smaller image size."
                ) from None
        batch //= 2
        if device.type == "cuda":
            torch.cuda.empty_cache()
        tail.load_state(start_state)


def _fit(
    tail: Trainable, known: Labeled, images: Images, recipe: Recipe, batch: int, device: torch.device,
    keeper: Keeper | None,
) -> Iterator[Epoch | Fit | None]:  # fmt: skip
    train, validation, stop = images
    to_device(tail, device)
    generator = torch.Generator().manual_seed(recipe.seed)
    decayed = [p for p in tail.parameters() if p.requires_grad and p.ndim > 1]
    free = [p for p in tail.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate)
    steps = max(1, math.ceil(len(train) / batch))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=recipe.learning_rate, total_steps=recipe.epochs * steps + 1, pct_start=0.25
    )
    order = torch.from_numpy(train)
    best, best_epoch, best_loss = tail.state(), 0, math.inf
    curve: list[Epoch] = []
    alive = time.monotonic()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(recipe.seed)  # dropout draws from the global generator
        first = 1
        if keeper and (before := keeper.take_up(tail, optimiser, schedule, generator, device, batch)):
            first, best, best_epoch, best_loss = before.epoch + 1, before.best, before.best_epoch, before.best_loss
            curve = before.curve
            yield from curve
            if before.epoch - best_epoch >= recipe.patience:
                first = recipe.epochs + 1  # it had stopped
        for epoch in range(first, recipe.epochs + 1):
            tail.train()
            sum_loss = sum_right = 0.0
            for part in order[torch.randperm(len(order), generator=generator)].tensor_split(steps):
                optimiser.zero_grad(set_to_none=True)
                value, right = _step(tail, known, part, generator, recipe, device)
                if not math.isfinite(value):
                    raise LossNotFinite(
                        f"Training stopped in epoch {epoch}: the loss is not a number any more. "
                        "A smaller learning rate usually helps."
                    )
                nn.utils.clip_grad_norm_(decayed + free, 5.0)
                optimiser.step()
                schedule.step()
                sum_loss += value * len(part)
                sum_right += right
                if time.monotonic() - alive > TICK_S:
                    yield None
                    alive = time.monotonic()
            line = Epoch(epoch, sum_loss / len(train), sum_right / len(train))
            if len(validation):
                line.validation_loss, line.validation_accuracy = _judge(tail, known, validation, recipe, device)
            curve.append(line)
            yield line
            stop_loss = _judge(tail, known, stop, recipe, device)[0] if len(stop) else -float(epoch)
            if stop_loss < best_loss:
                best, best_epoch, best_loss = tail.state(), epoch, stop_loss
            if keeper:
                now = Progressed(epoch, best, best_epoch, best_loss, curve)
                keeper.epoch_ended(now, tail, optimiser, schedule, generator, device, batch)
            if epoch - best_epoch >= recipe.patience:
                break
    tail.load_state(best)
    yield Fit(best, best_epoch, batch, curve)


def _step(
    tail: Trainable, known: Labeled, part: Tensor, generator: torch.Generator, recipe: Recipe, device: torch.device
) -> tuple[float, float]:
    """Gradients of one batch, as if it were in one process; its loss and how many of it are right.

    Memory that is short in one process is short in all: otherwise the others would wait for its gradients.
    """
    divided = tail.divided and process_group.world() > 1
    mine = process_group.share(len(part)) if divided else WHOLE
    value = right = 0.0
    short = False
    try:
        # Where no image is mine, one is varied all the same: processes that have not drawn alike shuffle differently
        # from there on, and an epoch has some images twice and others never.
        any_mine = len(part[mine]) > 0
        x = known.views.varied(part, generator, mine if any_mine else slice(0, 1)).to(device)
        if any_mine:
            y, w = known.targets[part[mine]].to(device), known.weights[part[mine]].to(device)
            with autocast(device):
                logits = tail(x)
            loss = loss_of(logits.float(), smoothed(y, recipe.label_smoothing, recipe.task), w, recipe.task)
            if divided:
                loss = loss * (w.sum() / known.weights[part].sum().to(device))
            loss.backward()
            value, right = float(loss.detach()), n_right(logits.detach(), y, recipe.task)
    except (RuntimeError, MemoryError) as error:
        if not divided or not is_out_of_memory(error):
            raise
        # not the error itself: it and this frame would hold each other, and with them the tensors of this try
        short = True
    if divided:
        value, right, n_short = process_group.add_up([value, right, float(short)], device)
        if n_short:
            raise MemoryError("the memory of a process does not suffice")
        process_group.add_gradients([p for p in tail.parameters() if p.requires_grad])
    return value, right


def _judge(
    tail: Trainable, known: Labeled, images: NDArray[np.int64], recipe: Recipe, device: torch.device
) -> tuple[float, float]:
    """(loss, accuracy) on the plain view of some images, each counting once."""
    divided = tail.divided and process_group.world() > 1
    mine = images[process_group.share(len(images))] if divided else images
    loss = right = 0.0
    if len(mine):
        logits, truth = logits_of(tail, known.views, mine, device), known.targets[torch.from_numpy(mine)]
        loss = float(loss_of(logits, truth, torch.ones(len(mine)), recipe.task)) * len(mine)
        right = n_right(logits, truth, recipe.task)
    if divided:
        loss, right = process_group.add_up([loss, right], device)
    return loss / len(images), right / len(images)


def probabilities_of(
    tail: Trainable, views: Views, indices: NDArray[np.int64], device: torch.device, task: str
) -> NDArray[np.float32]:
    """Probabilities (n, K) on the plain view."""
    return to_probabilities(logits_of(tail, views, indices, device).numpy(), task).astype(np.float32)
