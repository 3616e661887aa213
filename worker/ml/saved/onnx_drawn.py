"""A model that draws as an ONNX file: one graph from a canvas to objects, or to the class of every pixel.

It is compared with PyTorch on real images before it is kept.
In the graph: the peaks of the heat by a 3 x 3 max-pool, the 300 likeliest of them, their boxes in px of the canvas, the
second look at each where there is one, which of two on one place stays, masks, and calibration. Outside: bringing the
image to the canvas and boxes back to the image (the README beside the file has both lines). Needs the extra `onnx`.
Does not know rows or where the file goes. Of models that name classes: onnx_file.py.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeler.geometry import overlaps
from worker.ml.detection import decode, losses
from worker.ml.detection.canvas import HALF, Canvas
from worker.ml.detection.detector import pasted
from worker.ml.detection.network import MASK, ROI, Network, seen
from worker.ml.detection.samples import Found, edges_of
from worker.ml.networks import backbones
from worker.ml.networks.backbones import Backbone
from worker.ml.saved import whole
from worker.ml.saved.drawn import DrawnModel
from worker.ml.saved.onnx_file import OPSET, TOLERANCE, FromPixels, NotExportable, need_packages, session_of
from worker.ml.segmentation.network import PixelNetwork

FAR = 0.5  # px of the canvas: largest difference between two edges of one object
SAME_MASK = 0.98  # IoU of one object's mask in both, at least
UNPAIRED = 0.01  # share of the objects that may be in one answer alone: of two that overlap by just the limit
SAME_PIXELS = 0.999  # share of the pixels with the same class, at least


@dataclass(frozen=True, slots=True)
class DrawnEquality:
    """How far ONNX Runtime was from PyTorch on real images. Of pixels: unpaired, far and mask_iou are None."""

    images: int
    objects: int  # of PyTorch's answer; of semantic classes: pixels
    largest_difference: float  # between two probabilities
    unpaired: int | None  # objects without a counterpart of their class within FAR
    far: float | None  # largest difference between two edges, px of the canvas
    mask_iou: float | None  # the least; None also where no masks are drawn
    same_pixels: float | None  # share with the same class; None where objects are drawn
    tolerance: float = TOLERANCE


class Objects(FromPixels):
    """uint8 (1, h, w, 3), an image on its canvas, and its extent there (2,) in px to boxes (m, 4) as left, top, right,
    bottom in px of the canvas, class positions (m,), probabilities (m,) and, where masks are drawn, (m, 28, 28), each
    of its box and of the recipe's "mask_room" of its sides round it.

    m is what Detector.find finds: likeliest first, from decode.LEAST on before calibration.
    """

    def __init__(self, network: Network, canvas: Canvas, backbone: Backbone, platt: tuple[float, float]) -> None:
        super().__init__(backbone.offset, backbone.scale)
        self.network, self.canvas, self.platt = network, canvas, platt
        # Scripted, its loop becomes one of the graph; traced, it would have the rounds that the example needed.
        self.alone = torch.jit.script(alone)

    def forward(self, pixels: Tensor, extent: Tensor) -> tuple[Tensor, ...]:
        heads, stride = self.network.heads, self.network.stride
        looks = self.network.looks(self.network_input(pixels), self.canvas.tile)
        features = [one.features[0] for one in looks]
        heats = [torch.sigmoid(one.heat) for one in looks]
        heat, places, look_of = decode.flat(heats, losses.boxes_of(looks, stride, self.canvas))
        n_places = sum(
            (self.canvas.width // stride // HALF**k) * (self.canvas.height // stride // HALF**k)
            for k in range(len(looks))
        )
        p, at = heat.flatten().topk(min(decode.MOST, heat.shape[1] * n_places))
        boxes, kinds, look = places[0].T[at % n_places], at // n_places, look_of[at % n_places]
        boxes, kinds, p, look = _where(p >= decode.LEAST, boxes, kinds, p, look)
        if heads.second is not None:
            boxes, kinds, p, look = self._second_look(features, boxes, p, look)
        boxes = boxes.clamp(min=0).minimum(extent.repeat(2))
        full = ((boxes[:, 2:] - boxes[:, :2]) > 1).all(1)
        boxes, kinds, p, look = _where(full & (p >= decode.LEAST), boxes, kinds, p, look)
        boxes, kinds, p, look = _where(self.alone(near_above(boxes, kinds)) > 0.5, boxes, kinds, p, look)
        found = (boxes, kinds, _calibrated(p, self.platt))
        if heads.masks is None:
            return found
        inside = heads.masks(seen(features, self.network.of_masks(boxes), look, MASK // 2, stride))
        return (*found, torch.sigmoid(inside)[:, 0])

    def _second_look(
        self, features: list[Tensor], boxes: Tensor, p: Tensor, look: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        second = self.network.heads.second
        assert second is not None
        said = second(seen(features, boxes, look, ROI, self.network.stride))
        sure, kinds = torch.softmax(said[:, :-4], 1)[:, :-1].max(1)
        sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1).repeat(1, 2)
        boxes = boxes + said[:, -4:] / 4 * sides
        p, order = torch.sqrt(p * sure).sort(descending=True)
        return boxes[order], kinds[order], p, look[order]


class Pixels(FromPixels):
    """uint8 (1, h, w, 3) to class positions (1, h, w) as uint8 and probabilities (1, K, h, w), of the canvas."""

    def __init__(self, network: PixelNetwork, backbone: Backbone) -> None:
        super().__init__(backbone.offset, backbone.scale)
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        p = self.network.probabilities(self.network_input(pixels))
        return p.argmax(1).to(torch.uint8), p


def _where(kept: Tensor, *columns: Tensor) -> tuple[Tensor, ...]:
    """Those rows alone, in their order: their number is not known when the graph is written."""
    rows = kept.nonzero()[:, 0]
    return tuple(column[rows] for column in columns)


def near_above(boxes: Tensor, kinds: Tensor) -> Tensor:
    """(m, m) of 0 and 1: of the objects k and j, likeliest first, k takes the place of j (decode.alone's rule)."""
    iou = decode.iou_of(boxes, boxes)
    same = (kinds[:, None] == kinds[None, :]).float()
    return torch.triu(torch.maximum((iou > decode.SAME).float() * same, (iou > decode.SAME_PLACE).float()), 1)


def alone(above: Tensor) -> Tensor:
    """Which objects stay, (m,) of 0 and 1, as decode.alone decides one after the other.

    Each round asks anew which have none above them that stays. After k rounds the first k are settled, so it ends; and
    what a round leaves as it was is the answer, for there is only one such. Two to four rounds on 60 pictures.
    """
    stays = torch.ones(above.size(0), dtype=above.dtype, device=above.device)
    changed = True
    while changed:
        again = (torch.matmul(stays.unsqueeze(0), above).squeeze(0) < 0.5).to(above.dtype)
        changed = bool((again - stays).abs().sum() > 0.5)
        stays = again
    return stays


def _calibrated(p: Tensor, platt: tuple[float, float]) -> Tensor:
    """As worker.ml.evaluation.objects.with_platt."""
    p = p.clamp(1e-4, 1 - 1e-4)
    return torch.sigmoid(platt[0] * torch.log(p / (1 - p)) + platt[1])


def write(model: DrawnModel, path: Path, pixels: NDArray[np.uint8], extents: NDArray[np.int64]) -> DrawnEquality:
    """Write the file and compare it on these images. Raises NotExportable, and leaves no file then.

    pixels: uint8 (n, h, w, 3), n > 0, images on the model's canvas; extents: (n, 2), px that each takes there.
    """
    need_packages()
    backbone, canvas = backbones.get(model.checkpoint.backbone), model.detector.canvas
    network = whole.network_of(model.checkpoint)
    given: tuple[Tensor, ...] = (torch.from_numpy(pixels[:1].copy()),)
    inputs, outputs = ["pixels"], ["classes", "probabilities"]
    axes: dict[str, dict[int, str]] = {}
    if not model.is_semantic:
        given = (*given, torch.tensor(extents[0], dtype=torch.float32))
        inputs, outputs = ["pixels", "extent"], ["boxes", "classes", "probabilities"]
        outputs += ["masks"] if network.heads.masks is not None else []
        axes = {name: {0: "objects"} for name in outputs}
    try:
        with warnings.catch_warnings():  # as in onnx_file.write; torch.jit is deprecated with the exporter that traces
            warnings.simplefilter("ignore")
            graph = (
                Pixels(network, backbone) if isinstance(network, PixelNetwork)
                else Objects(network, canvas, backbone, model.platt)
            )  # fmt: skip
            torch.onnx.export(
                graph.eval(), given, str(path), dynamo=False, opset_version=OPSET, input_names=inputs,
                output_names=outputs, dynamic_axes=axes,
            )  # fmt: skip
        found = compare_pixels(model, path, pixels) if model.is_semantic else compare(model, path, pixels, extents)
        _refuse_unequal(found)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return found


def _refuse_unequal(found: DrawnEquality) -> None:
    """Raises NotExportable."""
    wrong = []
    if found.largest_difference > TOLERANCE:
        wrong.append(f"probabilities differ by {found.largest_difference:.4f}")
    if found.unpaired is not None and found.unpaired > UNPAIRED * max(found.objects, 1):
        wrong.append(f"{found.unpaired} of {found.objects} objects are in one answer alone")
    if found.far is not None and found.far > FAR:
        wrong.append(f"edges differ by {found.far:.2f} px")
    if found.mask_iou is not None and found.mask_iou < SAME_MASK:
        wrong.append(f"masks share {found.mask_iou:.3f} of their pixels")
    if found.same_pixels is not None and found.same_pixels < SAME_PIXELS:
        wrong.append(f"{found.same_pixels:.4f} of the pixels have the same class")
    if wrong:
        raise NotExportable(f"The ONNX file says something else than the model: {', '.join(wrong)}.")


def compare_pixels(model: DrawnModel, path: Path, pixels: NDArray[np.uint8]) -> DrawnEquality:
    """ONNX Runtime against the model's own probabilities of every px."""
    session, largest, same = session_of(path), 0.0, []
    for one in pixels:
        kinds, p = session.run(None, {"pixels": one[None]})
        wanted = model.detector.probabilities(  # type: ignore[attr-defined]
            torch.from_numpy(one[None].copy()).to(model.detector.device)
        ).cpu().numpy()  # fmt: skip
        largest = max(largest, float(np.abs(p - wanted).max()))
        same.append(float((kinds == wanted.argmax(1)).mean()))
    n = int(np.prod(pixels.shape[:3]))
    return DrawnEquality(len(pixels), n, largest, None, None, None, float(np.mean(same)))


def compare(model: DrawnModel, path: Path, pixels: NDArray[np.uint8], extents: NDArray[np.int64]) -> DrawnEquality:
    """ONNX Runtime against what the model itself finds."""
    session = session_of(path)
    wanted = [model.calibrate(one) for one in model.detector.on_canvases(pixels, extents)]
    n = unpaired = 0
    largest, far, least_iou = 0.0, 0.0, []
    for one, extent, theirs in zip(pixels, extents, wanted, strict=True):
        said = session.run(None, {"pixels": one[None], "extent": extent.astype(np.float32)})
        shapes = None
        if theirs.masks is not None:
            places = model.detector.network.of_masks(torch.from_numpy(said[0])).numpy()
            shapes = [pasted(mask, place, extent) for mask, place in zip(said[3], places, strict=True)]
        pairs, alone_in_one = _paired(said, theirs, shapes, lost_below=_calibrated_least(model))
        n, unpaired = n + len(theirs), unpaired + alone_in_one
        for k, j in pairs:
            largest = max(largest, abs(float(said[2][k]) - float(theirs.probabilities[j])))
            far = max(far, float(np.abs(said[0][k] - edges_of(theirs.boxes)[j]).max()))
            if theirs.masks is not None and shapes is not None:
                drawn = shapes[k]
                shared = [] if drawn is None else overlaps.iou_pairs(
                    [drawn], [theirs.masks[j]], width=int(extent[0]), height=int(extent[1])
                ).value.tolist()  # fmt: skip
                least_iou.append(shared[0] if shared else 0.0)
    return DrawnEquality(len(pixels), n, largest, unpaired, far, min(least_iou, default=None), None)


def _calibrated_least(model: DrawnModel) -> float:
    """Below this probability an object may be in one answer alone: it is at the limit from which on any is told."""
    least = _calibrated(torch.tensor(decode.LEAST), model.platt).item()
    return least + TOLERANCE


def _paired(
    said: list[Any], wanted: Found, shapes: list[dict[str, Any] | None] | None, *, lost_below: float
) -> tuple[list[tuple[int, int]], int]:
    """Pairs (ONNX, PyTorch) of one class with edges within FAR, the nearest first; and how many objects have none.

    shapes: of the graph's objects. A mask without a pixel within the image is no object to PyTorch; in the graph it
    still is.
    """
    boxes, kinds, p = said[:3]
    apart = np.abs(boxes[:, None] - edges_of(wanted.boxes)[None]).max(2)
    apart[kinds[:, None] != wanted.classes[None]] = np.inf
    pairs = []
    while apart.size and np.isfinite(apart.min()) and apart.min() <= FAR:
        k, j = np.unravel_index(apart.argmin(), apart.shape)
        pairs.append((int(k), int(j)))
        apart[k, :] = apart[:, j] = np.inf
    ours, theirs = {k for k, _ in pairs}, {j for _, j in pairs}
    lost = [j for j in range(len(wanted)) if j not in theirs and wanted.probabilities[j] > lost_below]
    lost += [
        k for k in range(len(p))
        if k not in ours and p[k] > lost_below
        and (shapes is None or shapes[k] is not None)
    ]  # fmt: skip
    return pairs, len(lost)
