"""Augmented views of the training images, as input of the trained part of a network.

Two sources with one interface. On a GPU the views are made anew for each batch (LiveViews). On a CPU the frozen
trunk would cost ten times the trained tail, so a few views of each image go through it once and are kept as
float16 activations that all folds and epochs share (CachedViews).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeler.train_settings import Augmentation
from worker.ml.device import has_room, is_out_of_memory
from worker.ml.images.pixels import Squares
from worker.ml.images.tensors import augment, scaled, to_network
from worker.ml.networks.backbones import Backbone
from worker.ml.networks.frozen import Frozen

WHOLE = slice(None)


class Views(Protocol):
    """Inputs of stage `cut`. Indices are positions among the training images.

    varied() gives only that part of the batch, the same as if the whole of it had been asked for.
    """

    cut: int

    def plain(self, indices: Tensor) -> Tensor: ...
    def varied(self, indices: Tensor, generator: torch.Generator, part: slice = WHOLE) -> Tensor: ...


def _scaled(planes: Tensor, backbone: Backbone) -> Tensor:
    return scaled(planes, backbone.offset, backbone.scale).contiguous(memory_format=torch.channels_last)


def plain_pixels(pixels: Tensor, backbone: Backbone, size: int) -> Tensor:
    """The whole centre square at the network's size, as images.decode() gives it for judging."""
    x = to_network(pixels, offset=backbone.offset, scale=backbone.scale)
    if x.shape[-1] == size:
        return x
    x = torch.nn.functional.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
    return x.contiguous(memory_format=torch.channels_last)


class LiveViews:
    """Fresh views for every batch, from uint8 pixels that lie on the device, or beside it when there are too many."""

    def __init__(
        self,
        pixels: NDArray[np.uint8] | Squares,
        frozen: Frozen,
        backbone: Backbone,
        size: int,
        cut: int,
        how: Augmentation,
    ) -> None:
        self.cut, self._frozen, self._backbone, self._size, self._how = cut, frozen, backbone, size, how
        self._pixels: Tensor | None = None
        self._source = pixels
        if has_room(frozen.device, math.prod(pixels.shape)):
            try:
                self._pixels = torch.from_numpy(np.ascontiguousarray(pixels[:])).to(frozen.device)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise

    def _squares(self, indices: Tensor) -> Tensor:
        if self._pixels is not None:
            return self._pixels[indices.to(self._pixels.device)]
        return torch.from_numpy(self._source[indices.numpy()]).to(self._frozen.device)

    def _through_trunk(self, x: Tensor) -> Tensor:
        # clone: tensors made under inference_mode may not enter a backward pass
        return self._frozen.run(x, 0, self.cut).float().clone() if self.cut else x

    def plain(self, indices: Tensor) -> Tensor:
        return self._through_trunk(plain_pixels(self._squares(indices), self._backbone, self._size))

    def varied(self, indices: Tensor, generator: torch.Generator, part: slice = WHOLE) -> Tensor:
        pixels = self._squares(indices[part])
        of = None if part == WHOLE else (len(indices), part)
        return self._through_trunk(_scaled(augment(pixels, self._size, self._how, generator, of=of), self._backbone))


class CachedViews:
    """`n_views` augmented views and the plain one of each image, run through the frozen trunk once."""

    def __init__(self, n_images: int, n_views: int, cut: int) -> None:
        self.cut, self.n_views, self.n_images = cut, n_views, n_images
        self._kept: Tensor | None = None  # (n_views + 1, n, h, w, c), or (…, t, c) of tokens; float16; view 0: plain

    def fill(
        self,
        pixels: NDArray[np.uint8] | Squares,
        frozen: Frozen,
        backbone: Backbone,
        size: int,
        how: Augmentation,
        generator: torch.Generator,
        batch: int = 16,
    ) -> Iterator[int]:
        """Compute all views; yields after each batch how many of n_images * (n_views + 1) are done."""
        done = 0
        for view in range(self.n_views + 1):
            for start in range(0, self.n_images, batch):
                part = torch.from_numpy(pixels[start : start + batch]).to(frozen.device)
                if view == 0:
                    x = plain_pixels(part, backbone, size)
                else:
                    x = _scaled(augment(part, size, how, generator), backbone)
                y = frozen.run(x, 0, self.cut)
                y = y.permute(0, 2, 3, 1) if y.ndim == 4 else y
                if self._kept is None:
                    shape = (self.n_views + 1, self.n_images, *y.shape[1:])
                    self._kept = torch.empty(shape, dtype=torch.float16)
                self._kept[view, start : start + len(part)] = y.to("cpu", torch.float16)
                done += len(part)
                yield done

    def _take(self, view: Tensor, indices: Tensor) -> Tensor:
        assert self._kept is not None, "fill() runs first"
        found = self._kept[view, indices].float()
        return found.permute(0, 3, 1, 2) if found.ndim == 4 else found

    def plain(self, indices: Tensor) -> Tensor:
        return self._take(torch.zeros_like(indices), indices)

    def varied(self, indices: Tensor, generator: torch.Generator, part: slice = WHOLE) -> Tensor:
        view = torch.randint(0, self.n_views + 1, indices.shape, generator=generator)
        return self._take(view[part], indices[part])
