"""Which device computes, and how a worker process treats its core and its memory.

Knows torch and the C library. Everything else asks here and stays the same on CPU and GPU.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from threadpoolctl import threadpool_limits

from worker.ml.distributed import process_group
from worker.ml.errors import OutOfMemory

logger = logging.getLogger(__name__)
T = TypeVar("T")
Module = TypeVar("Module", bound=torch.nn.Module)

MOST_THREADS, LOOKS_S = 8, 0.5  # of a training on a CPU; how long it looks which cores are idle
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc malloc.h


def pick_device() -> torch.device:
    """cuda, or Apple's mps, or cpu: the first that is there."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def describe_device(device: torch.device, threads: str = "one thread") -> str:
    """In words, for the page of a run: "NVIDIA H200", "CPU (x86_64), one thread". threads: of a CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"Apple GPU ({platform.machine()})" if device.type == "mps" else f"CPU ({platform.machine()}), {threads}"


def settle_process() -> None:
    """Once per worker process, before any training: one thread, and memory that is kept.

    One worker process per core: two threads each were slower than one on busy cores. glibc gives buffers
    above 128 KB back to the kernel when they are freed and meets them again page by page: without the two
    thresholds that took a third of the time of a forward pass.
    """
    torch.set_num_threads(1)
    # for libraries that are loaded later; the limit below reaches only those that are loaded
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    threadpool_limits(1)
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, ctypes.c_int(1 << 30))
            mallopt(M_TRIM_THRESHOLD, ctypes.c_int((1 << 31) - 1))


def to_device(module: Module, device: torch.device, dtype: torch.dtype | None = None) -> Module:
    """Move a network in place, its convolutions laid out channels last: 1.6 times as fast on a CPU."""
    return module.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]


@contextmanager
def autocast(device: torch.device) -> Iterator[None]:
    """bfloat16 arithmetic on a CUDA device, plain float32 elsewhere."""
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
        yield


def compiled(run: Callable[..., T], device: torch.device) -> Callable[..., T]:
    """The same function through torch.compile on a CUDA device that can, the function itself elsewhere.

    For work of minutes: compiling takes half of one. When it fails, at its first call or later, the plain function
    goes on and the log says so.
    """
    if device.type != "cuda" or not _has_compiler():
        return run
    fast: Callable[..., T] | None = torch.compile(run)

    def either(*given: Any) -> T:
        nonlocal fast
        if fast is not None:
            try:
                return fast(*given)
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                # the compiler raises whatever it likes, and no run should fail for being made faster
                logger.warning("not compiled: %s", str(error)[:300])
                fast = None
        return run(*given)

    return either


def _has_compiler() -> bool:
    """Triton compiles for GPUs, and wants a C compiler beside it."""
    return importlib.util.find_spec("triton") is not None and shutil.which(os.environ.get("CC", "gcc")) is not None


# What a plain RuntimeError says of it: torch of the CPU and of pinned memory, CUDA, cuBLAS, cuDNN, MPS.
_SHORT = ("can't allocate memory", "out of memory", "alloc_failed", "cannot allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch failed to get memory, on a GPU or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _SHORT)
    )


def has_room(device: torch.device, n_bytes: int) -> bool:
    """Whether a GPU has as much as this to spare, and as much again for the work itself. True of a CPU."""
    return device.type != "cuda" or 2 * n_bytes <= torch.cuda.mem_get_info(device)[0]


def with_smaller_batches(work: Callable[[int], T], batch: int) -> tuple[T, int]:
    """work(batch), again with half the batch as long as memory does not suffice; the result and the batch.

    Raises OutOfMemory when one image is too much. The recursion through `except` is avoided on purpose: the
    traceback of a failed try would keep its tensors alive during the next.
    """
    while True:
        try:
            return work(batch), batch
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if batch <= 1:
            raise OutOfMemory("The memory does not suffice for a batch of one image: use a smaller image size.")
        batch //= 2


@contextmanager
def all_cores(device: torch.device) -> Iterator[None]:
    """A worker has one thread for each process; a training of minutes takes every core that is idle as it begins.

    Not more: two threads that wait for each other on cores that others use were ten times slower than one. So the
    processes of one training share the cores.
    """
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(max(1, min(round(idle_cores()) // process_group.world(), MOST_THREADS)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def idle_cores() -> float:
    """How many of this process's cores did nothing in the last half second.

    Not the load average where the system says it: a minute after a training it still counts that training.
    """
    cores = len(os.sched_getaffinity(0))
    first = _ticks()
    if first is None:
        return cores - os.getloadavg()[0]
    time.sleep(LOOKS_S)
    idle, total = (after - before for after, before in zip(_ticks() or first, first, strict=True))
    return cores * idle / max(total, 1)


def _ticks() -> tuple[int, int] | None:
    """Of all cores since the start of the machine: idle, and all; None on a system that does not say (proc(5))."""
    try:
        told = [int(number) for number in Path("/proc/stat").read_text(encoding="ascii").split()[1:9]]
    except OSError:
        return None
    return told[3] + told[4], sum(told)  # what waits for a disk is idle too
