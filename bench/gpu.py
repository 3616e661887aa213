"""What a GPU does with cached pixels: fine-tuning and looking, images per second, beside the arithmetic floor.

    .venv/bin/python -m bench gpu            on a machine with a GPU: ResNet-50, 224 px, bf16
    LABELER_BENCH_TINY=1 … -m bench gpu      anywhere: a few small images, to see that it runs
    … -m torch.distributed.run --standalone --nproc-per-node 4 -m bench.gpu      all GPUs together

Random weights and random pixels: what is measured is work, not what is learned. Pixels are uint8, 256 px, in a
PixelStore as the product keeps them; views, training step and network are the product's own. The floor is the
multiplications of the network, counted by hooks, over the rate at which this device multiplies large matrices.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.common import hardware, show
from labeler.train_settings import Augmentation
from worker.ml.candidates import finetune
from worker.ml.candidates.logistic import Linear
from worker.ml.device import autocast, compiled, describe_device, pick_device, settle_process, to_device
from worker.ml.distributed import process_group
from worker.ml.images.augmented_views import LiveViews, plain_pixels
from worker.ml.images.decode_files import decoded_into, processes_for
from worker.ml.images.pixels import PixelStore, Squares
from worker.ml.networks import features
from worker.ml.networks.backbones import RESNET50
from worker.ml.networks.frozen import freeze

CLASSES = 10
TARGETS = {"fine-tune": 4_000, "infer": 25_000}  # images per second, on one H200
WARM_UP, ROUNDS = 5, 20


def main() -> None:
    """Print each rate with n and spread, its floor, and what binds."""
    tiny = bool(os.environ.get("LABELER_BENCH_TINY")) or not torch.cuda.is_available()
    settle_process()
    under_torchrun = "LOCAL_RANK" in os.environ
    device = process_group.join() if under_torchrun else pick_device()
    sizes = (16, 4, 64, 2) if tiny else (2048, 256, 224, ROUNDS)
    if process_group.rank() == 0:
        print(f"{describe_device(device)}; {hardware()}; torch {torch.__version__}; {process_group.world()} processes")
        if device.type != "cuda":
            print("NO GPU HERE: these are a CPU's figures, on a few small images; no target is meant for them.")
    with tempfile.TemporaryDirectory() as folder:
        _measure(device, Path(folder), *sizes)
    if under_torchrun:
        process_group.leave()


def _measure(device: torch.device, folder: Path, n: int, batch: int, size: int, rounds: int) -> None:
    kept = _kept_pixels(folder, n)
    network = RESNET50.build()
    flops = _multiplications(network, size) * 2
    rate = _matmul_rate(device, 4096 if device.type == "cuda" else 512)
    first = process_group.rank() == 0
    if first:
        print(f"ResNet-50 at {size} px: {flops / 1e9:.2f} GFLOP per image forward, three times that to train; "
              f"matrices multiply at {rate / 1e12:.3f} TFLOP/s")  # fmt: skip
    found = {
        "fine-tune": (_finetune(device, kept, network, batch, size, rounds), 3 * flops),
        "infer": (_infer(device, kept, network, 4 * batch, size, rounds), flops),
    }
    if not first:
        return
    for name, (parts, work) in found.items():
        floor = rate / work * process_group.world()
        speeds = [process_group.world() * count / seconds for count, seconds in parts.pop("together")]
        aim = f">= {TARGETS[name]:,} on one H200" if device.type == "cuda" else ""
        kind = "bf16" if device.type == "cuda" else "float32"
        show(f"{name}, ResNet-50, {size} px, {kind}", speeds, "/s", target=aim)
        reached = statistics.median(speeds)
        print(f"    arithmetic floor {floor:,.0f}/s: {reached / floor:.1%} of it is reached")
        each = {part: statistics.median(s / count for count, s in rows) for part, rows in parts.items()}
        for part, seconds in sorted(each.items(), key=lambda item: -item[1]):
            print(f"    {part:<36} {1e6 * seconds:10.1f} us per image   {1 / seconds:12,.0f}/s alone")
        slowest = max(each, key=each.__getitem__)
        rest = 1 / reached * process_group.world() - each[slowest]
        between = " (more than that goes to launches, copies and waiting)" if rest > each[slowest] else ""
        print(f"    binds: {slowest}{between}")
    n_decoded = 4096 if device.type == "cuda" else 32
    show(f"decoding 500 x 375 JPEGs, {processes_for(device.type)} processes", [_decode_rate(folder, device, n_decoded)],
         "/s")  # fmt: skip


def _kept_pixels(folder: Path, n: int) -> Squares:
    """Random squares, written and mapped as the product does it."""
    store = PixelStore(folder / "kept")
    store.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    keys = [f"{k:064x}" for k in range(n)]
    store._keep({key: rng.integers(0, 256, (256, 256, 3), dtype=np.uint8) for key in keys})
    return Squares(store, keys)


def _multiplications(network: nn.Module, size: int) -> int:
    """Multiply-adds of one forward pass of one image: convolutions and linear layers."""
    total = 0

    def count(module: nn.Module, _: object, out: Tensor) -> None:
        nonlocal total
        weight: Tensor = module.weight  # type: ignore[assignment]
        places = out.shape[2] * out.shape[3] if isinstance(module, nn.Conv2d) else 1
        total += weight.numel() * places

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return total


def _seconds(device: torch.device, work: Callable[[], object], rounds: int) -> list[float]:
    def once() -> float:
        begun = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - begun

    for _ in range(min(WARM_UP, rounds)):
        once()
    return [once() for _ in range(rounds)]


def _matmul_rate(device: torch.device, side: int) -> float:
    """FLOP per second of a square matrix product in the number format that networks use here."""
    kind = torch.bfloat16 if device.type == "cuda" else torch.float32
    a, b = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))
    return 2 * side**3 / statistics.median(_seconds(device, lambda: a @ b, 10))


Parts = dict[str, list[tuple[int, float]]]  # part -> (images, seconds) of each round


def _finetune(device: torch.device, kept: Squares, network: nn.Module, batch: int, size: int, rounds: int) -> Parts:
    """All stages trained, fresh views for every batch, as on a GPU; AdamW as the product's."""
    head = Linear(np.zeros((CLASSES, RESNET50.n_features)), np.zeros(CLASSES))
    tail = finetune.Tail(network, 0, head, 0.2)  # type: ignore[arg-type]
    to_device(tail, device).train()
    views = LiveViews(kept, freeze(network, device), RESNET50, size, 0, Augmentation())  # type: ignore[arg-type]
    targets = torch.eye(CLASSES)[torch.arange(len(kept)) % CLASSES]
    weights = torch.ones(len(kept))
    recipe = finetune.Recipe("single", 1, batch, 1e-4, 0.05, 0.02, 5, 0)
    generator = torch.Generator().manual_seed(0)
    parameters = [p for p in tail.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=1e-4)
    whole = batch * process_group.world()
    part = torch.arange(whole) % len(kept)
    mine = process_group.share(whole) if process_group.world() > 1 else slice(None)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        finetune._step(tail, finetune.Labeled(views, targets, weights), part, generator, recipe, device)
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimiser.step()

    x = views.varied(part, generator, mine)

    def forward_and_back() -> None:
        optimiser.zero_grad(set_to_none=True)
        with autocast(device):
            logits = tail(x)
        logits.float().square().mean().backward()

    together = _seconds(device, step, rounds)
    return {
        "together": [(batch, s) for s in together],
        "varied views, on the device": [
            (batch, s) for s in _seconds(device, lambda: views.varied(part, generator, mine), rounds)
        ],
        "network, forward and back": [(batch, s) for s in _seconds(device, forward_and_back, rounds)],
        "AdamW": [(batch, s) for s in _seconds(device, optimiser.step, rounds)],
    }


def _infer(device: torch.device, kept: Squares, network: nn.Module, batch: int, size: int, rounds: int) -> Parts:
    """Pixels from the mapped file to features on the CPU, as the product does it: the next ones are read meanwhile."""
    frozen = freeze(network, device)  # type: ignore[arg-type]
    run = compiled(frozen.run, device)
    batch = min(batch, len(kept))

    def whole() -> None:
        for _ in features.embed_kept(frozen, RESNET50, kept, batch=batch, size=size):
            pass

    on_device = torch.from_numpy(kept[:batch]).to(device)
    x = plain_pixels(on_device, RESNET50, size)
    rows = {
        "reading kept pixels (beside it)": lambda: kept[:batch],
        "to the network's size and scale": lambda: plain_pixels(on_device, RESNET50, size),
        "network, forward": lambda: frozen.run(x),
    }
    if run != frozen.run:
        rows["network, forward, compiled"] = lambda: run(x)
    parts: Parts = {name: [(batch, s) for s in _seconds(device, work, rounds)] for name, work in rows.items()}
    return {"together": [(len(kept), s) for s in _seconds(device, whole, max(2, rounds // 4))], **parts}


def _decode_rate(folder: Path, device: torch.device, n: int) -> float:
    from bench.features import _photograph

    path = folder / "one.jpg"
    path.write_bytes(_photograph(0, 500, 375))
    raw = folder / "raw"
    raw.touch()
    os.truncate(raw, n * 256 * 256 * 3)
    begun = time.perf_counter()
    for _ in decoded_into(raw, [path] * n, 256, processes_for(device.type)):
        pass
    return n / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
