"""What a lead sets, as it meets people: in Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from labeler import projects
from tests.test_pages import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_chosen_marker_stands_on_the_answer_in_the_guide_and_in_the_last_eight(
    page, live_server, sign_in, project, add_photos, ann, lena
):
    add_photos(project, 2)
    dog = project.categories.get(name="dog")
    projects.change_category(category=dog, by=lena, changes={"colour": 5, "shape": 11})
    sign_in(page, ann)
    page.goto(live_server.url + url("label", project))
    page.wait_for_selector("html[data-painted]", state="attached")

    for button in (page.get_by_role("button", name="dog"), page.locator("#rail li", has_text="dog")):
        expect(button.locator("svg.mk")).to_have_class("mk c5")
        expect(button.locator("svg.mk use")).to_have_attribute("href", "#m11")

    page.keyboard.press("2")
    frame = page.locator("#film li").first
    expect(frame.locator("svg.mk")).to_have_class("mk c5")
    expect(frame.locator("svg.mk use")).to_have_attribute("href", "#m11")
