"""From uint8 pixels to the input of a network, plain or augmented. How files become pixels is decoding.py.

Knows pixels and tensors. Does not know labels, networks or where files come from.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from labeler.train_settings import Augmentation
from worker.ml.images.decoding import CACHE_SIDE, Source, decode, open_upright

__all__ = ["CACHE_SIDE", "Source", "augment", "decode", "open_upright", "scaled", "to_network"]

PixelScale = float | tuple[float, float, float]  # one for all channels, or red, green, blue


def scaled(planes: Tensor, offset: PixelScale, scale: PixelScale) -> Tensor:
    """(p - offset) / scale of float planes (n, 3, h, w), in place."""

    def fitting(value: PixelScale) -> float | Tensor:
        if isinstance(value, tuple):
            return torch.tensor(value, dtype=planes.dtype, device=planes.device).view(1, 3, 1, 1)
        return value

    return planes.sub_(fitting(offset)).div_(fitting(scale))


def to_network(pixels: Tensor, *, offset: PixelScale, scale: PixelScale) -> Tensor:
    """uint8 (n, h, w, 3) to what the backbone wants: float (n, 3, h, w), channels last in memory."""
    # A permuted NHWC tensor is channels_last already: no copy besides the conversion to float.
    return scaled(pixels.permute(0, 3, 1, 2).float(), offset, scale)


def augment(
    pixels: Tensor, size: int, how: Augmentation, generator: torch.Generator, *, of: tuple[int, slice] | None = None
) -> Tensor:
    """uint8 (n, h, w, 3) to float 0..255 (n, 3, size, size), each image varied by itself, on its own device.

    Crop, flip, rotation, shift, shear and stretch are one affine grid, so pixels are resampled once.
    The generator is on the CPU also when the pixels are not: the same seed gives the same views everywhere, but for
    the noise, which is drawn where the pixels are. `of`: these pixels are that part of a batch of so many images; each
    is varied as it would be if the batch were here as a whole.
    """
    n, mine = (len(pixels), slice(None)) if of is None else of
    device = pixels.device

    def spread(width: float, *shape: int) -> Tensor:
        return (torch.rand(n, *shape, generator=generator) * 2 - 1) * width

    side = 1 - torch.rand(n, generator=generator) * how.zoom
    ratio = torch.exp(spread(math.log1p(how.stretch) / 2))
    width, height = (side * ratio).clamp(max=1), (side / ratio).clamp(max=1)
    angle = torch.deg2rad(spread(how.rotate_degrees))
    shear = torch.tan(torch.deg2rad(spread(how.shear_degrees)))

    def mirrored(wanted: bool) -> Tensor:
        # Nothing is drawn where nothing is mirrored: runs of before this switch give the same views again.
        return torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0) if wanted else torch.ones(n)

    across, down = mirrored(how.flip), mirrored(how.flip_vertical)
    # The crop lies anywhere inside the picture (the grid runs from -1 to 1), then is shifted a little.
    x = spread(1.0) * (1 - width) + spread(2 * how.shift)
    y = spread(1.0) * (1 - height) + spread(2 * how.shift)
    cos, sin = torch.cos(angle), torch.sin(angle)
    theta = torch.stack(
        [
            torch.stack([across * cos * width, down * (shear * cos - sin) * height, x], 1),
            torch.stack([across * sin * width, down * (shear * sin + cos) * height, y], 1),
        ],
        1,
    )[mine].to(device)
    planes = pixels.permute(0, 3, 1, 2).float()
    grid = F.affine_grid(theta, [len(pixels), 3, size, size], align_corners=False)
    planes = F.grid_sample(planes, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    gain = (1 + spread(how.brightness, 1, 1, 1))[mine].to(device)
    contrast = (1 + spread(how.contrast, 1, 1, 1))[mine].to(device)
    colour = 1 + spread(how.saturation, 1, 1, 1)
    colour[torch.rand(n, generator=generator) < how.grey_share] = 0
    luma = torch.tensor([0.299, 0.587, 0.114], device=device).view(1, 3, 1, 1)  # ITU-R BT.601
    grey = (planes * luma).sum(1, keepdim=True)
    planes = grey + (planes - grey) * colour[mine].to(device)
    mean = planes.mean((1, 2, 3), keepdim=True)
    planes = ((planes - mean) * contrast + mean) * gain
    if how.noise:
        if device.type != "cpu" or of is not None:
            # 38 million numbers for 256 images: drawn by the CPU they would take longer than the network
            seed = int(torch.randint(2**48, (), generator=generator))
            generator = torch.Generator(device).manual_seed(seed + (mine.start or 0))
        planes = planes + torch.randn(planes.shape, generator=generator, device=device) * (how.noise * 255)
    return planes.clamp_(0, 255)
