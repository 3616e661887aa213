"""A model as an ONNX file: one graph from uint8 pixels to probabilities, compared with PyTorch before it is kept.

Knows scorers and torch.onnx. Needs the extra `onnx`. Only what is a network can be written so: regression on frozen
features, fine-tuned, from scratch. Does not know rows or where the file goes.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from worker.ml.candidates.from_scratch import OFFSET, SCALE
from worker.ml.errors import ModelError
from worker.ml.images.tensors import PixelScale
from worker.ml.networks import backbones
from worker.ml.networks.network import Staged
from worker.ml.saved.predict import Model, predict_pixels
from worker.ml.saved.scorers import LinearHead, Scratch, TunedNetwork

NEEDS = ("onnx", "onnxruntime")
OPSET = 18
TOLERANCE = 1e-3  # largest difference between two probabilities of one image


class NotExportable(ModelError):
    """The model, or this installation, cannot write an ONNX file; the message says why."""

    code = "not_exportable"


@dataclass(frozen=True, slots=True)
class Equality:
    """How far ONNX Runtime was from PyTorch on real images."""

    images: int
    largest_difference: float  # between two probabilities
    same_answer: int  # images with the same likeliest class
    tolerance: float = TOLERANCE


class FromPixels(nn.Module):
    """A graph that begins with uint8 pixels (n, h, w, 3), and brings them to what a network takes."""

    offset: Tensor
    scale: Tensor

    def __init__(self, offset: PixelScale, scale: PixelScale) -> None:
        super().__init__()
        self.register_buffer("offset", torch.tensor(offset).reshape(1, -1, 1, 1))
        self.register_buffer("scale", torch.tensor(scale).reshape(1, -1, 1, 1))

    def network_input(self, pixels: Tensor) -> Tensor:
        return (pixels.permute(0, 3, 1, 2).float() - self.offset) / self.scale


class Whole(FromPixels):
    """uint8 (n, side, side, 3), the centre square of upright RGB images, to probabilities (n, K)."""

    def __init__(self, network: nn.Module, offset: PixelScale, scale: PixelScale, task: str) -> None:
        super().__init__(offset, scale)
        self.network, self.task = network, task

    def forward(self, pixels: Tensor) -> Tensor:
        logits = self.network(self.network_input(pixels))
        return logits.softmax(1) if self.task == "single" else logits.sigmoid()


class HeadOnFeatures(nn.Module):
    """A network of stages, its features scaled to length sqrt(d), and a linear head; the temperature is in the head."""

    def __init__(self, network: Staged, head: LinearHead, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.head = nn.Linear(head.weight.shape[1], head.weight.shape[0])
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(head.weight / temperature))
            self.head.bias.copy_(torch.from_numpy(head.bias / temperature))

    def forward(self, x: Tensor) -> Tensor:
        network: Staged = self.network
        features = network.run(x)
        return self.head(F.normalize(features, dim=1, eps=1e-6) * features.shape[1] ** 0.5)


class Tempered(nn.Module):
    """A network whose logits are divided by the temperature."""

    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x) / self.temperature


def as_one_network(model: Model) -> Whole:
    """The model as one network, on the CPU. Raises NotExportable with the reason."""
    loaded, scorer = model.checkpoint, model.scorer
    backbone = backbones.get(loaded.backbone)
    if isinstance(scorer, LinearHead):
        network = scorer.plain() if isinstance(scorer, TunedNetwork) else backbones.load(backbone)
        on_features = HeadOnFeatures(network, scorer, loaded.temperature)
        return Whole(on_features, backbone.offset, backbone.scale, model.task).eval()
    if isinstance(scorer, Scratch):
        # Shrinking from 256 pixels with averaging has no operator in ONNX; the graph takes the small square.
        inner = Tempered(scorer.network.cpu(), loaded.temperature)
        return Whole(inner, OFFSET, SCALE, model.task).eval()
    raise NotExportable(
        f"The candidate {loaded.candidate} is no single network, so there is no ONNX file of it. "
        "The safetensors and JSON files hold all of it."
    )


def need_packages() -> None:
    """Raises NotExportable where packages of the extra are not installed."""
    if missing := [name for name in NEEDS if importlib.util.find_spec(name) is None]:
        raise NotExportable(
            f"ONNX files need packages that are not installed where the workers run: pip install {' '.join(missing)}."
        )


def write(model: Model, path: Path, pixels: NDArray[np.uint8]) -> Equality:
    """Write the file and compare it on these images. Raises NotExportable, and leaves no file then.

    pixels: uint8 (n, side, side, 3) of side predict.side_of(model), n > 0: what the model itself is shown.
    """
    need_packages()
    whole = as_one_network(model)
    shown = pixels_for(model, pixels)
    # The exporter that traces, not the one of torch.export: 1 s of a core against 11, the same probabilities, and no
    # onnxscript. torch deprecates it; should it go, the test of this file says so.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            whole, (torch.from_numpy(shown[:1].copy()),), str(path), dynamo=False, opset_version=OPSET,
            input_names=["pixels"], output_names=["probabilities"],
            dynamic_axes={"pixels": {0: "n"}, "probabilities": {0: "n"}},
        )  # fmt: skip
    try:
        found = compare(path, shown, predict_pixels(model, pixels))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if found.largest_difference > TOLERANCE:
        path.unlink(missing_ok=True)
        raise NotExportable(
            f"The ONNX file says something else than the model: probabilities differ by {found.largest_difference:.4f}."
        )
    return found


def side_of(model: Model) -> int:
    """The side of the square that the graph takes."""
    return model.scorer.size if isinstance(model.scorer, Scratch) else model.checkpoint.image_size


def pixels_for(model: Model, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the graph takes, of what the model takes: smaller squares for a network trained from nothing."""
    return model.scorer.shrunk(pixels).cpu().numpy() if isinstance(model.scorer, Scratch) else pixels


def compare(path: Path, shown: NDArray[np.uint8], wanted: NDArray[Any]) -> Equality:
    """ONNX Runtime against the probabilities that the model gave."""
    (said,) = session_of(path).run(None, {"pixels": shown})
    return Equality(len(shown), float(np.abs(said - wanted).max()), int((said.argmax(1) == wanted.argmax(1)).sum()))


def session_of(path: Path) -> Any:
    """ONNX Runtime with the file, on one core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
