"""The images page in a real browser: a range of images is ticked, deleted and restored; everybody can use it."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import expect

from tests.helpers.accessibility import violations_in_both_themes
from tests.helpers.factories import make_model, predict
from tests.helpers.pages import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_range_is_ticked_deleted_and_restored(new_context, live_server, sign_in, project, add_photos, lena):
    images = add_photos(project, 8)
    run = make_model(project)
    for image in images[:3]:
        predict(run, image, "cat", 0.9)
    context = new_context(bypass_csp=True)
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("images", project))
    boxes = page.locator("[data-tick]")

    boxes.nth(1).check()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(page.locator("[data-count]")).to_have_text("4 ticked")
    shots(page, "wall")
    page.get_by_label("Do", exact=True).select_option("metadata")
    expect(page.get_by_label("Field", exact=True)).to_be_visible()
    expect(page.get_by_label("Reason", exact=True)).to_be_hidden()
    assert violations_in_both_themes(page) == []
    page.get_by_label("Do", exact=True).select_option("delete")
    page.get_by_role("button", name="Do it").click()

    expect(page.get_by_text("4 images are in the trash.")).to_be_visible()
    assert sorted(project.images.values_list("pk", flat=True)) == sorted(
        image.pk for at, image in enumerate(reversed(images)) if at not in range(1, 5)
    )
    page.get_by_role("link", name="in the trash").click()
    expect(boxes).to_have_count(4)
    assert page.locator(".wall img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    shots(page, "trash")
    page.get_by_label("all that fit, on every page").check()
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_text("4 images are back.")).to_be_visible()
    assert project.images.count() == 8

    page.goto(live_server.url + url("images", project) + "?view=table&search=e&order=oldest")
    page.get_by_text("More filters").click()
    assert violations_in_both_themes(page) == []
    shots(page, "table")
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def shots(page, name: str) -> None:
    """For who wants to look: LABELER_SHOTS names a folder."""
    if folder := os.environ.get("LABELER_SHOTS"):
        size = page.viewport_size
        for look, scheme, width in (("light", "light", 1280), ("dark", "dark", 1280), ("phone", "light", 390)):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 844})
            page.screenshot(path=f"{folder}/{name}-{look}.png")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(size)
