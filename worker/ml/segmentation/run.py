"""One training run of a model that says of every pixel which class it is.

The order of events is worker/ml/detection/train.py's; here are the candidates, the network and the figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from labeler.train_settings import TrainConfig
from worker.ml.detection import canvas as canvases
from worker.ml.detection.canvas import STEP, VOID, Canvas
from worker.ml.detection.detector import Detector
from worker.ml.detection.network import Network
from worker.ml.detection.samples import DrawnSet, Found
from worker.ml.detection.train import MIN_IMAGES, Candidate, DrawnResult, DrawnRun
from worker.ml.device import all_cores
from worker.ml.errors import OneCategoryOnly, TooFewLabels
from worker.ml.evaluation.pixel_figures import label_map, miou, miou_resampled
from worker.ml.networks import backbones
from worker.ml.networks.network import Staged
from worker.ml.segmentation.network import PixelNetwork
from worker.ml.segmentation.segmenter import Segmenter
from worker.ml.training.run import Progress

SIDE = 384  # px of the canvas's long side
SMALLER = 1.2  # px of the canvas along a px of what is learned from
CANDIDATES = {
    one.name: one
    for one in (
        Candidate("fcn", "FCN, on the published network", False, False, 0.15),
        Candidate("unet", "U-Net, on the published network", False, False, 0.3),
        Candidate("unet.finetuned", "U-Net, the network trained further", True, False, 1.3),
    )
}


def train(
    samples: DrawnSet, config: TrainConfig, *, device: torch.device, state_dir: Path | None = None
) -> Iterator[Progress | DrawnResult]:
    """As worker.ml.detection.train.train, of pixels. Raises the same; OneCategoryOnly: there is one class."""
    if len(samples) < MIN_IMAGES:
        raise TooFewLabels(len(samples), MIN_IMAGES)
    if len({int(kind) for drawn in samples.drawn for kind in drawn.classes}) < 2:
        raise OneCategoryOnly("All pixels have one class: draw a second one on a few images first.")
    with all_cores(device):
        yield from PixelRun(samples, config, device, state_dir).events()


def canvas_of(samples: DrawnSet, device: str, wanted: int) -> Canvas:
    """Whole images, smaller than objects would need them: what a pixel is shows in what lies around it.

    It learns from them smaller than it is asked about them later: crops show things larger than whole images do, and
    what is learned should be as large as what is asked (Touvron and others 2019).
    """
    canvas = canvases.choose(samples, device, wanted or SIDE)
    width, height = (max(STEP, round(px / SMALLER / STEP) * STEP) for px in (canvas.width, canvas.height))
    return replace(canvas, view_width=width, view_height=height, large=0.0, wide=0.0, shrink=SMALLER, tile=0)


class PixelRun(DrawnRun):
    """Candidates that differ in their decoder; the U-Net that is trained further goes on from the one before."""

    figure = "miou"
    refit_share = 0.65
    plain = Candidate("unet", "", False, False, 0.0)
    finder: type[Detector] = Segmenter

    def choose_canvas(self) -> Canvas:
        return canvas_of(self.samples, self.device.type, self.config.drawing.size)

    def candidates_of(self, config: TrainConfig) -> list[Candidate]:
        return [CANDIDATES[name] for name in CANDIDATES if name in config.drawing.pixel_candidates]

    def reached(self, judge: NDArray[np.int64], found: list[Found]) -> float | None:
        truth = [self.samples.drawn[k] for k in judge]
        return miou(truth, found, self.samples.sizes[judge], len(self.samples.categories))

    def figures(self, judge: NDArray[np.int64], found: list[Found], weights: NDArray[Any]) -> NDArray[np.float64]:
        truth = [self.samples.drawn[k] for k in judge]
        return miou_resampled(truth, found, self.samples.sizes[judge], len(self.samples.categories), weights)

    def build(self, trunk: Staged, candidate: Candidate, first_stage: int) -> Network:
        frozen = backbones.frozen(self.backbone, self.device) if first_stage else None
        return PixelNetwork(
            trunk, frozen, first_stage, len(self.samples.categories), stride=self.canvas.stride,
            fcn=candidate.name == "fcn", mirrored=self.config.augmentation.flip and candidate is not self.plain,
        )  # fmt: skip

    def labels(self) -> NDArray[np.uint8] | None:
        canvas = self.canvas
        found = np.full((len(self.samples), canvas.height, canvas.width), VOID, np.uint8)
        for k, (drawn, size) in enumerate(zip(self.samples.drawn, self.samples.sizes.tolist(), strict=True)):
            width, height = canvas.extent(size)
            whole = Image.fromarray(label_map(drawn, size))
            found[k, :height, :width] = np.asarray(whole.resize((width, height), Image.Resampling.NEAREST))
        return found

    def recipe(self, candidate: Candidate, network: Network) -> dict[str, Any]:
        return {
            "kind": "segmenter", "canvas": self.canvas.to_json(), "first_stage": network.first_stage,
            "n_classes": len(self.samples.categories), "fcn": candidate.name == "fcn",
            "mirrored": self.config.augmentation.flip,
        }  # fmt: skip
