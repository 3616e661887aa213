"""A lead lets the model accept by itself: settings, the page of the model, an image that goes back; in Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from labeler.acceptance import accepting
from labeler.jobs import dispatch
from labeler.models import Acceptance, QueueEntry
from labeler.projects import projects
from tests.helpers.accepting import accepted, calibrate, opinions
from tests.helpers.accessibility import violations
from tests.helpers.factories import make_model, make_project
from tests.helpers.pages import METRICS, url
from tests.helpers.run_reports import findings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_from_the_switch_to_an_image_that_goes_back_to_people(
    new_context, live_server, sign_in, project, add_photos, lena, monkeypatch
):
    monkeypatch.setattr(dispatch, "send", lambda task, pk: True)
    projects.update(project=project, by=lena, changes={"blind_share": 0.15})
    images = add_photos(project, 6, slice="")
    metrics = METRICS | findings(project, images)
    run = make_model(project, metrics=metrics, checkpoint="m.safetensors", predicted_at="2026-01-01T00:00:00Z")
    calibrate(project, run, n=100, wrong=1)
    opinions(run, images)
    context = new_context(bypass_csp=True)
    sign_in(context, lena)
    page: Page = context.new_page()

    page.goto(live_server.url + url("model", project))
    card = page.get_by_role("region", name="Accepted by the model")
    expect(card).to_contain_text("Off: people judge every image.")
    card.get_by_role("link", name="Switch it on").click()
    page.get_by_label("Let the model accept what it is sure of").check()
    page.get_by_label("Audited, in percent").fill("1")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    accepting.accept(run)  # what a worker does, a moment later

    page.goto(live_server.url + url("model", project))
    expect(card).to_contain_text("At least 95")
    card.get_by_role("button", name="Accept nothing more").click()
    expect(card).to_contain_text("Stopped by lena")
    card.get_by_role("button", name="Let it accept again").click()
    expect(card.get_by_role("button", name="Accept nothing more")).to_be_visible()
    # The settings are looked at in test_settings.py, the other pages without the card in test_pages.py.
    looked_at = {"model": page.url}
    card.get_by_role("link", name="See them").click()
    pk = max(accepted(project))
    looked_at |= {"wall": page.url, "image": live_server.url + url("image", project, pk)}
    looked_at |= {"export": live_server.url + url("export", project) + "?accepted=1"}
    broken, wide = {}, {}
    for name, address in looked_at.items():
        page.goto(address)
        if name in ("model", "image"):
            broken[name] = violations(page)
        page.set_viewport_size({"width": 320, "height": 640})
        wide[name] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(looked_at["model"])
    page.emulate_media(color_scheme="dark")
    broken["model in the dark"] = violations(page)
    assert {name: found for name, found in broken.items() if found} == {}
    assert {name: by for name, by in wide.items() if by > 0} == {}

    page.goto(looked_at["image"])
    button = page.get_by_role("button", name="Have people look")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The image is back in the queue")).to_be_visible()
    expect(button).to_have_count(0)
    assert not QueueEntry.objects.get(pk=pk).accepted


def test_a_set_with_a_long_name_is_whole_on_a_narrow_phone(new_context, live_server, sign_in, add_photos, lena):
    """At 320 px the filter of the wall was as wide as its longest class, and a tile's tag stood out of it."""
    names = ("sky", "sea", "Weathered terracotta roof tiles, partially_covered_by_vegetation")
    project = make_project(lead=lena, task="multi", categories=names, auto_accept=True, blind_share=0.15)
    images = add_photos(project, 3, slice="")
    run = make_model(project, checkpoint="m.safetensors", predicted_at="2026-01-01T00:00:00Z")
    calibrate(project, run, says=names, unsure=0)
    opinions(run, images, names)
    assert accepting.accept(run) == 3
    Acceptance.objects.update(is_audited=False)
    context = new_context(viewport={"width": 320, "height": 640}, bypass_csp=True)
    sign_in(context, lena)
    page: Page = context.new_page()

    wide = {}
    for name, address in {
        "wall": url("images", project) + "?status=accepted", "image": url("image", project, images[0].pk),
        "like it": url("similar", project, images[0].pk), "settings": url("settings_accepting", project),
        "model": url("model", project),
    }.items():  # fmt: skip
        page.goto(live_server.url + address)
        if name == "wall":
            expect(page.get_by_text(names[2]).locator("visible=true").first).to_be_visible()
        wide[name] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert {name: by for name, by in wide.items() if by > 0} == {}
    expect(page.get_by_role("region", name="Accepted by the model")).to_contain_text("An answer is a whole set")
    assert violations(page) == []
