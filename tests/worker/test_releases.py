"""A real worker freezes a release and builds its file, killed in the middle of each: the same bytes as without."""

from __future__ import annotations

import os
import shutil
import signal
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from labeler.jobs import dispatch, jobs
from labeler.models import Job, Release, ReleaseFile
from labeler.models.job import State
from labeler.releases import files, frozen, releases
from labeler.releases.freeze import freeze
from tests.helpers.databases import wait_until_the_database_is_quiet
from tests.helpers.factories import add_images
from tests.helpers.pages import answer
from tests.helpers.workers import Worker, wait_for

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture
def worker(settings, tmp_path, transactional_db):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    found = Worker("default", "io@here", tmp_path / "worker.log")
    yield found
    found.stop()
    dispatch.hide_worker(found.name)
    wait_until_the_database_is_quiet()


@pytest.fixture
def elsewhere():
    """Another connection to the same database: to hold a lock that the worker meets."""
    other = connections["default"].copy()
    yield other
    other.close()


def state_of(row) -> str:
    return str(Job.objects.get(pk=row.job_id).state)


def killed(worker: Worker) -> None:
    """The process that works; the worker's main process starts another one."""
    assert worker.signal_children(signal.SIGKILL)


def ended(row) -> None:
    """Once the lease of the one that was killed has run out, another one takes the row, and ends it."""
    Job.objects.filter(pk=row.job_id, state=State.RUNNING).update(lease_until=timezone.now() - timedelta(seconds=1))
    wait_for(lambda: state_of(row) == State.DONE or jobs.resend_lost() > 5, f"the end of {row}")


def test_killed_while_freezing_and_while_building_it_comes_to_the_same(project, ann, worker, elsewhere):
    for at, image in enumerate(add_images(project, 30)):
        answer(project, ann, image, ("cat", "dog")[at % 2])
    splits = {"train": 0.5, "test": 0.5}

    # Whoever reads predictions waits for this lock: the worker is in the middle of its snapshot.
    elsewhere.set_autocommit(False)
    with elsewhere.cursor() as cursor:
        cursor.execute("LOCK TABLE labeler_prediction IN ACCESS EXCLUSIVE MODE")
    with transaction.atomic():
        release = releases.request(project=project, by=None, splits=splits)
    folder = frozen.folder_of(release.pk)
    wait_for(lambda: list(folder.glob(".*.part")), "the draft")
    killed(worker)
    elsewhere.rollback()

    ended(release)
    release = Release.objects.select_related("job", "project").get(pk=release.pk)
    assert release.job is not None and release.job.attempt == 2
    assert freeze(release).checksum == release.checksum
    assert len(list(folder.glob("*.jsonl.gz"))) == 1

    # A pipe that nobody writes to: the worker is in the middle of the file.
    whole = frozen.path_of(release.pk, release.checksum)
    aside = whole.with_suffix(".kept")
    shutil.move(whole, aside)
    os.mkfifo(whole)
    with transaction.atomic():
        row = files.ask(release, "jsonl", by=None)
    wait_for(lambda: list((folder / "files").glob(".*.part")), "the partial file")
    assert not files.is_there(ReleaseFile.objects.get(pk=row.pk))
    killed(worker)
    whole.unlink()
    shutil.move(aside, whole)

    ended(row)
    built = ReleaseFile.objects.select_related("job").get(pk=row.pk)
    assert built.job is not None and built.job.attempt == 2
    content = files.path_of(built).read_bytes()
    ReleaseFile.objects.all().delete()
    # By the worker again: it is still there, and would take the work from under whoever builds the file here.
    with transaction.atomic():
        again = files.ask(release, "jsonl", by=None)
    ended(again)
    assert files.path_of(ReleaseFile.objects.get(pk=again.pk)).read_bytes() == content
