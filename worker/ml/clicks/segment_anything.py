"""Clicks answered by segment-anything (Kirillov and others 2023) or a network of its signature, as two ONNX files.

They come with no package: an operator lays `sam_encoder.onnx` and `sam_decoder.onnx` into the folder of weights. The
encoder takes (1, 3, 1024, 1024), an image at the upper left with mean 0 and spread 1 as ImageNet's, and gives
(1, 256, 64, 64). The decoder is the published export: image_embeddings, point_coords, point_labels, mask_input,
has_mask_input and orig_im_size give masks (logits, at orig_im_size) and iou_predictions.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.ml.clicks.nearest import Click, Proposals, enlarged
from worker.ml.clicks.picture import Window, cut
from worker.ml.errors import WeightsMissing
from worker.ml.images.decoding import Source
from worker.ml.networks.backbones import FOLDER_SETTING

SIDE = 1024
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
SPREAD = np.array([58.395, 57.12, 57.375], np.float32)
NAMES = ("sam_encoder.onnx", "sam_decoder.onnx")

Files = tuple[tuple[str, int], tuple[str, int]]  # path and time of change of encoder and decoder


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A part of an image as the encoder gives it. size: (width, height) px of the part as it went in."""

    embedding: NDArray[np.float32]
    size: tuple[int, int]
    window: Window
    files: Files


def files() -> Files | None:
    """The operator's two files, or None where they are not both there."""
    folder = os.environ.get(FOLDER_SETTING, "")
    paths = [Path(folder) / name for name in NAMES] if folder else []
    if not paths or not all(path.is_file() for path in paths):
        return None
    encoder, decoder = ((str(path), path.stat().st_mtime_ns) for path in paths)
    return encoder, decoder


@lru_cache(maxsize=2)
def _session(path: str, _changed: int) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise WeightsMissing(f"{path} needs onnxruntime: install Labeler with the extra “onnx”.") from error
    return onnxruntime.InferenceSession(path, providers=onnxruntime.get_available_providers())


def look(source: Source, size: tuple[int, int], window: Window, files: Files) -> Look:
    """Look at a part of an image of `size` px. Raises ImageUnreadable, WeightsMissing."""
    pixels = cut(source, size, window, SIDE).astype(np.float32)
    high, wide = pixels.shape[:2]
    given = np.zeros((1, 3, SIDE, SIDE), np.float32)
    given[0, :, :high, :wide] = ((pixels - MEAN) / SPREAD).transpose(2, 0, 1)
    encoder = _session(*files[0])
    (embedding,) = encoder.run(None, {encoder.get_inputs()[0].name: given})[:1]
    return Look(embedding, (wide, high), window, files)


def propose(seen: Look, clicks: Sequence[Click]) -> Proposals:
    """Its masks, smallest first; the one it is surest of is proposed."""
    across, down = seen.size[0] / seen.window[2], seen.size[1] / seen.window[3]
    points = [((click.x - seen.window[0]) * across, (click.y - seen.window[1]) * down) for click in clicks]
    labels = [float(click.inside) for click in clicks]
    masks, sure = _session(*seen.files[1]).run(["masks", "iou_predictions"], {
        "image_embeddings": seen.embedding,
        "point_coords": np.array([[*points, (0.0, 0.0)]], np.float32),  # without a box a point of the label -1 is added
        "point_labels": np.array([[*labels, -1.0]], np.float32),
        "mask_input": np.zeros((1, 1, 256, 256), np.float32),
        "has_mask_input": np.zeros(1, np.float32),
        "orig_im_size": np.array([seen.size[1], seen.size[0]], np.float32),
    })  # fmt: skip
    bits, best = masks[0] > 0, int(np.argmax(sure[0]))
    order = sorted((k for k in range(len(bits)) if bits[k].any()), key=lambda k: int(bits[k].sum()))
    return Proposals(
        [enlarged(bits[k], seen.window) for k in order], order.index(best) if best in order else 0
    )  # fmt: skip
