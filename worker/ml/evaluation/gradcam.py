"""Which parts of an image led to a class: Grad-CAM where there is a gradient, occlusion where there is none.

Knows networks, scorers and pixels. Does not know which image or who asks; worker/ml/evaluation/heat.py draws it.

Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391), on the logit y: alpha_k = mean_ij dy/dA^k_ij over the last feature
maps A, heat = ReLU(sum_k alpha_k A^k). Occlusion (Zeiler and Fergus 2014, arXiv:1311.2901): how far the logit falls
when a window of the image is covered with the image's mean colour. A forest or nearest neighbours know no gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from worker.ml.device import to_device
from worker.ml.images.augmented_views import plain_pixels
from worker.ml.networks import backbones
from worker.ml.networks.network import Staged
from worker.ml.saved.predict import Model
from worker.ml.saved.scorers import Batch, LinearHead, Scratch, TunedNetwork

GRAD_CAM, OCCLUSION = "grad-cam", "occlusion"
CELLS = 8  # of a side when windows are covered; a window is two cells wide and moves by one


@dataclass(frozen=True, slots=True)
class Heat:
    """Where in the centre square of an image something speaks for a class."""

    values: NDArray[np.float32]  # (h, w), 0 to 1: the strongest place is 1, or all are 0
    method: str  # GRAD_CAM or OCCLUSION
    peak: float  # the strongest place in the method's own unit; 0: nothing speaks for the class


def heat_of(model: Model, pixels: NDArray[np.uint8], category: int) -> Heat:
    """The heat of output `category` of a model. pixels: uint8 (side, side, 3) of side predict.side_of(model)."""
    scorer, pixels = model.scorer, np.array(pixels)
    if isinstance(scorer, LinearHead) and not _plain(model.checkpoint.backbone, "cpu").has_maps:
        return _scaled(occlusion(partial(_logits, model, category), pixels), OCCLUSION)
    if isinstance(scorer, TunedNetwork):
        raw = _of_features(model, to_device(scorer.plain(), model.device), scorer, pixels, category)
    elif isinstance(scorer, LinearHead):
        raw = _of_features(model, _plain(model.checkpoint.backbone, str(model.device)), scorer, pixels, category)
    elif isinstance(scorer, Scratch) and scorer.network.has_maps:
        network = scorer.network
        x = scorer.network_input(pixels[None])
        raw = grad_cam(network, network.pool, lambda x: network(x)[:, category], x)[0]
    else:
        return _scaled(occlusion(partial(_logits, model, category), pixels), OCCLUSION)
    return _scaled(raw.cpu().numpy(), GRAD_CAM)


def grad_cam(network: nn.Module, pool: nn.Module, score: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Heat (n, h, w) of images x, not scaled.

    pool: the module of the network that is given the feature maps A (n, k, h, w); score: from x to y (n,), through the
    network. The network is left as it was: mode, hooks, BatchNorm's statistics and parameters' gradients.
    """
    maps: list[Tensor] = []

    def catch(_module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # The graph begins here: the trunk before it needs no backward pass.
        maps.append(given[0].detach().requires_grad_())
        return (maps[-1], *given[1:])

    training = [module for module in network.modules() if module.training]
    hook = pool.register_forward_pre_hook(catch)
    try:
        with torch.enable_grad():
            network.eval()
            (gradient,) = torch.autograd.grad(score(x).sum(), maps[-1])
    finally:
        hook.remove()
        for module in training:
            module.training = True
    weights = gradient.mean((2, 3), keepdim=True)
    return (weights * maps[-1].detach()).sum(1).relu().float()


def occlusion(score: Callable[[NDArray[np.uint8]], NDArray[Any]], pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean fall of the score (CELLS, CELLS) over the windows that cover a cell; never below 0.

    score: uint8 (n, side, side, 3) -> (n,). pixels: (side, side, 3).
    """
    edges = np.linspace(0, len(pixels), CELLS + 1).round().astype(int)
    windows = [(row, column) for row in range(CELLS - 1) for column in range(CELLS - 1)]
    covered = np.repeat(pixels[None], len(windows) + 1, 0)
    mean = pixels.reshape(-1, 3).mean(0).round().astype(np.uint8)
    for place, (row, column) in enumerate(windows):
        covered[place, edges[row] : edges[row + 2], edges[column] : edges[column + 2]] = mean
    said = score(covered)  # the last one is the image itself
    fall, n = np.zeros((CELLS, CELLS)), np.zeros((CELLS, CELLS))
    for (row, column), value in zip(windows, said, strict=False):
        fall[row : row + 2, column : column + 2] += said[-1] - value
        n[row : row + 2, column : column + 2] += 1
    return np.maximum(fall / n, 0).astype(np.float32)


def _of_features(model: Model, network: Staged, head: LinearHead, pixels: NDArray[Any], category: int) -> Tensor:
    """Of a linear head on features that are scaled to length sqrt(d), as logistic.scale_features does it."""
    backbone = backbones.get(model.checkpoint.backbone)
    weight = torch.from_numpy(head.weight[category]).to(model.device)

    def score(x: Tensor) -> Tensor:
        features = network.run(x)
        length = features.norm(dim=1, keepdim=True).clamp_min(1e-6)
        return (features * (features.shape[1] ** 0.5 / length)) @ weight + float(head.bias[category])

    x = plain_pixels(torch.from_numpy(pixels[None]).to(model.device), backbone, model.checkpoint.image_size)
    return grad_cam(network, network.pool, score, x)[0]


@cache
def _plain(name: str, device: str) -> Staged:
    return to_device(backbones.load(backbones.get(name)), torch.device(device))


def _logits(model: Model, category: int, pixels: NDArray[np.uint8]) -> NDArray[Any]:
    batch = Batch(backbones.get(model.checkpoint.backbone), model.device, model.checkpoint.image_size, pixels=pixels)
    return np.asarray(model.scorer.logits(batch)[:, category], np.float64)


def _scaled(raw: NDArray[Any], method: str) -> Heat:
    peak = float(raw.max())
    values = raw / peak if peak > 0 else np.zeros_like(raw)
    return Heat(np.asarray(values, np.float32), method, peak)
