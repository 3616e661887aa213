"""The decoded images of a project: made once, taken instead of the files, gone with the project."""

import os
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from labeler.curation import deletion
from labeler.intake.images import add_images as take_in
from labeler.intake.images import file_member, media_store
from labeler.models import Image, Project
from tests.helpers.factories import make_model
from tests.helpers.workers import draw
from worker import periodic
from worker.indexing import pixels
from worker.ml.images.decoding import decode
from worker.ml.images.pixels import UNDER_WAY, DiskFull, PixelStore
from worker.training import checkpoints

pytestmark = pytest.mark.django_db


@pytest.fixture
def hashes(project, settings, tmp_path):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    members = [file_member(f"{k}.jpg", draw("cat", k)) for k in range(3)]
    return [outcome.image.sha256 for outcome in take_in(project=project, members=members)]


def keep(project, hashes):
    told = []
    store = pixels.store_of(project.pk)
    failed = pixels.keep(store, hashes, "cpu", progress=lambda done, n: told.append((done, n)))
    return store, failed, told


def test_images_are_decoded_once_and_then_taken_from_what_is_kept(project, hashes, monkeypatch):
    store, failed, _ = keep(project, hashes)
    assert failed == {}
    expected = [decode(media_store().thumb_path(sha256), size=256) for sha256 in hashes]
    media_store().thumb_path(hashes[0]).unlink()
    again, failed, told = keep(project, hashes)
    assert (failed, told) == ({}, [])
    for source, square in zip(pixels.sources(again, hashes), expected, strict=True):
        assert np.array_equal(decode(source, size=256), square)
    assert len(store) == 3


def test_an_image_that_is_not_kept_comes_from_its_thumbnail(project, hashes):
    empty = pixels.store_of(project.pk)
    [square] = (decode(source, size=256) for source in pixels.sources(empty, hashes[:1]))
    assert np.array_equal(square, decode(media_store().thumb_path(hashes[0]), size=256))


def test_a_lost_thumbnail_is_named_and_a_full_disk_keeps_nothing(project, hashes, monkeypatch):
    media_store().thumb_path(hashes[1]).unlink()
    _, failed, told = keep(project, hashes)
    assert failed.keys() == {hashes[1]}
    assert told[-1][1] == 3

    def full(*_args, **_options):
        raise DiskFull("nearly full")
        yield

    monkeypatch.setattr(PixelStore, "fill", full)
    assert keep(project, hashes)[1] == {}


def test_what_is_kept_of_a_project_in_the_trash_is_deleted(project, hashes):
    store, _, _ = keep(project, hashes)
    assert pixels.forget_trashed() == 0
    assert store.folder.is_dir()
    Project.objects.filter(pk=project.pk).update(trashed_at=timezone.now())
    assert pixels.forget_trashed() == 1
    assert not store.folder.exists()


def test_what_is_kept_of_a_purged_image_goes_with_it(project, hashes, lena):
    open_before, _, _ = keep(project, hashes)
    square = open_before.get(hashes[1]).copy()
    (block,) = open_before.folder.glob("*.squares")
    assert pixels.forget_purged(anew=True) == 0

    image = Image.objects.get(project=project, sha256=hashes[0])
    deletion.delete(project=project, by=lena, image_ids=[image.pk])
    assert pixels.forget_purged(anew=True) == 0  # it can come back from the trash
    pixel_bytes = open_before.get(hashes[0]).tobytes()
    assert pixel_bytes in block.read_bytes()
    Image.objects.filter(pk=image.pk).update(trashed_at=timezone.now() - timedelta(days=31))
    periodic.run_due_work()

    assert pixel_bytes not in block.read_bytes()
    for store in (open_before, pixels.store_of(project.pk)):
        assert store.get(hashes[0]) is None and np.array_equal(store.get(hashes[1]), square)


def test_a_block_that_was_written_after_the_purge_is_looked_into_and_an_empty_one_deleted(project, hashes):
    assert pixels.forget_purged(anew=True) == 0
    store, _, _ = keep(project, hashes)  # by a run that had begun before
    Image.objects.filter(project=project).delete()

    assert pixels.forget_purged(anew=False) == 3
    assert list(store.folder.iterdir()) == []


def test_what_killed_and_cancelled_runs_left_behind_is_deleted(project, hashes):
    assert checkpoints.forget() == 0
    store, _, _ = keep(project, hashes)
    runs = [make_model(project, active=False, state=state) for state in ("failed", "cancelled", "done")]
    running = make_model(project, active=False, state="running")
    for run in (*runs, running):
        checkpoints.work_folder(run).mkdir(parents=True)
        (checkpoints.work_folder(run) / "frozen.npz").write_bytes(b"kept")
    old, new = (store.folder / f"{UNDER_WAY}{name}" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))

    assert checkpoints.forget() == 4

    assert not old.exists() and new.exists() and len(pixels.store_of(project.pk)) == 3
    assert [checkpoints.work_folder(run).exists() for run in runs] == [False] * 3
    assert (checkpoints.work_folder(running) / "frozen.npz").exists()
