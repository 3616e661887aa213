"""An import as a whole: once each, whatever happens on the way; looked at first; and what the labels are."""

import csv
import json

import pytest

from labeler.errors import Invalid, NotPossibleNow
from labeler.imports import options
from labeler.intake import refusal_report
from labeler.jobs import jobs
from labeler.models import Gold, Image, Job, Label
from tests.helpers.factories import make_project
from tests.helpers.importing import begun, bring_in, pictures, reasons, task, zipped

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    return settings.MEDIA_DIR


def manifest(tmp_path, n=30, *, people=("zoe", "yan")):
    """An archive with a manifest of n images, each judged by two people; the third image of ten is broken."""
    files = pictures(*(f"i/{number:03}.jpg" for number in range(n)))
    for number in range(3, n, 10):
        files[f"i/{number:03}.jpg"] = b"broken"
    rows = [
        f"i/{number:03}.jpg,{('cat', 'dog', 'fox')[number % 3]},{who},train,id-{number},{number}"
        for number in range(n) for who in people
    ]  # fmt: skip
    table = "file_name,label,annotator,split,external_id,metadata.n\n" + "\n".join(rows)
    return zipped(tmp_path / "m.zip", {**files, "manifest.csv": table})


PEOPLE = {"labels_as": {"people": "annotator"}}


def state(project):
    images = Image.objects.filter(project=project).order_by("name")
    labels = Label.objects.filter(project=project).order_by("image__name", "annotator__username")
    return (
        list(images.values_list("name", "split", "external_id", "metadata", "tally")),
        list(labels.values_list("image__name", "annotator__username", "categories")),
    )


def test_the_same_file_again_adds_nothing_and_reads_no_image(project, lena, tmp_path, monkeypatch):
    path = manifest(tmp_path)
    first = bring_in(project, lena, path, **PEOPLE)
    assert (first["added"], first["duplicates"], first["labels_added"]) == (27, 0, 54)
    before = state(project)
    read = []
    monkeypatch.setattr("labeler.intake.tree.archives.read_zip", lambda *args: read.append(args[2]) or b"broken")
    again = bring_in(project, lena, path, **PEOPLE)
    assert (again["added"], again["duplicates"], again["labels_added"]) == (0, 27, 0)
    assert read == ["i/003.jpg", "i/013.jpg", "i/023.jpg"]  # what was refused; the others are known by external id
    assert state(project) == before


@pytest.mark.parametrize("stop_after", [1, 2, 3, 4])
def test_killed_and_run_again_it_ends_in_the_counts_of_one_that_was_not(
    project, lena, tmp_path, monkeypatch, stop_after
):
    monkeypatch.setattr("labeler.imports.batches.CHUNK", 10)
    monkeypatch.setattr("labeler.intake.images.BATCH_IMAGES", 7)
    path = manifest(tmp_path)
    whole = bring_in(make_project(lead=lena), lena, path, **PEOPLE)
    other = make_project(lead=lena)
    job, calls = begun(other, lena, path, **PEOPLE), []

    class Killed(BaseException):
        pass

    def killed(self, *args, **kwargs):
        calls.append(1)
        if len(calls) > stop_after:
            raise Killed
        return stored(self, *args, **kwargs)

    from labeler.imports.batches import Taking

    stored = Taking._store_batch
    with monkeypatch.context() as patch:
        patch.setattr(Taking, "_store_batch", killed)
        with pytest.raises(Killed):
            bring_in(other, lena, path, job=job)
    done = bring_in(other, lena, path, job=job)
    counts = ("added", "duplicates", "labels_added", "refused")
    assert [done[name] for name in counts] == [whole[name] for name in counts]
    assert Label.objects.filter(project=other).count() == 54


def test_a_dry_run_says_what_would_be_and_writes_nothing(project, lena, tmp_path):
    path = manifest(tmp_path)
    said = bring_in(project, lena, path, dry_run=True, **PEOPLE)
    assert not Image.objects.exists() and not Label.objects.exists() and state(project) == ([], [])
    assert (said["added"], said["labels_added"], len(said["refused"])) == (27, 54, 6)
    found = said["found"]
    assert (found["format"], found["images"], found["labels"]) == ("csv", 30, 60)
    assert {"name": "cat", "count": 20, "known": True} in found["classes"]
    assert found["people"] == [{"name": "zoe", "count": 30}, {"name": "yan", "count": 30}]
    assert len(found["sample"]) == 5 and found["sample"][0]["metadata"] == {"n": 0}
    done = bring_in(project, lena, path, **PEOPLE)
    assert [done[name] for name in ("added", "duplicates", "labels_added")] == [27, 0, 54]
    again = bring_in(project, lena, path, dry_run=True, **PEOPLE)
    assert [again[name] for name in ("added", "duplicates", "labels_added")] == [0, 27, 0]


def test_what_was_looked_at_is_confirmed_once_and_its_file_kept_until_then(project, lena, tmp_path, media):
    kept = media / jobs.UPLOADS / "x"
    kept.parent.mkdir(parents=True)
    manifest(tmp_path).rename(kept)
    looked = Job.objects.get(pk=bring_in(project, lena, kept, ask=True, **PEOPLE)["job"])
    jobs.forget_upload(looked)
    assert jobs.is_waiting_for_answers(looked) and kept.exists() and not Image.objects.exists()
    job = jobs.confirm(looked, by=lena, params={"labels_as": "nothing"})
    assert jobs.confirm(looked, by=lena, params={}) == job
    assert bring_in(project, lena, kept, job=job)["added"] == 27
    looked.refresh_from_db()
    assert not jobs.is_waiting_for_answers(looked) and not Label.objects.exists()
    with pytest.raises(NotPossibleNow, match="nothing to throw away"):
        jobs.discard_looked_at(looked)


def test_pictures_alone_are_not_asked_about(project, lena, tmp_path):
    result = bring_in(project, lena, zipped(tmp_path / "a.zip", pictures("a.jpg", "b.jpg")), ask=True)
    assert (result["added"], result.get("asks"), result.get("found")) == (2, None, None)


def test_labels_become_what_the_person_says(project, lena, tmp_path):
    tasks = [task("a.jpg", "cat"), task("b.jpg", "dog", by=2), task("c.jpg", "owl")]
    path = zipped(tmp_path / "t.zip", {"t.json": tasks, **pictures("a.jpg", "b.jpg", "c.jpg")})
    nothing = bring_in(project, lena, path, labels_as="nothing")
    assert (nothing["added"], nothing["labels_added"], nothing["refused"]) == (3, 0, [])
    gold = bring_in(project, lena, path, labels_as="gold", new_categories={"owl": None})
    assert (gold["gold_added"], gold["labels_added"], gold["refused"]) == (2, 0, [])
    assert Gold.objects.get(image__name="a.jpg").categories == [project.categories.get(name="cat").pk]
    source = bring_in(project, lena, path, labels_as={"source": "old.tool"}, new_categories={"owl": "fox"})
    assert (source["labels_added"], source["refused"]) == (3, [])
    assert set(Label.objects.values_list("annotator__username", flat=True)) == {"old.tool"}
    people = bring_in(project, lena, path, labels_as={"people": "completed_by"}, new_categories="make")
    assert (people["labels_added"], project.categories.filter(name="owl").count()) == (3, 1)
    again = bring_in(project, lena, path, labels_as="gold", new_categories={"owl": ""})
    assert (again["gold_added"], Gold.objects.count()) == (0, 2)


def test_accounts_that_can_log_in_are_no_source_unless_an_administrator_imports(project, lena, ann, tmp_path):
    ann.set_password("once-upon-a-time")
    ann.save()
    path = zipped(tmp_path / "f.zip", pictures("cat/a.jpg", "dog/b.jpg"))
    result = bring_in(project, lena, path, labels_as={"source": "ann"})
    assert (result["added"], result["labels_added"]) == (2, 0)
    assert "can log in" in reasons(result)[0][2]


@pytest.mark.parametrize(
    "labels_as", ["perhaps", {"people": 3}, {"source": ""}, {"source": "a", "people": "b"}, ["gold"], "{broken", 7]
)
def test_answers_that_nobody_can_mean_are_refused(labels_as):
    with pytest.raises(Invalid):
        options.check(labels_as)


def test_answers_come_as_text_or_as_json():
    assert options.check('{"people": ""}', "make") == {"labels_as": {"people": ""}, "new_categories": "make"}
    assert options.check({"source": " x "}, '{"a": null, "b": "c"}') == {
        "labels_as": {"source": "x"}, "new_categories": {"a": "", "b": "c"},
    }  # fmt: skip
    assert options.check(None, "") == {}
    assert options.check("prelabels") == {"labels_as": "prelabels"}


def test_every_refused_row_is_in_the_report_though_the_row_of_the_job_names_some(project, lena, tmp_path, monkeypatch):
    monkeypatch.setattr("labeler.intake.outcomes.MOST_REFUSALS_NAMED", 3)
    path = tmp_path / "rows.csv"
    path.write_text("file_name,label\n" + "".join(f"=gone-{n}.jpg,cat\n" for n in range(10)))
    result = bring_in(project, lena, path)
    assert [len(result["refused"]), result["refused"][-1]["reason"]] == [4, "… and 7 more rows."]
    with refusal_report.path_of(result["job"]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert rows[9] == {
        "row": "11", "name": "'=gone-9.jpg", "reason": "This project has no image of that name.",
        "advice": "Import the image first. Names are compared with their folder, else without it.",
        "object": "",
    }  # fmt: skip


def test_a_hash_that_is_not_of_the_file_refuses_its_row(project, lena, tmp_path):
    files = {"manifest.jsonl": json.dumps({"file_name": "a.jpg", "sha256": "0" * 64}), **pictures("a.jpg")}
    result = bring_in(project, lena, zipped(tmp_path / "h.zip", files))
    assert (result["added"], "another sha256" in reasons(result)[0][2]) == (0, True)
