"""Small objects on large images: a larger canvas, looked at in tiles, whose maps are laid together again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from labeler.train_settings import Augmentation, TrainConfig
from labeler.train_settings.settings import Drawing
from tests.helpers.drawn_scenes import scenes
from worker.ml.detection import canvas as canvases
from worker.ml.detection import detector
from worker.ml.detection import train as training
from worker.ml.detection.samples import Drawn, DrawnSet
from worker.ml.evaluation.objects import ap50
from worker.ml.saved import checkpoint, drawn, onnx_drawn

CPU = torch.device("cpu")


def sizes_alone(long_side: int, share: float) -> DrawnSet:
    """Images without pixels, each with one square of that share of the long side."""
    size, side = (long_side, long_side * 3 // 4), share * long_side
    one = Drawn(np.array([[10, 10, side, side]], np.float32), np.zeros(1, np.int64), np.ones(1, np.float32))
    return DrawnSet([b""] * 20, np.array([size] * 20), [one] * 20, ["disc"])


@pytest.mark.parametrize(
    ("long_side", "share", "side", "tile"),
    [
        (4000, 0.1, 320, 0),  # 51 px at the largest canvas: as before
        (4000, 0.05, 448, 0),
        (4000, 0.02, 1120, 512),  # 22 px, on a multiple of 32 px
        (4000, 0.005, 1600, 512),  # no larger than previews are
        (800, 0.005, 800, 512),  # nor than the images
        (400, 0.005, 512, 0),
    ],
)
def test_a_canvas_is_as_large_as_small_objects_need_it(long_side, share, side, tile):
    canvas = canvases.choose(sizes_alone(long_side, share), "cpu")

    assert (canvas.width, canvas.tile) == (side, tile)
    assert max(canvas.view_width, canvas.view_height) <= 256, "what is learned at a time stays small"


def test_memory_bounds_the_canvas(monkeypatch):
    monkeypatch.setattr(canvases, "MOST_BYTES", 2 * 3 * 20 * 700**2)

    assert canvases.choose(sizes_alone(4000, 0.005), "cpu").width == 672


def dots(n: int, *, seed: int = 0, size: tuple[int, int] = (640, 480)) -> DrawnSet:
    """Large images with red discs and blue squares of 12 px: each scene, small, somewhere on grey."""
    rng = np.random.default_rng(seed)
    sources, drawn = [], []
    for _ in range(n):
        pixels = rng.integers(90, 130, (size[1], size[0], 3)).astype(np.uint8)
        boxes, classes = [], []
        for place in rng.choice(8 * 6, 10, replace=False):
            x, y = 80 * (place % 8) + int(rng.integers(4, 60)), 80 * (place // 8) + int(rng.integers(4, 60))
            kind = int(rng.integers(2))
            rows, columns = np.mgrid[:12, :12] - 5.5
            inside = (rows**2 + columns**2 <= 36) if kind == 0 else np.ones((12, 12), bool)
            pixels[y : y + 12, x : x + 12][inside] = (220, 40, 40) if kind == 0 else (40, 60, 220)
            boxes.append([x, y, 12, 12])
            classes.append(kind)
        sources.append(pixels)
        drawn.append(Drawn(np.array(boxes, np.float32), np.array(classes), np.ones(len(boxes), np.float32)))
    return DrawnSet(sources, np.array([size] * n), drawn, ["disc", "square"])


@pytest.fixture(scope="module")
def learned():
    """A model of large images with dots, after few steps: they are easy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "MOST_EPOCHS", 12)
        patch.setattr(training, "FEWEST_STEPS", 12)
        patch.setattr(canvases, "VIEW", 128)
        patch.setattr(canvases, "TILE", 256)
        patch.setitem(canvases.LARGEST, "cpu", 224)
        config = TrainConfig(
            drawing=Drawing(candidates=("heatmap.finetuned",)), augmentation=Augmentation(zoom=0.1), time_limit_s=3600.0
        )
        for event in training.train(dots(20), config, device=CPU):
            last = event
    return last


def test_what_is_too_small_for_the_largest_canvas_is_found_in_tiles(learned):
    test = dots(4, seed=5)
    canvas = learned.recipe["canvas"]
    assert (canvas["width"], canvas["tile"]) == (640, 256)
    finder = detector.from_parts(learned.weights, learned.recipe, "efficientnet_lite0", CPU)

    found = [one for _, one in finder.find(test.sources, test.sizes)]

    assert ap50(test.drawn, found, 2, test.sizes) > 0.8
    small = detector.from_parts(
        learned.weights, learned.recipe | {"canvas": canvas | {"width": 224, "height": 192, "tile": 0}},
        "efficientnet_lite0", CPU,
    )  # fmt: skip
    before = [one for _, one in small.find(test.sources, test.sizes)]
    assert ap50(test.drawn, before, 2, test.sizes) < 0.4


def test_tiles_say_what_the_whole_says_and_an_object_on_their_edge_is_found_once(learned):
    finder = detector.from_parts(learned.weights, learned.recipe, "efficientnet_lite0", CPU)
    (source,), size = dots(1, seed=7).sources, np.array([[640, 480]])
    source = source.copy()
    source[250:262, 506:518] = source[250:262, 100:112] = (40, 60, 220)  # the first where four tiles meet
    pixels = torch.from_numpy(canvases.filled(finder.canvas, source, size[0])[None])

    tiled = finder.looks(pixels)
    ((_, found),) = finder.find([source], size)
    finder.canvas = replace(finder.canvas, tile=0)
    whole = finder.looks(pixels)

    for one, other in zip(tiled, whole, strict=True):
        assert one.heat.shape == other.heat.shape
        apart = (torch.sigmoid(one.heat) - torch.sigmoid(other.heat)).abs()
        assert apart.max() < 0.25 and apart.mean() < 0.002, "a coarse map sees further than a tile's surroundings"
    middles = found.boxes[:, :2] + found.boxes[:, 2:] / 2
    near = np.abs(middles - np.array([512, 256])).max(1) < 8
    assert near[found.probabilities > 0.3].sum() == 1


def test_the_graph_looks_at_the_same_tiles(learned, tmp_path):
    model = drawn.of_checkpoint(
        checkpoint.of_drawn(learned, [{"id": 1, "name": "disc"}, {"id": 2, "name": "square"}]), CPU
    )
    test = dots(2, seed=11)
    pixels = np.stack(
        [canvases.filled(model.detector.canvas, *one) for one in zip(test.sources, test.sizes, strict=True)]
    )

    equal = onnx_drawn.write(model, tmp_path / "model.onnx", pixels, test.sizes)

    assert (equal.unpaired, equal.objects > 10) == (0, True)
    assert equal.largest_difference < 1e-4


def test_ordinary_objects_are_looked_at_as_a_whole():
    assert canvases.choose(scenes(20), "cpu").tile == 0
