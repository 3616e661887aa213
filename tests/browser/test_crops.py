"""Crops of objects in a real browser: keys alone mark what is wrong, confirm, and take back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from labeler.models import Label, Membership, ObjectVerdict
from tests.helpers.accessibility import violations_in_both_themes
from tests.helpers.crops import predict
from tests.helpers.drawn_projects import drawing_project
from tests.helpers.factories import make_model

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def verdicts() -> list[str]:
    return sorted(ObjectVerdict.objects.values_list("verdict", flat=True))


def test_keys_alone_answer_a_page_of_crops_and_take_it_back(page, live_server, sign_in, ann, rev, lena, add_photos):
    project = drawing_project(ann, lead=lena)
    Membership.objects.create(project=project, user=rev, role="reviewer")
    (image,) = add_photos(project, 1)
    predict(make_model(project), image, {}, {}, {})
    sign_in(page, rev)
    page.goto(f"{live_server.url}/projects/{project.pk}/review/")
    crops = page.locator("#crops button")
    expect(crops).to_have_count(3)
    expect(crops.first).to_be_focused()
    assert violations_in_both_themes(page) == []

    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(crops.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#crops-confirm-text")).to_have_text("Confirm: 2 right, 1 not")
    page.keyboard.press("Enter")

    expect(page.locator("#crops-none")).to_be_visible()
    assert (verdicts(), Label.objects.count()) == (["keep", "keep", "wrong"], 0)

    page.keyboard.press("z")
    expect(crops.nth(1)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("z")
    page.keyboard.press("Enter")

    expect(page.locator("#crops-none")).to_be_visible()
    assert verdicts() == ["keep"] * 3
    page.set_viewport_size({"width": 360, "height": 740})
    page.reload()
    expect(page.locator("table")).to_contain_text("100")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
