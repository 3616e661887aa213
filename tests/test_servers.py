"""The tests' own servers: whichever process of the test run gets a file, its tests find a place of their own."""

import os

import pytest
from django.contrib.auth.models import Permission

from labeler.accounts import audit
from labeler.jobs import dispatch
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import AuditEvent, Claim, Label
from tests.helpers import databases
from tests.helpers.factories import add_images
from tests.helpers.servers import own_broker_database

PROCESSES = ["", *(f"gw{number}" for number in range(15))]


@pytest.mark.parametrize("process", PROCESSES)
def test_each_process_of_a_test_run_has_a_broker_database_that_is_there(process):
    assert dispatch.broker(own_broker_database(os.environ["REDIS_URL"], process)).ping()


def test_no_two_of_them_share_one_nor_does_any_use_the_products():
    urls = {own_broker_database("redis://:secret@127.0.0.1:6379/0", process) for process in PROCESSES[1:]}

    assert len(urls) == len(PROCESSES) - 1
    assert not any(url.endswith("/0") for url in urls)


def test_a_worker_of_another_process_is_not_seen(settings):
    here = settings.REDIS_URL
    settings.REDIS_URL = own_broker_database(here, "gw14")
    dispatch.show_worker("elsewhere@test", ["default"])

    try:
        assert [worker.name for worker in dispatch.workers_alive()] == ["elsewhere@test"]
        settings.REDIS_URL = here
        assert dispatch.workers_alive() == []
    finally:
        settings.REDIS_URL = own_broker_database(here, "gw14")
        dispatch.hide_worker("elsewhere@test")


@pytest.mark.django_db(transaction=True)
def test_what_a_test_has_committed_is_gone_before_the_next(project, ann):
    """Also what the database refuses to delete for everybody else: labels, and the audit table."""
    (image,) = add_images(project, 1)
    claims.claim(project=project, annotator=ann)
    save_label(image_id=image.pk, annotator=ann, categories=["cat"])
    audit.audit(ann, "test.deed", project=project)

    filled = databases.empty()

    assert {"labeler_label", "labeler_claim", "labeler_auditevent", "auth_user"} <= set(filled)
    assert not (Label.objects.exists() or Claim.objects.exists() or AuditEvent.objects.exists())
    assert databases.empty() == []
    assert Permission.objects.exists()  # what migrations made stays
