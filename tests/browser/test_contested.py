"""From a group of contested images to a rule that sends them back: by keyboard alone, and without a script."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from labeler.labeling import claims as queue
from labeler.labeling.labels import save_label
from labeler.models import GuidelineVersion, Image
from labeler.training import features
from tests.helpers.accessibility import violations_in_both_themes
from tests.helpers.factories import make_model
from tests.helpers.pages import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def divided(project, add_photos, ann, bea):
    """Twelve images of one look divided on cat and dog, nine of another on dog and fox."""
    make_model(project, config={"backbone": "tiny", "image_size": 64})
    images = add_photos(project, 21)
    rng = np.random.default_rng(1)
    for n, image in enumerate(images):
        vector = 4 * np.eye(64)[0 if n < 12 else 1] + rng.normal(scale=0.3, size=64)
        features.store(features.name_of("tiny", 64), {image.sha256: vector.astype("<f2").tobytes()})
    answers = {image.pk: ("cat", "dog") if n < 12 else ("dog", "fox") for n, image in enumerate(images)}
    for place, person in enumerate((ann, bea)):
        while claims := queue.claim(project=project, annotator=person, count=50):
            for claim in claims:
                save_label(image_id=claim.image_id, annotator=person, categories=[answers[claim.image_id][place]])
    return project


def test_a_group_becomes_a_rule_and_its_images_are_asked_again(new_context, live_server, sign_in, divided, lena):
    context = new_context(bypass_csp=True)
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("contested", divided))
    assert violations_in_both_themes(page) == []

    badge = page.get_by_role("link", name="Group 1: 12 images, cat ↔ dog")
    badge.focus()
    page.keyboard.press("Enter")
    assert page.url.endswith("#group-1")
    page.get_by_role("link", name="Write the rule for group 1").focus()
    page.keyboard.press("Enter")

    text = page.get_by_role("textbox", name="Rule")
    expect(text).to_have_value("## cat or dog\n\n")
    text.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("Whiskers longer than the **ears**: cat.")
    expect(page.locator("#preview strong")).to_have_text("ears")  # while it is typed
    assert violations_in_both_themes(page) == []
    button = page.get_by_role("button", name="Raise the guideline to version 2 and send these 12 images back")
    button.focus()
    page.keyboard.press("Enter")

    expect(page.locator(".note.success")).to_contain_text("12 images are in the queue again")
    expect(page.get_by_role("heading", name="These 9 are one question")).to_be_visible()
    assert sorted(Image.objects.values_list("round", flat=True)) == [1] * 9 + [2] * 12
    assert GuidelineVersion.objects.get(project=divided, number=2).text.endswith("**ears**: cat.\n")


def test_it_works_without_a_script_on_a_narrow_phone(new_context, live_server, sign_in, divided, lena):
    context = new_context(java_script_enabled=False, viewport={"width": 320, "height": 640})
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("contested", divided))
    page.get_by_role("link", name="Write the rule for group 2").click()
    text = page.get_by_role("textbox", name="Rule")
    text.fill(text.input_value() + "Ears that stand: fox.")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("Ears that stand: fox.")
    page.get_by_role("button", name="Raise the guideline").click()

    expect(page.locator(".note.success")).to_contain_text("9 images are in the queue again")
