"""A network as a row of stages, and EfficientNet-Lite in plain PyTorch with the parameter names of its weights.

Knows layers and shapes. Does not know where weights come from or how pixels are scaled
(backbones.py), nor how it is trained (ml/candidates/finetune.py).

Lite differs from EfficientNet (Tan and Le 2019, arXiv:1905.11946): ReLU6 instead of swish, no
squeeze-and-excite, stem and head of fixed width. Padding is TensorFlow's "SAME", which is lopsided at
stride 2 (more on the right and below): with PyTorch's symmetric padding every feature map of the
published weights would be shifted by half a cell.
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# kernel, stride, expansion, channels in, channels out, repeats
LITE0_STAGES = (
    (3, 1, 1, 32, 16, 1),
    (3, 2, 6, 16, 24, 2),
    (5, 2, 6, 24, 40, 2),
    (3, 2, 6, 40, 80, 3),
    (5, 1, 6, 80, 112, 3),
    (5, 2, 6, 112, 192, 4),
    (3, 1, 6, 192, 320, 1),
)


def to_eights(channels: float) -> int:
    """The nearest multiple of 8, but never more than a tenth below (Sandler et al. 2018)."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def lite_stages(width: float, depth: float) -> tuple[tuple[int, ...], ...]:
    """Lite0's stages made wider and deeper. Stem, head and the repeats at both ends stay: that is "Lite"."""
    made = []
    for place, (kernel, stride, expansion, inputs, outputs, repeats) in enumerate(LITE0_STAGES):
        ends = place in (0, len(LITE0_STAGES) - 1)
        wider = inputs if place == 0 else to_eights(inputs * width), to_eights(outputs * width)
        made.append((kernel, stride, expansion, *wider, repeats if ends else math.ceil(repeats * depth)))
    return tuple(made)


class Staged(nn.Module):
    """A network that is also a list of stages, so that a frozen trunk is run once and only the tail is trained.

    `stages` names the modules of each stage as the state dict does; every stage has some. `pool` is what makes features
    of the last feature maps.
    """

    stages: list[list[str]]
    pool: nn.Module
    has_maps: ClassVar[bool] = True  # between stages are maps (n, c, h, w), whose places are those of the image

    @property
    def n_stages(self) -> int:
        return len(self.stages)

    def stage_modules(self, stage: int) -> dict[str, nn.Module]:
        return {name: self.get_submodule(name) for name in self.stages[stage]}

    def run(self, x: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        """Runs stages first .. last - 1; after the last one the result is features (n, n_features)."""
        for stage in range(first, self.n_stages if last is None else last):
            x = self.run_stage(x, stage)
        return x

    @abstractmethod
    def run_stage(self, x: Tensor, stage: int) -> Tensor: ...


class GlobalMean(nn.Module):
    """Feature maps (n, c, h, w) to their means (n, c).

    A module without parameters, so that what comes in can be looked at where it is pooled (ml/evaluation/gradcam.py).
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after one axis, as TensorFlow's "SAME": output size is ceil(size / stride)."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """With TensorFlow's values; its momentum of 0.99 is PyTorch's 0.01."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class SameConv2d(nn.Conv2d):
    """A convolution padded like TensorFlow's "SAME"; input (n, c, h, w), output ceil(h / stride)."""

    def forward(self, x: Tensor) -> Tensor:
        top, bottom = same_padding(x.shape[-2], self.kernel_size[0], self.stride[0])
        left, right = same_padding(x.shape[-1], self.kernel_size[1], self.stride[1])
        if top == bottom and left == right:
            padding = (top, left)
        else:
            # F.pad copies the map, so it is used only where the padding is lopsided.
            x, padding = F.pad(x, (left, right, top, bottom)), (0, 0)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class InvertedResidual(nn.Module):
    """Widen by a 1x1 convolution, filter each channel, narrow again; add the input where shapes allow."""

    def __init__(self, kernel: int, stride: int, expansion: int, inputs: int, outputs: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv = SameConv2d(inputs, wide, 1, bias=False)
            self._bn0 = batch_norm(wide)
        self._depthwise_conv = SameConv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = batch_norm(wide)
        self._project_conv = SameConv2d(wide, outputs, 1, bias=False)
        self._bn2 = batch_norm(outputs)
        self.adds_input = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x
        if self.expands:
            y = F.relu6(self._bn0(self._expand_conv(y)), inplace=True)
        y = F.relu6(self._bn1(self._depthwise_conv(y)), inplace=True)
        y = self._bn2(self._project_conv(y))
        return y + x if self.adds_input else y


class EfficientNetLite(Staged):
    """Pixels (n, 3, h, w), scaled as the backbone says, to logits (n, classes).

    Stage 0 is the stem, stage i is block i - 1, the last one is head convolution and pooling.
    """

    def __init__(self, stages: Sequence[tuple[int, ...]] = LITE0_STAGES, head: int = 1280, classes: int = 1000) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(3, stages[0][3], 3, 2, bias=False)
        self._bn0 = batch_norm(stages[0][3])
        blocks = []
        for kernel, stride, expansion, inputs, outputs, repeats in stages:
            for repeat in range(repeats):
                first = repeat == 0
                blocks.append(
                    InvertedResidual(kernel, stride if first else 1, expansion, inputs if first else outputs, outputs)
                )
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv2d(stages[-1][4], head, 1, bias=False)
        self._bn1 = batch_norm(head)
        self.pool = GlobalMean()
        self._fc = nn.Linear(head, classes)
        inner = [[f"_blocks.{number}"] for number in range(len(blocks))]
        self.stages = [["_conv_stem", "_bn0"], *inner, ["_conv_head", "_bn1"]]

    def run_stage(self, x: Tensor, stage: int) -> Tensor:
        if stage == 0:
            return F.relu6(self._bn0(self._conv_stem(x)), inplace=True)
        if stage <= len(self._blocks):
            return self._blocks[stage - 1](x)
        return self.pool(F.relu6(self._bn1(self._conv_head(x)), inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        return self._fc(self.run(x))


def fuse_batch_norm(network: EfficientNetLite) -> EfficientNetLite:
    """A copy for inference with each BatchNorm folded into the convolution before it: w' = w g / s."""
    fused = copy.deepcopy(network).eval()
    pairs: list[tuple[nn.Module, str, str]] = [(fused, "_conv_stem", "_bn0"), (fused, "_conv_head", "_bn1")]
    for block in fused._blocks:
        if block.expands:
            pairs.append((block, "_expand_conv", "_bn0"))
        pairs += [(block, "_depthwise_conv", "_bn1"), (block, "_project_conv", "_bn2")]
    for owner, conv_name, norm_name in pairs:
        conv, norm = getattr(owner, conv_name), getattr(owner, norm_name)
        scale = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
        conv.weight = nn.Parameter(conv.weight.detach() * scale[:, None, None, None])
        conv.bias = nn.Parameter(norm.bias.detach() - norm.running_mean * scale)
        setattr(owner, norm_name, nn.Identity())
    return fused
