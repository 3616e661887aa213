"""Four sets of photographs with objects drawn on them, as a trainer takes them. Read from LABELER_TEST_DATA.

Facades hold 60 photographs twice, as two squares that overlap: both squares of a photograph are on one side of a split.
facade_pixels: the same photographs, where every pixel has the class of the smallest object that it lies in.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.geometry import codes, masks
from worker.ml.detection.samples import Drawn, DrawnSet, Found

TASKS = {
    "blood_cells": "boxes", "chess": "boxes", "nuclei": "masks", "facades": "boxes", "facade_pixels": "semantic",
}  # fmt: skip
FOLDERS = {"facade_pixels": "facades"}  # where it is not the name
VOID = 255
UPSIDE_DOWN = ("blood_cells", "nuclei")  # nothing is up or down there


def read(name: str) -> DrawnSet | None:
    """All images of a set, or None where its folder is not there."""
    folder = Path(os.environ.get("LABELER_TEST_DATA", "")) / FOLDERS.get(name, name)
    if not (folder / "coco.json").exists():
        return None
    about = json.loads((folder / "coco.json").read_text())
    drawn: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in about["annotations"]:
        if min(one["bbox"][2:]) > 1:  # blood_cells has two boxes without an area
            drawn[one["image_id"]].append(one)
    ids = sorted({one["category_id"] for objects in drawn.values() for one in objects})
    names = {one["id"]: one["name"] for one in about["categories"]}
    files = {path.name: path for path in folder.rglob("*") if path.suffix in (".jpg", ".png")}
    images = about["images"]
    groups = np.unique([_photo(name, one["file_name"]) for one in images], return_inverse=True)[1]
    by_pixels = TASKS[name] == "semantic"
    return DrawnSet(
        sources=[files[Path(one["file_name"]).name] for one in images],
        sizes=np.array([[one["width"], one["height"]] for one in images]),
        drawn=[
            _painted(drawn[one["id"]], ids, one["width"], one["height"]) if by_pixels
            else _drawn(drawn[one["id"]], ids, with_masks=TASKS[name] == "masks")
            for one in images
        ],
        categories=[names[pk] for pk in ids], task=TASKS[name], groups=groups,
    )  # fmt: skip


def _photo(name: str, file_name: str) -> str:
    """Which photograph an image is cut from: 20230329_200519_157_R_… and …_L_… are one."""
    return re.sub(r"_[LR]_scaled.*", "", file_name) if name.startswith("facade") else file_name


def _drawn(objects: list[dict[str, Any]], ids: list[int], *, with_masks: bool) -> Drawn:
    boxes = np.array([one["bbox"] for one in objects], np.float32).reshape(-1, 4)
    kinds = np.array([ids.index(one["category_id"]) for one in objects], np.int64)
    shapes = None
    if with_masks:
        shapes = tuple(shape for one in objects if (shape := codes.from_coco(one["segmentation"])) is not None)
    return Drawn(boxes, kinds, np.ones(len(objects), np.float32), shapes)


def _painted(objects: list[dict[str, Any]], ids: list[int], width: int, height: int) -> Drawn:
    """One mask of each class: objects lie over each other, and the smaller one is on top."""
    pixels = np.full((height, width), VOID, np.uint8)
    for one in sorted(objects, key=lambda one: -one["area"]):
        shape = codes.from_coco(one["segmentation"])
        if shape is not None:
            crop = masks.raster(shape, width, height)
            rows, columns = crop.bits.shape
            pixels[crop.y : crop.y + rows, crop.x : crop.x + columns][crop.bits] = ids.index(one["category_id"])
    kinds = np.setdiff1d(np.unique(pixels), [VOID]).astype(np.int64)
    shapes = tuple(masks.encode(pixels == kind) for kind in kinds)
    return Drawn(np.zeros((len(kinds), 4), np.float32), kinds, np.ones(len(kinds), np.float32), shapes)


def drawn_twice() -> tuple[DrawnSet, list[Found]]:
    """The strips of facades that two squares share: one drawing as the truth, the other as if a model had found it.

    An object belongs to a strip when half of its box lies there; boxes end at the strip's edge.
    """
    samples = read("facades")
    assert samples is not None
    about = json.loads((Path(os.environ["LABELER_TEST_DATA"]) / "facades" / "coco.json").read_text())
    squares: dict[str, dict[int, int]] = defaultdict(dict)
    for k, one in enumerate(about["images"]):
        squares[one["photo"]][one["crop"]] = k
    sources, sizes, first, second = [], [], [], []
    for pair in squares.values():
        if len(pair) < 2:
            continue
        border, side = about["images"][pair[1]]["offset"], samples.sizes[pair[0]][0]
        sources.append(samples.sources[pair[0]])
        sizes.append([side - border, samples.sizes[pair[0]][1]])
        first.append(_strip(samples.drawn[pair[0]], border, side, border))
        other = _strip(samples.drawn[pair[1]], 0, side - border, 0)
        second.append(Found(other.boxes, other.classes, other.weights))
    strips = DrawnSet(sources, np.array(sizes), first, categories=samples.categories, task="boxes", groups=None)
    return strips, second


def _strip(drawn: Drawn, low: float, high: float, border: float) -> Drawn:
    left, right = np.maximum(drawn.boxes[:, 0], low), np.minimum(drawn.boxes[:, 0] + drawn.boxes[:, 2], high)
    kept = (right - left) >= 0.5 * drawn.boxes[:, 2]
    boxes = np.stack([left - border, drawn.boxes[:, 1], right - left, drawn.boxes[:, 3]], 1)[kept]
    return Drawn(boxes.astype(np.float32), drawn.classes[kept], drawn.weights[kept])


def halves(samples: DrawnSet, n_judged: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of images to judge by, about n_judged of them, and of the others in random order; groups stay whole."""
    assert samples.groups is not None
    rng = np.random.default_rng(seed)
    judged = np.zeros(len(samples), bool)
    for group in rng.permutation(np.unique(samples.groups)):
        if judged.sum() >= n_judged:
            break
        judged |= samples.groups == group
    return np.flatnonzero(judged), rng.permutation(np.flatnonzero(~judged))
