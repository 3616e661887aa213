"""What a model that draws saw on an image before it drew: its heat map, or what it makes of every pixel.

Knows models and pixels. Does not know which image or who asks; heat.py draws it. Of two stages it is the first one's:
the second tells only what the heat map proposed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from worker.ml.detection import canvas as canvases
from worker.ml.detection import decode
from worker.ml.evaluation.gradcam import Heat
from worker.ml.images.decoding import Source
from worker.ml.saved.drawn import DrawnModel
from worker.ml.segmentation.segmenter import Segmenter

HEAT_MAP, PIXELS, UNCERTAINTY = "heat-map", "pixels", "uncertainty"
LEAST = decode.LEAST  # below, there is nothing to see


@torch.no_grad()
def heat_of(model: DrawnModel, source: Source, size: Sequence[int], place: int | None) -> Heat:
    """Where it sees objects of a class, 0 to 1 and not scaled; of semantic classes the probability of every pixel.

    size: width and height in px. place: position of the class; None: of all classes together the likeliest object, and
    of pixels how near the second class comes to the first. Raises ImageUnreadable.
    """
    finder, canvas = model.detector, model.detector.canvas
    pixels = torch.from_numpy(canvases.filled(canvas, source, size)[None]).to(finder.device)
    if isinstance(finder, Segmenter):
        p = finder.probabilities(pixels)[0]
        method = UNCERTAINTY if place is None else PIXELS
        best = p.topk(min(2, len(p)), 0).values
        values = p[place] if place is not None else 1 - (best[0] - best[-1] if len(best) > 1 else best[0])
    else:
        looks = finder.looks(pixels)
        side = (canvas.height, canvas.width)
        maps = [torch.sigmoid(look.heat.float()) for look in looks]
        p = torch.stack([F.interpolate(one, size=side, mode="bilinear", align_corners=False)[0] for one in maps]).amax(
            0
        )
        method, values = HEAT_MAP, p.amax(0) if place is None else p[place]
    width, height = canvas.extent(size)
    seen = np.asarray(values[:height, :width].float().cpu().numpy(), np.float32)
    return Heat(seen, method, float(seen.max()))
