"""What a part of an image looks like to a pretrained network, as clicks are answered from it. Knows pixels only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from worker.ml.detection.network import levels_of
from worker.ml.images.decoding import Source, open_upright
from worker.ml.networks import backbones
from worker.ml.networks.backbones import Backbone

SIDE = 512  # px of the long side that is looked at: a trunk takes a tenth of a second for it on one core
GRID = 2  # px between two places of the answer, on that picture
DEEP = ((4, 1.0), (8, 0.7), (16, 0.5))  # stride, and what its map counts
COLOUR = 2.0  # what the colour counts
SMALLEST = 16  # px of a side of the part

Window = tuple[float, float, float, float]  # x, y, width, height, px of the whole image


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One part of an image. deep (c, h, w) at stride 4 and colour (3, H, W) at GRID: how unlike two places are is the
    distance of their columns. edges (H, W): how strong the border is there; 1 is usual in the part.

    scale: places of the grid for a px of the image. window: the part.
    """

    deep: NDArray[np.float32]
    colour: NDArray[np.float32]
    edges: NDArray[np.float32]
    scale: tuple[float, float]
    window: Window


def part_of(size: tuple[int, int], window: Window | None) -> Window:
    """The part in whole px within an image of `size` (width, height), at least SMALLEST wide; None: all of it."""
    if window is None:
        return (0.0, 0.0, float(size[0]), float(size[1]))
    found = []
    for start, length, most in zip(window[:2], window[2:], size, strict=True):
        length = min(most, max(SMALLEST, round(length)))
        found.append((float(max(0, min(round(start), most - length))), float(length)))
    (x, width), (y, height) = found
    return (x, y, width, height)


def cut(source: Source, size: tuple[int, int], window: Window, side: int, *, grid: int = 1) -> NDArray[np.uint8]:
    """A part of an image of `size` px, uint8 (h, w, 3), its long side `side` px and both a multiple of `grid`.

    source: the image or a smaller one of it. Raises ImageUnreadable.
    """
    x, y, width, height = window
    shrunk = side / max(width, height)
    image = open_upright(source, short_side=max(1, round(min(size) * min(1.0, shrunk))))
    sx, sy = image.width / size[0], image.height / size[1]
    wide, high = (max(grid, round(px * shrunk / grid) * grid) for px in (width, height))
    box = (x * sx, y * sy, (x + width) * sx, (y + height) * sy)
    return np.asarray(image.resize((wide, high), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0))


def look(source: Source, size: tuple[int, int], window: Window, backbone: Backbone, device: torch.device) -> Look:
    """Look at a part of an image of `size` px. source: the image or a smaller one of it. Raises ImageUnreadable."""
    pixels = cut(source, size, window, SIDE, grid=GRID)
    lab = _lab(pixels)
    scale = pixels.shape[1] / GRID / window[2], pixels.shape[0] / GRID / window[3]
    return Look(_deep(pixels, backbone, device), _colour(lab), _edges(lab), scale, window)


def _deep(pixels: NDArray[np.uint8], backbone: Backbone, device: torch.device) -> NDArray[np.float32]:
    """Each map with mean 0 and spread 1 in each channel, weighed, and together at stride 4."""
    height, width = pixels.shape[:2]
    net = backbones.frozen(backbone, device)
    x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()
    x = F.pad(x, (0, -width % 32, 0, -height % 32), mode="replicate")
    x = ((x - _column(backbone.offset)) / _column(backbone.scale)).to(device)
    parts, at = [], 0
    weights = dict(DEEP)
    rows, columns = -(-height // 4), -(-width // 4)
    with torch.inference_mode():
        for stride, stage, channels in levels_of(backbones.load(backbone)):
            if stride not in weights:
                continue
            x, at = net.run(x, at, stage), stage
            found = x[0].float()
            found = (found - found.mean((1, 2), keepdim=True)) / (found.std((1, 2), keepdim=True) + 1e-3)
            found = found * (weights[stride] / channels**0.5)
            if stride > 4:
                found = F.interpolate(
                    found[None], scale_factor=stride // 4, mode="bilinear", align_corners=False
                )[0]  # fmt: skip
            parts.append(found[:, :rows, :columns])
    return torch.cat(parts).cpu().numpy()


def _column(scale: float | tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(scale).reshape(1, -1, 1, 1)


def _lab(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIE L*a*b* of sRGB under D65, (height, width, 3)."""
    rgb = pixels.astype(np.float32) / 255
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32)
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089], np.float32)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).astype(np.float32)


def _colour(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = (side // GRID for side in lab.shape[:2])
    coarse = lab.reshape(height, GRID, width, GRID, 3).mean((1, 3)).transpose(2, 0, 1)
    smooth = ndimage.gaussian_filter(coarse, (0, 1, 1))
    return smooth * np.float32(COLOUR / 3**0.5 / (smooth.std((1, 2)).mean() + 1))


def _edges(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = (side // GRID for side in lab.shape[:2])
    strength = np.zeros(lab.shape[:2], np.float32)
    for channel in range(3):
        smooth = ndimage.gaussian_filter(lab[..., channel], 1.0)
        strength += ndimage.sobel(smooth, 0) ** 2 + ndimage.sobel(smooth, 1) ** 2
    coarse = np.sqrt(strength).reshape(height, GRID, width, GRID).max((1, 3))
    # Of a picture that is flat nearly everywhere the mean says little: there the strongest edges are four at most.
    usual = max(float(coarse.mean()), float(np.quantile(coarse, 0.99)) / 4)
    return coarse / np.float32(usual + 1e-6)
