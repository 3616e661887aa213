"""Real workers that are killed in the middle of an import and of a purge: the next one leaves everything once."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from labeler.curation import deletion
from labeler.imports import options
from labeler.intake.images import media_store
from labeler.jobs import dispatch, jobs
from labeler.models import AuditEvent, Image, Job, Label, Prediction, QueueEntry, Sketch
from labeler.models.job import State
from tests.helpers.databases import wait_until_the_database_is_quiet
from tests.helpers.factories import add_images, make_project
from tests.helpers.seats import seats_are_right
from tests.helpers.workers import Worker, care_now, draw, wait_for

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
N = 400  # pictures of the manifest: four batches, so that a worker can be killed between two


@pytest.fixture
def start_worker(settings, tmp_path):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    started: list[Worker] = []

    def start(name: str) -> Worker:
        started.append(Worker("default", name, tmp_path / f"{name}.log"))
        return started[-1]

    yield start
    for worker in started:
        worker.stop()
        dispatch.hide_worker(worker.name)
    wait_until_the_database_is_quiet()


def manifest_zip(path: Path) -> Path:
    """N pictures with a label of somebody, another model's prediction and a field of metadata each."""
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["file_name", "label", "annotator", "prediction", "probability", "model", "site", "external_id"])
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(N):
            archive.writestr(f"images/{n}.jpg", draw("cat", n))
            rows.writerow(
                [f"images/{n}.jpg", "cat", "ann-elsewhere", "dog", 0.75, "resnet 3", f"site {n % 3}", f"x{n}"]
            )
        archive.writestr("manifest.csv", table.getvalue())
    return path


@pytest.fixture
def elsewhere():
    """Another connection to the same database: to hold a lock that the worker meets."""
    other = connections["default"].copy()
    yield other
    other.close()


def test_killed_twice_in_a_manifest_import_every_row_is_there_once(project, lena, start_worker, settings, elsewhere):
    manifest_zip(settings.MEDIA_DIR / "uploads/1.zip")
    params = {"path": "uploads/1.zip", "name": "1.zip", **options.check({"people": "annotator"}, "refuse")}
    images, labels = Image.objects.filter(project=project), Label.objects.current()

    def taken_up_by(name: str) -> Worker:
        Job.objects.filter(pk=job.pk, state=State.RUNNING).update(lease_until=timezone.now() - timedelta(seconds=1))
        worker = start_worker(name)
        wait_for(lambda: (job.refresh_from_db(), job.worker == name or jobs.resend_lost() > 5)[1], f"{name} at work")
        return worker

    first = start_worker("first@here")
    job = jobs.request_import(project=project, requested_by=lena, params=params)
    wait_for(images.exists, "the first images")
    first.kill()
    wait_until_the_database_is_quiet()
    assert 0 < images.count() < N and not labels.exists()  # in the middle of the pictures

    # Whoever writes predictions waits for this lock: the worker has stored the labels, and is not done.
    elsewhere.set_autocommit(False)
    with elsewhere.cursor() as cursor:
        cursor.execute("LOCK TABLE labeler_prediction IN SHARE MODE")
    second = taken_up_by("second@here")
    wait_for(lambda: labels.count() == N, "the labels")
    second.kill()
    elsewhere.rollback()
    wait_until_the_database_is_quiet()
    assert images.count() == N and not Prediction.objects.exists()

    taken_up_by("third@here")
    wait_for(lambda: (job.refresh_from_db(), job.is_finished)[1], "the end of the import")
    assert (job.state, job.error, job.attempt, job.worker) == (State.DONE, None, 3, "third@here")
    told = [job.result[name] for name in ("added", "duplicates", "labels_added", "predictions_added", "refused")]
    assert told == [N, 0, N, N, []]
    assert set(images.values_list("external_id", flat=True)) == {f"x{n}" for n in range(N)}
    for rows in (QueueEntry.objects, Sketch.objects, labels, Prediction.objects):
        assert rows.count() == images.count() == N
    assert labels.filter(annotator__username="ann-elsewhere").count() == N
    assert images.filter(n_votes=1, metadata__has_key="site").count() == N
    store = media_store()
    assert all(store.has(sha256, "jpg") for sha256 in images.values_list("sha256", flat=True))
    assert seats_are_right(project)


def test_killed_in_a_purge_the_next_worker_deletes_the_rest_and_no_more(project, lena, start_worker, settings):
    first = start_worker("first@here")
    other = make_project(lead=lena)
    gone = add_images(project, 450)
    (kept,) = add_images(other, 1, hashes=[gone[0].sha256])  # the same picture elsewhere
    store = media_store()
    for image in gone:
        for path in (store.original_path(image.sha256, "jpg"), store.thumb_path(image.sha256)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"picture")
    deletion.delete(project=project, by=lena, image_ids=[image.pk for image in gone])
    Image.objects.filter(trashed_from=project).update(trashed_at=timezone.now() - timedelta(days=31))

    def files() -> int:
        return sum(store.thumb_path(image.sha256).exists() for image in gone)

    care_now()
    wait_for(lambda: files() < 450, "the first file's end")
    first.kill()
    wait_until_the_database_is_quiet()
    left = Image.objects.filter(trashed_from=project).count()
    assert left > 0  # a transaction that was cut off has taken files of rows that are there again
    assert files() <= left + 1
    start_worker("second@here")
    care_now()
    wait_for(lambda: not Image.objects.filter(trashed_from=project).exists(), "the end of the purge")

    assert [image.pk for image in gone if store.thumb_path(image.sha256).exists()] == [gone[0].pk]
    assert store.original_path(kept.sha256, "jpg").exists()
    assert list(Image.objects.values_list("pk", flat=True)) == [kept.pk]
    told = AuditEvent.objects.filter(project=project, action="images.purge").values_list("details", flat=True)
    assert sorted(pk for details in told for pk in details["ids"]) == [image.pk for image in gone]
