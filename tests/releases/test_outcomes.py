"""One rule names the images of an export: the page counts by it what each format writes, by whatever method."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest
from django.utils import timezone

from labeler import releases
from labeler.consensus import snapshots
from labeler.intake.images import media_store
from labeler.labeling import claims
from labeler.labeling import labels as labeling
from labeler.models import Acceptance, Consensus, Guarantee, Image, Job, Label, Project, QueueEntry
from labeler.models.image import Slice
from labeler.projects import projects
from labeler.review import adjudication
from tests.helpers.api import as_person
from tests.helpers.factories import add_images, category, make_model, predict
from tests.helpers.pages import answer, url
from tests.helpers.pictures import picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

METHODS = ("majority", "one_coin", "dawid_skene", "with_model")
FORMATS = ("csv", "jsonl", "imagefolder")


def infer(project, image, name, method):
    """A row as a consensus run would have kept it, of the image's present votes."""
    image.refresh_from_db()
    Consensus.objects.update_or_create(
        image=image,
        defaults={
            "project": project, "categories": [category(project, name)], "confidence": 0.9, "method": method,
            "n_votes": image.n_votes, "votes": snapshots.digest(image.tally), "computed_at": image.created_at,
        },
    )  # fmt: skip


@pytest.fixture
def images(project, ann, bea, rev, settings, tmp_path):
    """One image of each kind, by name; each with its file, and with a prediction that it is a dog."""
    settings.MEDIA_DIR = tmp_path / "media"
    kinds = {
        "agreed": "", "tied": "", "changed": "", "unsure": "", "untouched": "", "decided": "", "undecidable": "",
        "filled": "", "filled_blind": Slice.BLIND, "filled_test": Slice.TEST, "accepted": "", "audited": "",
        "tied_test": Slice.TEST,
    }  # fmt: skip
    found = {kind: add_images(project, 1, slice=slice_)[0] for kind, slice_ in kinds.items()}
    run = make_model(project)
    for image in found.values():
        predict(run, image, "dog", 0.9)
        path = media_store().original_path(image.sha256, image.extension)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(image.pk))
    for kind, one, other in (("agreed", "cat", "cat"), ("tied", "cat", "fox"), ("tied_test", "cat", "fox")):
        answer(project, ann, found[kind], one)
        answer(project, bea, found[kind], other)
    claims.claim(project=project, annotator=ann, count=50)
    labeling.save_label(image_id=found["unsure"].pk, annotator=ann, answer="cannot_tell")
    answer(project, ann, found["changed"], "cat")
    adjudication.decide(image_id=found["decided"].pk, reviewer=rev, categories=["fox"])
    adjudication.decide(image_id=found["undecidable"].pk, reviewer=rev, undecidable=True)
    guarantee = Guarantee.objects.create(
        project=project, run=run, precision=0.95, confidence=0.9, audited_share=0.1, thresholds={}
    )
    for kind in ("accepted", "audited"):
        image = found[kind]
        Acceptance.objects.create(
            guarantee=guarantee, project=project, image=image, prediction=image.predictions.get(), probability=0.9,
            threshold=0.8, categories=[category(project, "dog")], is_audited=kind == "audited",
        )  # fmt: skip
    QueueEntry.objects.filter(image=found["audited"]).update(chosen_by="audit")
    return found


def by_method(project, images, method, fills=True):
    Project.objects.filter(pk=project.pk).update(consensus_method=method, model_fills=fills)
    if method != "majority":
        for kind in ("agreed", "tied", "tied_test", "unsure"):
            infer(project, images[kind], "dog", method)
        infer(project, images["changed"], "dog", method)
        Consensus.objects.filter(image=images["changed"]).update(votes="other votes")
    for kind in ("filled", "filled_blind", "filled_test", "audited", "accepted"):
        infer(project, images[kind], "dog", "model")
    project.refresh_from_db()


def named(project, format_, accepted) -> tuple[dict[int, str], set[int]]:
    """The class of each image that has one in the file, and which of them are marked as the model's."""
    whole = b"".join(releases.export(project, format_, accepted=accepted).chunks)
    if format_ == "csv":
        rows = list(csv.DictReader(io.StringIO(whole.decode())))
        outcome = {int(r["image_id"]): r["consensus"] or r.get("accepted", "") for r in rows}
        marked = {int(r["image_id"]) for r in rows if r["source"] == "model" and r["accepted_model"] == "1"}
    elif format_ == "jsonl":
        lines = [json.loads(line) for line in whole.decode().splitlines()]
        outcome = {i["image"]: "".join((i.get("accepted") or i["consensus"])["categories"] or []) for i in lines}
        marked = {i["image"] for i in lines if i.get("source") == "model" and i["accepted"]["model"] == 1}
    else:
        archive = zipfile.ZipFile(io.BytesIO(whole))
        files = [name.split("/") for name in archive.namelist() if name.startswith("root/")]
        of_model = {name.split(".")[0]: ".model1." in name for _, _, name in files}
        outcome = {int(name.split(".")[0].rpartition("-")[2]): folder for _, folder, name in files}
        marked = {int(name.rpartition("-")[2]) for name, is_models in of_model.items() if is_models}
        said = json.loads(archive.read("classes.json"))
        assert said.get("accepted_by_model", {"images": 0})["images"] == len(marked)
        assert sum(said["left_out"].values()) == Image.objects.filter(project=project).count() - len(files)
    return {pk: name for pk, name in outcome.items() if name}, marked


@pytest.mark.parametrize("fills", [False, True], ids=["unfilled", "filled"])
@pytest.mark.parametrize("accepted", [False, True], ids=["people", "accepted"])
@pytest.mark.parametrize("method", METHODS)
def test_the_page_counts_what_each_format_writes(project, images, as_, lena, method, accepted, fills):
    by_method(project, images, method, fills)
    expected = {"agreed": "cat", "changed": "cat", "decided": "fox"}
    if method != "majority":
        expected |= {"agreed": "dog", "tied": "dog"}
    if method in ("one_coin", "dawid_skene"):
        expected["tied_test"] = "dog"  # people alone; with the model in it, its word on a test image would be out
    alone = {"accepted": "dog"} if accepted else {}
    if accepted and fills and method == "with_model":
        alone["filled"] = "dog"

    for format_ in FORMATS:
        found, marked = named(project, format_, accepted)
        kinds = {image.pk: kind for kind, image in images.items()}
        assert {kinds[pk]: name for pk, name in found.items()} == expected | alone, format_
        assert {kinds[pk] for pk in marked} == set(alone), format_
        page = as_(lena).get(url("export", project) + f"?format={format_}" + ("&accepted=1" if accepted else ""))
        summary = page.context["summary"]
        assert summary.outcome + (summary.by_model if accepted else 0) == len(found), format_
        assert page.context["holds"].startswith(f"{len(found)} images"), format_
        assert summary.outcome + sum(summary.without.values()) == summary.images == len(images)


def test_no_file_has_the_models_word_on_images_judged_blind(project, images):
    by_method(project, images, "with_model")
    settled = add_images(project, 2, slice=Slice.BLIND)
    settled[1].slice = Slice.CALIBRATION
    settled[1].save()
    Image.objects.filter(pk__in=[i.pk for i in settled]).update(status="settled")
    for image in settled:
        predict(project.runs.get(), image, "dog", 0.9)

    lines = b"".join(releases.export(project, "jsonl", accepted=True).chunks).decode().splitlines()
    said = {i["image"] for i in map(json.loads, lines) if i["prediction"] or i["accepted"]}

    hidden = {images[kind].pk for kind in ("filled_blind", "filled_test", "tied_test", "audited")} | {settled[1].pk}
    assert said == ({image.pk for image in images.values()} | {settled[0].pk}) - hidden
    rows = csv.DictReader(io.StringIO(b"".join(releases.export(project, "csv").chunks).decode()))
    assert {row["prediction"] for row in rows if int(row["image_id"]) in hidden} == {""}


def test_the_page_says_by_which_rule_and_what_the_model_alone_says(project, images, as_, lena, rev):
    by_method(project, images, "with_model")
    page = as_(lena).get(url("export", project)).content.decode()
    assert "“people and model”, as of the last consensus run" in page
    assert "1 image that nobody has labeled and the model answers for" in page and "Take them in" in page
    page = as_(lena).get(url("export", project) + "?format=jsonl&accepted=1").content.decode()
    assert "Leave them out" in page
    by_method(project, images, "majority")
    page = as_(lena).get(url("export", project)).content.decode()
    assert "else the answer most people gave; a tie names nothing" in page


def test_a_filled_answer_has_no_promise(project, images):
    by_method(project, images, "with_model")
    lines = b"".join(releases.export(project, "jsonl", accepted=True).chunks).decode().splitlines()
    one = next(i for i in map(json.loads, lines) if i["image"] == images["filled"].pk)
    assert one["accepted"] == {"categories": ["dog"], "model": 1, "probability": 0.9, "promise": None}
    assert (one["source"], one["consensus"]["categories"], one["labels"]) == ("model", None, [])


def test_reviewers_export_by_page_as_by_rest(project, images, as_, rev, ann, carl):
    page = as_(rev).get(url("export", project))
    assert page.status_code == 200 and f"/api/projects/{project.pk}/export/csv/" in page.content.decode()
    assert as_person(rev).get(f"/api/projects/{project.pk}/export/csv/").status_code == 200
    overview = as_(rev).get(url("project", project)).content.decode()
    assert overview.count(f'href="{url("export", project)}"') == 2  # the tab and the button
    assert as_(ann).get(url("export", project)).status_code == 403
    assert as_(carl).get(url("export", project)).status_code == 404


def test_every_format_of_judgements_says_where_each_came_from(project, images, rev, dora):
    job = Job.objects.create(project=project, kind="import", state="done")
    Label.objects.create(
        project=project, image=images["tied"], annotator=dora, round=1, categories=[category(project, "cat")],
        guideline_version=1, label_set_version=1, created_at=timezone.now(), source_import=job, informed=True,
    )  # fmt: skip
    given = ("person", None, False)
    came = {"ann": given, "bea": given, "dora": ("import", job.pk, True)}

    rows = csv.DictReader(io.StringIO(b"".join(releases.export(project, "csv").chunks).decode()))
    found = {r["annotator"]: r for r in rows if r["image_id"] == str(images["tied"].pk)}
    told = {"true": True, "false": False}
    assert {n: (r["source"], int(r["import"] or 0) or None, told[r["informed"]]) for n, r in found.items()} == came
    lines = b"".join(releases.export(project, "jsonl").chunks).decode().splitlines()
    [labels] = [i["labels"] for i in map(json.loads, lines) if i["image"] == images["tied"].pk]
    assert {r["annotator"]: (r["source"], r["import"], r["informed"]) for r in labels} == came

    address = f"/api/projects/{project.pk}/labels/?image={images['tied'].pk}"
    rows = as_person(rev).get(address).json()["results"]
    assert {r["annotator"]: (r["source"], r["import"], r["informed"]) for r in rows} == came
    text = b"".join(as_person(rev).get(address + "&format=csv").streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {(r["annotator"], r["source"], r["import"], r["informed"]) for r in rows} == {
        ("ann", "person", "", "false"), ("bea", "person", "", "false"), ("dora", "import", str(job.pk), "true"),
    }  # fmt: skip


def test_where_nobody_could_tell_the_models_answer_is_not_taken_for_theirs(project, images):
    """A row of before, made from the same cannot-tells, does not hold."""
    by_method(project, images, "with_model")
    unsure = Image.objects.get(pk=images["unsure"].pk)
    assert snapshots.current([unsure])[unsure.pk].categories is None
    snapshots.refresh(project)
    assert Consensus.objects.get(image=unsure).method == "majority"


def test_a_setting_of_before_is_counted_by_todays(project, images, as_, lena):
    """Rows of another method than the project's are nobody's answer any more."""
    by_method(project, images, "one_coin")
    projects.update(project=project, by=lena, changes={"consensus_method": "majority", "model_fills": False})
    project.refresh_from_db()
    found, _ = named(project, "jsonl", False)
    assert images["tied"].pk not in found
    assert as_(lena).get(url("export", project)).context["summary"].without["tie"] == 2
