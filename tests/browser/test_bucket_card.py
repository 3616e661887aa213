"""The card of a bucket on the import page: accessible in both themes, on a phone, and what was typed is kept."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.helpers.accessibility import violations, violations_in_both_themes
from tests.helpers.pages import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_folder_is_asked_for_and_a_wrong_one_can_be_mended(page, live_server, sign_in, settings, project, lena):
    settings.S3_BUCKETS = ["leaves"]
    sign_in(page, lena)
    page.goto(live_server.url + url("import", project))
    card = page.get_by_role("region", name="From a bucket")
    expect(card).to_be_visible()
    assert violations_in_both_themes(page) == []

    card.get_by_label("Folder").fill("leaves/2026")  # no address: the browser says so, nothing is sent
    card.get_by_role("button", name="Import the folder").click()
    assert not card.get_by_label("Folder").evaluate("field => field.validity.valid")
    card.get_by_label("Folder").fill("s3://secrets/2026/")
    card.get_by_label("stay in the bucket").check()
    card.get_by_role("button", name="Import the folder").click()

    expect(page.get_by_text("not open for imports")).to_be_visible()
    expect(card.get_by_label("Folder")).to_have_value("s3://secrets/2026/")
    expect(card.get_by_label("stay in the bucket")).to_be_checked()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # The text stands beside its button, not below it.
    button, text = (card.locator(".choice").first.locator(part).bounding_box() for part in ("input", "span"))
    assert abs(button["y"] + button["height"] / 2 - text["y"] - text["height"] / 2) < 4
    assert violations(page) == []
