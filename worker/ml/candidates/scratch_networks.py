"""The networks that are trained from nothing: a small one, and those of the registry with all that they knew left out.

Knows layers and where they begin. Does not know images or how long is trained (from_scratch.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from labeler.train_settings import SMALL, Scratch
from worker.ml.candidates.trainable import Trainable
from worker.ml.networks import backbones
from worker.ml.networks.network import GlobalMean, Staged
from worker.ml.networks.resnet import BasicBlock

WIDTHS = (16, 32, 64, 128)
SPREAD = 0.02  # of the first weights of a transformer (Dosovitskiy et al. 2021)
FORGETS = 0.1  # of BatchNorm's statistics in each step: a run has some hundred steps, not a million


class ScratchNetwork(Trainable):
    """Pixels to logits (n, K). pool: what makes features of the last feature maps, if has_maps."""

    divided = False
    has_maps: bool = True
    pool: nn.Module

    def state(self) -> dict[str, Tensor]:
        return {key: value.detach().to("cpu", copy=True).contiguous() for key, value in self.state_dict().items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        self.load_state_dict(state, strict=True)


class SmallResNet(ScratchNetwork):
    """A stem and three residual blocks, each at half the size of the one before; 0.3 M parameters.

    What a CPU can train in two minutes from 200 images: 12 M multiplications per image at 64 px. Its BatchNorm wants
    whole batches, so where there are several processes each trains some of the folds.
    """

    def __init__(self, n_categories: int, dropout: float = 0.0, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.dropout = dropout
        self.conv1 = nn.Conv2d(3, widths[0], 5, 2, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.blocks = nn.Sequential(*(BasicBlock(narrow, wide, 2) for narrow, wide in pairwise(widths)))
        self.pool = GlobalMean()
        self.fc = nn.Linear(widths[-1], n_categories)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, BasicBlock):
                # Each block begins as its shortcut: the first steps train a shallow network (Goyal et al. 2017).
                nn.init.zeros_(module.bn2.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.relu(self.bn1(self.conv1(x)), inplace=True))
        return self.fc(F.dropout(self.pool(x), self.dropout, self.training))


class FromNothing(ScratchNetwork):
    """A network of the registry (backbones.py) without its weights and its classifier, and a linear layer."""

    def __init__(self, name: str, n_categories: int, dropout: float = 0.0) -> None:
        super().__init__()
        backbone = backbones.get(name)
        self.network, self.dropout = backbone.build(), dropout
        _drop_classifier(self.network)
        self.fc = nn.Linear(backbone.n_features, n_categories)
        self.has_maps = self.network.has_maps
        for module in self.network.modules():
            _begin(module)
        for parameter in self.network.parameters(recurse=False):  # a transformer's places
            nn.init.trunc_normal_(parameter, std=SPREAD)

    @property
    def pool(self) -> nn.Module:  # type: ignore[override]
        return self.network.pool

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.dropout(self.network.run(x), self.dropout, self.training))


def network_of(name: str, n_categories: int, dropout: float = 0.0) -> ScratchNetwork:
    """The network of that name: SMALL, or one of the registry."""
    return SmallResNet(n_categories, dropout) if name == SMALL else FromNothing(name, n_categories, dropout)


def recipe_of(settings: Scratch) -> dict[str, Any]:
    """What a checkpoint says, so that of_recipe() makes the same network."""
    widths = {"widths": list(WIDTHS)} if settings.network == SMALL else {}
    return {"kind": "scratch", "size": settings.size, "network": settings.network} | widths


def of_recipe(recipe: Mapping[str, Any], n_categories: int) -> ScratchNetwork:
    """Raises KeyError for a recipe that lacks something, or names a network that is not known."""
    if recipe.get("network", SMALL) == SMALL:
        return SmallResNet(n_categories, widths=tuple(recipe["widths"]))
    return FromNothing(recipe["network"], n_categories)


def _drop_classifier(network: Staged) -> None:
    """Take away what no stage runs: VGG's published classifier alone has 124 M parameters."""
    used = {name.partition(".")[0] for stage in range(network.n_stages) for name in network.stage_modules(stage)}
    for name, module in list(network.named_children()):
        if name not in used and any(True for _ in module.parameters()):
            delattr(network, name)


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=SPREAD)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        module.momentum = FORGETS
