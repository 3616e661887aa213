"""Make the images that show how training images are varied: the same code as in training, into files.

Knows jobs and files; what varies an image is worker/ml/images/tensors.py, where people draw
worker/ml/detection/canvas.py, and which images and settings labeler/training/augmentation_preview.py's.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pixels
from PIL import ImageDraw

from labeler.errors import NotPossibleNow
from labeler.geometry import masks
from labeler.geometry.shapes import Part, parts_of, rings_of_box
from labeler.intake.images import media_store
from labeler.jobs.leases import Lease, Pulse
from labeler.models import Image, Job, Project
from labeler.models.project import Task
from labeler.train_settings import Augmentation
from labeler.training import augmentation_preview
from labeler.training.augmentation_preview import SEARCHED, SIDE, VIEWS
from worker.attempt import on_job
from worker.ml.detection import canvas as canvases
from worker.ml.detection.canvas import GREY, View
from worker.ml.detection.samples import Drawn, DrawnSet
from worker.ml.detection.train import empty
from worker.ml.device import pick_device
from worker.ml.errors import ImageUnreadable
from worker.ml.images.tensors import CACHE_SIDE, augment, decode
from worker.ml.saved.storage import write_atomically
from worker.ml.segmentation.run import canvas_of
from worker.ml.training.settings import read_settings
from worker.training.drawn_dataset import assemble

SEED = 0  # the same settings give the same images
# As css/pages.css has people's lines: apart for most eyes, and each over a dark one.
COLOURS = ("#ffd23f", "#4cc9f0", "#ff7bac", "#7ae582", "#ff9f1c", "#c9a7ff")
UNDER = "#10141c"
PX = 2 * SIDE  # lines of half a pixel of the page, where the screen has them
# Of the image in row k, by its id: squares as they are shown, itself and then VIEWS variants. Raises ImageUnreadable.
Row = Callable[[int, int], Iterator[Pixels.Image]]


@on_job()
def views_job(job: Job, lease: Lease, pulse: Pulse) -> None:
    """Make what one job asks for; does nothing when it is somebody else's or over."""
    # As a run's config is read: the same check, and a whole number is a number.
    how = read_settings({"augmentation": job.params["augmentation"]}).augmentation
    images = job.params["images"]
    row = _of_objects(job.project, images, how) if job.project.draws else _of_classes(images, how)
    shown = list[int]()
    for pk in images:
        pulse.check()
        try:
            squares = [_jpeg(square) for square in row(pk, len(shown))]
        except (KeyError, ImageUnreadable):
            continue  # one of a few; the others show it as well
        for column, square in enumerate(squares):
            write_atomically(
                augmentation_preview.file_of(job.project_id, job.params["key"], len(shown), column), square
            )
        shown.append(pk)
    if not shown:
        raise NotPossibleNow("None of the images could be read.")
    _forget_old(job)
    lease.finish(result={"images": shown})


def _of_classes(images: list[int], how: Augmentation) -> Row:
    store = media_store()
    hashes = dict(Image.objects.filter(pk__in=images).values_list("pk", "sha256"))

    def row(pk: int, place: int) -> Iterator[Pixels.Image]:
        pixels = decode(store.thumb_path(hashes[pk]), size=CACHE_SIDE)
        for square in (pixels, *vary(pixels, how, VIEWS, seed=SEED + place)):
            image = Pixels.fromarray(np.ascontiguousarray(square))
            yield image if image.width == SIDE else image.resize((SIDE, SIDE), Pixels.Resampling.BILINEAR)

    return row


def _of_objects(project: Project, images: Sequence[int], how: Augmentation) -> Row:
    """Where people draw, with their objects: do the lines still lie on the things? Views are cut, zoomed, mirrored and
    recoloured as a training does it, and the objects go along by the same numbers.

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
        extent, (width, height) = size * scale, canvas.extent(size)
        yield _square(pixels[:height, :width], lines, View((1.0, 1.0), (0.0, 0.0)))
        rng = np.random.default_rng([SEED, place])
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


def vary(pixels: NDArray[np.uint8], how: Augmentation, n: int, *, seed: int) -> NDArray[np.uint8]:
    """`n` variants (n, SIDE, SIDE, 3) of one image (h, h, 3), as the network gets them while it learns."""
    same = torch.from_numpy(np.array(pixels)).expand(n, -1, -1, -1)
    views = augment(same, SIDE, how, torch.Generator().manual_seed(seed))
    return views.round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def _jpeg(square: Pixels.Image) -> bytes:
    file = io.BytesIO()
    square.save(file, "JPEG", quality=85)
    return file.getvalue()


def _forget_old(job: Job) -> None:
    """Of one project the files of the newest few settings stay."""
    mine = augmentation_preview.folder(job.project_id, job.params["key"])
    others = [path for path in mine.parent.iterdir() if path.is_dir() and path != mine]
    for old in sorted(others, key=lambda path: -path.stat().st_mtime)[augmentation_preview.KEPT - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
