"""The page and the REST call of checks: who opens them, what they show, and that a finding leads to its images."""

from __future__ import annotations

import re

import pytest

from labeler.data_checks import check
from labeler.models import Exposure, Finding, Job
from labeler.models.job import Kind, State
from tests.helpers.api import as_person
from tests.helpers.factories import add_images, make_model, make_project, make_user, predict
from tests.helpers.faulty_pictures import bring_in, dark, sound
from tests.helpers.pages import url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture
def checked(project, settings, tmp_path):
    """Fourteen dark pictures and two sound ones, looked at."""
    settings.MEDIA_DIR = tmp_path / "media"
    bring_in(project, {f"d{n}": dark(n) for n in range(14)} | {"s": sound(30), "t": sound(31)})
    check.run(project, files=True, tell=lambda n: None)
    return project


def test_a_finding_shows_twelve_pictures_and_leads_to_all(checked, as_, rev):
    page = as_(rev).get(url("checks", checked)).content.decode()
    assert "Dark" in page and page.count("/thumb/") == 12
    assert "16 of 16 images measured" in page and "more than a quarter" in page.lower()
    for clean in ("blurred", "tiny", "file is gone"):
        assert clean in page
    listed = as_(rev).get(f"/projects/{checked.pk}/checks/dark/")
    assert listed.content.decode().count("/thumb/") == 14


def test_all_images_of_a_finding_page_by_page(checked, as_, rev, monkeypatch):
    from labeler.pages.images import checks

    monkeypatch.setattr(checks, "PER_PAGE", 10)
    first = as_(rev).get(f"/projects/{checked.pk}/checks/dark/")
    assert first.content.decode().count("/thumb/") == 10
    second = as_(rev).get(f"/projects/{checked.pk}/checks/dark/{first.context['after']}")
    assert second.content.decode().count("/thumb/") == 4 and second.context["after"] == ""
    assert as_(rev).get(f"/projects/{checked.pk}/checks/dark/?before=x").status_code == 200
    assert as_(rev).get(f"/projects/{checked.pk}/checks/nothing/").status_code == 404


def test_a_lead_asks_for_a_check_and_others_do_not(project, as_, lena, rev):
    assert b"Not looked at yet" in as_(rev).get(url("checks", project)).content
    assert as_(rev).post(url("checks", project)).status_code == 403
    assert not Job.objects.filter(kind=Kind.CHECKS).exists()
    as_(lena).post(url("checks", project))
    as_(lena).post(url("checks", project))
    assert Job.objects.filter(kind=Kind.CHECKS).count() == 1
    assert b"A worker is at it" in as_(lena).get(url("checks", project)).content
    Job.objects.update(state=State.FAILED, error={"code": "out_of_time", "message": "It took too long."})
    assert b"It took too long." in as_(lena).get(url("checks", project)).content


def test_nothing_says_what_the_model_says_and_nobody_is_informed_by_it(checked, as_, rev):
    def shown() -> tuple[str, object]:
        page = as_(rev).get(url("checks", checked)).content.decode()
        page = re.sub(r'nonce="\w+"', "", page.partition("<main")[2].partition("</main>")[0])
        answer = as_person(rev).get(f"/api/projects/{checked.pk}/checks/").json()
        return page, {key: value for key, value in answer.items() if key != "as_of"}

    before = shown()
    run = make_model(checked)
    for image in checked.images.all():
        predict(run, image, "fox", 0.83)
    assert shown() == before
    assert not Exposure.objects.exists()


def test_rest_lists_findings_and_the_images_of_one(checked, rev, lena, ann):
    client = as_person(rev)
    answer = client.get(f"/api/projects/{checked.pk}/checks/").json()
    assert [row["code"] for row in answer["findings"]] == Finding.values
    (row,) = [row for row in answer["findings"] if row["code"] == "dark"]
    assert row["n"] == 14 and len(row["images"]) == 12 and row["next"] == row["images"][-1]
    assert (answer["images"], answer["measured"], answer["state"]) == (16, 16, "")
    (all_of_it,) = client.get(f"/api/projects/{checked.pk}/checks/?finding=dark").json()["findings"]
    assert len(all_of_it["images"]) == 14 and all_of_it["next"] is None
    (rest,) = client.get(f"/api/projects/{checked.pk}/checks/?finding=dark&before={row['next']}").json()["findings"]
    assert rest["images"] == all_of_it["images"][12:]
    for wrong in ("?finding=nothing", "?finding=dark&before=x", "?finding=dark&before=" + "9" * 40):
        assert client.get(f"/api/projects/{checked.pk}/checks/{wrong}").status_code == 400
    assert client.post(f"/api/projects/{checked.pk}/checks/").status_code == 403
    assert as_person(lena).post(f"/api/projects/{checked.pk}/checks/").status_code == 202
    assert client.get(f"/api/projects/{checked.pk}/checks/").json()["state"] == "queued"
    assert as_person(ann).get(f"/api/projects/{checked.pk}/checks/").status_code == 403


def test_a_finding_of_another_project_is_not_shown(checked, as_, rev):
    other = make_project(make_user("otto"))
    add_images(other, 2)
    assert as_(rev).get(f"/projects/{other.pk}/checks/").status_code == 404
    assert as_(rev).get(f"/projects/{other.pk}/checks/dark/").status_code == 404
