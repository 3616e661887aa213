"""Tiles over REST: for members only, as safe to show as a preview, and asked for by whoever looks first."""

from __future__ import annotations

import io

import pytest
from PIL import Image as Pixels

from labeler.jobs import dispatch
from labeler.models import Job
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images
from tests.helpers.importing import add_image
from worker.intake import image_work_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def large(project, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    out = io.BytesIO()
    Pixels.new("RGB", (5000, 600), "green").save(out, "JPEG")
    return add_image(project=project, name="a.jpg", source=out.getvalue()).image


LEVELS = [
    {"level": 0, "width": 5000, "height": 600, "columns": 10, "rows": 2, "scale": 1.0},
    {"level": 1, "width": 2500, "height": 300, "columns": 5, "rows": 1, "scale": 0.5},
]


def test_who_looks_first_asks_a_worker_and_then_tiles_are_there(
    large, ann, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(dispatch, "send", lambda task, pk: sent.append(task))
    client, url = as_person(ann), f"/api/images/{large.pk}/tiles/"
    with django_capture_on_commit_callbacks(execute=True):
        waiting, tile = client.get(url), client.get(f"{url}0/0/0/")
    for response in (waiting, tile):
        assert (response.status_code, response.json()) == (202, {"tile": 512, "levels": LEVELS, "ready": False})
        assert "no-store" in response["Cache-Control"] and response["Retry-After"] == "1"
    assert sent == [dispatch.TILES], "by the worker that answers what people wait for, and once"

    image_work_job(Job.objects.get().pk, worker="test")
    ready = client.get(url)
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    shown = Pixels.open(io.BytesIO(client.get(f"{url}0/9/1/").content))
    assert (shown.format, shown.size) == ("JPEG", (5000 - 9 * 512, 600 - 512))
    assert client.get(f"/api/jobs/{Job.objects.get().pk}/").status_code == 403


def test_a_tile_is_for_members_only_is_kept_by_browsers_and_runs_nothing(large, ann, carl):
    url = f"/api/images/{large.pk}/tiles/1/4/0/"
    assert as_person(carl).get(url).status_code == 404
    assert not Job.objects.exists(), "a stranger asks for nothing"
    as_person(ann).get(url)
    image_work_job(Job.objects.get().pk, worker="test")

    response = as_person(ann).get(url)
    assert (response.status_code, response["Content-Type"]) == (200, "image/jpeg")
    assert response["X-Content-Type-Options"] == "nosniff" and "sandbox" in response["Content-Security-Policy"]
    assert "private" in response["Cache-Control"] and "max-age" in response["Cache-Control"]
    again = as_person(ann).get(url, headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert as_person(carl).get(url, headers={"If-None-Match": response["ETag"]}).status_code == 404


@pytest.mark.parametrize("place", ["2/0/0", "0/10/0", "0/0/2", "1/5/0", "99999999999999999999/0/0"])
def test_outside_there_is_nothing(large, ann, place):
    assert as_person(ann).get(f"/api/images/{large.pk}/tiles/{place}/").status_code == 404
    assert not Job.objects.exists()


def test_an_image_that_is_not_large_has_no_tiles_and_a_lost_file_is_said(project, large, ann, lena):
    small, lost = add_images(project, 1)[0], add_images(project, 1, width=5000, height=600)[0]
    client = as_person(ann)
    answer = client.get(f"/api/images/{small.pk}/tiles/")
    assert (answer.status_code, answer.json()) == (200, {"tile": 512, "levels": [], "ready": True})
    assert client.get(f"/api/images/{small.pk}/tiles/0/0/0/").status_code == 404

    client.get(f"/api/images/{lost.pk}/tiles/")
    image_work_job(Job.objects.get().pk, worker="test")
    answer = client.get(f"/api/images/{lost.pk}/tiles/")
    assert (answer.status_code, error_of(answer)) == (404, "not_found")
    job = as_person(lena).get(f"/api/jobs/{Job.objects.get().pk}/").json()
    assert job["message"].startswith("0 images were cut into tiles. 1 had their tiles already, or their files")
