"""Asking for an import once, and cancelling it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from labeler.errors import KeyReused, NotCancellable
from labeler.jobs import dispatch, jobs
from labeler.models import Job
from labeler.models.job import MAX_ATTEMPTS, Kind, State

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    told = []
    monkeypatch.setattr(dispatch, "send", lambda task, pk: told.append((task, pk)) or True)
    monkeypatch.setattr(dispatch, "queue_length", lambda queue: 0)
    return told


@pytest.fixture
def upload(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path
    (tmp_path / "uploads").mkdir()
    file = tmp_path / "uploads" / "1.zip"
    file.write_bytes(b"zip")
    return file


def request(project, person, **more):
    return jobs.request_import(project=project, requested_by=person, params={"path": "uploads/1.zip"}, **more)


def test_the_same_key_gives_the_same_job_and_another_body_is_refused(project, lena, ann):
    key = uuid4()
    first = request(project, lena, idempotency_key=key, body_hash="a")

    assert request(project, lena, idempotency_key=key, body_hash="a") == first
    with pytest.raises(KeyReused):
        request(project, lena, idempotency_key=key, body_hash="b")
    assert request(project, ann, idempotency_key=key, body_hash="b") != first  # a key is its owner's
    assert request(project, lena) != request(project, lena)


def test_a_worker_is_told_after_commit(project, lena, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = request(project, lena)
        assert sent == []
    assert sent == [(dispatch.IMPORT, job.pk)]


def test_a_cancelled_import_leaves_no_upload(project, lena, upload):
    job = request(project, lena)

    jobs.cancel(job)

    assert job.state == State.CANCELLED
    assert not upload.exists()
    with pytest.raises(NotCancellable):
        jobs.cancel(job)


def test_only_uploads_are_deleted(project, lena, upload, tmp_path):
    folder = tmp_path.parent / f"{tmp_path.name}-photographs"
    folder.mkdir()
    job = jobs.request_import(project=project, requested_by=lena, params={"path": str(folder)})
    jobs.cancel(job)
    assert folder.exists()


def test_lost_jobs_are_sent_again_and_hopeless_ones_leave_no_upload(project, lena, upload, sent):
    long_ago = timezone.now() - timedelta(minutes=5)
    lost = request(project, lena)
    Job.objects.filter(pk=lost.pk).update(state=State.RUNNING, attempt=1, lease_until=long_ago)
    pre = Job.objects.create(project=project, kind=Kind.PRELABEL, params={"run": 1})
    Job.objects.filter(pk=pre.pk).update(created_at=long_ago)
    assert jobs.resend_lost() == 2
    assert sent == [(dispatch.IMPORT, lost.pk), (dispatch.PRELABEL, pre.pk)]
    assert upload.exists()

    Job.objects.filter(pk=lost.pk).update(attempt=MAX_ATTEMPTS)
    assert jobs.resend_lost() == 1
    lost.refresh_from_db()
    assert lost.state == State.FAILED
    assert not upload.exists()
