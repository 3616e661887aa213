"""Make the images that show how training images are varied: the same code as in training, into files.

Knows jobs and files; what varies an image is worker/ml/images/tensors.py, where people draw
worker/ml/detection/canvas.py, and which images and settings labeler/training/augmentation_preview.py's.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pixels

from labeler.errors import NotPossibleNow
from labeler.intake.images import media_store
from labeler.jobs.leases import Lease, Pulse
from labeler.models import Image, Job
from labeler.train_settings import Augmentation
from labeler.training import augmentation_preview
from labeler.training.augmentation_preview import SIDE, VIEWS
from worker.attempt import on_job
from worker.ml.errors import ImageUnreadable
from worker.ml.images.tensors import CACHE_SIDE, augment, decode
from worker.ml.saved.storage import write_atomically
from worker.ml.training.settings import read_settings
from worker.training import augmented_objects

SEED = 0  # the same settings give the same images
# Of the image in row k, by its id: squares as they are shown, itself and then VIEWS variants. Raises ImageUnreadable.
Row = Callable[[int, int], Iterator[Pixels.Image]]


@on_job()
def views_job(job: Job, lease: Lease, pulse: Pulse) -> None:
    """Make what one job asks for; does nothing when it is somebody else's or over."""
    # As a run's config is read: the same check, and a whole number is a number.
    how = read_settings({"augmentation": job.params["augmentation"]}).augmentation
    images = job.params["images"]
    row = augmented_objects.rows(job.project, images, how, SEED) if job.project.draws else _of_classes(images, how)
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
