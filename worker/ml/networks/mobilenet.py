"""MobileNetV3-Large in plain PyTorch, with the parameter names and shapes of torchvision's published files.

Knows layers and shapes. Does not know where weights come from or how pixels are scaled (backbones.py).

Howard et al. 2019, arXiv:1905.02244, table 1. The names in the files are positions in nested lists
("features.4.block.2.fc1.weight"), so the order in which layers are appended here is part of the format.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from worker.ml.networks.network import GlobalMean, Staged, to_eights

# kernel, wide channels, channels out, squeeze-and-excite, hard swish, stride
LARGE = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)


def _layer(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, activation: type[nn.Module] | None = None
) -> nn.Sequential:
    """Convolution, BatchNorm and, where there is one, activation."""
    parts: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
    ]
    return nn.Sequential(*parts, *([] if activation is None else [activation()]))


class SqueezeExcite(nn.Module):
    """Each channel times a number in 0..1 that the means of all channels decide (Hu et al. 2018)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gates = self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * F.hardsigmoid(gates)


class InvertedResidual(nn.Module):
    """Widen, filter each channel, weigh the channels, narrow; add the input where shapes allow."""

    def __init__(
        self, inputs: int, kernel: int, wide: int, outputs: int, excites: bool, swishes: bool, stride: int
    ) -> None:
        super().__init__()
        activation: type[nn.Module] = nn.Hardswish if swishes else nn.ReLU
        parts: list[nn.Module] = []
        if wide != inputs:
            parts.append(_layer(inputs, wide, 1, activation=activation))
        parts.append(_layer(wide, wide, kernel, stride, groups=wide, activation=activation))
        if excites:
            parts.append(SqueezeExcite(wide, to_eights(wide // 4)))
        parts.append(_layer(wide, outputs, 1))
        self.block = nn.Sequential(*parts)
        self.adds_input = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.block(x)
        return y + x if self.adds_input else y


class MobileNetV3(Staged):
    """Every entry of `features` is a stage; the last one pools. Features are what the classifier's list begins with."""

    def __init__(
        self, blocks: Sequence[tuple[int, int, int, bool, bool, int]] = LARGE, hidden: int = 1280, classes: int = 1000
    ) -> None:
        super().__init__()
        inputs = 16
        layers: list[nn.Module] = [_layer(3, inputs, 3, 2, activation=nn.Hardswish)]
        for kernel, wide, outputs, excites, swishes, stride in blocks:
            layers.append(InvertedResidual(inputs, kernel, wide, outputs, excites, swishes, stride))
            inputs = outputs
        layers.append(_layer(inputs, 6 * inputs, 1, activation=nn.Hardswish))
        self.features = nn.Sequential(*layers)
        self.stages = [[f"features.{number}"] for number in range(len(layers))]
        self.pool = GlobalMean()
        self.classifier = nn.Sequential(
            nn.Linear(6 * inputs, hidden), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(hidden, classes)
        )

    def run_stage(self, x: Tensor, stage: int) -> Tensor:
        maps = self.features[stage](x)
        return self.pool(maps) if stage == self.n_stages - 1 else maps

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.run(x))
