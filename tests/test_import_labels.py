"""Judgements from elsewhere by every way in: the import page, REST and a worker, the command line."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from labeler.models import Job, Label
from tests.api import as_person
from tests.factories import add_images
from tests.test_page_settings import text_of
from tests.test_pages import said, url
from worker.importing import import_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

ROWS = "file_name,annotator,label\na.jpg,zoe,cat\na.jpg,yan,dog\nb.jpg,zoe,wolf\nc.jpg,zoe,cat\na.jpg,zoe,cat\n"


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def images(project):
    return [add_images(project, 1, name=name)[0] for name in ("a.jpg", "b.jpg")]


def sent(client, project, text, **more):
    file = SimpleUploadedFile("labels.csv", text.encode(), content_type="text/csv")
    return client.post(f"/api/projects/{project.pk}/imports/", {"file": file, **more}, format="multipart")


@pytest.mark.parametrize("more", [{}, {"format": "auto"}, {"format": "labels-csv"}])
def test_a_csv_is_recognised_by_its_header_and_says_what_became_of_its_rows(project, images, lena, more):
    client = as_person(lena)
    job = sent(client, project, ROWS, **more).json()
    import_job(job["id"], worker="w")

    done = client.get(f"/api/imports/{job['id']}/").json()

    assert (done["state"], done["labels_added"], done["duplicates"], done["added"]) == ("done", 2, 1, 0)
    assert [(one["row"], one["name"]) for one in done["refused"]] == [(4, "b.jpg"), (5, "c.jpg")]
    assert Label.objects.filter(project=project).count() == 2


def test_a_table_without_the_columns_fails_with_their_names(project, images, lena):
    client = as_person(lena)
    job = sent(client, project, "image,who\na.jpg,zoe\n", format="labels-csv").json()
    import_job(job["id"], worker="w")
    error = client.get(f"/api/imports/{job['id']}/").json()["error"]
    assert "annotator, label are missing" in error["message"]


def test_the_page_shows_labels_and_refusals_by_reason_with_their_rows(as_, project, images, lena):
    client = as_(lena)
    file = SimpleUploadedFile("Labels.CSV", ROWS.encode(), content_type="text/csv")
    response = client.post(url("import", project), {"files": [file]}, follow=True)
    assert said(response) == ["Labels.CSV is on its way in."]
    job = Job.objects.get()
    assert job.params["format"] == "labels-csv"
    import_job(job.pk, worker="w")

    page = text_of(client.get(url("import", project)))

    assert "2 labels · 1 here already · 2 refused" in page
    assert "This project has no image of that name." in page and "row 5: c.jpg" in page
    assert "Import the image first." in page and "1 row" in page
    assert "file_name,annotator,label\na.jpg,zoe,cat" in page  # an example with names of this project


def test_the_command_adds_reports_and_goes_on(project, images, tmp_path, capsys):
    path = tmp_path / "labels.csv"
    path.write_text(ROWS)
    with pytest.raises(SystemExit) as end:
        call_command("import_labels", str(path), project="Animals")
    assert end.value.code == 3
    out = capsys.readouterr().out
    assert "Added 2 labels to “Animals”; 1 were there already, 2 refused." in out
    assert "refused row 5 (c.jpg): This project has no image of that name." in out

    with pytest.raises(SystemExit):
        call_command("import_labels", str(path), project=str(project.pk), json=True)
    facts = json.loads(capsys.readouterr().out)
    assert (facts["labels_added"], facts["duplicates"], len(facts["refused"])) == (0, 3, 2)

    path.write_text("file_name,annotator,label\nb.jpg,yan,fox\n")
    call_command("import_labels", str(path), project="Animals")  # nothing refused: exit code 0
    assert Label.objects.count() == 3


def test_the_command_says_what_is_wrong_with_its_arguments(project, tmp_path):
    with pytest.raises(CommandError) as error:
        call_command("import_labels", str(tmp_path / "no.csv"), project="Animals")
    assert error.value.returncode == 2
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="columns") as error:
        call_command("import_labels", str(path), project="Animals")
    assert error.value.returncode == 1
    with pytest.raises(CommandError, match="There is no project"):
        call_command("import_labels", str(path), project="Plants")
