"""The lines of code that load a model that draws, for the README of its files. They are run by a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labeler.models import Errand, TrainingRun
from labeler.models.project import Task

WITH_LABELER = """
## With Labeler's code

In a checkout of Labeler, with this folder's files beside it:

```python
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from worker.ml.saved import drawn

model = drawn.load_model(Path("model.json"), torch.device("cpu"))  # every checksum is verified
size = ImageOps.exif_transpose(Image.open("photo.jpg")).size
(found,) = model.found(["photo.jpg"], np.array([size]))  # likeliest first; masks: found.masks
for box, k, p in zip(found.boxes, found.classes, found.probabilities):
    if p >= model.shown_from[k]:
        print(f"{p:.3f} {model.categories[k]['name']} {box.tolist()}")  # x, y, width, height in px
```
"""

# A canvas holds the image at its top left, scaled to fit; the rest is 127 (worker/ml/detection/canvas.py).
ON_CANVAS = """
## With ONNX Runtime alone

`pip install onnxruntime pillow`. {what} `all_weights.safetensors`
holds every weight under its name, with classes, canvas and thresholds in its header. Compared with PyTorch on
{images} images of the project: probabilities differ by {largest_difference:.1e} at most (refused above {tolerance:g}).

```python
import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

about = json.loads(Path("model.json").read_text())
image = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")
scale = min({width} / image.width, {height} / image.height)
small = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.BILINEAR, reducing_gap=2.0)
canvas = np.full((1, {height}, {width}, 3), 127, np.uint8)
canvas[0, : small.height, : small.width] = np.asarray(small)
session = onnxruntime.InferenceSession("model.onnx")
"""

OBJECTS = """extent = np.array(image.size, np.float32) * np.float32(scale)
boxes, classes, p = session.run(["boxes", "classes", "probabilities"], {"pixels": canvas, "extent": extent})
for box, k, sure in zip(boxes / scale, classes, p):
    if sure >= about["recipe"]["shown_from"][k]:
        print(f"{sure:.3f} {about['categories'][k]['name']} {box.tolist()}")  # left, top, right, bottom in px
```
"""

PIXELS = """classes, p = session.run(None, {"pixels": canvas})
labels = Image.fromarray(classes[0, : small.height, : small.width]).resize(image.size, Image.Resampling.NEAREST)
for k, n in zip(*np.unique(np.asarray(labels), return_counts=True)):
    print(f"{n / (image.width * image.height):.3f} {about['categories'][k]['name']}")  # share of the pixels
```
"""

IN_OBJECTS = (
    "One graph from a canvas to the objects on it: peaks of the heat map, boxes in px of the\ncanvas, overlapping ones "
    "taken out, calibrated probabilities{masks}."
)
IN_PIXELS = "One graph from a canvas to the class and the probabilities of each of its pixels."
IN_MASKS = ", and masks of 28 x 28 probabilities\nof each box and of the recipe's mask_room of its sides round it"


def code(run: TrainingRun, canvas: Mapping[str, Any], onnx: Errand | None) -> str:
    """How the files are loaded. canvas: of the model's recipe. onnx: a finished conversion, where it is among them."""
    if onnx is None:
        return WITH_LABELER
    is_semantic = run.project.task == Task.SEMANTIC
    masks = "" if run.project.task == Task.BOXES else IN_MASKS
    head = ON_CANVAS.format(
        what=IN_PIXELS if is_semantic else IN_OBJECTS.format(masks=masks),
        width=canvas["width"], height=canvas["height"], **onnx.answer["equality"],
    )  # fmt: skip
    return WITH_LABELER + head + (PIXELS if is_semantic else OBJECTS)
