"""Several labels per image: what is accepted is a whole set of classes, the empty one too."""

from __future__ import annotations

import csv
import io
import json

import pytest

from labeler import releases
from labeler.acceptance import accepting, promises
from labeler.jobs import dispatch
from labeler.labeling import claim_ends
from labeler.labeling import claims as queue
from labeler.labeling.labels import save_label
from labeler.models import Acceptance, Claim, Guarantee, Image, Label
from labeler.models.acceptance import Ending, Suspension, Withdrawal
from labeler.models.image import Slice, Status
from labeler.models.queue import ChosenBy
from labeler.pages.export import snippets
from labeler.progress import counts
from labeler.projects import classes as project_classes
from labeler.projects import projects
from tests.helpers.accepting import accepted, audited, calibrate, ids, opinions, settle
from tests.helpers.api import as_person
from tests.helpers.factories import add_images, category, join, make_model
from tests.helpers.pages import said, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

BOTH, NONE = ("sky", "sea"), ()


@pytest.fixture(autouse=True)
def _alone(monkeypatch, settings, tmp_path):
    monkeypatch.setattr(dispatch, "send", lambda task, pk: True)
    monkeypatch.setattr(dispatch, "workers_alive", list)
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def project(multi_project, lena, rev):
    """Of sky, sea and sand any number; auto-accept is on, half of what is accepted is audited."""
    join(multi_project, rev, "reviewer")
    changes = {"auto_accept": True, "audited_share": 0.5, "blind_share": 0.15}
    return projects.update(project=multi_project, by=lena, changes=changes)


@pytest.fixture
def run(project):
    return make_model(project, predicted_at="2026-01-01T00:00:00Z")


@pytest.fixture
def calibrated(project, run):
    calibrate(project, run, says=BOTH, truth=("sky",), doubts=("sand",))
    return run


def answer(project, person, sets, only=None):
    """The person answers what the queue hands out: `sets` says what each image has in it, by id."""
    while claims := queue.claim(project=project, annotator=person, count=50):
        asked = [c for c in claims if only is None or c.chosen_by == only]
        for claim in asked:
            assert claim.shown_prediction is None
            save_label(image_id=claim.image_id, annotator=person, categories=list(sets[claim.image_id]))
        if not asked:
            break
    for left in Claim.objects.filter(annotator=person, state="open"):
        claim_ends.release(image_id=left.image_id, annotator=person)


def test_from_the_first_answer_to_a_breach_by_the_products_own_verbs(project, run, ann, bea, lena):
    """People judge the calibration images, the model's sets are accepted, the audit finds that they lack a class."""
    projects.update(project=project, by=lena, changes={"accept_precision": 0.9})
    judging = add_images(project, 32, slice=Slice.CALIBRATION)
    sets = {image.pk: (BOTH, NONE)[k % 2] for k, image in enumerate(judging)}
    for person in (ann, bea):
        answer(project, person, sets)
    assert set(Image.objects.filter(slice=Slice.CALIBRATION).values_list("status", flat=True)) == {Status.SETTLED}
    rest = add_images(project, 60, slice=Slice.NONE)
    full, empty = rest[::2], rest[1::2]
    for images, name in ((judging[::2], BOTH), (judging[1::2], NONE), (full, BOTH), (empty, NONE)):
        opinions(run, images, name)

    assert accepting.accept(run) == 60

    says = dict(Acceptance.objects.values_list("image", "categories"))
    sky_sea = sorted(category(project, name) for name in BOTH)
    assert says == {i.pk: sky_sea for i in full} | {i.pk: [] for i in empty}
    assert Label.objects.filter(image__in=ids(rest)).count() == 0
    assert counts.count_progress(project)["accepted"] == len(accepted(project)) > 0
    # In truth each of them has sand in it, which the model misses: two classes right of three are a wrong answer.
    truth = {i.pk: (*BOTH, "sand") for i in full} | {i.pk: ("sand",) for i in empty}
    n_asked = len(audited(project))
    for person in (ann, bea):
        answer(project, person, truth, only=ChosenBy.AUDIT)
    promises.audit_acceptance(project)
    found = Guarantee.objects.get()
    assert (found.suspension, Acceptance.objects.filter(is_right=False).count()) == (Suspension.BREACH, n_asked)
    assert accepted(project) == set()
    assert accepting.accept(run) == 0


def test_a_set_is_wrong_when_a_class_is_missing_or_too_much(project, run):
    """In the calibration images as in the audit."""
    calibrate(project, run, n=100, says=BOTH, doubts=("sand",))
    images = calibrate(project, run, n=20, unsure=0, says=BOTH)
    settle(project, images[:10], ("sky",))
    settle(project, images[10:], (*BOTH, "sand"))
    opinions(run, add_images(project, 20, slice=Slice.NONE), BOTH)
    assert accepting.accept(run) == 0
    pooled = Guarantee.objects.get().thresholds["pooled"]
    assert (pooled["accepted"], pooled["errors"]) == (120, 20)


def test_people_who_say_the_same_keep_it_going_and_none_of_them_is_an_answer(project, calibrated, ann, bea):
    images = add_images(project, 40, slice=Slice.NONE)
    opinions(calibrated, images, NONE)
    assert accepting.accept(calibrated) == 40
    for person in (ann, bea):
        answer(project, person, dict.fromkeys(ids(images), NONE), only=ChosenBy.AUDIT)
    promises.audit_acceptance(project)
    judged = Acceptance.objects.filter(is_right=True)
    assert judged.count() == len(audited(project))
    assert not Guarantee.objects.get().is_suspended


def test_each_frequent_set_may_have_a_threshold_of_its_own_the_empty_one_too(project, run, lena):
    project = projects.update(project=project, by=lena, changes={"accept_per_class": True})
    calibrate(project, run, n=150, unsure=0, says=BOTH)
    calibrate(project, run, n=150, wrong=150, unsure=0, says=NONE, truth=("sand",), sure=0.98)
    full, empty = add_images(project, 10, slice=Slice.NONE), add_images(project, 10, slice=Slice.NONE)
    opinions(run, full, BOTH)
    opinions(run, empty, NONE, 0.98)

    assert accepting.accept(run) == 10

    own = Guarantee.objects.get().thresholds["own"]
    names = ",".join(str(pk) for pk in sorted(category(project, name) for name in BOTH))
    assert own[names]["value"] == pytest.approx(0.99)
    assert own[""]["value"] is None
    assert set(Acceptance.objects.values_list("image", flat=True)) == ids(full)
    classes = as_person(lena).get(f"/api/projects/{project.pk}/acceptance/").json()["calibration"]["classes"]
    assert (classes["sky, sea"]["n"], classes["none of these"]["wrong"]) == (150, 150)


def test_a_retired_class_sends_its_sets_back_a_merged_one_follows_a_new_one_ends_it(project, calibrated, lena):
    full, one = add_images(project, 20, slice=Slice.NONE), add_images(project, 20, slice=Slice.NONE)
    opinions(calibrated, full, BOTH)
    opinions(calibrated, one, ("sea",))
    accepting.accept(calibrated)
    sky, sea = (project.categories.get(name=name) for name in BOTH)

    project_classes.change_category(category=sea, by=lena, changes={"merged_into": sky.pk})
    project.refresh_from_db()
    assert promises.audit_acceptance(project) == 0
    shape = as_person(lena).get(f"/api/images/{min(accepted(project) & ids(full))}/").json()
    assert shape["accepted"]["categories"] == ["sky"]

    project_classes.change_category(category=sky, by=lena, changes={"retired": True})
    project.refresh_from_db()
    promises.audit_acceptance(project)
    assert set(Acceptance.objects.filter(withdrawn_why=Withdrawal.CLASS).values_list("image", flat=True)) == {
        *ids(full), *ids(one),
    }  # fmt: skip
    project_classes.add_category(project=project, by=lena, name="cloud")
    project.refresh_from_db()
    promises.audit_acceptance(project)
    assert Guarantee.objects.get().ending == Ending.CLASSES


def test_pages_and_rest_show_the_whole_set(project, calibrated, rev, lena, as_):
    full, empty = add_images(project, 10, slice=Slice.NONE), add_images(project, 10, slice=Slice.NONE)
    opinions(calibrated, full, BOTH)
    opinions(calibrated, empty, NONE)
    accepting.accept(calibrated)
    shown, silent = min(accepted(project) & ids(full)), min(accepted(project) & ids(empty))

    client = as_person(rev)
    assert client.get(f"/api/images/{shown}/").json()["accepted"]["categories"] == ["sky", "sea"]
    assert client.get(f"/api/images/{silent}/").json()["accepted"]["categories"] == []
    listed = client.get(f"/api/projects/{project.pk}/images/?accepted=true&limit=200").json()["results"]
    assert {row["id"] for row in listed} == accepted(project)

    wall = as_(rev).get(url("images", project) + "?status=accepted").content.decode()
    assert "none of these" in wall and ">sea<" in wall
    page = as_(rev).get(url("image", project, shown)).content.decode()
    assert page.index("Model 1 accepted it as") < page.index(">sky<") < page.index(">sea<")
    assert "none of these" in as_(rev).get(url("image", project, silent)).content.decode()
    page = as_(lena).get(url("model", project)).content.decode()
    assert "Of 120 calibration images 100 were suggested as surely" in page and "An answer is a whole set" in page
    assert as_(lena).get(url("project", project)).status_code == 200
    as_(rev).post(url("ask_people", project, silent))
    assert silent not in accepted(project)


def test_the_settings_offer_it_and_say_what_is_promised(multi_project, lena, as_):
    projects.update(project=multi_project, by=lena, changes={"blind_share": 0.15})
    page = as_(lena).get(url("settings_accepting", multi_project)).content.decode()
    assert "right only where no class in it is wrong and none is missing" in page
    sent = {"auto_accept": "on", "precision_percent": "90", "confidence_percent": "95", "audited_percent": "10"}
    assert said(as_(lena).post(url("settings_accepting", multi_project), sent, follow=True)) == ["Saved."]
    assert as_person(lena).get(f"/api/projects/{multi_project.pk}/acceptance/").json()["state"] == "no_model"


def test_exports_hold_the_set_and_tell_none_of_them_from_nothing(project, calibrated, lena, as_, tmp_path, monkeypatch):
    full, empty = add_images(project, 10, slice=Slice.NONE), add_images(project, 10, slice=Slice.NONE)
    opinions(calibrated, full, BOTH)
    opinions(calibrated, empty, NONE)
    accepting.accept(calibrated)
    full_ids, empty_ids = (sorted(accepted(project) & ids(images)) for images in (full, empty))

    def text(format_: str) -> str:
        return b"".join(releases.export(project, format_, accepted=True).chunks).decode()

    rows = {int(row["image_id"]): row for row in csv.DictReader(io.StringIO(text("csv"))) if row["source"] == "model"}
    assert {pk: row["accepted"] for pk, row in rows.items()} == dict.fromkeys(full_ids, "sky|sea") | dict.fromkeys(
        empty_ids, ""
    )
    lines = {line["image"]: line for line in map(json.loads, text("jsonl").splitlines())}
    assert lines[full_ids[0]]["accepted"]["categories"] == ["sky", "sea"]
    assert lines[empty_ids[0]]["accepted"]["categories"] == []
    assert (lines[audited(project)[0]]["accepted"], lines[audited(project)[0]]["source"]) == (None, None)

    monkeypatch.chdir(tmp_path)
    (tmp_path / "out.jsonl").write_text(text("jsonl"))
    (tmp_path / "out.csv").write_text(text("csv"))
    found: dict = {}
    exec(snippets.code("jsonl", snippets.FINAL, multi=True, name="out.jsonl", accepted=True), found)
    assert found["by_model"] == accepted(project)
    assert (found["final"][full_ids[0]], found["final"][empty_ids[0]]) == (["sky", "sea"], [])
    assert audited(project)[0] not in found["final"]
    exec(snippets.code("csv", snippets.FINAL, multi=True, name="out.csv", accepted=True), found)
    table = found["final"]
    assert set(table.index[found["by_model"].reindex(table.index)]) == accepted(project)
    assert (dict(table.loc[full_ids[0]]), dict(table.loc[empty_ids[0]])) == (
        {"sea": 1, "sky": 1}, {"sea": 0, "sky": 0},
    )  # fmt: skip
    page = as_(lena).get(url("export", project) + "?format=jsonl&accepted=1").content.decode()
    assert "Leave them out" in page
