"""How well a detector finds objects after 20, 50, 100 and 200 images, and what that costs: four sets, several seeds.

`python -m bench detect` measures what BENCH_SETS (blood_cells,chess,nuclei,facades), BENCH_IMAGES (20,50,100,200) and
BENCH_SEEDS (3) say; all of it takes hours on two cores. Judged on 80 images that took no part in the run: AP50 of what
was promoted, as a person would get it, and of each candidate on the part of the training images that it had not seen.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import numpy as np
import torch

from bench import drawn_sets
from bench.common import hardware
from labeler.train_settings import Augmentation, TrainConfig
from worker.ml.detection import detector
from worker.ml.detection.samples import DrawnSet, Found, nothing
from worker.ml.detection.train import CANDIDATES, DrawnResult, train
from worker.ml.device import all_cores, pick_device
from worker.ml.evaluation.objects import ap50

JUDGED = 80
GOALS = {("blood_cells", 50): 0.75, ("blood_cells", 200): 0.85, ("chess", 200): 0.85, ("nuclei", 200): 0.75,
         ("facades", 200): 0.40}  # fmt: skip


def main() -> None:
    sets = os.environ.get("BENCH_SETS", ",".join(drawn_sets.TASKS)).split(",")
    sizes = [int(n) for n in os.environ.get("BENCH_IMAGES", "20,50,100,200").split(",")]
    seeds = range(int(os.environ.get("BENCH_SEEDS", "3")))
    print(f"{JUDGED} other images judge. {hardware()}")
    for name in sets:
        samples = drawn_sets.read(name)
        if samples is None:
            print(f"{name}: LABELER_TEST_DATA does not hold it.")
            continue
        for n in sizes:
            rows = [one_run(name, samples, n, seed) for seed in seeds]
            _print(name, samples.task, n, rows)


def one_run(name: str, samples: DrawnSet, n: int, seed: int) -> dict[str, Any]:
    """Train on n images and judge on others: {ap50, mask_ap50, seconds, find_ms, candidates}."""
    judged, rest = drawn_sets.halves(samples, JUDGED, seed)
    test, device = samples.some(judged), pick_device()
    config = TrainConfig(seed=seed, augmentation=Augmentation(flip_vertical=name in drawn_sets.UPSIDE_DOWN))
    begun, result = time.monotonic(), None
    for event in train(samples.some(rest[:n]), config, device=device):
        result = event if isinstance(event, DrawnResult) else None
    assert result is not None
    seconds = time.monotonic() - begun
    finder = detector.from_parts(result.weights, result.recipe, config.backbone, device)
    with all_cores(device):
        begun = time.monotonic()
        found = [one or nothing(masks=test.task == "masks") for _, one in finder.find(test.sources, test.sizes)]
        find_ms = 1000 * (time.monotonic() - begun) / len(test)
    return {
        "ap50": _ap(test, found), "mask_ap50": _ap(test, found, by_masks=True) if test.task == "masks" else None,
        "seconds": seconds, "find_ms": find_ms, "chosen": result.candidate,
        "candidates": {row["candidate"]: row.get("ap50") for row in result.comparison},
    }  # fmt: skip


def _ap(test: DrawnSet, found: list[Found], *, by_masks: bool = False) -> float:
    return ap50(test.drawn, found, len(test.categories), test.sizes, by_masks=by_masks) or 0.0


def _print(name: str, task: str, n: int, rows: list[dict[str, Any]]) -> None:
    key = "mask_ap50" if task == "masks" else "ap50"
    reached = [row[key] for row in rows]
    goal = GOALS.get((name, n))
    spread = f"{min(reached):.3f} to {max(reached):.3f}"
    told = [f"{name}, {n} images: {key} median {statistics.median(reached):.3f} ({spread}, n {len(rows)} seeds)"]
    told += [f"goal {goal:.2f}"] if goal else []
    told.append(f"{np.median([row['seconds'] for row in rows]):.0f} s to train")
    told.append(f"{np.median([row['find_ms'] for row in rows]):.0f} ms an image to find")
    print("; ".join(told))
    for candidate in CANDIDATES:
        known = [row["candidates"][candidate] for row in rows if row["candidates"].get(candidate) is not None]
        if known:
            chosen = sum(row["chosen"] == candidate for row in rows)
            print(f"    {candidate}: AP50 {statistics.median(known):.3f} on its own judged part, chosen {chosen} times")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
