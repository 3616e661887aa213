"""The section on webhooks in Chromium: no rule of accessibility broken, nothing sideways, the secret shown."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from playwright.sync_api import expect

from labeler.models import Webhook, WebhookDelivery
from labeler.webhooks import webhooks
from tests.helpers.accessibility import sideways, violations_in_both_themes
from tests.helpers.pages import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
EVENTS = {"import.finished": ("delivered", 1, 200, ""), "run.failed": ("waiting", 3, 503, "The server answered 503."),
          "release.ready": ("failed", 8, None, "The server did not answer in time.")}  # fmt: skip


def test_webhooks_are_added_and_looked_at(page, live_server, sign_in, project, lena):
    hook, _secret = webhooks.create(project=project, by=lena, url="https://hooks.herbarium.example.org/labeler/told")
    for event, (state, attempts, status, error) in EVENTS.items():
        WebhookDelivery.objects.create(
            webhook=hook, event=event, subject=event, state=state, attempts=attempts, status_code=status, error=error,
            next_at=Now() + timedelta(minutes=9),
        )  # fmt: skip
    sign_in(page, lena)
    page.goto(live_server.url + url("settings_webhooks", project))
    page.get_by_label("Address").fill("https://93.184.216.34/told")
    page.keyboard.press("Enter")
    expect(page.locator("#fresh-secret")).to_have_text(re.compile(r"lbwh_[\w-]{43}"))
    for name, address in (("list", ""), ("one", url("settings_webhook", project, hook.pk)), ("paused", "")):
        if name == "paused":
            Webhook.objects.filter(pk=hook.pk).update(paused_at=timezone.now(), failures=15)
            page.reload()
        elif address:
            page.goto(live_server.url + address)
        assert violations_in_both_themes(page) == []
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert sideways(page) == 0, (name, width)
