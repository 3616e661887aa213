"""A trained detector: finds objects on images. Knows networks and pixels; not how it was trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from labeler.geometry import masks
from worker.ml.detection import canvas as canvases
from worker.ml.detection import decode, losses
from worker.ml.detection.canvas import Canvas
from worker.ml.detection.network import MASK, ROI, Look, Network, seen
from worker.ml.detection.samples import Found, nothing
from worker.ml.device import autocast, to_device, with_smaller_batches
from worker.ml.errors import ImageUnreadable
from worker.ml.images.decoding import Source
from worker.ml.images.tensors import to_network
from worker.ml.networks import backbones

BATCH = {"cpu": 4, "cuda": 32}


class Detector:
    """Boxes, and masks where it was trained on them, of any number of images."""

    def __init__(self, network: Network, canvas: Canvas, backbone: str, device: torch.device) -> None:
        self.network, self.canvas, self.device = to_device(network, device).eval(), canvas, device
        self._backbone = backbones.get(backbone)

    def find(self, sources: Sequence[Source], sizes: NDArray[np.int64]) -> Iterator[tuple[int, Found | None]]:
        """(position, what is there) in order; None: unreadable. sizes: (n, 2), width and height in px of the answers.

        All of probability .05 and more, at most 300, likeliest first; boxes lie within the image.
        """
        batch = self._batch
        for start in range(0, len(sources), batch):
            pixels, there = [], []
            for k in range(start, min(start + batch, len(sources))):
                try:
                    pixels.append(canvases.filled(self.canvas, sources[k], sizes[k]))
                    there.append(k)
                except ImageUnreadable:
                    continue
            found = self.on_canvases(np.stack(pixels), sizes[there]) if there else []
            by_place = dict(zip(there, found, strict=True))
            yield from ((k, by_place.get(k)) for k in range(start, min(start + batch, len(sources))))

    @torch.no_grad()
    def on_canvases(self, pixels: NDArray[np.uint8], sizes: NDArray[np.int64]) -> list[Found]:
        """The same of images that lie on canvases already, (n, h, w, 3)."""

        def look(batch: int) -> list[Found]:
            found: list[Found] = []
            for start in range(0, len(pixels), batch):
                x = torch.from_numpy(pixels[start : start + batch]).to(self.device)
                found += self._look(x, sizes[start : start + batch])
            return found

        return with_smaller_batches(look, min(len(pixels), self._batch))[0] if len(pixels) else []

    @property
    def _batch(self) -> int:
        return 1 if self.canvas.tile else BATCH.get(self.device.type, 4)

    def _look(self, pixels: Tensor, sizes: NDArray[np.int64]) -> list[Found]:
        network = self.network
        looks = self.looks(pixels)
        heats = [torch.sigmoid(one.heat.float()) for one in looks]
        found = decode.peaks(heats, losses.boxes_of(looks, network.stride, self.canvas))
        return [self._of_one([one.features[k] for one in looks], *found[k], sizes[k]) for k in range(len(found))]

    @torch.no_grad()
    def looks(self, pixels: Tensor) -> list[Look]:
        """What every look says of uint8 canvases (n, h, w, 3)."""
        x = to_network(pixels, offset=self._backbone.offset, scale=self._backbone.scale)
        with autocast(self.device):
            return self.network.looks(x, self.canvas.tile)

    def _of_one(
        self, features: Sequence[Tensor], boxes: Tensor, kinds: Tensor, p: Tensor, look: Tensor, size: NDArray[np.int64]
    ) -> Found:
        network, heads = self.network, self.network.heads
        scale = self.canvas.scale(size)
        if heads.second is not None and len(boxes):
            said = heads.second(seen(features, boxes, look, ROI, network.stride)).float()
            named = torch.softmax(said[:, :-4], 1)[:, :-1]
            kinds = named.argmax(1)
            p = torch.sqrt(p * named.max(1).values)
            sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1).repeat(1, 2)
            boxes = boxes + said[:, -4:] / 4 * sides
            order = torch.argsort(-p, stable=True)
            boxes, kinds, p, look = boxes[order], kinds[order], p[order], look[order]
        limits = torch.tensor([size[0] * scale, size[1] * scale] * 2, device=boxes.device, dtype=boxes.dtype)
        boxes = boxes.clamp(min=0).minimum(limits)
        sides = boxes[:, 2:] - boxes[:, :2]
        there = (sides > 1).all(1) & (p >= decode.LEAST)
        boxes, kinds, p, look = boxes[there], kinds[there], p[there], look[there]
        stays = decode.alone(boxes, kinds, p)
        boxes, kinds, p, look = boxes[stays], kinds[stays], p[stays], look[stays]
        if not len(boxes):
            return nothing(masks=heads.masks is not None)
        shapes = None
        if heads.masks is not None:
            wide = network.of_masks(boxes)
            inside = torch.sigmoid(heads.masks(seen(features, wide, look, MASK // 2, network.stride)).float())[:, 0]
            places = (wide / scale).cpu().numpy()
            drawn = [pasted(m, b, size) for m, b in zip(inside.cpu().numpy(), places, strict=True)]
            full = [k for k, shape in enumerate(drawn) if shape is not None]
            boxes, kinds, p = boxes[full], kinds[full], p[full]
            shapes = tuple(shape for shape in drawn if shape is not None)
        corners = (boxes / scale).cpu().numpy()
        xywh = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1).astype(np.float32)
        return Found(xywh, kinds.cpu().numpy().astype(np.int64), p.cpu().numpy().astype(np.float32), shapes)


def pasted(inside: NDArray[np.float32], box: NDArray[np.float32], size: NDArray[np.int64]) -> dict[str, Any] | None:
    """The mask (28, 28) of probabilities as a shape in px of the image; None where it has no pixel.

    box: left, top, right, bottom of the mask, perhaps beyond the image.
    """
    left, top = (int(max(v, 0)) for v in np.floor(box[:2]))
    right, bottom = (int(min(v, side)) for v, side in zip(np.ceil(box[2:]), size, strict=True))
    if right <= left or bottom <= top:
        return None
    # each px of the crop at its place within the box: the crop's edges are whole px, the box's are not
    across = (np.arange(left, right) + 0.5 - box[0]) / max(box[2] - box[0], 1e-3) * MASK
    down = (np.arange(top, bottom) + 0.5 - box[1]) / max(box[3] - box[1], 1e-3) * MASK
    first = Image.fromarray(inside.astype(np.float32))
    a = (across[-1] - across[0]) / max(len(across) - 1, 1) if len(across) > 1 else 1.0
    e = (down[-1] - down[0]) / max(len(down) - 1, 1) if len(down) > 1 else 1.0
    p = np.asarray(first.transform(
        (right - left, bottom - top), Image.Transform.AFFINE, (a, 0, across[0] - a / 2, 0, e, down[0] - e / 2),
        Image.Resampling.BILINEAR,
    ))  # fmt: skip
    bits = p > 0.5
    return masks.encode(bits, left, top) if bits.any() else None


def from_parts(weights: dict[str, Tensor], recipe: dict[str, Any], backbone: str, device: torch.device) -> Detector:
    """As train.train() made it: its tensors, and the recipe that says how they are used."""
    about = backbones.get(backbone)
    trunk = backbones.load(about)
    network = Network(
        trunk, backbones.frozen(about, device) if recipe["first_stage"] else None, recipe["first_stage"],
        recipe["n_classes"], stride=recipe["canvas"]["stride"], masks=recipe["masks"], two_stage=recipe["two_stage"],
        twice=bool(recipe["canvas"].get("large")), room=recipe.get("mask_room", 0.0),
    )  # fmt: skip
    network.load_state_dict(weights)
    return Detector(network, Canvas(**recipe["canvas"]), backbone, device)
