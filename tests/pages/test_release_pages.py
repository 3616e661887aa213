"""Releases on pages: the list, the form, the page of one, its files; by reviewers, and deleted by leads only."""

from __future__ import annotations

import pytest
from django.urls import reverse

from labeler.jobs import dispatch
from labeler.models import Job, Release
from tests.helpers.factories import add_images
from tests.helpers.pages import answer, url
from tests.helpers.releasing import freeze_now, make_file, make_release
from worker.releases import build_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]
FORM = {"name": "v1", "labels": "consensus", "is_split": "on", "train": 50, "validation": 25, "test": 25, "seed": 4}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def labeled(project, ann):
    images = add_images(project, 8)
    for at, image in enumerate(images):
        image.metadata = {"plant": f"p{at // 2}"}
        image.save(update_fields=["metadata"])
        answer(project, ann, image, ("cat", "dog")[at % 2])
    return images


def page(project, name: str, *more) -> str:
    return reverse(name, args=[project.pk, *more])


def text(response) -> str:
    return " ".join(response.content.decode().split())


def test_a_reviewer_makes_one_by_the_form(project, labeled, rev, as_):
    client = as_(rev)
    assert '<option value="plant">' in text(client.get(page(project, "new_release")))

    asked = client.post(page(project, "new_release"), {**FORM, "group_by": "plant"})

    release = Release.objects.get()
    assert asked.headers["Location"] == page(project, "release", 1)
    assert (release.name, release.group_by, release.seed, release.created_by) == ("v1", "plant", 4, rev)
    assert release.splits == {"train": 0.5, "validation": 0.25, "test": 0.25}
    assert f'data-watch="/api/releases/{release.pk}/"' in text(client.get(asked.headers["Location"]))
    freeze_now(release)
    shown = text(client.get(asked.headers["Location"]))
    assert "Release 1: v1" in shown and release.job is not None
    assert "train 2 · validation 1 · test 1" in shown
    assert "with the other images of their group" in shown


def test_it_says_that_no_worker_is_there_only_where_that_is_known(project, labeled, rev, as_, monkeypatch):
    client = as_(rev)
    address = client.post(page(project, "new_release"), FORM).headers["Location"]
    monkeypatch.setattr(dispatch, "workers_alive", list)
    assert "No worker answers at the moment" in text(client.get(address))
    monkeypatch.setattr(dispatch, "workers_alive", lambda: None)  # the broker does not answer
    assert "No worker answers" not in text(client.get(address))


def test_just_the_images_that_fit(project, labeled, rev, as_):
    client = as_(rev)
    assert page(project, "new_release") + "?category=cat" in text(client.get(url("export", project) + "?category=cat"))
    address = page(project, "new_release") + "?category=cat"
    assert "Just the 4 images that fit your filters" in text(client.get(address))

    client.post(address, {**FORM, "is_split": "", "only_these": "on"})
    client.post(address, {**FORM, "is_split": ""})  # the tick is taken away

    part, whole = (freeze_now(release) for release in Release.objects.order_by("number"))
    assert [one.manifest["images"] for one in (part, whole)] == [4, 8]
    assert "somebody said cat" in text(client.get(page(project, "release", 1)))
    assert "Only images for which" not in text(client.get(page(project, "release", 2)))


def test_a_filter_that_cannot_be_read_makes_no_release(project, labeled, rev, as_):
    address = page(project, "new_release") + "?category=horse"
    client = as_(rev)

    shown = text(client.get(address))
    assert "no release can be made with them" in shown and "Make the release</button>" not in shown
    client.post(address, {**FORM, "only_these": "on"})
    assert not Release.objects.exists()


def test_a_mistake_is_said_beside_the_form(project, labeled, rev, as_):
    response = as_(rev).post(page(project, "new_release"), {**FORM, "train": 10})

    assert "come to 1; these come to 0.6" in text(response)
    assert not Release.objects.exists()


def test_without_splits(project, labeled, rev, as_):
    as_(rev).post(page(project, "new_release"), {**FORM, "is_split": ""})

    assert Release.objects.get().splits is None


def test_the_export_page_lists_them(project, labeled, rev, as_):
    assert "None yet. A release is a numbered data set" in text(as_(rev).get(url("export", project)))
    make_release(project, rev, name="paper", splits={"train": 0.5, "test": 0.5})
    failed = make_release(project, rev, splits={"train": 0.5, "test": 0.5}, group_by="nothing")

    shown = text(as_(rev).get(url("export", project)))

    assert "Release 1" in shown and "paper" in shown and "train 4" in shown
    assert "could not be made" in shown
    assert "No image has “nothing”" in text(as_(rev).get(page(project, "release", failed.number)))


def test_a_file_is_built_and_downloaded(project, labeled, rev, as_):
    release = make_release(project)
    client = as_(rev)

    client.post(page(project, "build_release_file", 1), {"format": "csv"})
    assert "being built" in text(client.get(page(project, "release", 1)))
    build_job(Job.objects.get(kind="export").pk, worker="test@here")

    assert f'href="/api/releases/{release.pk}/files/csv/"' in text(client.get(page(project, "release", 1)))
    assert client.post(page(project, "build_release_file", 1), {"format": "xlsx"}).status_code == 404


def test_it_is_renamed_by_reviewers_and_deleted_by_leads(project, labeled, rev, lena, as_):
    make_release(project)

    as_(rev).post(page(project, "change_release", 1), {"name": "final\x00"})
    assert Release.objects.get().name == "final"
    assert "Delete this release" not in text(as_(rev).get(page(project, "release", 1)))
    assert as_(rev).post(page(project, "delete_release", 1)).status_code == 403
    assert as_(lena).post(page(project, "delete_release", 1)).status_code == 302
    assert as_(lena).get(page(project, "release", 1)).status_code == 404


def test_its_data_card_is_answered(project, labeled, rev, as_):
    release = make_release(project)
    client = as_(rev)
    assert "For what purpose was the data set created?" in text(client.get(page(project, "release_card", 1)))

    saved = client.post(page(project, "release_card", 1), {"purpose": "To see.", "license": " CC0 ", "unknown": "x"})

    assert saved.headers["Location"] == page(project, "release", 1)
    release.refresh_from_db()
    assert release.card == {"purpose": "To see.", "license": "CC0"}
    assert b"CC0" in make_file(release, "datacard")[1]
    client.post(page(project, "release_card", 1), {"license": "CC-BY"})
    release.refresh_from_db()
    assert release.card == {"license": "CC-BY"}
    assert b"CC-BY" in make_file(release, "datacard")[1]
    assert "at most" in text(client.post(page(project, "release_card", 1), {"license": "x" * 10_001}))


def test_annotators_see_none_of_it(project, labeled, ann, as_):
    make_release(project)

    for name, more in (("new_release", ()), ("release", (1,)), ("release_card", (1,))):
        assert as_(ann).get(page(project, name, *more)).status_code == 403
