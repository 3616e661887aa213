"""Judgements from elsewhere by every way in: the import page, REST and a worker, the command line."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from labeler.jobs import jobs
from labeler.models import Job, Label
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images
from tests.helpers.forms import text_of
from tests.helpers.pages import said, url
from worker.intake import import_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

ROWS = "file_name,annotator,label\na.jpg,zoe,cat\na.jpg,yan,dog\nb.jpg,zoe,wolf\nc.jpg,zoe,cat\na.jpg,zoe,cat\n"


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def images(project):
    return [add_images(project, 1, name=name)[0] for name in ("a.jpg", "b.jpg")]


def sent(client, project, text, key=None, **more):
    file = SimpleUploadedFile("labels.csv", text.encode(), content_type="text/csv")
    headers = {"idempotency-key": key} if key else {}
    return client.post(
        f"/api/projects/{project.pk}/imports/", {"file": file, **more}, format="multipart", headers=headers
    )


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


def decide(client, project, **answers):
    """Have a worker look at the newest import, answer what the page asks then, and import it; its row."""
    looked = Job.objects.latest("pk")
    import_job(looked.pk, worker="w")
    client.post(url("import_preview", project, looked.pk), {"labels_as": "people", **answers})
    job = Job.objects.latest("pk")
    import_job(job.pk, worker="w")
    return job


def test_the_page_shows_labels_and_refusals_by_reason_with_their_rows(as_, project, images, lena):
    client = as_(lena)
    file = SimpleUploadedFile("Labels.CSV", ROWS.encode(), content_type="text/csv")
    response = client.post(url("import", project), {"files": [file]}, follow=True)
    assert said(response) == ["Labels.CSV is on its way in."]
    assert decide(client, project, **{"class-0": "to:cat"}).params["format"] == "labels-csv"

    page = text_of(client.get(url("import", project)))

    assert "3 labels · 1 here already · 1 refused" in page
    assert "This project has no image of that name." in page and "row 5: c.jpg" in page
    assert "Import the image first." in page and "1 row" in page
    assert "file_name,annotator,label\na.jpg,zoe,cat" in page  # an example with names of this project


@pytest.mark.parametrize(("said", "blind"), [({}, False), ({"blind": "true"}, True), ({"blind": "0"}, False)])
def test_labels_are_blind_only_where_the_lead_says_so(project, images, lena, said, blind):
    client = as_person(lena)
    job = sent(client, project, ROWS, **said).json()
    assert job["blind"] is blind
    import_job(job["id"], worker="w")
    labels = client.get(f"/api/images/{images[0].pk}/").json()["labels"]
    assert [(one["source"], one["import"], one["informed"]) for one in labels] == [("import", job["id"], not blind)] * 2
    wrong = sent(client, project, ROWS, blind="perhaps")
    assert (wrong.status_code, error_of(wrong)) == (400, "invalid")


def test_the_same_key_with_another_word_on_blindness_is_another_import(project, images, lena):
    client, key = as_person(lena), str(uuid4())
    first = sent(client, project, ROWS, key=key, blind="true")
    assert sent(client, project, ROWS, key=key, blind="true").json()["id"] == first.json()["id"]
    assert sent(client, project, ROWS, key=key).status_code == 409


def test_the_form_without_a_script_and_the_images_page_say_that_labels_were_imported(as_, project, images, lena):
    client = as_(lena)
    for ticked in ({}, {"blind": "on"}):
        file = SimpleUploadedFile("labels.csv", f"file_name,annotator,label\na.jpg,z{len(ticked)},cat\n".encode())
        client.post(url("import", project), {"files": [file]})
        decide(client, project, **ticked)
    blind, _look, other, _other_look = Job.objects.order_by("-pk")
    page = text_of(client.get(url("import", project)))
    assert "1 label · 0 here already · 0 refused · given blind" in page and f"import {blind.pk}" in page
    assert "1 label · 0 here already · 0 refused · not given blind" in page
    page = text_of(client.get(url("image", project, images[0].pk)))
    assert f"imported (import {blind.pk}) · given blind" in page
    assert f"imported (import {other.pk}) · not given blind" in page


def test_a_row_that_names_no_image_is_counted_among_the_refused(as_, project, images, lena):
    client = as_(lena)
    table = "file_name,annotator,label\na.jpg,zoe,cat\n,zoe,cat\na.jpg,yan,bird\n"
    client.post(url("import", project), {"files": [SimpleUploadedFile("labels.csv", table.encode())]})
    decide(client, project, **{"class-0": "out"})

    page = text_of(client.get(url("import", project)))

    assert "1 label · 0 here already · 1 refused" in page and "row 3" in page


def test_the_command_is_an_import_with_a_row_of_its_own(project, images, ann, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file_name,annotator,label\na.jpg,ann,cat\n")
    call_command("import_labels", str(path), project="Animals", blind=True, quiet=True)  # the operator may name ann
    job = Job.objects.get()
    assert (job.state, job.progress_done, job.result["labels_added"], job.requested_by) == ("done", 1, 1, None)
    label = Label.objects.get()
    assert (label.source_import, label.is_blind, label.annotator) == (job, True, ann)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError):
        call_command("import_labels", str(path), project="Animals")
    assert Job.objects.first().state == "failed" and "columns" in Job.objects.first().error["message"]


def test_a_command_that_was_killed_is_gone_on_with_by_a_worker(project, images, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file_name,annotator,label\na.jpg,zoe,cat\n")
    params = {"path": str(path), "format": jobs.JUDGEMENTS, "blind": True, "terminal": True}
    job, _lease = jobs.begin_here(project=project, params=params, worker="killed")
    import_job(job.pk, worker="w")
    assert not Label.objects.exists()  # it lives, as far as anybody knows
    Job.objects.update(lease_until="2026-01-01T00:00:00Z")
    import_job(job.pk, worker="w")
    assert Label.objects.get().source_import == job and path.exists()


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
