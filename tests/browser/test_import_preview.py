"""A file of another tool is dropped: the page says what it holds, asks once, and takes it in."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import expect

from labeler.models import Job, Label
from tests.helpers.accessibility import sideways, violations_in_both_themes
from tests.helpers.importing import pictures, task, zipped
from tests.helpers.pages import url
from worker.intake import import_job

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_what_a_file_holds_is_shown_and_decided_before_it_comes_in(
    page, live_server, sign_in, project, lena, settings, tmp_path
):
    settings.MEDIA_DIR, settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "media", tmp_path / "incoming"
    names = [f"i/{n}.jpg" for n in range(8)]
    classes = ["cat", "dog", "owl", "Catt"]
    tasks = [
        task(name, classes[n % 4], by={"email": f"p{n % 2}@example.org"}, predicted=("cat", 0.75), camera="Canon")
        for n, name in enumerate(names)
    ]
    path = zipped(tmp_path / "export.zip", {"export.json": tasks, **pictures(*names)})
    sign_in(page, lena)
    page.goto(live_server.url + url("import", project))
    page.set_input_files("#pick-files", str(path))
    expect(page.locator(".import")).to_have_count(1)
    expect(page.get_by_text("waits for a worker")).to_be_visible()
    looked = Job.objects.get()
    import_job(looked.pk, worker="w")

    page.wait_for_url(f"**{url('import_preview', project, looked.pk)}")
    expect(page.get_by_role("heading", name="Found in export.zip")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Label Studio’s JSON")
    expect(page.locator("#sample ~ *, [aria-labelledby=sample] tbody tr").last).to_be_visible()
    assert page.locator("table:has(th:text('Metadata')) tbody tr").count() == 5
    if folder := os.environ.get("LABELER_PICTURES"):
        for look, size, scheme in (("light", 1440, "light"), ("dark", 1440, "dark"), ("phone", 390, "light")):
            page.set_viewport_size({"width": size, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=f"{folder}/found-{look}.png", full_page=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_label("Judgements of the people it names").check()
    page.get_by_label("owl").select_option("make")
    page.get_by_label("Catt").select_option("to:cat")
    page.get_by_role("button", name="Start the import").click()

    page.wait_for_url(f"**{url('import', project)}")
    import_job(Job.objects.latest("pk").pk, worker="w")
    expect(page.locator(".import").first).to_contain_text("8 labels", timeout=15_000)
    assert Label.objects.filter(annotator__username="p1@example.org").count() == 4
    assert project.categories.filter(name="owl").exists() and not project.categories.filter(name="Catt").exists()


def test_the_questions_are_accessible_and_fit_a_phone(new_context, live_server, sign_in, project, lena, tmp_path):
    job = Job.objects.create(project=project, kind="import", state="done", params={"path": "x", "name": "a.zip"})
    found = {
        "format": "csv", "images": 2, "labels": 2, "unnamed": 0, "gold": 0, "brought": 2, "predictions": 1,
        "classes": [{"name": "cat", "count": 1, "known": True}, {"name": "owl", "count": 1, "known": False}],
        "people": [{"name": "zoe", "count": 2}], "splits": {"train": 2},
        "sample": [{"name": "a-very-long-name-of-a-folder/and-a-very-long-name-of-a-file-in-it.jpg", "classes": ["cat"],
                    "annotator": "zoe", "prediction": ["owl"], "probability": 0.5, "split": "train",
                    "metadata": {"camera": "Canon"}}],
    }  # fmt: skip
    job.result, job.finished_at = {"asks": True, "found": found, "format": "csv"}, job.created_at
    job.save()
    page = new_context(bypass_csp=True).new_page()
    sign_in(page, lena)
    page.goto(live_server.url + url("import_preview", project, job.pk))
    assert violations_in_both_themes(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert sideways(page) == 0
