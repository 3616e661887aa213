"""One training in several processes: which part of a batch each computes, and how they agree on the same numbers.

Under torchrun every process runs the same program on the same labels with the same seed; only the images of a batch
are divided among them, and gradients are added up. What could come out differently (a measured speed, a time limit,
memory that was short in one of them) is agreed on here, so that no process waits for one that went another
way. Without torchrun, everything here does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")
LONGEST = timedelta(minutes=30)  # that one process may be behind the others


def join() -> torch.device:
    """Become one of torchrun's processes: this one's device. NCCL between GPUs, Gloo between CPUs."""
    on_gpu = torch.cuda.is_available() and os.environ.get("LABELER_RANKS_ON") != "cpu"
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=LONGEST)
    return device


def leave() -> None:
    dist.destroy_process_group()


def world() -> int:
    """How many processes there are; 1 without torchrun."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def share(n: int) -> slice:
    """Which of n images are mine; of fewer images than processes, some get none."""
    return slice(n * rank() // world(), n * (rank() + 1) // world())


def agree(mine: T, *, source: int = 0) -> T:
    """What process `source` says."""
    if world() == 1:
        return mine
    box = [mine if rank() == source else None]
    dist.broadcast_object_list(box, src=source)
    return box[0]  # type: ignore[return-value]


def add_up(numbers: Sequence[float], device: torch.device) -> list[float]:
    """Each number summed over all processes."""
    if world() == 1:
        return list(numbers)
    total = torch.tensor(numbers, dtype=torch.float64, device=device)
    dist.all_reduce(total)
    return total.tolist()


def add_gradients(parameters: Sequence[Tensor]) -> None:
    """Each gradient summed over all processes, in one message. Parameters without a gradient count as zero."""
    if world() == 1:
        return
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = torch.cat([grad.reshape(-1) for grad in grads])
    dist.all_reduce(flat)
    for parameter, grad, part in zip(parameters, grads, flat.split([g.numel() for g in grads]), strict=True):
        parameter.grad = part.view_as(grad)


def average(buffers: Iterable[Tensor]) -> None:
    """Each floating buffer becomes its mean over all processes."""
    if world() == 1:
        return
    for buffer in buffers:
        if buffer.is_floating_point():
            dist.all_reduce(buffer)
            buffer /= world()
