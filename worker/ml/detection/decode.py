"""From maps to objects: the peaks of the heat, their boxes, and which of two on one place stays."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST = 0.05  # probability
MOST = 300  # objects of an image
SAME = 0.55  # IoU of two boxes of a class that are one object
SAME_PLACE = 0.85  # of any classes: nobody draws two there


def peaks(
    heats: Sequence[Tensor], boxes: Sequence[Tensor], *, least: float = LEAST, most: int = MOST
) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Of each image its boxes (m, 4), classes, probabilities and looks (m,), likeliest first.

    Of each look heats (b, K, h, w) of 0 to 1 and boxes (b, 4, h, w) px.
    """
    heat, box, look = flat(heats, boxes)
    n_places = heat.shape[2]
    p, at = heat.flatten(1).topk(min(most, heat.shape[1] * n_places), dim=1)
    found = []
    for k in range(len(p)):
        kept = p[k] >= least
        place = at[k][kept]
        found.append((box[k][:, place % n_places].T, place // n_places, p[k][kept], look[place % n_places]))
    return found


def flat(heats: Sequence[Tensor], boxes: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Of the n places of all looks: heat (b, K, n), 0 beside the peaks, boxes (b, 4, n) and which look, (n,)."""
    alone = [torch.where(F.max_pool2d(heat, 3, 1, 1) == heat, heat, torch.zeros_like(heat)) for heat in heats]
    look = [torch.full_like(box[0, 0].flatten(), k) for k, box in enumerate(boxes)]
    return (
        torch.cat([one.flatten(2) for one in alone], 2), torch.cat([box.flatten(2) for box in boxes], 2),
        torch.cat(look),
    )  # fmt: skip


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
