"""What the network should say of a view, and how far it is from it.

Heat: a Gaussian around each centre, as wide as .54 of the box (TTFNet); focal loss. Edges: GIoU at the places within
the Gaussian, weighted by it, each object by the logarithm of its area. Masks and classes of regions: cross-entropy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.ml.detection.canvas import HALF, VOID, Canvas
from worker.ml.detection.network import Look

TYPICAL_LARGE = 1.5  # of the least root of the area: a typical large object
SPREAD = 0.54 / 6  # of a box's side: the deviation of its Gaussian


@dataclass(frozen=True, slots=True)
class Targets:
    """Of a batch. heat: (b, K, h, w), 1 at centres. boxes: (b, 4, h, w) px. near: (b, h, w), weights of the edges.

    peaks: (b, K, h, w), weights of the centres; 0 elsewhere.
    """

    heat: Tensor
    peaks: Tensor
    boxes: Tensor
    near: Tensor


def targets(
    boxes: Sequence[Tensor], classes: Sequence[Tensor], weights: Sequence[Tensor], n_classes: int, height: int,
    width: int, stride: int,
) -> Targets:  # fmt: skip
    """boxes: of each view (k, 4) left, top, right, bottom in px; height, width: of the maps."""
    b = len(boxes)
    heat, peaks = torch.zeros(b, n_classes, height, width), torch.zeros(b, n_classes, height, width)
    wanted, near = torch.zeros(b, 4, height, width), torch.zeros(b, height, width)
    down, across = torch.arange(height).float()[:, None], torch.arange(width).float()[None, :]
    for k in range(b):
        areas = (boxes[k][:, 2] - boxes[k][:, 0]) * (boxes[k][:, 3] - boxes[k][:, 1])
        for at in torch.argsort(-areas).tolist():  # the smaller one last: it is on top
            left, top, right, bottom = boxes[k][at].tolist()
            x, y = int((left + right) / 2 / stride), int((top + bottom) / 2 / stride)
            if not (0 <= x < width and 0 <= y < height):
                continue
            sx, sy = (max(side / stride * SPREAD, 0.4) for side in (right - left, bottom - top))
            x0, x1 = max(0, int(x - 3 * sx)), min(width, int(x + 3 * sx) + 2)
            y0, y1 = max(0, int(y - 3 * sy)), min(height, int(y + 3 * sy) + 2)
            bump = torch.exp(-(((across[:, x0:x1] - x) / sx) ** 2 + ((down[y0:y1] - y) / sy) ** 2) / 2)
            kind, weight = int(classes[k][at]), float(weights[k][at])
            heat[k, kind, y0:y1, x0:x1] = torch.maximum(heat[k, kind, y0:y1, x0:x1], bump)
            heat[k, kind, y, x] = 1.0
            peaks[k, kind, y, x] = weight
            mine = bump > 0.05
            size = torch.log(areas[at].clamp(min=4.0))
            near[k, y0:y1, x0:x1][mine] = (bump / bump[mine].sum() * size * weight)[mine]
            wanted[k, :, y0:y1, x0:x1][:, mine] = boxes[k][at][:, None].expand(4, int(mine.sum()))
    return Targets(heat, peaks, wanted, near)


def heat_loss(logits: Tensor, wanted: Targets, class_weights: Tensor) -> Tensor:
    """Focal loss of the centres and of everything else, per object. class_weights: (K,), of the centres."""
    p = torch.sigmoid(logits.float()).clamp(1e-4, 1 - 1e-4)
    right = -((1 - p) ** 2) * torch.log(p) * wanted.peaks * class_weights.view(1, -1, 1, 1)
    # A centre that only some people drew is a wish by their share; the rest says that nothing is there.
    empty = torch.where(wanted.heat == 1, 1 - wanted.peaks.clamp(max=1), (1 - wanted.heat) ** 4)
    wrong = -(p**2) * torch.log(1 - p) * empty
    return (right.sum() + wrong.sum()) / wanted.peaks.sum().clamp(min=1.0)


def edges_to_boxes(edges: Tensor, stride: int, typical: float) -> Tensor:
    """(b, 4, h, w): logs of distances, in halves of a typical object, to left, top, right, bottom in px."""
    height, width = edges.shape[-2:]
    x = (torch.arange(width, device=edges.device) + 0.5) * stride
    y = (torch.arange(height, device=edges.device) + 0.5) * stride
    far = torch.exp(edges.float().clamp(-4, 4)) * (typical / 2)
    return torch.stack([x - far[:, 0], y[:, None] - far[:, 1], x + far[:, 2], y[:, None] + far[:, 3]], 1)


def boxes_of(looks: Sequence[Look], stride: int, canvas: Canvas) -> list[Tensor]:
    """(b, 4, h, w) of each look, px of the canvas."""
    first = edges_to_boxes(looks[0].edges, stride, canvas.typical)
    return [first] + [HALF * edges_to_boxes(one.edges, stride, typical_of(canvas, 1)) for one in looks[1:]]


def typical_of(canvas: Canvas, look: int) -> float:
    """px of a view: the size of which edges are told as multiples."""
    return TYPICAL_LARGE * canvas.large / HALF if look else canvas.typical


def giou_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """1 - GIoU of boxes (n, 4) each with its own (Rezatofighi and others 2019)."""
    both = (torch.minimum(found[:, 2:], wanted[:, 2:]) - torch.maximum(found[:, :2], wanted[:, :2])).clamp(min=0)
    inter = both.prod(1)
    areas = [(box[:, 2:] - box[:, :2]).clamp(min=0).prod(1) for box in (found, wanted)]
    union = areas[0] + areas[1] - inter
    hull = (torch.maximum(found[:, 2:], wanted[:, 2:]) - torch.minimum(found[:, :2], wanted[:, :2])).prod(1)
    return 1 - inter / union.clamp(min=1e-6) + (hull - union) / hull.clamp(min=1e-6)


def box_loss(boxes: Tensor, wanted: Targets) -> Tensor:
    at = wanted.near > 0
    if not at.any():
        return boxes.sum() * 0
    weights = wanted.near[at]
    loss = giou_loss(boxes.permute(0, 2, 3, 1)[at], wanted.boxes.permute(0, 2, 3, 1)[at])
    return (loss * weights).sum() / weights.sum()


def mask_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy and Dice of masks (m, 28, 28); wanted: 0 to 1."""
    if not len(logits):
        return logits.sum() * 0
    logits = logits.float()
    p = torch.sigmoid(logits)
    dice = 1 - (2 * (p * wanted).sum((1, 2)) + 1) / (p.sum((1, 2)) + wanted.sum((1, 2)) + 1)
    return F.binary_cross_entropy_with_logits(logits, wanted) + 0.5 * dice.mean()


def pixel_losses(logits: Tensor, wanted: Tensor) -> list[Tensor]:
    """Cross-entropy, rare classes up to three times as heavy, and Dice. wanted: (b, h, w), 255 void.

    logits: (b, K, h', w'), brought to the size of the labels.
    """
    logits = F.interpolate(logits.float(), size=wanted.shape[-2:], mode="bilinear", align_corners=False)
    known = wanted != VOID
    if not known.any():
        return [logits.sum() * 0]
    n_classes = logits.shape[1]
    share = torch.bincount(wanted[known], minlength=n_classes).float() / known.sum()
    weights = torch.where(share > 0, (0.1 / share.clamp(min=1e-6)).sqrt().clamp(0.7, 3.0), torch.ones_like(share))
    loss = F.cross_entropy(logits, wanted, weight=weights, ignore_index=VOID)
    p = torch.softmax(logits, 1) * known[:, None]
    there = F.one_hot(torch.where(known, wanted, 0), n_classes).permute(0, 3, 1, 2) * known[:, None]
    both, sums = (p * there).sum((0, 2, 3)), (p + there).sum((0, 2, 3))
    named = there.sum((0, 2, 3)) > 0
    dice = 1 - (2 * both[named] + 1) / (sums[named] + 1)
    return [loss + 0.5 * dice.mean()]
