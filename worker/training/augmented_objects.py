"""Varied images where people draw, with their objects: do the lines still lie on the things?

Views are cut, zoomed, mirrored and recoloured by worker/ml/detection/canvas.py as a training does it, and the objects
go along by the same numbers. Knows answers and pixels; where the squares are kept, augmentation_images.py does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pixels
from PIL import ImageDraw

from labeler.geometry import masks
from labeler.geometry.shapes import Part, parts_of, rings_of_box
from labeler.intake.images import media_store
from labeler.models import Image, Project
from labeler.models.project import Task
from labeler.train_settings import Augmentation
from labeler.training.augmentation_preview import SEARCHED, SIDE, VIEWS
from worker.ml.detection import canvas as canvases
from worker.ml.detection.canvas import GREY, View
from worker.ml.detection.samples import Drawn, DrawnSet
from worker.ml.detection.train import empty
from worker.ml.device import pick_device
from worker.ml.segmentation.run import canvas_of
from worker.ml.training.settings import read_settings
from worker.training.drawn_dataset import assemble

# As css/pages.css has people's lines: apart for most eyes, and each over a dark one.
COLOURS = ("#ffd23f", "#4cc9f0", "#ff7bac", "#7ae582", "#ff9f1c", "#c9a7ff")
UNDER = "#10141c"
PX = 2 * SIDE  # lines of half a pixel of the page, where the screen has them


def rows(
    project: Project, images: Sequence[int], how: Augmentation, seed: int
) -> Callable[[int, int], Iterator[Pixels.Image]]:
    """(id, row) -> squares: the image with its objects, then VIEWS variants of it. Raises ImageUnreadable.

    images: ids. The canvas is that of a training, as far as these and the first answered images tell.
    """
    first = Image.objects.filter(project=project, n_votes__gt=0).order_by("pk").values_list("pk", flat=True)[:SEARCHED]
    known = assemble(project, only={*images, *first})
    drawn = {example.image_id: example.drawn for example in known.train}
    there = {image.pk: image for image in Image.objects.filter(pk__in={*drawn, *images})}
    ids = list(there)
    store = media_store()
    samples = DrawnSet(
        [store.preview_path(there[pk].sha256) for pk in ids],
        np.array([(there[pk].width, there[pk].height) for pk in ids], np.int64).reshape(-1, 2),
        [drawn.get(pk, empty()) for pk in ids], known.category_ids, str(project.task),
    )  # fmt: skip
    wanted, device = read_settings(project.training_config).drawing.size, pick_device().type
    choose = canvas_of if project.task == Task.SEMANTIC else canvases.choose
    canvas = choose(samples, device, wanted)

    def row(pk: int, place: int) -> Iterator[Pixels.Image]:
        k = ids.index(pk)
        size = samples.sizes[k]
        pixels, scale = canvases.filled(canvas, samples.sources[k], size), canvas.scale(size)
        lines = [(kind, ring * scale) for kind, ring in _rings(samples.drawn[k])]
        extent = size * scale
        width, height = (int(max(1, round(px))) for px in extent)
        yield _square(pixels[:height, :width], lines, View((1.0, 1.0), (0.0, 0.0)))
        rng = np.random.default_rng([seed, place])
        for number in range(VIEWS):
            look = int(number >= VIEWS - round(VIEWS * canvas.wide))  # the last show the image at half its size
            of_look = canvas.of_look(look)
            views = canvases.vary(of_look, extent[None].astype(np.float32), how, rng)
            seen = canvases.see(of_look, torch.from_numpy(pixels[None]), views, how, rng)
            yield _square(seen[0].round().to(torch.uint8).permute(1, 2, 0).numpy(), lines, views[0])

    return row


def _rings(drawn: Drawn) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """(class position, ring (points, 2)) of all objects, px of the image."""
    for k, kind in enumerate(drawn.classes.tolist()):
        shape = {"box": drawn.boxes[k].tolist()} if drawn.masks is None else drawn.masks[k]
        parts: Sequence[Part]
        if "box" in shape:
            parts = [rings_of_box(shape["box"])]
        elif "polygon" in shape:
            parts = parts_of(shape["polygon"])
        else:
            crop = masks.decode(shape)
            parts = parts_of(masks.outline(crop.bits, crop.x, crop.y, 1.0)["polygon"]) if crop.bits.any() else []
        yield from ((kind, ring) for part in parts for ring in part)


def _square(pixels: NDArray[np.uint8], lines: Sequence[tuple[int, NDArray[np.float64]]], view: View) -> Pixels.Image:
    """The picture with its objects, scaled to fit into PX x PX on grey."""
    image = Pixels.fromarray(np.ascontiguousarray(pixels))
    factor = PX / max(image.size)
    small = image.resize([max(1, round(px * factor)) for px in image.size], Pixels.Resampling.BOX)
    pen = ImageDraw.Draw(small)
    for kind, ring in lines:
        at = [(float(x), float(y)) for x, y in view.points(ring) * factor]
        for colour, width in ((UNDER, 6), (COLOURS[kind % len(COLOURS)], 4)):
            pen.line([*at, at[0]], fill=colour, width=width, joint="curve")
    square = Pixels.new("RGB", (PX, PX), (GREY, GREY, GREY))
    square.paste(small, ((PX - small.width) // 2, (PX - small.height) // 2))
    return square
