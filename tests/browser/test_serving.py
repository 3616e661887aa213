"""What speaks for the model's answer, over the image: on and off by keyboard, and readable when it is there."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from labeler.models import Errand
from tests.helpers.accessibility import violations
from tests.helpers.factories import make_model, predict
from tests.helpers.pages import url
from worker.ml.evaluation import heat

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_map_lies_over_the_image_and_goes_again(new_context, live_server, sign_in, project, add_photos, rev):
    (image,) = add_photos(project, 1)
    run = make_model(project)
    predict(run, image, "cat")
    values = np.zeros((7, 7), np.float32)
    values[0, 6] = 1
    context = new_context(viewport={"width": 320, "height": 640}, bypass_csp=True)
    sign_in(context, rev)
    page = context.new_page()
    page.goto(live_server.url + url("image", project, image.pk))

    button = page.get_by_role("button", name="Show what speaks for it")
    button.focus()
    with page.expect_response(lambda answer: "/explanation/" in answer.url):
        page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="A worker is looking")).to_be_visible()
    # The page has asked; now a worker answers.
    assert Errand.objects.update(
        state="done", drawing=heat.overlay(values, image.width, image.height),
        answer={"category": run.category_ids[0], "probability": 0.8, "calibrated": False, "method": "grad-cam",
                "any": True, "thirds": heat.thirds(values)},
    ) == 1  # fmt: skip

    over = page.get_by_role("img", name="What speaks for cat. Most of it lies at the upper right")
    expect(over).to_be_visible()
    expect(page.get_by_text("What speaks for cat. Most of it lies at the upper right")).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "true")
    drawn, below = (
        page.locator(f"figure.pic img{part}").evaluate(
            "async image => { await image.decode(); const b = image.getBoundingClientRect();"
            " const s = Math.min(b.width / image.naturalWidth, b.height / image.naturalHeight);"
            " return [b.x + b.width / 2, b.y + b.height / 2, image.naturalWidth * s, image.naturalHeight * s] }"
        )
        for part in (".heat", ":not(.heat)")
    )
    assert drawn == pytest.approx(below, abs=1)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    button.press("Enter")
    expect(over).to_be_hidden()
    expect(button).to_have_attribute("aria-pressed", "false")
