"""Trunk and decoder: scores of every class for every place, at the finest stride of the canvas.

U-Net (Ronneberger and others 2015): from the coarsest map up, each joined with the next finer one. FCN (Long and others
2015): each map gives scores by itself, and they are added.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.ml.detection.network import Network, conv
from worker.ml.networks.frozen import Frozen
from worker.ml.networks.network import Staged

WIDTH = 64  # channels of the decoder


class Decoder(nn.Module):
    """maps in: the trunk's, finest first; out: logits (b, K, h, w) of the finest."""

    def __init__(self, channels: Sequence[int], n_classes: int, *, fcn: bool) -> None:
        super().__init__()
        self.is_fcn = fcn
        if fcn:
            self.scores = nn.ModuleList(nn.Conv2d(c, n_classes, 1) for c in channels)
            return
        self.lateral = nn.ModuleList(conv(c, WIDTH, 1) for c in channels)
        self.joined = nn.ModuleList(
            nn.Sequential(conv(2 * WIDTH, WIDTH, 1), conv(WIDTH, WIDTH, 3, WIDTH), conv(WIDTH, WIDTH, 1))
            for _ in channels[:-1]
        )
        self.last = nn.Conv2d(WIDTH, n_classes, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        if self.is_fcn:
            size = maps[0].shape[-2:]
            scores = [score(x) for score, x in zip(self.scores, maps, strict=True)]
            return sum(F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in scores)  # type: ignore[return-value]
        x = self.lateral[-1](maps[-1])
        for k in range(len(maps) - 2, -1, -1):
            finer = self.lateral[k](maps[k])
            x = F.interpolate(x, size=finer.shape[-2:], mode="nearest")
            x = self.joined[k](torch.cat([finer, x], 1))
        return self.last(x)


class PixelNetwork(Network):
    """A detector's trunk with a decoder in the place of its heads.

    mirrored: an image is looked at a second time, left and right exchanged, and the mean of both is told: half a point
    of mIoU for twice the time. Only where mirrored images were learned from.
    """

    def __init__(
        self, trunk: Staged, frozen: Frozen | None, first_stage: int, n_classes: int, *, stride: int, fcn: bool,
        mirrored: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(trunk, frozen, first_stage, n_classes, stride=stride, masks=False, two_stage=False)
        self.mirrored = mirrored
        self.heads = Decoder([c for _, _, c in self.levels], n_classes, fcn=fcn)  # type: ignore[assignment]

    def forward(self, x: Tensor | list[Tensor]) -> Tensor:  # type: ignore[override]
        return self.heads(x if isinstance(x, list) else self.maps(x))

    def probabilities(self, x: Tensor) -> Tensor:
        """Of every class for every px, (b, K, h, w), from scaled pixels (b, 3, h, w)."""
        p = _of_pixels(self(x), x)
        return (p + _of_pixels(self(x.flip(-1)), x).flip(-1)) / 2 if self.mirrored else p


def _of_pixels(logits: Tensor, x: Tensor) -> Tensor:
    return torch.softmax(F.interpolate(logits.float(), size=x.shape[-2:], mode="bilinear", align_corners=False), 1)
