"""DenseNet-121 and VGG-16 in plain PyTorch, with the parameter names and shapes of torchvision's published files.

Knows layers and shapes; where weights come from is backbones.py's. Huang and others 2017, arXiv:1608.06993; Simonyan
and Zisserman 2015, arXiv:1409.1556. Both keep their layers in `features`, numbered or named, and end in means of maps.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.ml.networks.network import GlobalMean, Staged

GROWTH, BOTTLENECK = 32, 4  # channels that a dense layer adds, and how many times as many it squeezes its input to
BLOCKS = (6, 12, 24, 16)  # layers of the four dense blocks
VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels and convolutions before each pooling


class DenseLayer(nn.Module):
    """Adds 32 maps to those it is given."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, BOTTLENECK * GROWTH, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(BOTTLENECK * GROWTH)
        self.conv2 = nn.Conv2d(BOTTLENECK * GROWTH, GROWTH, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(F.relu(self.norm2(y)))], 1)


class Transition(nn.Module):
    """Half the channels, half the side."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, inputs // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)


class DenseNet(Staged):
    """Stage 0 is the stem, then block and transition by turns, and the last one normalises and pools."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(3, 64, 7, 2, 3, bias=False))
        self.features.add_module("norm0", nn.BatchNorm2d(64))
        channels = 64
        self.stages = [["features.conv0", "features.norm0"]]
        for number, layers in enumerate(BLOCKS, 1):
            block = nn.Sequential()
            for layer in range(1, layers + 1):
                block.add_module(f"denselayer{layer}", DenseLayer(channels))
                channels += GROWTH
            self.features.add_module(f"denseblock{number}", block)
            self.stages.append([f"features.denseblock{number}"])
            if number < len(BLOCKS):
                self.features.add_module(f"transition{number}", Transition(channels))
                self.stages.append([f"features.transition{number}"])
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.stages.append(["features.norm5"])
        self.pool = GlobalMean()
        self.classifier = nn.Linear(channels, classes)

    def run_stage(self, x: Tensor, stage: int) -> Tensor:
        for module in self.stage_modules(stage).values():
            x = module(x)
        if stage == 0:
            return F.max_pool2d(F.relu(x), 3, 2, 1)
        return self.pool(F.relu(x)) if stage == self.n_stages - 1 else x

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.run(x))


class VGG(Staged):
    """Each run of convolutions before a pooling is a stage. Features are means of the last maps.

    The published classifier looks at all 7 x 7 places of a 224 px image; it is loaded, and features do not pass it.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential()
        inputs, number = 3, 0
        self.stages = []
        for channels, repeats in VGG16:
            names = []
            for _ in range(repeats):
                self.features.add_module(str(number), nn.Conv2d(inputs, channels, 3, padding=1))
                names.append(f"features.{number}")
                inputs, number = channels, number + 2  # an activation has a number of its own
            self.stages.append(names)
            number += 1  # so has a pooling
        self.pool = GlobalMean()
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
            nn.Linear(4096, classes),
        )  # fmt: skip

    def _maps(self, x: Tensor, stage: int) -> Tensor:
        for convolution in self.stage_modules(stage).values():
            x = F.relu(convolution(x))
        return F.max_pool2d(x, 2)

    def run_stage(self, x: Tensor, stage: int) -> Tensor:
        maps = self._maps(x, stage)
        return self.pool(maps) if stage == self.n_stages - 1 else maps

    def forward(self, x: Tensor) -> Tensor:
        for stage in range(self.n_stages):
            x = self._maps(x, stage)
        return self.classifier(F.adaptive_avg_pool2d(x, 7).flatten(1))
