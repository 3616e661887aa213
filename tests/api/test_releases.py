"""Releases over REST: asked for, polled, read, compared, downloaded in parts, deleted."""

from __future__ import annotations

import hashlib
import os
from uuid import uuid4

import pytest
from django.utils import timezone

from labeler.models import AuditEvent, Exposure, Job, Membership, Release, ReleaseFile, Role
from labeler.models.job import State
from labeler.releases import files
from tests.helpers.api import as_person, body_of, error_of, with_token
from tests.helpers.factories import add_images, make_project
from tests.helpers.pages import answer
from tests.helpers.releasing import freeze_now, make_file, make_release
from worker.releases import build_job

pytestmark = pytest.mark.django_db
THREE = {"train": 0.5, "validation": 0.25, "test": 0.25}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def labeled(project, ann):
    images = add_images(project, 8)
    for at, image in enumerate(images):
        answer(project, ann, image, ("cat", "dog")[at % 2])
    return images


def url(project, more: str = "") -> str:
    return f"/api/projects/{project.pk}/releases/{more}"


def test_a_reviewer_makes_a_release_and_follows_it(project, labeled, rev):
    client = as_person(rev)

    asked = client.post(url(project), {"name": "v1", "splits": THREE, "seed": 3}, format="json")

    assert asked.status_code == 202
    row = asked.json()
    assert (row["number"], row["name"], row["state"], row["checksum"]) == (1, "v1", "queued", None)
    assert client.get(f"/api/releases/{row['id']}/").json()["agreement"] is None
    release = freeze_now(Release.objects.get(pk=row["id"]))
    found = client.get(f"/api/releases/{row['id']}/").json()
    assert (found["state"], found["checksum"], found["images"]) == ("done", release.checksum, 8)
    assert {one["split"]: one["classes"] for one in found["counts"]} == {
        "train": {"cat": 2, "dog": 2}, "validation": {"cat": 1, "dog": 1}, "test": {"cat": 1, "dog": 1},
    }  # fmt: skip
    assert found["diff"]["images_added"] == 8 and found["diff"]["before"] is None
    assert found["agreement"]["alpha"]["value"] is None and found["agreement"]["alpha"]["reason"]
    assert [one["id"] for one in client.get(url(project)).json()["results"]] == [row["id"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"splits": {"train": 0.9, "test": 0.9}}, "splits"),
        ({"splits": {"train": "nan", "test": 0.5}}, "splits.train"),
        ({"splits": ["train"]}, "splits"), ({"labels": "some"}, "labels"), ({"seed": -1}, "seed"),
        ({"group_by": "patient"}, "group_by"), ({"name": "x" * 201}, "name"), ({"splits": {}}, "splits"),
        ({"seed": 2**70}, None), ({"filter": {"statuz": "settled"}}, "filter.statuz"),
        ({"filter": {"status": {"is": "settled"}}}, "filter.status"), ({"filter": {"search": "\x00"}}, None),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(project, labeled, rev, body, field):
    response = as_person(rev).post(url(project), body, format="json")

    assert response.status_code == 400, response.json()
    assert field is None or field in response.json()["error"]["fields"]


def test_a_filter_is_that_of_the_list_of_images(project, labeled, rev):
    client = as_person(rev)
    row = client.post(url(project), {"filter": {"category": "cat", "min_pixels": 1}}, format="json").json()

    assert row["filter"] == {"category": ["cat"], "min_pixels": ["1"]}
    freeze_now(Release.objects.get(pk=row["id"]))
    found = client.get(f"/api/releases/{row['id']}/").json()
    assert (found["filter"], found["images"], found["outcomes"]) == (row["filter"], 4, 4)


def test_the_same_key_makes_one_release(project, labeled, rev):
    client, key = as_person(rev), {"HTTP_IDEMPOTENCY_KEY": str(uuid4())}

    first, again = (client.post(url(project), {"name": "v1"}, format="json", **key) for _ in range(2))
    other = client.post(url(project), {"name": "v2"}, format="json", **key)

    assert first.json()["id"] == again.json()["id"]
    assert (other.status_code, error_of(other)) == (409, "idempotency_key_reused")


def test_an_empty_project_has_nothing_to_release(project, rev):
    assert as_person(rev).post(url(project), {}, format="json").status_code == 422


def test_two_releases_are_compared(project, labeled, rev, bea):
    first = make_release(project)
    answer(project, bea, labeled[0], "fox")
    [added] = add_images(project, 1)
    second = make_release(project)
    client = as_person(rev)

    counts = client.get(f"/api/releases/{second.pk}/").json()["diff"]
    assert counts == {
        "before": first.pk, "images_added": 1, "images_removed": 0, "labels_changed": 1, "categories_changed": 0,
    }  # fmt: skip
    full = client.get(f"/api/releases/{second.pk}/?diff=full").json()["diff"]
    assert (full["images_added"], full["labels_changed"]) == ([added.pk], [labeled[0].pk])
    back = client.get(f"/api/releases/{first.pk}/?against={second.pk}").json()["diff"]
    assert (back["before"], back["images_added"], back["images_removed"]) == (second.pk, 0, 1)


def test_a_release_of_another_project_is_nothing_to_compare_with(project, labeled, rev, ann, lena):
    mine = make_release(project)
    other = make_project(ann, lead=lena)
    add_images(other, 1)
    theirs = make_release(other)

    assert as_person(rev).get(f"/api/releases/{mine.pk}/?against={theirs.pk}").status_code == 404
    assert as_person(rev).get(f"/api/releases/{mine.pk}/?against=99999999").status_code == 404
    assert as_person(rev).get(f"/api/releases/{theirs.pk}/").status_code == 404


# ---------------------------------------------------------------- files


def test_a_file_is_built_once_and_then_served(project, labeled, rev):
    release = make_release(project, splits=THREE)
    client, address = as_person(rev), f"/api/releases/{release.pk}/files/jsonl/"

    waiting = client.get(address)
    assert (waiting.status_code, waiting["Retry-After"]) == (202, "2")
    assert waiting.json()["state"] == "queued" and waiting.json()["url"].endswith(address)
    assert client.get(address).json()["id"] == waiting.json()["id"]
    assert Job.objects.filter(kind="export").count() == 1
    build_job(Job.objects.get(kind="export").pk, worker="test@here")

    there = client.get(address)
    body = body_of(there)
    assert there.status_code == 200 and there["Content-Length"] == str(len(body))
    assert there["ETag"] == f'"{hashlib.sha256(body).hexdigest()}"'
    assert f"animals-{project.pk}-release-1.jsonl" in there["Content-Disposition"]
    assert AuditEvent.objects.filter(action="release.download", actor=rev).count() == 1
    assert client.get(f"/api/releases/{release.pk}/").json()["files"][0]["checksum"] in there["ETag"]


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)), ("bytes=10-", 206, slice(10, None)), ("bytes=-7", 206, slice(-7, None)),
        ("bytes=5-99999999", 206, slice(5, None)), ("bytes=99999999-", 416, None), ("bytes=-0", 416, None),
        ("bytes=9-3", 200, slice(None)), ("bytes=0-1,4-5", 200, slice(None)), ("lines=1-2", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
    ],
)  # fmt: skip
def test_a_download_goes_on_where_it_broke_off(project, labeled, rev, asked, status, part):
    release = make_release(project)
    _row, content = make_file(release, "csv")

    response = as_person(rev).get(f"/api/releases/{release.pk}/files/csv/", HTTP_RANGE=asked)

    assert response.status_code == status
    if part is None:
        assert response["Content-Range"] == f"bytes */{len(content)}"
    else:
        assert body_of(response) == content[part]
        assert response["Content-Length"] == str(len(content[part]))


def test_a_range_of_another_file_is_the_whole_of_this_one(project, labeled, rev):
    release = make_release(project)
    row, _content = make_file(release, "csv")
    client, address = as_person(rev), f"/api/releases/{release.pk}/files/csv/"

    fits = client.get(address, HTTP_RANGE="bytes=5-", HTTP_IF_RANGE=f'"{row.checksum}"')
    other = client.get(address, HTTP_RANGE="bytes=5-", HTTP_IF_RANGE='"another"')

    assert (fits.status_code, other.status_code) == (206, 200)
    assert len(body_of(fits)) == len(body_of(other)) - 5
    assert client.get(address, HTTP_IF_NONE_MATCH=f'"{row.checksum}"').status_code == 304


def test_an_expired_file_is_deleted_and_built_again_with_the_same_bytes(project, labeled, rev):
    release = make_release(project)
    row, content = make_file(release, "csv")
    ReleaseFile.objects.update(expires_at=timezone.now())
    path = files.path_of(row)
    os.utime(path, (0, 0))

    assert files.expire() == 1
    assert not path.exists()
    assert as_person(rev).get(f"/api/releases/{release.pk}/files/csv/").status_code == 202
    again = ReleaseFile.objects.get()
    assert again.job is not None
    build_job(again.job.pk, worker="test@here")
    assert make_file(release, "csv")[1] == content


def test_prepared_pictures_are_a_file_of_their_own(project, labeled, rev):
    release = make_release(project)
    client, address = as_person(rev), f"/api/releases/{release.pk}/files/imagefolder/"

    for _again in range(2):
        assert client.get(address + "?way=fill&grey=1&height=32&width=32").status_code == 202
        assert client.get(address).status_code == 202

    assert sorted(ReleaseFile.objects.values_list("options", flat=True)) == [
        "",
        "width=32&height=32&way=fill&grey=true",
    ]
    assert client.get(address + "?width=0").status_code == 400
    assert client.get(f"/api/releases/{release.pk}/files/csv/?width=32").status_code == 422


def test_files_of_what_is_not_there(project, labeled, rev):
    release = make_release(project)
    client = as_person(rev)

    assert client.get(f"/api/releases/{release.pk}/files/xlsx/").status_code == 404
    assert client.get("/api/releases/99999999/files/csv/").status_code == 404
    unfrozen = client.post(url(project), {}, format="json").json()["id"]
    refused = client.get(f"/api/releases/{unfrozen}/files/csv/")
    assert (refused.status_code, error_of(refused)) == (422, "not_possible_now")


def test_a_download_is_remembered_of_who_still_labels(project, labeled, rev, ann):
    Membership.objects.filter(user=ann).update(role=Role.REVIEWER)
    release = make_release(project)
    make_file(release, "csv")

    body_of(as_person(ann).get(f"/api/releases/{release.pk}/files/csv/"))
    assert Exposure.objects.filter(user=ann).count() == 8


def test_a_name_and_a_card_may_be_changed(project, labeled, rev):
    release = make_release(project)
    client = as_person(rev)

    changed = client.patch(
        f"/api/releases/{release.pk}/", {"name": "paper", "card": {"motivation": "To see."}}, format="json"
    ).json()
    assert (changed["name"], changed["card"], changed["checksum"]) == (
        "paper", {"motivation": "To see."}, release.checksum,
    )  # fmt: skip
    emptied = client.patch(f"/api/releases/{release.pk}/", {"card": {"motivation": ""}}, format="json").json()
    assert (emptied["card"], emptied["name"]) == ({}, "paper")
    too_long = client.patch(f"/api/releases/{release.pk}/", {"card": {"a": "x" * 10_001}}, format="json")
    assert too_long.status_code == 400


def test_only_leads_delete(project, labeled, rev, lena):
    release = make_release(project)

    assert as_person(rev).delete(f"/api/releases/{release.pk}/").status_code == 403
    assert as_person(lena).delete(f"/api/releases/{release.pk}/").status_code == 204
    assert as_person(rev).get(f"/api/releases/{release.pk}/").status_code == 404
    assert as_person(rev).get(url(project)).json()["results"] == []


def test_deleting_stops_a_release_that_is_being_made(project, labeled, rev, lena):
    made = as_person(rev).post(url(project), {}, format="json").json()

    assert as_person(lena).delete(f"/api/releases/{made['id']}/").status_code == 204

    assert Job.objects.get(kind="release").state == State.CANCELLED


def test_a_token_needs_the_scope(project, labeled, rev):
    release = make_release(project)

    assert with_token(rev, "read").get(url(project)).status_code == 200
    assert with_token(rev, "read").post(url(project), {}, format="json").status_code == 403
    assert with_token(rev, "read").get(f"/api/releases/{release.pk}/files/csv/").status_code == 403
    assert with_token(rev, "export").get(f"/api/releases/{release.pk}/files/csv/").status_code == 202
