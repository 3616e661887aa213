"""Resume a fit that was killed, after its last kept epoch; it ends as if nothing had happened.

Knows what of a fit has to be kept: weights, the optimiser's moments, the schedule's place, random numbers. Where it
lies is ml/saved/storage.py's; when an epoch ends, finetune.py's.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.ml.candidates.trainable import Epoch, Trainable
from worker.ml.saved.storage import Stages

# Writing costs a second or so where all of a large network is trained, and an epoch on a GPU takes less: what a kill
# costs is at most an epoch and this long, and what keeping costs is at most a twentieth of the time.
KEEP_SECONDS = 10.0
COST_FACTOR = 20.0
MOMENTS = ("exp_avg", "exp_avg_sq")


def epochs_of(candidate: str, fold: int | None) -> str:
    """The stage that keeps the epochs of a fold's fit, or of that to all labels."""
    return f"{candidate}-epochs-{'all' if fold is None else fold}"


@dataclass(slots=True)
class Progressed:
    """How far a fit is."""

    epoch: int
    best: dict[str, Tensor]
    best_epoch: int
    best_loss: float
    curve: list[Epoch] = field(default_factory=list)


class Keeper:
    """Keeps one fit's epochs under a name of its run's stages; without a folder it keeps nothing."""

    def __init__(self, stages: Stages, name: str) -> None:
        self._stages, self._name = stages, name
        self._found = stages.load(name)
        self._begun = self._saved_at = time.monotonic()
        self._cost = 0.0
        self._spent_before = float(self._found[1]["spent_s"]) if self._found else 0.0

    @property
    def spent_s(self) -> float:
        """What this fit has taken, earlier attempts included."""
        return self._spent_before + time.monotonic() - self._begun

    @property
    def batch(self) -> int | None:
        """Of the fit that was killed: memory was short for a larger one, perhaps."""
        return int(self._found[1]["batch"]) if self._found else None

    def take_up(
        self,
        tail: Trainable,
        optimiser: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        generator: torch.Generator,
        device: torch.device,
        batch: int,
    ) -> Progressed | None:
        """Put everything where it was after the last kept epoch; None: there is none of a fit with this batch."""
        found, self._found = self._found, None  # once: a fit that starts over, with half the batch, starts anew
        if found is None or found[1]["batch"] != batch:
            return None
        arrays, note = found
        state = _tensors(arrays, "tail.")
        tail.load_state(state)
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        for k, parameter in enumerate(parameters):
            moments = {name: torch.from_numpy(arrays[f"{name}.{k}"]).to(parameter) for name in MOMENTS}
            optimiser.state[parameter] = {"step": torch.tensor(float(note["steps"])), **moments}
        for group, kept in zip(optimiser.param_groups, note["groups"], strict=True):
            group["lr"], group["betas"] = kept["lr"], tuple(kept["betas"])
        schedule.last_epoch = int(note["steps"])
        generator.set_state(torch.from_numpy(arrays["generator"]))
        torch.set_rng_state(torch.from_numpy(arrays["rng"]))
        if device.type == "cuda" and "cuda" in arrays:
            torch.cuda.set_rng_state(torch.from_numpy(arrays["cuda"]), device)
        best = state if note["best_epoch"] == note["epoch"] else _tensors(arrays, "best.")
        curve = [Epoch(**line) for line in note["curve"]]
        return Progressed(note["epoch"], best, note["best_epoch"], float(note["best_loss"]), curve)

    def epoch_ended(
        self,
        progressed: Progressed,
        tail: Trainable,
        optimiser: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        generator: torch.Generator,
        device: torch.device,
        batch: int,
    ) -> None:
        """Keep this epoch, if the last one that was kept is some time ago."""
        begun = time.monotonic()
        if begun - self._saved_at < max(KEEP_SECONDS, COST_FACTOR * self._cost):
            return
        arrays: dict[str, NDArray[Any]] = {f"tail.{key}": value.numpy() for key, value in tail.state().items()}
        if progressed.best_epoch != progressed.epoch:
            arrays |= {f"best.{key}": value.numpy() for key, value in progressed.best.items()}
        for k, parameter in enumerate(p for group in optimiser.param_groups for p in group["params"]):
            moments = optimiser.state[parameter]
            arrays |= {f"{name}.{k}": moments[name].detach().float().cpu().numpy() for name in MOMENTS}
        arrays |= {"generator": generator.get_state().numpy(), "rng": torch.get_rng_state().numpy()}
        if device.type == "cuda":
            arrays["cuda"] = torch.cuda.get_rng_state(device).cpu().numpy()
        note: dict[str, Any] = {
            "epoch": progressed.epoch,
            "best_epoch": progressed.best_epoch,
            "best_loss": progressed.best_loss,
            "curve": [asdict(line) for line in progressed.curve],
            "steps": schedule.last_epoch,
            "groups": [{"lr": group["lr"], "betas": list(group["betas"])} for group in optimiser.param_groups],
            "batch": batch,
            "spent_s": self.spent_s,
        }
        self._stages.save(self._name, arrays, note)
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - begun


def _tensors(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, Tensor]:
    # A copy: training writes into its tensors, and these may share memory with what was read.
    return {
        key.removeprefix(prefix): torch.from_numpy(np.array(value))
        for key, value in arrays.items()
        if key.startswith(prefix)
    }
