"""How near a click comes to an object that people drew, and how long an answer takes.

`python -m bench clicks`: BENCH_IMAGES (20) images of nuclei (masks) and facades (polygons), six objects of each. The
first click is in the middle of the object, each further one in the middle of the largest mistake, as a careful person
would click. Mean IoU with the object after one to five clicks, with the size that is usual in the image and without
any; the best of the sizes that are offered after the first click; milliseconds in this process, without queue and web.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from bench.common import hardware
from labeler.geometry import codes, masks
from worker.ml.clicks import nearest, picture
from worker.ml.clicks.nearest import Bits, Click
from worker.ml.networks import backbones

CLICKS, OBJECTS = 5, 6
SETS = ("nuclei", "facades")


def main() -> None:
    print(hardware())
    torch.set_num_threads(1)
    for name in SETS:
        folder = Path(os.environ.get("LABELER_TEST_DATA", "")) / name
        if not (folder / "coco.json").exists():
            print(f"{name}: LABELER_TEST_DATA does not hold it.")
            continue
        report(name, folder, int(os.environ.get("BENCH_IMAGES", "20")))


def report(name: str, folder: Path, n_images: int) -> None:
    about = json.loads((folder / "coco.json").read_text())
    files = {path.name: path for path in folder.rglob("*") if path.suffix in (".jpg", ".png")}
    drawn: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in about["annotations"]:
        drawn[one["image_id"]].append(one)
    rng = np.random.default_rng(0)
    chosen = [one for one in about["images"] if drawn[one["id"]]]
    with_size: list[list[float]] = [[] for _ in range(CLICKS)]
    without: list[list[float]] = [[] for _ in range(CLICKS)]
    offered, looked, answered = [], [], []
    for k in rng.permutation(len(chosen))[:n_images]:
        image = chosen[k]
        size = (image["width"], image["height"])
        started = time.perf_counter()
        source = files[Path(image["file_name"]).name]
        window = picture.part_of(size, None)
        seen = picture.look(source, size, window, backbones.get("efficientnet_lite0"), torch.device("cpu"))
        looked.append(time.perf_counter() - started)
        objects = drawn[image["id"]]
        usual = float(np.median([one["area"] for one in objects]))
        for place in rng.permutation(len(objects))[:OBJECTS]:
            shape = codes.from_coco(objects[place]["segmentation"])
            truth = None if shape is None else whole(masks.raster(shape, *size), size)
            if truth is None or truth.sum() < 40:
                continue
            for area, found in ((usual, with_size), (None, without)):
                best = clicked(seen, truth, area, found, answered)
                if area is not None:
                    offered.append(best)
    n = len(with_size[0])
    for words, found in (("usual size known", with_size), ("unknown", without)):
        means = ", ".join(f"{statistics.mean(one):.3f}" for one in found)
        print(f"{name}: {n} objects of {n_images} images, {words}: IoU after 1 to {CLICKS} clicks {means}")
    print(f"{name}: best of the sizes offered after the first click {statistics.mean(offered):.3f}")
    for words, times in (("to look at an image", looked), ("to answer a click", answered)):
        p95 = float(np.quantile(times, 0.95))
        print(f"{name}: {words} {statistics.median(times) * 1e3:.0f} ms (p95 {p95 * 1e3:.0f} ms, n = {len(times)})")


def clicked(
    seen: picture.Look, truth: NDArray[np.bool_], usual: float | None, found: list[list[float]], times: list[float]
) -> float:
    """Click until nothing is wrong, or CLICKS times; the best of what was offered after the first click."""
    clicks = [Click(*middle(truth)[:2])]
    best = 0.0
    for k in range(CLICKS):
        started = time.perf_counter()
        told = nearest.propose(seen, clicks, usual)
        times.append(time.perf_counter() - started)
        proposals = [whole(one, (truth.shape[1], truth.shape[0])) for one in told.found]
        bits = proposals[told.chosen] if proposals else np.zeros_like(truth)
        found[k].append(iou(bits, truth))
        if k == 0:
            best = max((iou(one, truth) for one in proposals), default=0.0)
        (x, y, missed), (across, down, invented) = middle(truth & ~bits), middle(bits & ~truth)
        if max(missed, invented) >= 1:
            clicks.append(Click(x, y) if missed >= invented else Click(across, down, inside=False))
    return best


def middle(bits: NDArray[np.bool_]) -> tuple[float, float, float]:
    """The pixel that is farthest from the border, and how far; 0 where there is none."""
    if not bits.any():
        return 0.0, 0.0, 0.0
    far = ndimage.distance_transform_edt(np.pad(bits, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(far.argmax()), far.shape)
    return float(column) + 0.5, float(row) + 0.5, float(far.max())


def whole(crop: masks.Crop | Bits, size: tuple[int, int]) -> NDArray[np.bool_]:
    bits = np.zeros((size[1], size[0]), bool)
    height, width = crop.bits.shape
    bits[crop.y : crop.y + height, crop.x : crop.x + width] = crop.bits[: size[1] - crop.y, : size[0] - crop.x]
    return bits


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))
