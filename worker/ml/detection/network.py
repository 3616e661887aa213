"""The network that finds objects: a pretrained trunk, a small pyramid, and heads.

One stage: a heat map says for each class where the centres of objects are, and four distances where their edges are
(TTFNet: Liu and others 2020; CenterNet: Zhou and others 2019). Two stages: what the heat map proposes is looked at
again, its class told and its box moved (Faster R-CNN: Ren and others 2015). Masks: 28 x 28 px of each box and of some
room round it, the same for all classes. RoIAlign is grid_sample, suppression of neighbours a 3 x 3 max-pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.ml.detection.canvas import HALF, HALO
from worker.ml.networks.frozen import Frozen
from worker.ml.networks.network import Staged

WIDTH = 64  # channels of the pyramid
ROI, MASK = 7, 28  # px of a region for its class, and of a mask
ROOM = 0.1  # of a box's sides, that its mask reaches beyond it: boxes that are too small would cut masks straight off
RARE = -4.6  # of the heat before any training: an object at one place in a hundred (focal loss's prior)


def levels_of(network: Staged) -> list[tuple[int, int, int]]:
    """(stride, stage after it, channels) of the last maps at strides 4, 8, 16 and 32."""
    levels: dict[int, tuple[int, int]] = {}
    with torch.no_grad():
        x, side = torch.zeros(1, 3, 64, 64), 64
        for stage in range(network.n_stages):
            x = network.run(x, stage, stage + 1)
            if x.ndim != 4 or x.shape[-1] < 2:
                break
            levels[side // x.shape[-1]] = (stage + 1, x.shape[1])
    return [(stride, *levels[stride]) for stride in (4, 8, 16, 32) if stride in levels]


def conv(inputs: int, outputs: int, kernel: int = 3, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Look(NamedTuple):
    """What is said of an image at one size: pyramid (b, 64, h, w), heat logits (b, K, h, w), and edges (b, 4, h, w):
    logs of the distances to left, top, right and bottom."""

    features: Tensor
    heat: Tensor
    edges: Tensor


class Heads(nn.Module):
    """All that is learned from nothing. maps in: the trunk's, finest first, from `stride` on."""

    def __init__(
        self, channels: Sequence[int], n_classes: int, *, masks: bool, two_stage: bool, twice: bool = False
    ) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(conv(c, WIDTH, 1) for c in channels)
        self.smooth = nn.ModuleList(
            nn.Sequential(conv(WIDTH, WIDTH, 3, WIDTH), conv(WIDTH, WIDTH, 1)) for _ in channels[:-1]
        )
        self.shared, self.heat, self.edges = _places(n_classes)
        self.large = nn.ModuleList(_places(n_classes)) if twice else None
        self.masks = nn.Sequential(
            conv(WIDTH, 32), conv(32, 32), nn.Upsample(scale_factor=2), conv(32, 16), nn.Conv2d(16, 1, 1),
        ) if masks else None  # fmt: skip
        self.second = nn.Sequential(
            nn.Flatten(), nn.Linear(WIDTH * ROI * ROI, 256), nn.ReLU(inplace=True), nn.Dropout(0.2),
            nn.Linear(256, n_classes + 1 + 4),
        ) if two_stage else None  # fmt: skip

    def pyramid(self, maps: Sequence[Tensor]) -> Tensor:
        """(b, 64, h, w) at the finest stride."""
        x = self.lateral[-1](maps[-1])
        for k in range(len(maps) - 2, -1, -1):
            finer = self.lateral[k](maps[k])
            x = self.smooth[k](finer + F.interpolate(x, size=finer.shape[-2:], mode="nearest"))
        return x

    def forward(self, maps: Sequence[Tensor], look: int = 0) -> Look:
        """look: 1 of an image at half its size, for large objects."""
        x = self.pyramid(maps)
        shared, heat, edges = self.large if look and self.large is not None else (self.shared, self.heat, self.edges)
        for_heat, for_edges = shared(x).split(WIDTH, 1)
        return Look(x, heat(for_heat), edges(for_edges))


def _places(n_classes: int) -> tuple[nn.Module, nn.Conv2d, nn.Conv2d]:
    """Layers in common, heat, edges."""
    # Each pixel apart, then across channels: at stride 4 a full 3 x 3 took most of a step's time on a CPU.
    shared = nn.Sequential(conv(WIDTH, WIDTH, 3, WIDTH), conv(WIDTH, 2 * WIDTH, 1))
    heat, edges = nn.Conv2d(WIDTH, n_classes, 1), nn.Conv2d(WIDTH, 4, 1)
    nn.init.constant_(heat.bias, RARE)  # type: ignore[arg-type]
    nn.init.normal_(heat.weight, std=0.01)
    nn.init.normal_(edges.weight, std=0.01)
    nn.init.zeros_(edges.bias)  # type: ignore[arg-type]
    return shared, heat, edges


def regions(x: Tensor, boxes: Sequence[Tensor], side: int, stride: int) -> Tensor:
    """(m, c, side, side): what lies in each box; boxes: of each image (k, 4) left, top, right, bottom in px."""
    parts = [regions_of(one, box, side, stride) for one, box in zip(x, boxes, strict=True) if len(box)]
    return torch.cat(parts) if parts else x.new_zeros(0, x.shape[1], side, side)


def regions_of(one: Tensor, box: Tensor, side: int, stride: int) -> Tensor:
    """The same of one image's maps (c, h, w) and boxes (k, 4). Nothing in it depends on k: it can be traced."""
    height, width = one.shape[-2] * stride, one.shape[-1] * stride
    steps = (torch.arange(side, device=one.device) + 0.5) / side
    across = box[:, 0:1] + (box[:, 2:3] - box[:, 0:1]) * steps  # (k, side)
    down = box[:, 1:2] + (box[:, 3:4] - box[:, 1:2]) * steps
    grid = torch.stack([
        (across[:, None, :] / width * 2 - 1).expand(-1, side, -1),
        (down[:, :, None] / height * 2 - 1).expand(-1, -1, side),
    ], -1)  # fmt: skip
    # one tall picture for all boxes of the image: grid_sample copies its input for each item of a batch
    grid = grid.reshape(1, -1, side, 2).to(one.dtype)
    sampled = F.grid_sample(one[None], grid, align_corners=False)
    return sampled.reshape(one.shape[0], -1, side, side).transpose(0, 1)


def seen(features: Sequence[Tensor], boxes: Tensor, look: Tensor, side: int, stride: int) -> Tensor:
    """(m, c, side, side): what lies in each box of one image, on the map of the look that found it.

    features: of each look (c, h, w); boxes: (m, 4) px of the canvas; look: (m,). Nothing in it depends on m.
    """
    parts = [regions_of(one, boxes / HALF**k, side, stride) for k, one in enumerate(features)]
    return parts[0] if len(parts) == 1 else torch.where(look[:, None, None, None] > 0, parts[1], parts[0])


class Network(nn.Module):
    """Trunk and heads. Stages of the trunk below `first_stage` are `frozen` and not in the state dict."""

    def __init__(
        self, trunk: Staged, frozen: Frozen | None, first_stage: int, n_classes: int, *, stride: int, masks: bool,
        two_stage: bool, twice: bool = False, room: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.room = room
        self.levels = [level for level in levels_of(trunk) if level[0] >= stride]
        self.first_stage, self.stride = first_stage, stride
        self._frozen = frozen
        self._last = self.levels[-1][1]
        channels = [c for _, _, c in self.levels]
        self.heads = Heads(channels, n_classes, masks=masks, two_stage=two_stage, twice=twice)
        self.trunk = nn.ModuleDict()
        for stage in range(first_stage, self._last):
            for name, module in trunk.stage_modules(stage).items():
                self.trunk[name.replace(".", "/")] = module
        self._staged = (trunk,)  # in a tuple it is no submodule: its parts are in `trunk` already

    def train(self, mode: bool = True) -> Network:
        """The trunk's normalisation stays as published: batches are small."""
        super().train(mode)
        self.trunk.eval()
        return self

    def of_masks(self, boxes: Tensor) -> Tensor:
        """Where the masks of boxes (k, 4) lie: with some room round them."""
        sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
        return boxes + self.room * sides * sides.new_tensor([-1.0, -1.0, 1.0, 1.0])

    def maps(self, x: Tensor) -> list[Tensor]:
        """The trunk's maps at `stride` and coarser, finest first."""
        found, at = [], 0
        for _, stage, _ in self.levels:
            if at < self.first_stage:
                with torch.no_grad():
                    until = min(stage, self.first_stage)
                    frozen = self._staged[0] if self._frozen is None else self._frozen
                    # what the frozen form gives belongs to inference alone, and a copy of it to nobody
                    x, at = frozen.run(x, at, until).clone(), until
            if at < stage:
                x, at = self._staged[0].run(x, at, stage), stage
            found.append(x)
        return found

    @property
    def n_looks(self) -> int:
        return 1 if getattr(self.heads, "large", None) is None else 2

    def look(self, x: Tensor | list[Tensor], look: int) -> Look:
        """One look alone. x: scaled pixels, at half the image's size for the second look, or their maps."""
        said: Look = self.heads(x if isinstance(x, list) else self.maps(x), look)
        return said

    def forward(self, x: Tensor) -> list[Look]:
        """What every look says of images (b, 3, h, w)."""
        return self.looks(x)

    def looks(self, x: Tensor, tile: int = 0) -> list[Look]:
        """The same; tile: px of the side of the parts that are looked at by themselves, 0: all of it at once."""
        views = [x] if self.n_looks == 1 else [x, F.avg_pool2d(x, HALF)]
        return [self._tiled(view, look, tile) if tile else self.look(view, look) for look, view in enumerate(views)]

    def _tiled(self, x: Tensor, look: int, tile: int) -> Look:
        """The maps of tiles with HALO px around each, laid together: what lies on an edge is found once, afterwards."""
        height, width = x.shape[-2:]
        rows = []
        for top in range(0, height, tile):
            row = []
            for left in range(0, width, tile):
                above, before = min(top, HALO), min(left, HALO)
                said = self.look(x[..., top - above : top + tile + HALO, left - before : left + tile + HALO], look)
                a, b = above // self.stride, before // self.stride
                high, wide = min(tile, height - top) // self.stride, min(tile, width - left) // self.stride
                row.append([one[..., a : a + high, b : b + wide] for one in said])
            rows.append([torch.cat(parts, -1) for parts in zip(*row, strict=True)])
        return Look(*(torch.cat(parts, -2) for parts in zip(*rows, strict=True)))
