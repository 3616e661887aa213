"""A release in a real browser: asked for by the form, followed, its file built and downloaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from labeler.models import Job, Release
from tests.helpers.accessibility import violations_in_both_themes
from tests.helpers.factories import add_images
from tests.helpers.pages import answer, url
from tests.helpers.releasing import freeze_now
from worker.releases import build_job

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def picture(page, name: str) -> None:
    """Of the page, for people, where LABELER_TEST_PICTURES names a folder."""
    if folder := os.environ.get("LABELER_TEST_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_a_reviewer_makes_a_release_and_takes_it_home(
    new_context, live_server, sign_in, project, ann, bea, rev, settings, tmp_path
):
    settings.MEDIA_DIR = tmp_path / "media"
    for at, image in enumerate(add_images(project, 24)):
        answer(project, ann, image, ("cat", "dog", "fox")[at % 3])
        if at % 2:
            answer(project, bea, image, ("cat", "dog", "fox")[at % 3 if at % 5 else 0])
    context = new_context(bypass_csp=True)
    sign_in(context, rev)
    page = context.new_page()
    page.goto(live_server.url + url("export", project))
    page.get_by_role("link", name="Make a release").click()
    page.get_by_label("Name").fill("for the paper")
    assert violations_in_both_themes(page) == []
    picture(page, "form")

    page.get_by_role("button", name="Make the release").click()
    expect(page.get_by_role("heading", name="It is being made")).to_be_visible()
    picture(page, "working")
    freeze_now(Release.objects.get())

    # The page finds out by itself.
    expect(page.get_by_role("heading", name="Images of each class")).to_be_visible()
    page.get_by_role("button", name="Build CSV", exact=True).click()
    expect(page.get_by_text("being built")).to_be_visible()
    build_job(Job.objects.get(kind="export").pk, worker="test@here")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV", exact=True).click()
    assert download.value.suggested_filename == f"animals-{project.pk}-release-1.csv"
    assert Path(download.value.path()).read_bytes().startswith(b"image_id,file_name")
    page.get_by_text("As a table").click()
    assert violations_in_both_themes(page) == []
    for theme, width in (("light", 1280), ("dark", 1280), ("light", 390)):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 844})
        for name, address in (
            ("release", reverse("release", args=[project.pk, 1])), ("export", url("export", project)),
            ("new", reverse("new_release", args=[project.pk])),
        ):  # fmt: skip
            page.goto(live_server.url + address)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, theme, width)
            picture(page, f"{name}-{theme}-{width}")
    page.emulate_media(color_scheme="light")
    page.goto(live_server.url + url("export", project))
    assert violations_in_both_themes(page) == []
