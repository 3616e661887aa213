"""Doubted labels in a real browser: one key each, and the model's view only afterwards."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.helpers.adjudicating import decisions, just, opened, painted
from tests.helpers.answers import answer
from tests.helpers.doubted import doubted, model_that_doubts
from tests.helpers.factories import category

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_one_key_looks_at_a_doubt_and_the_next_one_stands_there(page, live_server, sign_in, project, add_photos, rev):
    first, second = add_photos(project, 2)
    for image in (first, second):
        answer(image, ann="cat", bea="cat")
    cat, dog = category(project, "cat"), category(project, "dog")
    model_that_doubts(project, doubted(first, cat, dog, 0.9), doubted(second, cat, dog, 0.8))
    sign_in(page, rev)
    opened(page, live_server, project, "?doubted=1")
    painted(page, first)
    expect(page.locator("#adj-where")).to_contain_text("1 of 2, the clearest doubt first")
    expect(page.locator("#adj")).to_contain_text("None was looked at yet.")

    page.keyboard.press("2")

    painted(page, second)
    expect(just(page)).to_contain_text("Just decided: dog")
    expect(just(page)).to_contain_text("model: dog")
    expect(page.locator("#adj")).to_contain_text("1 looked at. The label was wrong in 1 of 1")
    assert page.url.endswith(f"?doubted=1&image={second.pk}") or page.url.endswith(f"?image={second.pk}&doubted=1")

    page.keyboard.press("1")

    expect(page.locator("#adj-title")).to_have_text("No doubted label waits")
    expect(just(page)).to_contain_text("Just decided: cat")
    assert decisions() == [(first.pk, ["dog"]), (second.pk, ["cat"])]
