"""Data sets out: what is in the files, that nobody's spreadsheet runs them, and that they stream."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from labeler import releases
from labeler.errors import NotFound, NotPossibleNow
from labeler.intake.formats.cells import cell, classes, without_formula_guard
from labeler.intake.outcomes import Added
from labeler.labeling import claims
from labeler.labeling.labels import save_label, undo
from labeler.models import AuditEvent, Category
from labeler.projects import classes as project_classes
from labeler.releases.contents import snapshot
from labeler.releases.formats.pictures import Folders, safe_part
from labeler.review import adjudication
from tests.helpers.api import as_person, body_of, error_of, with_token
from tests.helpers.factories import add_images, make_model, make_user, predict
from tests.helpers.importing import add_image
from tests.helpers.pictures import picture

pytestmark = pytest.mark.django_db


def answer(person, image, *names, **more):
    claims.claim(project=image.project, annotator=person, count=50)
    return save_label(image_id=image.pk, annotator=person, categories=names, **more)


def export(project, format_) -> bytes:
    return b"".join(releases.export(project, format_).chunks)


def table(project) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export(project, "csv").decode())))


def lines(project) -> list[dict]:
    return [json.loads(line) for line in export(project, "jsonl").decode().splitlines()]


def test_the_csv_has_what_was_keyed_and_nothing_else(project, ann, bea):
    images = add_images(project, 3)
    keyed = {
        (images[0].pk, "ann"): "cat", (images[0].pk, "bea"): "cat",
        (images[1].pk, "ann"): "dog", (images[1].pk, "bea"): "fox",
    }  # fmt: skip
    for (image, name), category in keyed.items():
        answer({"ann": ann, "bea": bea}[name], next(i for i in images if i.pk == image), category, seconds=1.5)
    answer(ann, images[2], "cat")
    undo(image_id=images[2].pk, annotator=ann)

    rows = table(project)

    assert {(int(r["image_id"]), r["annotator"]): r["categories"] for r in rows} == keyed
    assert len(rows) == 4
    first = rows[0]
    assert (first["file_name"], first["seconds"], first["prelabel_shown"]) == (images[0].name, "1.5", "false")
    assert (first["answer"], first["purpose"], first["round"], first["extra"]) == ("labeled", "vote", "1", "false")
    assert (first["consensus"], first["consensus_method"], first["consensus_confidence"]) == ("cat", "majority", "1.0")
    assert {r["consensus"] for r in rows if r["image_id"] == str(images[1].pk)} == {""}
    assert first["created_at"].endswith("Z")


def test_the_csv_says_what_the_author_was_shown(project, ann):
    model = make_model(project)
    [image] = add_images(project, 1)
    predict(model, image, "dog", 0.75)
    answer(ann, image, "dog")

    [row] = table(project)

    assert (row["prelabel_shown"], row["prelabel_categories"]) == ("true", "dog")
    assert (row["prelabel_probability"], row["prelabel_model"]) == ("0.75", "1")
    assert (row["prediction"], row["prediction_probability"], row["prediction_model"]) == ("dog", "0.75", "1")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－2", "＠SUM(A1)"]
)
def test_no_cell_is_a_formula(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["＝1+1", "=1", "'=1", "''＠x", "'tis", "'", "''", "cat", "", "\n", "a＝b"])
def test_what_a_cell_holds_is_read_back_to_the_letter(text):
    assert without_formula_guard(cell(text)) == text


def test_cells_that_are_no_formula_stay_as_they_are():
    assert [cell(value) for value in ("cat", -2.5, None, True, "a=b")] == ["cat", -2.5, "", "true", "a=b"]


def test_a_file_name_that_is_a_formula_is_disarmed_in_the_file(project, ann):
    [image] = add_images(project, 1, name='=HYPERLINK("http://evil.example","x")')
    answer(ann, image, "cat")

    [row] = table(project)

    assert row["file_name"].startswith("'=HYPERLINK")


def test_several_classes_stand_in_one_cell():
    assert classes(["sky", "sea"], multi=True) == "sky|sea"
    assert classes(["a|b", "c\\d"], multi=True) == "a\\|b|c\\\\d"
    assert classes(["a|b"], multi=False) == "a|b"
    assert classes(None, multi=True) == ""


def test_jsonl_has_every_image_with_all_that_is_known(project, ann, bea, rev):
    images = add_images(project, 2)
    predict(make_model(project), images[0], "fox", 0.5)
    answer(ann, images[0], "cat")
    answer(bea, images[0], "dog")
    adjudication.decide(image_id=images[0].pk, reviewer=rev, categories=["fox"], reason="seen it before")

    first, second = lines(project)

    assert (first["image"], first["file_name"], first["status"]) == (images[0].pk, images[0].name, "settled")
    assert [(label["annotator"], label["categories"]) for label in first["labels"]] == [
        ("ann", ["cat"]),
        ("bea", ["dog"]),
    ]
    assert [label["prelabel"]["categories"] for label in first["labels"]] == [["fox"], ["fox"]]
    assert first["consensus"]["categories"] == ["fox"]
    assert (first["consensus"]["method"], first["decision"]["reviewer"]) == ("decision", "rev")
    assert first["prediction"]["probabilities"] == pytest.approx({"cat": 0.25, "dog": 0.25, "fox": 0.5})
    assert (second["labels"], second["consensus"]["categories"], second["prediction"]) == ([], None, None)


def test_a_merged_class_is_exported_as_what_it_became(project, ann, lena):
    [image] = add_images(project, 1)
    answer(ann, image, "dog")
    dog, fox = Category.objects.get(name="dog"), Category.objects.get(name="fox")
    project_classes.change_category(category=dog, by=lena, changes={"merged_into": fox.pk})
    project.refresh_from_db()

    [row] = table(project)

    assert (row["categories"], row["consensus"]) == ("fox", "fox")


# ---------------------------------------------------------------- ImageFolder


@pytest.fixture
def photographs(project, settings, tmp_path):
    """Three images with files, two of one name."""
    settings.MEDIA_DIR = tmp_path / "media"
    images = []
    for serial, name in enumerate(("a/leaf.png", "b/leaf.png", "c.png")):
        outcome = add_image(project=project, name=name, source=picture(serial, "PNG"))
        assert isinstance(outcome, Added)
        images.append(outcome.image)
    return images


def folder(project) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(export(project, "imagefolder")))


def test_an_imagefolder_has_one_folder_per_class_of_the_consensus(project, photographs, ann):
    for image, name in zip(photographs, ("cat", "cat", "fox"), strict=True):
        answer(ann, image, name)

    archive = folder(project)

    assert archive.testzip() is None
    first, second, third = (image.pk for image in photographs)
    assert archive.namelist() == [
        f"root/cat/leaf-{first}.png", f"root/cat/leaf-{second}.png", f"root/fox/c-{third}.png", "classes.json",
    ]  # fmt: skip
    # dog has no image, so no folder: torchvision would refuse an empty one.
    listed = json.loads(archive.read("classes.json"))
    assert [(c["index"], c["class"], c["images"]) for c in listed["classes"]] == [(0, "cat", 2), (1, "fox", 1)]
    assert archive.read(f"root/fox/c-{third}.png") == picture(2, "PNG")
    assert export(project, "imagefolder") == export(project, "imagefolder")


def test_images_without_an_outcome_are_in_no_folder(project, photographs, ann, bea):
    answer(ann, photographs[0], "cat")
    answer(bea, photographs[0], "dog")  # a tie
    answer(ann, photographs[1], "fox")

    assert [name for name in folder(project).namelist() if name.startswith("root/")] == [
        f"root/fox/leaf-{photographs[1].pk}.png"
    ]


def test_an_image_whose_file_is_gone_is_named_and_stops_nothing(project, photographs, ann):
    [lost] = add_images(project, 1)
    for image in (*photographs, lost):
        answer(ann, image, "cat")

    listed = json.loads(folder(project).read("classes.json"))

    assert [entry["image"] for entry in listed["missing_files"]] == [lost.pk]
    assert listed["classes"][0]["images"] == 3


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("leaf spot", "leaf spot"), ("../../etc", "_.._etc"), ("a/b\\c", "a_b_c"), ("..", "class"), ("CON", "CON_"),
        ("ends.", "ends"), ("\x00\x1f", "__"), ("été", "été"), ("x" * 300, "x" * 80),
    ],
)  # fmt: skip
def test_a_class_is_a_safe_part_of_a_path(name, safe):
    assert safe_part(name, "class") == safe


def test_two_classes_never_share_a_folder():
    folders = Folders()
    assert [folders.folder_of(name) for name in ("a/b", "a_b", "A_B", "a/b")] == ["a_b", "a_b-2", "A_B-3", "a_b"]


def test_what_cannot_be_written_is_refused_with_a_reason(project, multi_project):
    with pytest.raises(NotPossibleNow, match="several"):
        releases.export(multi_project, "yolo")
    with pytest.raises(NotPossibleNow, match="labeled yet"):
        releases.export(project, "imagefolder")
    with pytest.raises(NotPossibleNow, match="the answers here are classes"):
        releases.export(project, "coco")
    with pytest.raises(NotFound):
        releases.export(project, "xlsx")


# ---------------------------------------------------------------- over REST and from the command line


def test_a_reviewer_downloads_and_it_is_written_down(project, ann, rev):
    [image] = add_images(project, 1)
    answer(ann, image, "cat")

    response = as_person(rev).get(f"/api/projects/{project.pk}/export/csv/")

    assert response.status_code == 200 and response.streaming
    assert response["Content-Disposition"] == f'attachment; filename="animals-{project.pk}.csv"'
    assert body_of(response) == export(project, "csv")
    event = AuditEvent.objects.get(action="project.export")
    assert (event.actor, event.project_id, event.details) == (rev, project.pk, {"format": "csv"})


def test_who_may_not_export(project, ann, carl, rev):
    url = f"/api/projects/{project.pk}/export/csv/"

    assert as_person(ann).get(url).status_code == 403
    assert as_person(carl).get(url).status_code == 404
    assert error_of(with_token(rev, "read", "label").get(url)) == "permission_denied"
    assert with_token(rev, "export").get(url).status_code == 200
    assert as_person(rev).get(f"/api/projects/{project.pk}/export/coco/").status_code == 422
    assert as_person(rev).get(f"/api/projects/{project.pk}/export/xlsx/").status_code == 404


def elsewhere(work) -> None:
    """In another thread, with a connection of its own: like another request."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


@pytest.mark.django_db(transaction=True)
def test_an_export_is_as_of_one_moment(transactional_db):
    from tests.helpers.factories import make_project

    ann = make_user("ann")
    project = make_project(ann, name="Animals")
    add_images(project, 1200)
    far = max(c.image_id for c in claims.claim(project=project, annotator=ann, count=50))
    chunks = releases.export(project, "jsonl").chunks

    begun = next(chunks)  # about the first 200 images
    elsewhere(lambda: save_label(image_id=far, annotator=ann, categories=["cat"]))
    rest = b"".join(chunks)

    then = {line["image"]: line for line in map(json.loads, (begun + rest).splitlines())}
    now = {line["image"]: line for line in lines(project)}
    assert (len(then), then[far]["labels"]) == (1200, [])
    assert now[far]["labels"][0]["categories"] == ["cat"]
    assert not connection.in_atomic_block


@pytest.mark.django_db(transaction=True)
def test_a_client_that_goes_away_leaves_no_transaction_open(transactional_db):
    from tests.helpers.factories import make_project

    project = make_project(make_user("ann"))
    add_images(project, 600)
    chunks = releases.export(project, "jsonl").chunks
    next(chunks)
    assert connection.in_atomic_block

    chunks.close()

    assert not connection.in_atomic_block
    with snapshot():
        assert connection.in_atomic_block


def test_the_command_writes_a_whole_file_or_none(project, ann, tmp_path, capsys):
    [image] = add_images(project, 1)
    answer(ann, image, "cat")
    target = tmp_path / "labels.csv"

    call_command("export", "--project", "Animals", "--format", "csv", "--output", str(target), "--json")

    assert target.read_bytes() == export(project, "csv")
    assert json.loads(capsys.readouterr().out)["bytes"] == target.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]
    with pytest.raises(CommandError, match="There is no project"):
        call_command("export", "--project", "Nowhere")
    with pytest.raises(CommandError, match="Cannot write"):
        call_command("export", "--project", "Animals", "--output", str(tmp_path / "no" / "such" / "folder.csv"))
