"""The model's pages in a browser: tables of many classes with long names, at a desk and on a phone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from tests.helpers.factories import make_model, make_project
from tests.helpers.pages import METRICS, url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NAMES = tuple(f"{letter}abcdefghi jklmnopqr"[:20] for letter in "ABCDEFGHIJ")  # ten of twenty letters
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture
def ten_classes(lena):
    """A project of ten classes with long names, and a model that confuses some."""
    project = make_project(lead=lena, categories=NAMES)
    ids = [c.pk for c in project.categories.in_use()]
    counts = [[7 if i == j else int(abs(i - j) == 3) for j in range(10)] for i in range(10)]
    # The words that stand where a figure is undefined are the longest content of such a cell.
    nothing = {"value": None, "low": None, "high": None, "n": 0, "reason": "The class neither occurs nor is predicted."}
    row = {**METRICS["per_class"][0], "precision": nothing, "f1": nothing}
    per_class = [{**row, "category": pk} for pk in ids]
    make_model(project, metrics=METRICS | {"per_class": per_class, "confusion": {"categories": ids, "counts": counts}})
    return project


def touching(heads: Locator) -> list[tuple[str, str]]:
    """Pairs of neighbours whose boxes lie on one another, or whose words are cut."""
    boxes = heads.evaluate_all(
        """heads => heads.map(head => {
            const { left, right, top, bottom } = head.getBoundingClientRect();
            const cut = [head, ...head.querySelectorAll("*")].some(
                (one) => one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
            return { left, right, top, bottom, cut, words: head.innerText };
        })"""
    )
    wrong = [
        (a["words"], b["words"])
        for a, b in pairwise(boxes)
        if a["right"] > b["left"] + 0.5 and a["bottom"] > b["top"] + 0.5
    ]
    return wrong + [(box["words"], "cut") for box in boxes if box["cut"]]


def sideways(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_long_names_of_ten_classes_can_be_read_beside_the_confusion_table(
    new_context, live_server, sign_in, ten_classes, lena, size
):
    context = new_context(viewport=size)
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("model", ten_classes))
    region = page.get_by_role("region", name="What people settled on, and what the model says")

    expect(region.get_by_role("columnheader", name=NAMES[3], exact=True)).to_be_visible()
    assert touching(region.locator("thead th")) == []
    assert touching(region.locator("tbody th")) == []
    assert sideways(page) == 0
    scrolls = region.evaluate("one => one.scrollWidth > one.clientWidth")
    assert scrolls == (size is PHONE)
    if scrolls:  # then by keyboard too, and the names of the rows stay
        region.focus()
        expect(region).to_be_focused()
        head = region.locator("tbody th").first
        before = head.evaluate("head => head.getBoundingClientRect().left")
        region.evaluate("one => (one.scrollLeft = one.scrollWidth)")
        after = head.evaluate("head => head.getBoundingClientRect().left")
        assert before - 3 <= after <= before  # 3 px: the gap before a cell


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_card_of_a_model_shows_all_columns_of_its_classes(
    new_context, live_server, sign_in, ten_classes, lena, size
):
    context = new_context(viewport=size)
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("model_card", ten_classes, 1))
    regions = page.locator(".scroll-x")

    expect(page.get_by_role("columnheader", name="F1")).to_be_visible()
    assert regions.evaluate_all("all => all.filter(one => one.scrollWidth > one.clientWidth).length") == 0
    assert sideways(page) == 0


def test_the_dot_before_the_time_left_comes_with_it(page, live_server, sign_in, project, lena):
    run = make_model(project, active=False, state="queued", stage="waiting for a worker")
    sign_in(page, lena)

    def dot() -> str:
        page.goto(live_server.url + url("run", project, run.number))
        return page.locator("[data-left]").evaluate("left => getComputedStyle(left, '::before').content")

    assert dot() == "none"
    run.state, run.worked_seconds = "running", 240
    run.heartbeat_at, run.lease_until = timezone.now(), timezone.now() + timezone.timedelta(minutes=1)
    run.progress_done, run.progress_total = 50, 100
    run.save()
    assert "·" in dot()
