"""Real worker processes against real PostgreSQL and Valkey: what they do, and what is left when they are killed."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from labeler import dispatch, jobs
from labeler.models import Image, Job, QueueEntry
from labeler.models.job import State
from tests.workers import Worker, draw, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


@pytest.fixture
def installation(settings, tmp_path):
    """Media, models and a broker database that no other test sees."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 14 + 1
    settings.REDIS_URL = f"{settings.REDIS_URL.rpartition('/')[0]}/{number}"
    dispatch.broker(settings.REDIS_URL).flushdb()
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    yield tmp_path
    dispatch.broker(settings.REDIS_URL).flushdb()


@pytest.fixture
def start_worker(installation, transactional_db):
    """Start workers; all of them are gone before the database is emptied."""
    workers = []

    def start(queues: str = "default,gpu", name: str = "test@here") -> Worker:
        workers.append(Worker(queues, name, installation / f"{name}-{len(workers)}.log"))
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()


def zip_of(files: dict[str, bytes], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def ended(row):
    """The row, once its work is over."""
    return wait_for(lambda: (row.refresh_from_db(), row.is_finished and row)[1], f"the end of {row}")


def test_a_worker_imports_an_upload_and_names_what_it_refused(project, lena, installation, start_worker, settings):
    files = {f"{kind}/{n}.jpg": draw(kind, n) for kind in ("cat", "dog") for n in range(4)}
    upload = zip_of(files | {"notes.jpg": b"no image", "again.jpg": files["cat/0.jpg"]}, settings.MEDIA_DIR / "uploads/1.zip")
    start_worker("default", "io@here")

    job = jobs.request_import(project=project, requested_by=lena, params={"path": "uploads/1.zip"})
    ended(job)

    assert (job.state, job.error, job.attempt, job.worker) == (State.DONE, None, 1, "io@here")
    assert (job.result["added"], job.result["duplicates"]) == (8, 1)
    assert [refused["name"] for refused in job.result["refused"]] == ["notes.jpg"]
    assert Image.objects.filter(project=project).count() == QueueEntry.objects.filter(project=project).count() == 8
    assert job.progress_done == job.progress_total == 10
    wait_for(lambda: not upload.exists(), "the removal of the upload")


def test_an_import_that_cannot_be_read_fails_with_the_reason(project, lena, installation, start_worker, settings):
    broken = settings.MEDIA_DIR / "uploads/2.zip"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"PK no archive")
    start_worker("default", "io@here")

    cases = [("uploads/2.zip", {}), ("uploads/3.zip", {}), ("uploads/2.zip", {"format": "coco"})]
    made = [jobs.request_import(project=project, requested_by=lena, params={"path": p, **more}) for p, more in cases]

    for job in made:
        ended(job)
        assert job.state == State.FAILED
        assert len(job.error["message"]) > 20
    assert "upload it again" in made[1].error["message"]
