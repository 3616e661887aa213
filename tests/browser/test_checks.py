"""The checks page in a browser: from a finding to its images, plots with their tables, and rules of accessibility."""

import os

import pytest
from playwright.sync_api import expect

from labeler.consensus import snapshots
from labeler.data_checks import check
from labeler.intake import import_metadata
from tests.helpers.accessibility import look_at_all
from tests.helpers.faulty_pictures import blurred, bring_in, dark, plain, sound
from tests.helpers.pages import url
from tests.helpers.votes import say

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def checked(project, settings, tmp_path):
    """Sound and faulty pictures of two cameras, some of them labeled."""
    pictures = {f"s{n}": sound(n) for n in range(10)} | {f"d{n}": dark(20 + n) for n in range(4)}
    there = bring_in(project, pictures | {"soft": blurred(40), "black": plain((0, 0, 0))})
    check.run(project, files=True, tell=lambda n: None)
    names = {image.pk: {"exif.camera": "C-3" if n % 4 else "C-7"} for n, image in enumerate(there.values())}
    import_metadata.add_facts(names)
    for n, image in enumerate(list(there.values())[:8]):
        say(project, image, ann="cat" if n % 3 else "dog", bea="cat")
    snapshots.refresh(project)
    return project


def test_a_finding_leads_to_its_images_and_plots_have_tables(new_context, live_server, sign_in, checked, lena):
    context = new_context(bypass_csp=True)
    sign_in(context, lena)
    page = context.new_page()
    image = checked.images.first()
    addresses = [url("checks", checked), f"{url('checks', checked)}dark/", url("image", checked, image.pk)]
    assert look_at_all(page, live_server.url, addresses) == {}

    page.goto(live_server.url + url("images", checked))
    page.get_by_role("link", name="Checks", exact=True).first.click()
    card = page.get_by_role("region", name="Dark")
    expect(card.get_by_role("img")).to_have_count(5)
    who = page.get_by_role("table", name="Answers by person and class")
    expect(who.get_by_role("row").filter(has_text="bea")).to_contain_text("8")
    expect(page.get_by_role("table", name="Groups by metadata")).to_contain_text("C-7")
    page.get_by_text("Show as table").last.click()
    expect(page.get_by_role("table", name="Blur")).to_be_visible()
    card.get_by_role("link", name="All of them").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dark")
    expect(page.locator(".wall li")).to_have_count(5)
    if folder := os.environ.get("SHOTS"):
        for name, path in (("checks", addresses[0]), ("dark", addresses[1]), ("image", addresses[2])):
            for scheme, width in (("light", 1280), ("dark", 1280), ("light", 390)):
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(live_server.url + path)
                page.wait_for_timeout(300)
                page.screenshot(path=f"{folder}/{name}-{scheme}-{width}.png", full_page=True)
