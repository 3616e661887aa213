"""The overview in a real browser: readable for everybody who sees it, and alive while a large project is counted."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from labeler.consensus import snapshots as consensus
from labeler.labeling import claims, labels
from labeler.progress import cache, cached_reports
from tests.helpers.accessibility import violations_in_both_themes
from tests.helpers.factories import make_model
from tests.helpers.pages import METRICS, url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def labeled(project, add_photos, ann, bea, dora):
    """Forty images that three people judged; dora takes cats for dogs. A wanted number of everything."""
    project.labels_per_image, project.wanted_images = 3, 60
    project.save()
    project.categories.update(wanted=20)
    images = add_photos(project, 40)
    for person in (ann, bea, dora):
        for _ in range(8):
            for claim in claims.claim(project=project, annotator=person, count=5):
                kind = ("cat", "dog", "fox")[images.index(claim.image) % 3]
                said = "dog" if person == dora and kind == "cat" else kind
                labels.save_label(image_id=claim.image_id, annotator=person, categories=[said], seconds=2.0)
    make_model(project, metrics=METRICS)
    consensus.refresh(project)
    return project


def test_no_persons_overview_breaks_a_rule_of_accessibility(new_context, live_server, sign_in, labeled, request):
    for name in ("lena", "rev", "dora"):
        context = new_context(bypass_csp=True)
        sign_in(context, request.getfixturevalue(name))
        page = context.new_page()
        for path in (url("project", labeled), url("mine", labeled) + "?differ=1"):
            page.goto(live_server.url + path)
            for folded in page.locator("summary", has_text="Show as table").all():
                folded.click()
            assert violations_in_both_themes(page) == [], (name, path)


@pytest.mark.parametrize("name", ["lena", "dora"])
def test_no_persons_overview_scrolls_sideways_at_320_pixels(name, new_context, live_server, sign_in, labeled, request):
    context = new_context(viewport={"width": 320, "height": 640})
    sign_in(context, request.getfixturevalue(name))
    page = context.new_page()
    for path in (url("project", labeled), url("mine", labeled)):
        page.goto(live_server.url + path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_cell_of_the_matrix_leads_to_the_images_of_the_two(page, live_server, sign_in, labeled, lena):
    sign_in(page, lena)
    page.goto(live_server.url + url("project", labeled))

    page.get_by_title("ann and dora: κ").first.focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Images people disagree on")).to_be_visible()
    expect(page.locator(".wall > li")).to_have_count(14)
    expect(page.locator(".wall > li").first).to_contain_text("dora")
    page.get_by_role("link", name="ann and dora differ").click()
    expect(page.locator(".wall > li")).to_have_count(40)


def test_a_large_project_shows_its_figures_as_soon_as_they_are_counted(
    page, live_server, sign_in, labeled, lena, monkeypatch
):
    monkeypatch.setattr(cache, "LARGE", 10)
    sign_in(page, lena)
    page.goto(live_server.url + url("project", labeled))
    expect(page.get_by_role("heading", name="The figures are being counted")).to_be_visible()

    cached_reports.refresh()  # what a worker does

    # By itself, without a hand on the page.
    expect(page.get_by_role("heading", name="When will we be done?")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("figures as of")).to_be_visible()


def test_without_a_script_a_click_shows_them(new_context, live_server, sign_in, labeled, dora, monkeypatch):
    monkeypatch.setattr(cache, "LARGE", 10)
    context = new_context(java_script_enabled=False)
    sign_in(context, dora)
    page = context.new_page()
    page.goto(live_server.url + url("project", labeled))
    cached_reports.refresh()

    page.get_by_role("link", name="Look again").click()

    expect(page.get_by_role("heading", name="You and the others")).to_be_visible()
    expect(page.get_by_text("the same answer")).to_be_visible()
