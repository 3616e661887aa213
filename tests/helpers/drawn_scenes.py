"""Easy pictures with objects on them, as a trainer of models that draw takes them."""

from __future__ import annotations

import numpy as np

from labeler.geometry import masks
from worker.ml.detection.samples import Drawn, DrawnSet

COLOURS = ((220, 40, 40), (40, 60, 220))
LAND = ((120, 160, 220), (60, 140, 60), (200, 60, 50))  # sky, grass, house


def scenes(n, *, task="boxes", seed=0, size=(200, 160)):
    """Red discs and blue squares on grey; of each its class, its box and its mask."""
    rng = np.random.default_rng(seed)
    width, height = size
    sources, drawn = [], []
    for _ in range(n):
        pixels = rng.integers(90, 130, (height, width, 3)).astype(np.uint8)
        boxes, classes, shapes, taken = [], [], [], np.zeros((height, width), bool)
        for _ in range(3):
            side = int(rng.integers(28, 48))
            x, y, kind = int(rng.integers(0, width - side)), int(rng.integers(0, height - side)), int(rng.integers(2))
            if taken[y : y + side, x : x + side].any():
                continue
            taken[y : y + side, x : x + side] = True
            at = (np.arange(side) + 0.5) / side * 2 - 1
            bits = (at[:, None] ** 2 + at[None, :] ** 2 <= 1) if kind == 0 else np.ones((side, side), bool)
            pixels[y : y + side, x : x + side][bits] = COLOURS[kind]
            boxes.append([x, y, side, side])
            classes.append(kind)
            shapes.append(masks.encode(bits, x, y))
        sources.append(pixels)
        drawn.append(
            Drawn(
                np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64),
                np.ones(len(boxes), np.float32), tuple(shapes) if task == "masks" else None,
            )
        )  # fmt: skip
    return DrawnSet(sources, np.array([size] * n), drawn, ["disc", "square"], task)


def fields(n, *, task, seed=0, size=192):
    """A blue field of most of the image, a red disc at its centre and others beside it."""
    rng = np.random.default_rng(seed)
    sources, drawn = [], []
    for _ in range(n):
        pixels = rng.integers(90, 130, (size, size, 3)).astype(np.uint8)
        side = int(rng.integers(110, 150))
        left, top = (int(rng.integers(0, size - side)) for _ in range(2))
        pixels[top : top + side, left : left + side] = COLOURS[1]
        boxes, classes = [[left, top, side, side]], [1]
        shapes = [masks.encode(np.ones((side, side), bool), left, top)]
        at = (np.arange(22) + 0.5) / 11 - 1
        bits = at[:, None] ** 2 + at[None, :] ** 2 <= 1
        for dx, dy in ((0, 0), (-35, 0), (35, 0), (0, -35), (0, 35)):
            x, y = left + side // 2 - 11 + dx, top + side // 2 - 11 + dy
            pixels[y : y + 22, x : x + 22][bits] = COLOURS[0]
            boxes.append([x, y, 22, 22])
            classes.append(0)
            shapes.append(masks.encode(bits, x, y))
        sources.append(pixels)
        drawn.append(
            Drawn(
                np.array(boxes, np.float32), np.array(classes, np.int64), np.ones(len(boxes), np.float32),
                tuple(shapes) if task == "masks" else None,
            )
        )  # fmt: skip
    return DrawnSet(sources, np.array([(size, size)] * n), drawn, ["disc", "field"], task)


def landscapes(n, seed=0, size=(160, 128)):
    """Sky above grass with a house on it; a strip at the left edge that nobody labeled."""
    rng = np.random.default_rng(seed)
    width, height = size
    sources, drawn = [], []
    for _ in range(n):
        labels = np.zeros((height, width), np.uint8)
        horizon, side, x = int(rng.integers(50, 80)), int(rng.integers(30, 50)), int(rng.integers(20, 100))
        labels[horizon:] = 1
        labels[horizon - side // 2 : horizon + side // 2, x : x + side] = 2
        pixels = np.array(LAND, np.int16)[labels] + rng.integers(-12, 12, (height, width, 3))
        labels[:, :8] = 255
        shapes = [masks.encode(labels == kind) for kind in range(3)]
        sources.append(pixels.clip(0, 255).astype(np.uint8))
        boxes = np.array([[0, 0, 1, 1]] * 3, np.float32)
        drawn.append(Drawn(boxes, np.arange(3), np.ones(3, np.float32), tuple(shapes)))
    return DrawnSet(sources, np.array([size] * n), drawn, ["sky", "grass", "house"], "semantic")


def only(side, kind):
    """The objects of one class alone, as class 0."""
    some = []
    for one in side:
        mine = np.flatnonzero(one.classes == kind)
        columns = [getattr(one, name)[mine] for name in one.__dataclass_fields__ if name != "masks"]
        columns[1] = np.zeros(len(mine), np.int64)
        some.append(type(one)(*columns, None if one.masks is None else tuple(one.masks[k] for k in mine)))
    return some
