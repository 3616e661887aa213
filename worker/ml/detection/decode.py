"""From maps to objects: the peaks of the heat, their boxes, and which of two on one place stays."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST = 0.05  # probability
MOST = 300  # objects of an image
SAME = 0.55  # IoU of two boxes of a class that are one object
SAME_PLACE = 0.85  # of any classes: nobody draws two there


def peaks(
    heat: Tensor, boxes: Tensor, *, least: float = LEAST, most: int = MOST
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Of each image its boxes (m, 4), classes (m,) and probabilities (m,), likeliest first.

    heat: (b, K, h, w) of 0 to 1; boxes: (b, 4, h, w) px.
    """
    best = F.max_pool2d(heat, 3, 1, 1)
    heat = torch.where(best == heat, heat, torch.zeros_like(heat))
    b, n_classes, height, width = heat.shape
    p, at = heat.flatten(1).topk(min(most, n_classes * height * width), dim=1)
    found = []
    for k in range(b):
        kept = p[k] >= least
        place = at[k][kept]
        found.append((boxes[k].flatten(1)[:, place % (height * width)].T, place // (height * width), p[k][kept]))
    return found


def alone(boxes: Tensor, classes: Tensor, p: Tensor) -> Tensor:
    """Which of these stay, (m,) bool: of two that overlap, the likelier. They come likeliest first."""
    m = len(boxes)
    iou = iou_of(boxes, boxes)
    too_near = (iou > SAME) & (classes[:, None] == classes[None, :]) | (iou > SAME_PLACE)
    stays = torch.ones(m, dtype=torch.bool)
    above = torch.triu(too_near, 1).cpu()
    for k in range(m):
        if stays[k]:
            stays &= ~above[k]
    return stays.to(boxes.device)


def iou_of(first: Tensor, second: Tensor) -> Tensor:
    """(n, m) of boxes left, top, right, bottom."""
    low = torch.maximum(first[:, None, :2], second[None, :, :2])
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    inter = (high - low).clamp(min=0).prod(2)
    areas = [(box[:, 2:] - box[:, :2]).clamp(min=0).prod(1) for box in (first, second)]
    return inter / (areas[0][:, None] + areas[1][None, :] - inter).clamp(min=1e-9)
