"""A webhook, all the way: a real worker ends its work, makes the message, and sends it to a real server."""

from __future__ import annotations

import hashlib
import hmac
import json
import zipfile

import pytest
from django.utils import timezone

from labeler.jobs import dispatch, jobs
from labeler.models import WebhookDelivery
from labeler.webhooks import webhooks
from tests.helpers.databases import wait_until_the_database_is_quiet
from tests.helpers.hostile import Server
from tests.helpers.pictures import picture
from tests.helpers.workers import Worker, care_now, wait_for

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def test_the_end_of_an_import_arrives_signed_at_another_program(project, lena, settings, tmp_path, monkeypatch):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    upload = settings.MEDIA_DIR / "uploads/leaves.zip"
    upload.parent.mkdir(parents=True)
    with zipfile.ZipFile(upload, "w") as archive:
        archive.writestr("a.jpg", picture(1))
        archive.writestr("b.jpg", b"no image")
    with Server() as server:
        allowed = f"127.0.0.1:{server.port}"
        settings.OUTGOING_ALLOW = [allowed]
        monkeypatch.setenv("LABELER_OUTGOING_ALLOW", allowed)  # the worker's
        monkeypatch.setenv("SECRET_KEY", settings.SECRET_KEY)  # of which the secret is made
        hook, secret = webhooks.create(project=project, by=lena, url=server.url("/ok"), events=["import.finished"])
        worker = Worker("default", "io@here", tmp_path / "worker.log")
        try:
            params = {"path": "uploads/leaves.zip", "name": "leaves.zip"}
            job = jobs.request_import(project=project, requested_by=lena, params=params)
            wait_for(lambda: (job.refresh_from_db(), job.is_finished)[1], "the end of the import")
            care_now()
            wait_for(lambda: server.asked, "the message")
            row = wait_for(lambda: WebhookDelivery.objects.exclude(state="waiting").first(), "the answer")
        finally:
            worker.stop()
            dispatch.hide_worker(worker.name)
            wait_until_the_database_is_quiet()

    [asked] = server.asked
    body = json.loads(asked.body)
    assert (asked.path, asked.headers["content-type"]) == ("/ok", "application/json")
    assert (body["id"], body["event"], body["project"]) == (row.pk, "import.finished", project.pk)
    assert (body["data"]["name"], body["data"]["result"]["added"], body["data"]["result"]["refused"]) == (
        "leaves.zip",
        1,
        1,
    )
    t, v1 = (part.split("=", 1)[1] for part in asked.headers["labeler-signature"].split(","))
    assert hmac.new(secret.encode(), f"{t}.".encode() + asked.body, hashlib.sha256).hexdigest() == v1
    assert abs(int(t) - timezone.now().timestamp()) < 300
    assert (row.webhook_id, row.state, row.attempts, row.status_code) == (hook.pk, "delivered", 1, 200)
