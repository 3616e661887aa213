"""The section of a project's settings where a lead adds webhooks and sees what became of messages."""

from __future__ import annotations

import re

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from labeler.models import Webhook, WebhookDelivery
from labeler.webhooks import webhooks
from tests.helpers.pages import said, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]
ADDRESS = "https://93.184.216.34/told"


@pytest.fixture
def hook(project, lena):
    return webhooks.create(project=project, by=lena, url=ADDRESS)[0]


def test_a_lead_adds_one_and_sees_its_secret_once(project, lena, as_):
    client, page = as_(lena), url("settings_webhooks", project)
    answer = client.post(page, {"url": ADDRESS, "events": ["run.finished"]})

    [secret] = re.findall(r"lbwh_[\w-]{43}", answer.content.decode())
    assert Webhook.objects.get().events == ["run.finished"]
    assert secret not in client.get(page).content.decode()
    assert secret not in client.get(url("settings_webhook", project, Webhook.objects.get().pk)).content.decode()


def test_an_address_inside_of_the_network_is_refused_beside_its_field(project, lena, as_):
    answer = as_(lena).post(url("settings_webhooks", project), {"url": "http://10.0.0.1/", "events": ["run.failed"]})
    assert "inside of a network" in answer.context["form"].errors["url"][0]
    assert Webhook.objects.count() == 0


def test_one_that_is_paused_says_so_and_is_resumed(project, lena, as_, hook):
    Webhook.objects.update(paused_at=timezone.now(), failures=15)
    client, page = as_(lena), url("settings_webhook", project, hook.pk)

    assert "after 15 tries in a row that failed" in " ".join(client.get(page).content.decode().split())
    answer = client.post(page, {"do": "resume"}, follow=True)
    assert said(answer) == ["Resumed: what waits is sent now."]
    assert Webhook.objects.get().paused_at is None


def test_messages_are_listed_with_what_became_of_them_and_sent_again(project, lena, as_, hook):
    row = WebhookDelivery.objects.create(
        webhook=hook, event="run.failed", subject="run:1", next_at=Now(), state="failed", attempts=8,
        error="The server answered 503.", status_code=503,
    )  # fmt: skip
    client, page = as_(lena), url("settings_webhook", project, hook.pk)

    assert "The server answered 503." in client.get(page).content.decode()
    client.post(page, {"do": "again", "message": row.pk})
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("waiting", 0)
    for message in ("", "x", "0", "9" * 30):
        assert client.post(page, {"do": "again", "message": message}).status_code == 404
    client.post(page, {"do": "test"})
    assert hook.deliveries.filter(event="webhook.test").count() == 1


def test_it_is_switched_off_changed_and_removed(project, lena, as_, hook):
    client, page = as_(lena), url("settings_webhook", project, hook.pk)
    client.post(page, {"do": "off"})
    assert Webhook.objects.get().active is False
    client.post(page, {"do": "on"})
    client.post(page, {"do": "save", "url": "https://example.org/", "events": ["run.failed"]})
    assert (Webhook.objects.get().url, Webhook.objects.get().events) == ("https://example.org/", ["run.failed"])
    client.post(page, {"do": "nonsense"})
    assert client.post(page, {"do": "remove"}).url == url("settings_webhooks", project)
    assert Webhook.objects.count() == 0


def test_reviewers_and_another_projects_leads_do_not_get_in(project, multi_project, rev, lena, as_, hook):
    assert as_(rev).get(url("settings_webhooks", project)).status_code == 403
    assert as_(lena).get(url("settings_webhook", multi_project, hook.pk)).status_code == 404
