"""Tiles of large images: cut by a worker, upright, whole or not there, and gone with the image."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import time
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image as Pixels

from labeler.curation import deletion
from labeler.errors import NotFound
from labeler.intake import pyramid, tile_jobs, tiles
from labeler.intake.images import media_store
from labeler.intake.pyramid import TILE, levels_of
from labeler.models import Image, Job
from labeler.models.job import State
from tests.helpers.factories import add_images
from tests.helpers.importing import add_image
from worker.intake import image_work_job

ORIENTATION = 0x0112
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    return settings.MEDIA_DIR


def slopes(width: int, height: int) -> Pixels.Image:
    """Every place has a colour of its own, and JPEG loses next to nothing of it."""
    x, y = np.arange(width) * 255 / width, np.arange(height) * 255 / height
    red, green = np.broadcast_to(x, (height, width)), np.broadcast_to(y[:, None], (height, width))
    return Pixels.fromarray(np.stack([red, green, np.full((height, width), 90)], axis=2).astype(np.uint8))


def large_image(project, pixels: Pixels.Image, image_format: str = "JPEG", **options) -> Image:
    """An image of a project whose original lies in the store; the row has the size of the upright image."""
    out = io.BytesIO()
    pixels.save(out, image_format, **options)
    sha256 = hashlib.sha256(out.getvalue()).hexdigest()
    extension = {"JPEG": "jpg", "PNG": "png"}[image_format]
    with media_store().batch() as batch:
        batch.add(sha256=sha256, extension=extension, original=out.getvalue(), preview=b"p", thumbnail=b"t")
        batch.keep()
    exif = options.get("exif")
    width, height = reversed(pixels.size) if exif and exif[ORIENTATION] >= 5 else pixels.size
    return add_images(project, 1, hashes=[sha256], width=width, height=height, extension=extension)[0]


def tile(image: Image, level: int, column: int, row: int) -> Pixels.Image:
    of = {"sha256": image.sha256, "width": image.width, "height": image.height}
    content = tiles.read(**of, number=levels_of(image.width, image.height)[level].number(column, row))
    return Pixels.open(io.BytesIO(content))


def work(image: Image) -> Job:
    """Ask for the tiles as a view does, and do it as the worker does."""
    tile_jobs.ask(image)
    job = Job.objects.latest("pk")
    image_work_job(job.pk, worker="test")
    job.refresh_from_db()
    return job


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tile_shows_the_upright_image_at_its_place(project, orientation):
    exif = Pixels.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "SECRETMAKER"
    original = slopes(4200, 700)
    image = large_image(project, original, exif=exif, quality=95)
    job = work(image)

    assert (job.state, job.result) == (State.DONE, {"changed": 1, "kept": 0, "failed": {}})
    upright = np.asarray(original if orientation == 1 else original.transpose(_TURNS[orientation])).astype(int)
    levels = levels_of(image.width, image.height)
    assert [max(level.width, level.height) for level in levels] == [4200, 2100]
    for level in levels:
        step = 2**level.level
        shown = upright[: level.height * step, : level.width * step]
        shown = shown[: len(shown) // step * step].reshape(-1, step, shown.shape[1], 3).mean(axis=1)
        shown = shown.reshape(len(shown), -1, step, 3).mean(axis=2)
        for column, row in ((0, 0), (level.columns - 1, level.rows - 1)):
            made = tile(image, level.level, column, row)
            left, top = column * TILE, row * TILE
            assert made.size == (min(TILE, level.width - left), min(TILE, level.height - top))
            assert not made.getexif() and "SECRET" not in repr(made.info)
            expected = shown[top : top + made.height, left : left + made.width]
            assert np.abs(np.asarray(made) - expected).max() <= 4, (level, column, row)


_TURNS = {
    2: Pixels.Transpose.FLIP_LEFT_RIGHT, 3: Pixels.Transpose.ROTATE_180, 4: Pixels.Transpose.FLIP_TOP_BOTTOM,
    5: Pixels.Transpose.TRANSPOSE, 6: Pixels.Transpose.ROTATE_270, 7: Pixels.Transpose.TRANSVERSE,
    8: Pixels.Transpose.ROTATE_90,
}  # fmt: skip


def test_sides_of_an_odd_length_lose_no_pixel(project):
    image = large_image(project, slopes(4099, 515))
    work(image)
    levels = levels_of(4099, 515)

    assert [(one.width, one.height, one.columns, one.rows) for one in levels] == [(4099, 515, 9, 2), (2050, 258, 5, 1)]
    assert tile(image, 0, 8, 1).size == (3, 3)
    corner = tile(image, 1, 4, 0)
    assert corner.size == (2, 258)
    # The last pixel is the mean of what is there: as red and green as the last one of the image.
    assert np.asarray(corner)[-1, -1] == pytest.approx([255, 255, 90], abs=5)


def test_colours_that_a_browser_does_not_show_and_alpha_become_plain_ones(project):
    grey = Pixels.fromarray(np.full((40, 4100), 30_000, dtype=np.uint16))
    clear = Pixels.new("LA", (4100, 40), (10, 0))
    for pixels, expected in ((grey, 30_000 * 255 // 65_535), (clear, (255, 255, 255))):
        image = large_image(project, pixels, "PNG")
        work(image)
        assert tile(image, 0, 8, 0).getpixel((1, 1)) == pytest.approx(expected, abs=1)


def test_a_panorama_of_50_megapixels_is_cut_in_little_memory(project):
    """10,000 x 5,000 px, the largest that comes in: of these 200 MB are the decoded pixels."""
    pixels = slopes(1_000, 500).resize((10_000, 5_000), Pixels.Resampling.NEAREST)
    image = large_image(project, pixels, quality=90)
    began = time.perf_counter()
    work(image)
    print(f"cut in {time.perf_counter() - began:.1f} s")

    levels = levels_of(image.width, image.height)
    assert [(one.columns, one.rows) for one in levels] == [(20, 10), (10, 5), (5, 3)]
    corner = np.asarray(pixels.crop((9728, 4608, 10_000, 5_000))).astype(int)
    assert np.abs(np.asarray(tile(image, 0, 19, 9)) - corner).mean() < 3
    mean = np.asarray(pixels.crop((0, 2048, 2048, 4096)).reduce(16)).mean(axis=(0, 1))
    assert np.asarray(tile(image, 2, 0, 1)).mean(axis=(0, 1)) == pytest.approx(mean, abs=1)
    if sys.platform != "linux":
        return
    taken = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(media_store().original_path(image.sha256, "jpg"))],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    print(f"memory, MB: {taken.stdout.strip()}")
    assert float(taken.stdout) < 4 * 50 + 50 * pyramid.BYTES + 56


_MEASURED = """
import re, sys
from pathlib import Path
from labeler.intake import pyramid
from labeler.intake.check import decode_image
used = lambda: int(re.search("VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3
before = used()
image = decode_image(sys.argv[1], full_size=True)
assert sum(1 for _ in pyramid.tiles(image, pyramid.levels_of(10_000, 5_000))) == 265
print(round(used() - before))
"""


def test_tiles_are_made_once_and_a_job_goes_on_where_one_was_killed(project, monkeypatch):
    first, second = (large_image(project, slopes(4100, n)) for n in (20, 30))
    project.task = "boxes"
    project.save()
    tile_jobs.ask_for_new(project, [first, second])
    job = Job.objects.get()
    assert tiles.make(first)

    def killed(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pyramid, "_jpeg", killed)
        with pytest.raises(KeyboardInterrupt):
            image_work_job(job.pk, worker="killed")
    job.refresh_from_db()
    assert (job.state, job.progress_done) == (State.RUNNING, 1)
    store = media_store()
    assert not store.tiles_path(second.sha256).exists() and not list(store.incoming.iterdir())

    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(minutes=1))
    image_work_job(job.pk, worker="next")
    job.refresh_from_db()
    assert (job.state, job.result["changed"], job.result["kept"]) == (State.DONE, 1, 1)
    assert tile(second, 0, 0, 0).size == (TILE, 30)


def test_while_a_worker_is_at_it_nobody_asks_again_and_a_damaged_file_is_said(project):
    image = large_image(project, slopes(4100, 20))
    path = media_store().original_path(image.sha256, "jpg")
    path.write_bytes(path.read_bytes()[:300])
    tile_jobs.ask(image)
    tile_jobs.ask(image)
    job = Job.objects.get()
    image_work_job(job.pk, worker="test")

    with pytest.raises(NotFound, match="cannot be read"):
        tile_jobs.ask(image)
    Job.objects.update(finished_at=timezone.now() - 2 * tile_jobs.AGAIN)
    tile_jobs.ask(image)
    assert Job.objects.count() == 2, "somebody may have put the file back"


def test_newcomers_are_cut_at_once_where_people_draw(project):
    out = io.BytesIO()
    slopes(4100, 64).save(out, "JPEG")
    add_image(project=project, name="a.jpg", source=out.getvalue())
    assert not Job.objects.exists()
    project.task = "polygons"
    project.save()
    image = add_image(project=project, name="b.jpg", source=out.getvalue() + b" ").image

    assert Job.objects.get().params == {"do": "tiles", "images": [image.pk], "asked": {}}


def test_tiles_go_with_the_image_and_do_not_come_back(project, lena):
    image = large_image(project, slopes(4100, 20))
    work(image)
    path = media_store().tiles_path(image.sha256)
    assert path.exists()
    other = large_image(project, slopes(4100, 30))
    other_path = media_store().tiles_path(other.sha256)
    deletion.delete(project=project, by=lena, image_ids=[image.pk, other.pk])
    deletion.purge([image.pk])
    assert not path.exists()

    Image.objects.filter(pk=other.pk).delete()  # at the moment at which a worker has cut it
    assert not tiles.make(other)
    assert not other_path.exists()


def test_what_is_no_file_of_our_tiles_counts_as_missing(project):
    image = large_image(project, slopes(4100, 20))
    of = {"sha256": image.sha256, "width": image.width, "height": image.height}
    path = media_store().tiles_path(image.sha256)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"LBTILES0" + bytes(40))
    assert not tiles.are_made(**of) and tiles.read(**of, number=0) is None
    assert tiles.make(image)
    assert tiles.read(**of, number=0)
    assert not tiles.make(add_images(project, 1)[0]), "not large: no tiles"
