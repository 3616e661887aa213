"""What the trunk makes of images, computed once: for heads that are trained several times on the same images.

Views are varied as in training (canvas.py), a few of each image, and kept as half floats. Knows trunks and canvases,
not what is trained on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeler.train_settings import Augmentation
from worker.ml.detection import canvas as canvases
from worker.ml.detection.canvas import Canvas, View
from worker.ml.device import autocast
from worker.ml.images.tensors import PixelScale, scaled

BATCH = 8
Maps = Callable[[Tensor], list[Tensor]]


class KeptMaps:
    """`n_views` varied views of each image, with the trunk's maps of them."""

    def __init__(self, images: NDArray[np.int64], n_views: int) -> None:
        self.n_views = n_views
        self._first = {int(k): row * n_views for row, k in enumerate(images)}
        self._views: list[View] = []
        self._maps: list[Tensor] = []  # of each level: (n * n_views, c, h, w), float16

    def fill(
        self, trunk: Maps, canvas: Canvas, pixels: NDArray[np.uint8], extents: NDArray[np.float32], how: Augmentation,
        offset: PixelScale, scale: PixelScale, device: torch.device, seed: int, look: int = 0,
    ) -> Iterator[int]:  # fmt: skip
        """Compute them; yields how many views are done. pixels, extents: of all images, as in fit.Data."""
        rng, canvas = np.random.default_rng(seed), canvas.of_look(look)
        images = np.repeat(np.array(list(self._first), np.int64), self.n_views)
        for start in range(0, len(images), BATCH):
            some = images[start : start + BATCH]
            views = canvases.vary(canvas, extents[some], how, rng)
            x = canvases.see(canvas, torch.from_numpy(pixels[some]).to(device), views, how, rng)
            with torch.no_grad(), autocast(device):
                maps = trunk(scaled(x, offset, scale))
            if not self._maps:
                self._maps = [torch.empty((len(images), *level.shape[1:]), dtype=torch.float16) for level in maps]
            for kept, level in zip(self._maps, maps, strict=True):
                kept[start : start + len(some)] = level.to("cpu", torch.float16)
            self._views += views
            yield start + len(some)

    def draw(
        self, images: NDArray[np.int64], rng: np.random.Generator, device: torch.device
    ) -> tuple[list[View], list[Tensor]]:
        """One of the views of each of these images, and its maps, finest first."""
        rows = [self._first[int(k)] + int(rng.integers(self.n_views)) for k in images]
        return [self._views[row] for row in rows], [level[rows].to(device).float() for level in self._maps]


class Remembered:
    """A trunk that is asked about the same pictures again, each time by other heads."""

    def __init__(self, trunk: Maps) -> None:
        self._trunk, self._kept = trunk, dict[bytes, list[Tensor]]()

    @torch.no_grad()
    def __call__(self, x: Tensor) -> list[Tensor]:
        key = hashlib.blake2b(x.cpu().numpy().tobytes(), digest_size=16).digest()
        if key not in self._kept:
            self._kept[key] = [level.to("cpu", torch.float16) for level in self._trunk(x)]
        return [level.to(x.device).float() for level in self._kept[key]]
