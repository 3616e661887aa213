"""Imports by REST: looked at first, confirmed, with answers that are checked before a worker begins."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from labeler.models import Image, Job, Label
from tests.helpers.api import as_person, error_of
from tests.helpers.importing import pictures, zipped
from worker.intake import import_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"


@pytest.fixture
def send(project, lena, tmp_path):
    """`send(files, **fields)`: an archive of these files, sent by the lead."""

    def send(files, **fields):
        content = zipped(tmp_path / "a.zip", files).read_bytes()
        form = {"file": SimpleUploadedFile("set.zip", content), **fields}
        return as_person(lena).post(f"/api/projects/{project.pk}/imports/", form, format="multipart")

    return send


def worked(client, response):
    assert response.status_code == 202, response.content
    import_job(response.json()["id"], worker="w")
    return client.get(f"/api/imports/{response.json()['id']}/").json()


def test_a_dry_run_is_confirmed_and_its_file_is_not_sent_again(project, lena, send):
    client = as_person(lena)
    looked = worked(client, send(pictures("cat/a.jpg", "owl/b.jpg"), dry_run="true"))
    assert (looked["state"], looked["dry_run"], looked["asks"], looked["added"]) == ("done", True, True, 2)
    assert looked["found"]["format"] == "imagefolder" and not Image.objects.exists()
    assert {"name": "owl", "count": 1, "known": False} in looked["found"]["classes"]
    assert [one["reason"] for one in looked["refused"]] == ["This project has no class “owl”."]

    where = f"/api/imports/{looked['id']}/confirmation/"
    answers = {"labels_as": {"source": "old"}, "new_categories": {"owl": "owl"}}
    confirmed = client.post(where, answers, format="json")
    done = worked(client, confirmed)
    assert (done["added"], done["labels_added"], done["refused"], done["report"]) == (2, 2, [], None)
    assert set(Label.objects.values_list("annotator__username", flat=True)) == {"old"}
    assert client.post(where, {}, format="json").json()["id"] == done["id"]
    assert client.get(f"/api/imports/{looked['id']}/").json()["asks"] is False
    assert error_of(client.post(f"/api/imports/{done['id']}/confirmation/", {}, format="json")) == "not_possible_now"


def test_refused_rows_are_a_file(project, lena, send):
    client = as_person(lena)
    done = worked(client, send({"manifest.csv": "file_name,label\na.jpg,cat\nno.jpg,cat\n", **pictures("a.jpg")}))
    assert (done["added"], done["labels_added"]) == (1, 1)
    report = client.get(done["report"])
    text = b"".join(report.streaming_content).decode()
    assert report["Content-Type"] == "text/csv; charset=utf-8"
    assert text.splitlines()[1].startswith('3,no.jpg,This project has no image of that name.,"Import the image first.')
    assert client.get(f"/api/imports/{done['id'] + 99}/report/").status_code == 404


@pytest.mark.parametrize(("fields", "status"), [
    ({"labels_as": "perhaps"}, 400), ({"new_categories": "[1]"}, 400),
    ({"dry_run": "perhaps"}, 400), ({"format": "zip", "labels_as": "gold"}, 400), ({"origin": "2"}, 400),
    ({"labels_as": "{" * 5000}, 400), ({"labels_as": json.dumps({"source": "x" * 200})}, 400),
])  # fmt: skip
def test_answers_that_do_not_fit_are_refused_before_a_file_is_kept(send, settings, fields, status):
    response = send(pictures("a.jpg"), **fields)
    assert response.status_code == status, response.content
    error_of(response)
    assert not Job.objects.exists() and not (settings.MEDIA_DIR / "uploads").exists()


@pytest.mark.parametrize("urls", [None, [], "http://x", [1], ["http://x"] * 10_001, ["http://x/\x00"]])
def test_addresses_are_a_list_of_texts(project, lena, urls):
    where = f"/api/projects/{project.pk}/imports/"
    response = as_person(lena).post(where, {"format": "urls", "urls": urls}, format="json")
    assert response.status_code == 400 and error_of(response)


def test_addresses_of_the_inside_are_refused_by_the_worker(project, lena):
    client = as_person(lena)
    where, urls = f"/api/projects/{project.pk}/imports/", ["http://127.0.0.1/a.jpg", "http://169.254.169.254/b.jpg"]
    done = worked(client, client.post(where, {"format": "urls", "urls": urls}, format="json"))
    assert (done["state"], done["added"], len(done["refused"])) == ("done", 0, 2)


def test_a_split_is_shown_and_filtered_by(project, lena, send):
    client = as_person(lena)
    worked(client, send(pictures("train/cat/a.jpg", "val/dog/b.jpg", "test/dog/c.jpg")))
    where = f"/api/projects/{project.pk}/images/"
    found = client.get(where, {"split": ["train", "test"]}).json()["results"]
    assert [(one["name"], one["split"]) for one in found] == [("test/dog/c.jpg", "test"), ("train/cat/a.jpg", "train")]
    assert client.get(where, {"split": "holdout"}).status_code == 400
