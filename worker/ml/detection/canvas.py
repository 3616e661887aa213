"""Images of any size on canvases of one size: how large, and varied views of them with their boxes.

A canvas holds its image at the top left, scaled to fit; the rest is grey. Knows pixels and boxes, no networks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from labeler.train_settings import Augmentation
from worker.ml.detection.samples import DrawnSet
from worker.ml.errors import ImageUnreadable, OutOfMemory
from worker.ml.images.decoding import Source, open_upright

STEP = 32  # sides are multiples of it, as strides of the networks divide it
GREY = 127
VOID = 255  # a pixel of which nobody said anything
LARGEST = {"cpu": 512, "cuda": 1024}  # long side; a CPU trains in minutes at most at this
SMALLEST = 320
SMALL_SIDE = 22.0  # px: a tenth of the objects may be smaller than this on the canvas
FINE_BELOW = 26.0  # px: where a tenth of the objects is smaller, they are looked for every 4 px instead of every 8
LARGE = 16.0  # strides: the root of the area from which on an object is looked for on the image at half its size
FEWEST_WIDE, MOST_WIDE = (
    0.1,
    0.5,
)  # share of large objects, and of the steps for them; fewer do not pay for a second look
HALF = 2
# Where half of the objects would be smaller than TINY px, the canvas is as large as gives them so many, and looked at
# in tiles; no larger than the images are, nor than the previews that a training reads (intake/check.py).
TINY, LARGEST_TILED = 24.0, 1600
TILE, HALO = 512, 96  # px of a tile, and of what lies around it, so that its edge is told as its middle is
VIEW, VIEW_OBJECTS = 256, 2.5  # px of a view at least, and how many large objects it has room for in a row
MOST_BYTES = 6_000_000_000  # of all canvases


@dataclass(frozen=True, slots=True)
class Canvas:
    """How images go in. width, height: px. stride: px between two places where objects are looked for.

    typical: px, the median of the square roots of the objects' areas on the canvas. view_width, view_height: px of what
    is learned from at a time, a part of the canvas where objects are small: four times as many steps in the same time.
    large: px, the root of the area from which on an object is looked for on the canvas at half its size, so that one
    view has room for it, and a facade and the window at its centre do not share a place; 0: there is no such look.
    wide: share of the steps that learn from such views. shrink: px of the canvas along a px of a view that is neither
    zoomed nor stretched. tile: px of the side of the tiles in which a large canvas is looked at; 0: as a whole.
    """

    width: int
    height: int
    stride: int
    typical: float
    view_width: int
    view_height: int
    large: float = 0.0
    wide: float = 0.0
    shrink: float = 1.0
    tile: int = 0

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    def of_look(self, look: int) -> Canvas:
        """The same; for the second look with views at half its size, of all of it where it is no larger than a tile."""
        if not look:
            return self
        width, height = (min(side // HALF, self.tile or side) for side in (self.width, self.height))
        return replace(self, view_width=width, view_height=height, shrink=float(HALF))

    def scale(self, size: Sequence[int] | NDArray[np.int64]) -> float:
        """By which factor an image of (width, height) px is scaled to fit."""
        return float(min(self.width / size[0], self.height / size[1]))

    def extent(self, size: Sequence[int] | NDArray[np.int64]) -> tuple[int, int]:
        """Width and height of an image of that size on the canvas."""
        scale = self.scale(size)
        return max(1, min(self.width, round(size[0] * scale))), max(1, min(self.height, round(size[1] * scale)))


def choose(samples: DrawnSet, device: str, wanted: int = 0) -> Canvas:
    """The smallest canvas on which the objects can be told. wanted: px of the long side; 0: as the objects need it."""
    sizes = samples.sizes.astype(float)
    long_sides = sizes.max(1)
    per_image = [drawn.boxes[:, 2:] / long_sides[k] for k, drawn in enumerate(samples.drawn)]
    sides = np.concatenate(per_image) if per_image else np.zeros((0, 2))
    if not len(sides):
        sides = np.full((1, 2), 0.2)
    small = max(float(np.quantile(sides.min(1), 0.1)), 1e-3)  # shares of the long side
    median = float(np.median(np.sqrt(sides.prod(1))))
    largest = LARGEST.get(device, LARGEST["cpu"])
    side = wanted or _up(min(max(SMALL_SIDE / small, SMALLEST), max(largest, _side_of_tiles(samples, median))))
    ratios = sizes / long_sides[:, None]
    # Of nearly all images; the few that are of another shape are scaled down a little more.
    width, height = (_up(side * float(np.quantile(ratios[:, axis], 0.95))) for axis in (0, 1))
    typical = median * side
    long = float(np.quantile(sides.max(1), 0.75)) * side
    view = max(VIEW, _up(VIEW_OBJECTS * long))
    stride = 4 if small * side < FINE_BELOW else 8
    tile = TILE if max(width, height) > max(largest, TILE) else 0
    canvas = Canvas(width, height, stride, max(typical, 4.0), min(width, view), min(height, view), tile=tile)
    is_large = np.sqrt(sides.prod(1)) * side >= LARGE * stride
    kinds = np.concatenate([np.zeros(0, np.int64), *(drawn.classes for drawn in samples.drawn)])
    # each class as much as another: of ten thousand windows and three hundred facades, facades are to be learned too
    wide = float(np.mean([is_large[kinds == kind].mean() for kind in np.unique(kinds)])) if len(kinds) else 0.0
    if wide < FEWEST_WIDE or view >= max(width, height):
        return canvas
    return replace(
        canvas, width=_up(width, HALF * STEP), height=_up(height, HALF * STEP), large=LARGE * stride,
        wide=min(wide, MOST_WIDE),
    )  # fmt: skip


def _side_of_tiles(samples: DrawnSet, median: float) -> float:
    """Px of the long side on which half of the objects have TINY px, as far as images and memory go; else 0.

    median: of the roots of the objects' areas, as shares of the long side of their image.
    """
    own = float(np.median(samples.sizes.max(1))) if len(samples) else 0.0
    room = math.sqrt(MOST_BYTES / 2 / (3 * max(len(samples), 1)))
    side = min(TINY / max(median, 1e-3), own, LARGEST_TILED, room)
    return side // STEP * STEP


def _up(px: float, step: int = STEP) -> int:
    return max(step, math.ceil(px / step - 1e-6) * step)


def filled(canvas: Canvas, source: Source, size: Sequence[int]) -> NDArray[np.uint8]:
    """One image on its canvas, uint8 (height, width, 3). Raises ImageUnreadable."""
    width, height = canvas.extent(size)
    image = open_upright(source, short_side=min(width, height))
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    pixels = np.full((canvas.height, canvas.width, 3), GREY, np.uint8)
    pixels[:height, :width] = np.asarray(image)
    return pixels


def read_all(canvas: Canvas, samples: DrawnSet) -> Iterator[tuple[int, NDArray[np.uint8] | None, dict[int, str]]]:
    """Progress as (done, None, {}), about once a second; at last (n, canvases (n, h, w, 3), {position: reason})."""
    n = len(samples)
    if n * canvas.width * canvas.height * 3 > MOST_BYTES:
        raise OutOfMemory(f"{n} images do not fit into memory at {canvas.width} x {canvas.height} px: choose fewer px.")
    pixels = np.full((n, canvas.height, canvas.width, 3), GREY, np.uint8)
    failed: dict[int, str] = {}
    told = 0.0
    for k, source in enumerate(samples.sources):
        try:
            pixels[k] = filled(canvas, source, samples.sizes[k])
        except ImageUnreadable as error:
            failed[k] = str(error)
        if time.monotonic() - told > 1:
            told = time.monotonic()
            yield k + 1, None, {}
    yield n, pixels, failed


@dataclass(frozen=True, slots=True)
class View:
    """How a canvas was varied: canvas px = factor * view px + offset, in x and y; a factor below 0 mirrors."""

    factor: tuple[float, float]
    offset: tuple[float, float]

    def boxes(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (k, 4) left, top, right, bottom of the canvas, in px of the view."""
        at = self.points(boxes.reshape(-1, 2, 2))
        return np.concatenate([at.min(1), at.max(1)], 1).astype(np.float32)

    def points(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Points (..., 2) of the canvas, x and y, in px of the view."""
        found: NDArray[np.float64] = (points - np.array(self.offset)) / np.array(self.factor)
        return found


def vary(canvas: Canvas, extents: NDArray[np.float32], how: Augmentation, generator: np.random.Generator) -> list[View]:
    """A view for each image: mirrored, zoomed and shifted. extents: (b, 2), px that each image takes on its canvas."""
    views = []
    for extent in extents:
        # Objects get larger and smaller: from a crop of (1 - zoom) of the side to as much beside the image.
        share = float(np.exp(generator.uniform(np.log(max(1 - how.zoom, 0.2)), np.log(1 + 0.6 * how.zoom))))
        stretch = float(np.exp(generator.uniform(-1, 1) * np.log1p(how.stretch) / 2))
        factor = canvas.shrink * np.array([share * stretch, share / stretch])
        seen = factor * np.array([canvas.view_width, canvas.view_height])  # px of the canvas that the view shows
        room = extent - seen
        offset = np.where(room > 0, generator.uniform(0, 1, 2) * room, generator.uniform(0, 1, 2) * room)
        for axis, is_on in ((0, how.flip), (1, how.flip_vertical)):
            if is_on and generator.random() < 0.5:
                offset[axis] += seen[axis]
                factor[axis] *= -1
        views.append(View((float(factor[0]), float(factor[1])), (float(offset[0]), float(offset[1]))))
    return views


def see(
    canvas: Canvas, pixels: Tensor, views: Sequence[View], how: Augmentation, generator: np.random.Generator
) -> Tensor:
    """uint8 canvases (b, h, w, 3) as float views (b, 3, view height, view width) of 0 to 255, colours varied too."""
    b = len(views)
    x = pixels.permute(0, 3, 1, 2).float() - GREY
    grid = _grid(canvas, views).to(x.device)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + GREY
    draw = torch.from_numpy(generator.uniform(-1, 1, (b, 3, 1, 1, 1)).astype(np.float32)).to(x.device)
    mean = x.mean((1, 2, 3), keepdim=True)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (1 + draw[:, 0] * how.saturation)
    x = mean + (x - mean) * (1 + draw[:, 1] * how.contrast)
    return (x * (1 + draw[:, 2] * how.brightness)).clamp_(0, 255).contiguous(memory_format=torch.channels_last)


def see_labels(canvas: Canvas, labels: Tensor, views: Sequence[View]) -> Tensor:
    """uint8 canvases of class positions (b, h, w), 255 void, as the same views (b, view height, view width) int64."""
    there = labels[:, None].float() - VOID  # what lies outside of the canvas is void
    grid = _grid(canvas, views).to(there.device)
    seen = F.grid_sample(there, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return (seen[:, 0] + VOID).round().long()


def _grid(canvas: Canvas, views: Sequence[View]) -> Tensor:
    """(b, view height, view width, 2): where each pixel of a view lies on its canvas, -1 to 1."""
    width, height, b = canvas.width, canvas.height, len(views)
    theta = torch.zeros(b, 2, 3)
    for k, view in enumerate(views):
        for axis, side, own in ((0, width, canvas.view_width), (1, height, canvas.view_height)):
            # pixel edges: p = (1 + n) * side / 2 for n in -1..1, of the canvas and of the view
            factor = view.factor[axis] * own / side
            theta[k, axis, axis] = factor
            theta[k, axis, 2] = factor + 2 * view.offset[axis] / side - 1
    return F.affine_grid(theta, [b, 3, canvas.view_height, canvas.view_width], align_corners=False)
