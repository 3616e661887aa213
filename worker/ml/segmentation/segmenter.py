"""A trained segmenter: which class every pixel of an image is. Knows networks and pixels; not how it was trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from labeler.geometry import masks
from worker.ml.detection.canvas import Canvas
from worker.ml.detection.detector import Detector
from worker.ml.detection.samples import Found, nothing
from worker.ml.device import autocast
from worker.ml.images.tensors import to_network
from worker.ml.networks import backbones
from worker.ml.segmentation.network import PixelNetwork

LEAST_PIXELS = 4  # of a class on an image: fewer are no object


class Segmenter(Detector):
    """find() gives one object for each class that an image has, their masks disjoint, every pixel in one."""

    def _look(self, pixels: Tensor, sizes: NDArray[np.int64]) -> list[Found]:
        p = self.probabilities(pixels)
        return [self._of_pixels(one, size) for one, size in zip(p, sizes, strict=True)]

    @torch.no_grad()
    def probabilities(self, pixels: Tensor) -> Tensor:
        """Of every class for every px of the canvases, (n, K, h, w), from uint8 (n, h, w, 3)."""
        x = to_network(pixels, offset=self._backbone.offset, scale=self._backbone.scale)
        assert isinstance(self.network, PixelNetwork)
        with autocast(self.device):
            return self.network.probabilities(x)

    def _of_pixels(self, p: Tensor, size: NDArray[np.int64]) -> Found:
        width, height = int(size[0]), int(size[1])
        across, down = self.canvas.extent((width, height))
        part = p[:, :down, :across]
        # Per class, as the image's own pixels: probabilities are smooth, labels would have steps.
        full = F.interpolate(part[None], size=(height, width), mode="bilinear", align_corners=False)[0]
        sure, kind = full.max(0)
        sure_of, kind_of = sure.cpu().numpy(), kind.cpu().numpy()
        shapes, boxes, classes, probabilities = [], [], [], []
        for k in np.unique(kind_of):
            bits = kind_of == k
            if bits.sum() < LEAST_PIXELS:
                continue
            rows, columns = np.flatnonzero(bits.any(1)), np.flatnonzero(bits.any(0))
            shapes.append(masks.encode(bits))
            boxes.append([columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]])
            classes.append(int(k))
            probabilities.append(float(sure_of[bits].mean()))
        if not shapes:
            return nothing(masks=True)
        order = np.argsort(-np.array(probabilities), kind="stable")
        return Found(
            np.array(boxes, np.float32)[order], np.array(classes, np.int64)[order],
            np.array(probabilities, np.float32)[order], tuple(shapes[at] for at in order),
        )  # fmt: skip


def from_parts(weights: dict[str, Tensor], recipe: dict[str, Any], backbone: str, device: torch.device) -> Segmenter:
    """As a run made it: its tensors, and the recipe that says how they are used."""
    about = backbones.get(backbone)
    network = PixelNetwork(
        backbones.load(about), backbones.frozen(about, device) if recipe["first_stage"] else None,
        recipe["first_stage"], recipe["n_classes"], stride=recipe["canvas"]["stride"], fcn=recipe["fcn"],
        mirrored=recipe.get("mirrored", False),
    )  # fmt: skip
    network.load_state_dict(weights)
    return Segmenter(network, Canvas(**recipe["canvas"]), backbone, device)
