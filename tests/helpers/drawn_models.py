"""Models that draw, on disk as a training leaves them, made without training: their heads are drawn by lot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.helpers.factories import make_model
from worker.inference import saved_models
from worker.ml.detection.canvas import Canvas
from worker.ml.detection.network import MASK, ROOM, Network, regions
from worker.ml.detection.train import DrawnResult
from worker.ml.networks import backbones
from worker.ml.saved import checkpoint
from worker.ml.segmentation.network import PixelNetwork
from worker.ml.training.settings import read_settings

CANVAS = Canvas(160, 128, 8, 40.0, 160, 128)
FROZEN, TUNED = 17, 12  # first stages that are the model's own: none of those that are needed, and the later ones


def parts(
    task: str = "boxes", *, n_classes: int = 2, two_stage: bool = False, fcn: bool = False, tuned: bool = False,
    twice: bool = False, seed: int = 0,
) -> tuple[dict[str, Tensor], dict[str, Any]]:  # fmt: skip
    """Weights and recipe as a run makes them; the heads find a few dozen objects on any picture."""
    trunk = backbones.load(backbones.EFFICIENTNET_LITE0)
    frozen = backbones.frozen(backbones.EFFICIENTNET_LITE0, torch.device("cpu"))
    torch.manual_seed(seed)  # after these: building a network draws numbers, and the frozen one is built once
    first = TUNED if tuned else FROZEN
    # sides of which the half is still a multiple of 32, as canvas.choose() makes them
    canvas = replace(CANVAS, width=192, large=64.0, wide=0.5) if twice else CANVAS
    recipe: dict[str, Any] = {"canvas": canvas.to_json(), "first_stage": first, "n_classes": n_classes}
    network: Network
    if task == "semantic":
        network = PixelNetwork(trunk, frozen, first, n_classes, stride=CANVAS.stride, fcn=fcn)
        recipe |= {"kind": "segmenter", "fcn": fcn}
    else:
        masks = task != "boxes"
        network = Network(
            trunk,
            frozen,
            first,
            n_classes,
            stride=CANVAS.stride,
            masks=masks,
            two_stage=two_stage,
            twice=twice,
            room=ROOM,
        )
        _spread(network)
        recipe |= {"kind": "detector", "masks": masks, "two_stage": two_stage, "mask_room": ROOM}
    with torch.no_grad():  # the trunk's own stages differ from the published ones
        for module in network.trunk.values():
            for tensor in module.parameters():
                tensor.mul_(1.01)
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}, recipe


@torch.no_grad()
def _spread(network: Network) -> None:
    """Heads whose heat on a photograph spreads from nothing to sure, and whose boxes differ."""
    heads = network.eval().heads
    places = [(heads.heat, heads.edges)]
    if heads.large is not None:
        places.append((heads.large[1], heads.large[2]))
    for head in (one for pair in places for one in pair):
        torch.nn.init.normal_(head.weight, std=0.1)
    x = torch.from_numpy(photo(0, (CANVAS.width, CANVAS.height))).permute(2, 0, 1)[None].float() / 64 - 2
    looks = network(x)
    features, said = looks[0].features, []
    for (heat, edges), look in zip(places, looks, strict=True):
        said += [(heat, look.heat, 1.0, -2.0), (edges, look.edges, 0.4, 0.0)]
    if heads.masks is not None:
        boxes = torch.tensor([[10.0, 10, 70, 60], [60, 40, 150, 120], [5, 70, 60, 120]])
        inside = heads.masks(regions(features, [boxes], MASK // 2, network.stride))
        said.append((heads.masks[-1], inside, 2.0, 1.0))
    for head, values, spread, middle in said:
        bare = values - head.bias[:, None, None]
        mean, std = bare.mean((0, 2, 3)), bare.std((0, 2, 3))
        head.weight *= (spread / std)[:, None, None, None]
        head.bias.copy_(middle - spread * mean / std)


def save_drawn_model(
    project: Any, *, candidate: str = "heatmap", calibrated_on: int = 0, metrics: dict[str, Any] | None = None,
    shown_from: float = 0.5, **made: Any,
) -> Any:  # fmt: skip
    """A finished run in use, its model saved as training saves it."""
    run = make_model(project, active=False)
    n = len(run.category_ids)
    weights, recipe = parts(project.task, n_classes=n, **made)
    config = read_settings({})
    result = DrawnResult(
        candidate=candidate, weights=weights, recipe=recipe, comparison=[], history={}, out_of_fold=[], skipped={},
        seconds={}, config=config, task=project.task, categories=tuple(run.category_ids), n_labels=30,
    )  # fmt: skip
    named = [{"id": pk, "name": name} for pk, name in zip(run.category_ids, run.category_names, strict=True)]
    more = {"platt": [0.9, 0.1], "shown_from": [shown_from] * n, "tolerance": 1.0}
    kept = checkpoint.of_drawn(result, named, calibrated_on=calibrated_on, metrics=metrics or {}, recipe=more)
    run.checkpoint, run.checkpoint_sha256 = saved_models.save(run, 1, kept)
    run.config, run.is_calibrated, run.metrics = config.to_json(), calibrated_on > 0, metrics or {}
    run.save()
    type(run).objects.filter(pk=run.pk).update(is_active=True)
    run.is_active = True
    return run


def photo(seed: int = 0, size: tuple[int, int] = (320, 200)) -> np.ndarray:
    """Coloured rectangles on noise, uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    width, height = size
    pixels = rng.integers(80, 140, (height, width, 3)).astype(np.uint8)
    for _ in range(5):
        w, h = (int(side) for side in rng.integers(20, 80, 2))
        x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
        pixels[y : y + h, x : x + w] = rng.integers(0, 255, 3)
    return pixels
