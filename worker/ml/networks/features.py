"""Images to features by the frozen backbone, streamed in batches; a broken image costs only itself.

Knows decoding and the frozen network. Does not know where features are kept: the caller stores them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.ml.device import compiled, with_smaller_batches
from worker.ml.errors import ImageUnreadable
from worker.ml.images.augmented_views import plain_pixels
from worker.ml.images.decode_files import decoded_into, processes_for, room_beside_memory
from worker.ml.images.pixels import Squares
from worker.ml.images.tensors import Source, decode
from worker.ml.networks import backbones
from worker.ml.networks.backbones import Backbone
from worker.ml.networks.frozen import Frozen

T = TypeVar("T")
COMPILE_FROM = 50_000  # images from which on compiling the network takes less time than it saves
BATCHES_AHEAD = 3  # decoded and waiting; more only costs memory
SHARED = 4096 * 224 * 224 * 3  # bytes that several processes decode before they are started anew: 600 MB


@dataclass(frozen=True, slots=True)
class FeatureBatch:
    """Features of some images, in the order they were asked for."""

    indices: NDArray[np.int64]  # (n,) positions in the sequence of sources
    features: NDArray[np.float16]  # (n, n_features)
    failed: dict[int, str]  # position -> reason, for images that could not be read


def embed(
    sources: Sequence[Source] | Squares,
    backbone: Backbone,
    device: torch.device,
    *,
    batch: int = 16,
    size: int | None = None,
) -> Iterator[FeatureBatch]:
    """Features of all sources, batch by batch. A source is a path, bytes, an open file, or a function giving one.

    Pass the smallest rendition whose short side is at least `size` pixels. Decoding runs in one thread beside
    the network (it holds no lock while it decodes). A missing or broken image is reported in `failed`, the
    others go on. Stopping the iteration stops the thread.
    """
    network = backbones.frozen(backbone, device)
    if isinstance(sources, Squares):
        yield from embed_kept(network, backbone, sources, batch=batch, size=size or backbone.size)
        return
    decoded = decoded_batches(sources, batch=batch, size=size or backbone.size, processes=processes_for(device.type))
    for indices, pixels, failed in decoded:
        features = np.empty((0, backbone.n_features), np.float16)
        if len(indices):
            features = _features(network, network.run, backbone, torch.from_numpy(pixels), pixels.shape[1])
        yield FeatureBatch(indices, features, failed)


def embed_kept(
    network: Frozen, backbone: Backbone, squares: Squares, *, batch: int, size: int
) -> Iterator[FeatureBatch]:
    """As embed(), from kept squares: read ahead in a thread, sent as uint8, brought to `size` on the device."""
    run = compiled(network.run, network.device) if len(squares) >= COMPILE_FROM else network.run
    on_gpu = network.device.type == "cuda"

    def read() -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        for start in range(0, len(squares), batch):
            pixels = torch.from_numpy(squares[start : start + batch])
            # pinned memory is copied to a GPU while it computes
            yield np.arange(start, start + len(pixels)), pixels.pin_memory() if on_gpu else pixels

    for indices, pixels in ahead(read()):
        yield FeatureBatch(indices, _features(network, run, backbone, pixels, size), {})


def _features(
    network: Frozen, run: Callable[[Tensor], Tensor], backbone: Backbone, pixels: Tensor, size: int
) -> NDArray[np.float16]:
    """run: the network's, compiled perhaps. pixels: uint8 (n, h, w, 3), in pinned memory perhaps."""
    x = pixels.to(network.device, non_blocking=True)

    def look(n: int) -> NDArray[np.float16]:
        parts = [run(plain_pixels(part, backbone, size)).to(torch.float16) for part in x.split(n)]
        return torch.cat(parts).cpu().numpy()

    return with_smaller_batches(look, len(x))[0]


def decoded_batches(
    sources: Sequence[Source], *, batch: int, size: int, processes: int = 1
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8], dict[int, str]]]:
    """(indices (n,), uint8 pixels (n, size, size, 3), {index: reason}), decoded ahead in a thread.

    With several `processes`, files are decoded in so many of their own, and batches come as they are ready.
    """
    if processes > 1 and len(sources) > batch and all(isinstance(source, str | Path) for source in sources):
        yield from _decoded_by_processes(sources, batch, size, processes)
        return

    def decode_all() -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8], dict[int, str]]]:
        for start in range(0, len(sources), batch):
            indices, pixels, failed = [], [], {}
            for index in range(start, min(start + batch, len(sources))):
                try:
                    pixels.append(decode(sources[index], size=size))
                    indices.append(index)
                except ImageUnreadable as error:
                    failed[index] = str(error)
            stacked = np.stack(pixels) if pixels else np.empty((0, size, size, 3), np.uint8)
            yield np.array(indices, np.int64), stacked, failed

    yield from ahead(decode_all())


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, made in a thread while the caller works on those before. What making them raises is raised here.

    Stopping the iteration stops the thread.
    """
    ready: queue.Queue[Any] = queue.Queue(BATCHES_AHEAD)
    stop = threading.Event()

    def put(item: Any) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put(None)
        except Exception as error:  # shown to the consumer, which raises it: a thread's own traceback is lost
            put((None, error))

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while (made := ready.get()) is not None:
            item, error = made
            if error is not None:
                raise error
            yield item
    finally:
        stop.set()
        thread.join()


def _decoded_by_processes(
    sources: Sequence[Any], batch: int, size: int, processes: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8], dict[int, str]]]:
    """As decoded_batches(). The pixels are written once, by the processes, into memory that is shared by its file."""
    each = size * size * 3
    at_once = max(batch, SHARED // each)
    for first in range(0, len(sources), at_once):
        part = [Path(source) for source in sources[first : first + at_once]]
        with room_beside_memory(len(part) * each) as file:
            squares = np.memmap(file, np.uint8, "r", 0, (len(part), size, size, 3))
            ready: list[int] = []
            failed: dict[int, str] = {}
            for slot, reason in decoded_into(file, part, size, processes):
                if reason:
                    failed[first + slot] = reason
                else:
                    ready.append(slot)
                if len(ready) == batch:
                    yield np.array(ready, np.int64) + first, squares[ready], failed
                    ready, failed = [], {}
            if ready or failed:
                yield np.array(ready, np.int64) + first, squares[np.array(ready, np.int64)], failed
