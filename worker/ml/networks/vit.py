"""ViT-S/16 in plain PyTorch, with the parameter names and shapes of timm's `vit_small_patch16_224`.

Knows layers and shapes; where weights come from is backbones.py's. Dosovitskiy and others 2021, arXiv:2010.11929.
An image of another size than 224 px has its place embeddings resized.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.ml.networks.network import Staged

WIDTH, DEPTH, HEADS, PATCH, GRID = 384, 12, 6, 16, 14
EPSILON = 1e-6


class Attention(nn.Module):
    """Every patch looks at every other one."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(n, tokens, WIDTH))


class Mlp(nn.Module):
    """Two layers, four times as wide between."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention, then the layers, each added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.attn = Attention()
        self.norm2 = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.mlp = Mlp()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):
    """Squares of 16 px as vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class ClassToken(nn.Module):
    """Tokens (n, t, c) to the first one (n, c), which stands for the image."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0]


class VisionTransformer(Staged):
    """Stage 0 embeds, every block is a stage, the last one normalises and takes the token of the image.

    Between stages are tokens (n, t, 384), not maps: heat is found by covering parts of the image.
    """

    has_maps = False

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + GRID * GRID, WIDTH))
        self.patch_embed = PatchEmbedding()
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.stages = [["patch_embed"], *([f"blocks.{number}"] for number in range(DEPTH)), ["norm"]]
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.pool = ClassToken()
        self.head = nn.Linear(WIDTH, classes)

    def _embed(self, x: Tensor) -> Tensor:
        maps = self.patch_embed(x)
        n, _, height, width = maps.shape
        places = self.pos_embed[:, 1:].transpose(1, 2).reshape(1, WIDTH, GRID, GRID)
        if (height, width) != (GRID, GRID):
            places = F.interpolate(places, size=(height, width), mode="bicubic", align_corners=False)
        tokens = (maps + places).flatten(2).transpose(1, 2)
        first = (self.cls_token + self.pos_embed[:, :1]).expand(n, -1, -1)
        return torch.cat([first, tokens], 1)

    def run_stage(self, x: Tensor, stage: int) -> Tensor:
        if stage == 0:
            return self._embed(x)
        if stage <= DEPTH:
            return self.blocks[stage - 1](x)
        return self.pool(self.norm(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.run(x))
