"""ResNet-18 and ResNet-50 in plain PyTorch, with the parameter names and shapes of torchvision's published files.

Knows layers and shapes. Does not know where weights come from or how pixels are scaled (backbones.py).

He et al. 2015, arXiv:1512.03385. As in torchvision's files, a bottleneck takes its stride in the 3 x 3 convolution
("V1.5"); with it in the first 1 x 1 the published weights would load and say something else.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from worker.ml.networks.network import GlobalMean, Staged


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """What brings a block's input to the shape of its output; None where it has it."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(_convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions."""

    widening = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(inputs, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _convolution(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class Bottleneck(nn.Module):
    """1 x 1 to narrow, 3 x 3 to look, 1 x 1 to widen fourfold."""

    widening = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.widening
        self.conv1 = _convolution(inputs, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _convolution(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _convolution(width, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class ResNet(Staged):
    """Stage 0 is the stem, every block is a stage, and the last one pools."""

    def __init__(
        self, block: type[BasicBlock] | type[Bottleneck], repeats: tuple[int, int, int, int], classes: int = 1000
    ) -> None:
        super().__init__()
        self.conv1 = _convolution(3, 64, 7, 2)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        self.stages = [["conv1", "bn1"]]
        for layer, n_blocks in enumerate(repeats, 1):
            width = 32 * 2**layer
            blocks = []
            for number in range(n_blocks):
                blocks.append(block(inputs, width, 2 if layer > 1 and number == 0 else 1))
                inputs = width * block.widening
                self.stages.append([f"layer{layer}.{number}"])
            self.add_module(f"layer{layer}", nn.Sequential(*blocks))
        self.pool = GlobalMean()
        self.fc = nn.Linear(inputs, classes)

    def run_stage(self, x: Tensor, stage: int) -> Tensor:
        if stage == 0:
            return F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 3, 2, 1)
        (block,) = self.stage_modules(stage).values()
        maps = block(x)
        return self.pool(maps) if stage == self.n_stages - 1 else maps

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.run(x))


def resnet18() -> ResNet:
    return ResNet(BasicBlock, (2, 2, 2, 2))


def resnet50() -> ResNet:
    return ResNet(Bottleneck, (3, 4, 6, 3))
