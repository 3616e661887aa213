"""What the model accepted, as pages, REST and exports show it: how many, under which promise, and never as a label."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from django.core.management import call_command

from labeler import releases
from labeler.acceptance import accepting, promises
from labeler.consensus import snapshots
from labeler.errors import Invalid
from labeler.jobs import dispatch
from labeler.models import Acceptance, AuditEvent, Guarantee, Image, Project, QueueEntry
from labeler.models.acceptance import Suspension
from labeler.models.image import Slice
from labeler.pages.export import snippets
from labeler.projects import projects
from labeler.training import image_index
from tests.helpers.accepting import accepted, audited, calibrate, opinions, settle
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images, make_model
from tests.helpers.image_index import index, seen
from tests.helpers.pages import said, url
from tests.helpers.pictures import picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture(autouse=True)
def _alone(monkeypatch, settings, tmp_path):
    monkeypatch.setattr(dispatch, "send", lambda task, pk: True)
    monkeypatch.setattr(dispatch, "workers_alive", list)
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def unseen(project, lena):
    """A project in which model 1 has accepted 40 images as cats, two fifths audited: of a fifth it may be none."""
    changes = {"auto_accept": True, "audited_share": 0.4, "blind_share": 0.15}
    project = projects.update(project=project, by=lena, changes=changes)
    run = make_model(project, predicted_at="2026-01-01T00:00:00Z")
    calibrate(project, run, n=100, wrong=1)
    opinions(run, add_images(project, 40, slice=Slice.NONE))
    accepting.accept(run)
    return project


def test_similar_images_say_which_were_accepted_and_what_only_the_model_said(unseen, as_, rev, settings, tmp_path):
    settings.MODELS_DIR = str(tmp_path / "models")
    image_index.forget()
    taken, watched = sorted(accepted(unseen)), audited(unseen)
    people = add_images(unseen, 1)
    images = [*Image.objects.filter(pk__in=[*taken[:3], watched[0]]).order_by("pk"), *people]
    seen(images, np.eye(5))
    index(unseen, images)

    html = as_(rev).get(url("similar", unseen, people[0].pk)).content.decode()

    assert html.count("<span>accepted</span>") == 3 and html.count("<span>model 1</span>") == 3
    assert html.count("<span>unlabeled</span>") == 1  # the audited one: nobody may see what the model says of it
    own = as_(rev).get(url("similar", unseen, taken[0])).content.decode()
    assert '<p class="sm">accepted</p>' in own

    # An image that the model fills is nobody's label either.
    Guarantee.objects.update(ended_at="2026-01-02T00:00:00Z", ending="off")
    Acceptance.objects.all().delete()
    changes = {"auto_accept": False, "consensus_method": "with_model", "model_fills": True}
    projects.update(project=unseen, by=unseen.created_by, changes=changes)
    cat = [unseen.categories.get(name="cat").pk]
    snapshots.store(unseen, snapshots.MODEL, [snapshots.Inferred(taken[0], cat, 0.99, snapshots.digest({}), 0)])
    html = as_(rev).get(url("similar", unseen, people[0].pk)).content.decode()
    assert html.count("<span>model</span>") == 1 and "accepted" not in html


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"accept_precision": 0.999}, "accept_precision"),
        ({"accept_confidence": 0.5}, "accept_confidence"),
        ({"audited_share": 0.0}, "audited_share"),
        ({"auto_accept": True}, "auto_accept"),  # nothing is blind, and there is no calibration image
    ],
)
def test_settings_that_promise_nothing_are_refused_in_a_sentence(project, lena, changes, field):
    with pytest.raises(Invalid) as refused:
        projects.update(project=project, by=lena, changes=changes)
    assert field in refused.value.fields
    response = as_person(lena).patch(f"/api/projects/{project.pk}/", changes)
    assert response.status_code == 400
    assert field in response.json()["error"]["fields"]


def test_off_until_a_lead_switches_it_on_by_the_page_or_by_rest(project, lena, as_):
    projects.update(project=project, by=lena, changes={"blind_share": 0.15})
    assert as_person(lena).get(f"/api/projects/{project.pk}/acceptance/").json()["state"] == "off"
    sent = {"auto_accept": "on", "precision_percent": "90", "confidence_percent": "95", "audited_percent": "10"}
    response = as_(lena).post(url("settings_accepting", project), sent, follow=True)
    assert said(response) == ["Saved."]
    row = Project.objects.get(pk=project.pk)
    assert (row.auto_accept, row.accept_precision, row.audited_share) == (True, 0.9, 0.1)
    assert as_person(lena).get(f"/api/projects/{project.pk}/acceptance/").json()["state"] == "no_model"
    as_person(lena).patch(f"/api/projects/{project.pk}/", {"auto_accept": False})
    assert not Project.objects.get(pk=project.pk).auto_accept


# ---------------------------------------------------------------- REST


def test_the_figures_say_the_promise_what_carries_it_and_what_the_audit_found(unseen, rev):
    found = as_person(rev).get(f"/api/projects/{unseen.pk}/acceptance/").json()

    assert found["state"] == "accepting"
    assert found["promise"] == {"precision": 0.95, "confidence": 0.95, "per_class": False}
    assert found["accepted"] == len(accepted(unseen))
    assert found["share"] == pytest.approx(found["accepted"] / found["images"])
    pooled = found["calibration"]["pooled"]
    assert (pooled["value"], pooled["accepted"], pooled["wrong"]) == (0.99, 100, 1)
    assert pooled["precision_low"] > 0.95
    assert found["audit"]["asked"] == len(audited(unseen))
    assert (found["audit"]["judged"], found["audit"]["right"]["value"]) == (0, None)

    pending = Image.objects.filter(pk__in=audited(unseen))
    settle(unseen, pending[1:])
    settle(unseen, pending[:1], "dog")
    promises.audit_acceptance(unseen)
    audit = as_person(rev).get(f"/api/projects/{unseen.pk}/acceptance/").json()["audit"]
    assert (audit["judged"], audit["wrong"]) == (len(pending), 1)
    assert audit["right"]["n"] == len(pending) and audit["right"]["low"] < audit["right"]["value"]


def test_a_lead_stops_and_resumes_over_rest(unseen, lena):
    client, address = as_person(lena), f"/api/projects/{unseen.pk}/acceptance"
    assert client.post(f"{address}/resumption/").status_code == 422
    stopped = client.post(f"{address}/suspension/").json()
    assert (stopped["state"], stopped["suspended"]["why"], stopped["suspended"]["by"]) == (
        "suspended", "by_hand", "lena",
    )  # fmt: skip
    assert client.post(f"{address}/suspension/").status_code == 422
    assert client.post(f"{address}/resumption/").json()["suspended"] is None
    actions = list(AuditEvent.objects.filter(action__startswith="acceptance.").values_list("action", flat=True))
    assert {"acceptance.begin", "acceptance.suspend", "acceptance.resume"} <= set(actions)


def test_images_say_that_the_model_accepted_them_to_reviewers_alone(unseen, rev, ann, lena):
    pk = min(accepted(unseen))
    shape = as_person(rev).get(f"/api/images/{pk}/").json()
    assert shape["accepted"]["categories"] == ["cat"]
    assert (shape["accepted"]["model"], shape["accepted"]["precision"]) == (1, 0.95)
    assert shape["status"] == "unlabeled" and shape["consensus"]["categories"] is None and shape["labels"] == []
    assert as_person(ann).get(f"/api/images/{pk}/").json()["accepted"] is None
    listed = as_person(rev).get(f"/api/projects/{unseen.pk}/images/?accepted=true&limit=200").json()["results"]
    assert {row["id"] for row in listed} == accepted(unseen)
    assert error_of(as_person(ann).get(f"/api/projects/{unseen.pk}/images/?accepted=true")) == "not_allowed"

    assert as_person(rev).delete(f"/api/images/{pk}/acceptance/").status_code == 204
    assert as_person(rev).delete(f"/api/images/{pk}/acceptance/").status_code == 409
    assert not QueueEntry.objects.get(pk=pk).accepted


def test_nobody_sees_what_the_model_says_of_an_audited_image_before_it_is_settled(unseen, rev, as_):
    pk = audited(unseen)[0]
    assert as_person(rev).get(f"/api/images/{pk}/").json()["prediction"] is None
    listed = as_person(rev).get(f"/api/projects/{unseen.pk}/images/?predicted=cat&limit=200").json()["results"]
    assert not {row["id"] for row in listed} & set(audited(unseen))
    assert "judged blind" in as_(rev).get(url("image", unseen, pk)).content.decode()
    settle(unseen, Image.objects.filter(pk=pk))
    assert as_person(rev).get(f"/api/images/{pk}/").json()["prediction"]["categories"] == ["cat"]


# ---------------------------------------------------------------- pages


def test_the_model_page_says_what_is_accepted_and_has_the_switch(unseen, lena, rev, as_):
    page = as_(lena).get(url("model", unseen)).content.decode()
    assert "At least 95" in page and "Of 120 calibration images 100 were suggested as surely" in page
    assert "Accept nothing more" in page
    assert "Accept nothing more" not in as_(rev).get(url("model", unseen)).content.decode()
    assert as_(rev).post(url("suspend_accepting", unseen)).status_code == 403

    response = as_(lena).post(url("suspend_accepting", unseen), follow=True)
    assert said(response) == ["Nothing more is accepted. What is accepted stays."]
    assert "Stopped by lena" in response.content.decode()
    as_(lena).post(url("resume_accepting", unseen))
    assert not Guarantee.objects.get().is_suspended


def test_a_promise_that_nothing_carries_is_not_claimed(project, lena, as_):
    project = projects.update(project=project, by=lena, changes={"auto_accept": True, "blind_share": 0.15})
    run = make_model(project, predicted_at="2026-01-01T00:00:00Z")
    calibrate(project, run, n=40, unsure=0)
    opinions(run, add_images(project, 5, slice=Slice.NONE))
    accepting.accept(run)
    page = as_(lena).get(url("model", project)).content.decode()
    assert "40 calibration labels are there; 59 at least are needed" in page
    assert "The next model is tested anew" in page
    assert "Wanted: at least 95" in page and "of them are right" not in page and "Accept nothing more" not in page


def test_a_breach_stands_on_the_overview_of_leads(unseen, lena, rev, as_):
    settle(unseen, Image.objects.filter(pk__in=audited(unseen)), "dog")
    promises.audit_acceptance(unseen)
    assert Guarantee.objects.get().suspension == Suspension.BREACH
    page = as_(lena).get(url("project", unseen)).content.decode()
    assert "Model 1 accepts nothing more" in page
    assert "Model 1 accepts nothing more" not in as_(rev).get(url("project", unseen)).content.decode()
    assert "Let it accept again" in as_(lena).get(url("model", unseen)).content.decode()


def test_overview_and_wall_count_them_apart_from_what_waits_for_people(unseen, rev, as_):
    response = as_(rev).get(url("project", unseen))
    parts = {part["style"]: part["n"] for part in response.context["bar"]["parts"]}
    assert parts["unseen"] == len(accepted(unseen))
    assert parts["left"] == Image.objects.filter(project=unseen, status="unlabeled").count() - parts["unseen"]

    def shown(status: str) -> set[int]:
        rows = as_(rev).get(url("images", unseen) + f"?status={status}").context["rows"]
        return {row["image"].pk for row in rows}

    assert shown("accepted") == accepted(unseen)
    assert shown("unlabeled") == set(audited(unseen))
    assert "model 1" in as_(rev).get(url("images", unseen) + "?status=accepted").content.decode()


def test_the_page_of_an_accepted_image_says_who_says_so_and_gives_it_to_people(unseen, rev, as_):
    pk = min(accepted(unseen))
    page = as_(rev).get(url("image", unseen, pk)).content.decode()
    assert "Model 1 accepted it as" in page and "No person has judged this image" in page
    response = as_(rev).post(url("ask_people", unseen, pk), follow=True)
    assert said(response) == ["The image is back in the queue: people say what it is."]
    assert pk not in accepted(unseen)


# ---------------------------------------------------------------- data sets out


def text(project, format_, **how) -> str:
    return b"".join(releases.export(project, format_, **how).chunks).decode()


def test_exports_leave_the_accepted_out_until_they_are_asked_for(unseen):
    unseen_ids = {str(pk) for pk in accepted(unseen)}
    plain = list(csv.DictReader(io.StringIO(text(unseen, "csv"))))
    assert not {row["image_id"] for row in plain} & unseen_ids
    assert "source" not in (plain[0] if plain else {"": ""})
    assert "accepted" not in json.loads(text(unseen, "jsonl").splitlines()[0])

    rows = list(csv.DictReader(io.StringIO(text(unseen, "csv", accepted=True))))
    marked = [row for row in rows if row["source"] == "model"]
    assert {row["image_id"] for row in marked} == unseen_ids
    assert {(row["accepted"], row["accepted_model"], row["promised_precision"]) for row in marked} == {
        ("cat", "1", "0.95")
    }
    assert {(row["annotator"], row["answer"], row["consensus"]) for row in marked} == {("", "", "")}

    lines = [json.loads(line) for line in text(unseen, "jsonl", accepted=True).splitlines()]
    by_model = {line["image"]: line for line in lines if line["source"] == "model"}
    assert set(by_model) == accepted(unseen)
    one = by_model[min(by_model)]
    assert one["accepted"]["promise"] == {"precision": 0.95, "confidence": 0.95}
    assert one["consensus"]["categories"] is None and one["labels"] == []
    people = [line for line in lines if line["source"] == "people"]
    assert len(people) == 120 and all(line["accepted"] is None for line in people)


def test_the_code_beside_the_export_reads_both(unseen, tmp_path, monkeypatch):
    (tmp_path / "out.jsonl").write_text(text(unseen, "jsonl", accepted=True))
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(snippets.code("jsonl", snippets.FINAL, multi=False, name="out.jsonl", accepted=True), found)
    assert found["by_model"] == accepted(unseen)
    assert found["final"][min(accepted(unseen))] == ["cat"]
    assert len(found["final"]) == 120 + len(accepted(unseen))


def test_folders_name_the_model_in_the_file_and_the_promise_beside(unseen, settings):
    from labeler.intake.images import media_store

    some = Image.objects.filter(pk__in=sorted(accepted(unseen))[:2])
    for image in some:
        path = media_store().original_path(image.sha256, image.extension)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(image.pk))
    whole = b"".join(releases.export(unseen, "imagefolder", accepted=True).chunks)
    archive = zipfile.ZipFile(io.BytesIO(whole))
    names = {name for name in archive.namelist() if name.startswith("root/")}
    assert len(names) == 2 and all(".model1." in name and name.startswith("root/cat/") for name in names)
    listed = json.loads(archive.read("classes.json"))
    assert listed["accepted_by_model"] == {
        "images": 2, "promises": [{"model": 1, "precision": 0.95, "confidence": 0.95}], "without_promise": 0,
    }  # fmt: skip
    plain = zipfile.ZipFile(io.BytesIO(b"".join(releases.export(unseen, "imagefolder").chunks)))
    assert not [name for name in plain.namelist() if name.startswith("root/")]


def test_page_rest_and_command_ask_for_them_the_same_way(unseen, lena, as_, tmp_path, capsys):
    page = as_(lena).get(url("export", unseen)).content.decode()
    assert "the model&#x27;s answer stands" in page and "Take them in" in page
    page = as_(lena).get(url("export", unseen) + "?format=jsonl&accepted=1").content.decode()
    assert "?accepted=true" in page and "--accepted" in page and "Leave them out" in page
    sent = as_person(lena).get(f"/api/projects/{unseen.pk}/export/jsonl/?accepted=true")
    assert b'"source":"model"' in b"".join(sent.streaming_content)
    assert AuditEvent.objects.filter(action="project.export", details__accepted=True).count() == 1
    target = tmp_path / "out.csv"
    call_command("export", project=unseen.name, accepted=True, output=str(target))
    assert f"{len(accepted(unseen))} of 160 images stand by a model's word alone" in capsys.readouterr().out
    assert ",model,cat,1," in target.read_text()
