"""`import_labels` where people draw: a table with objects, or a file of a tool, onto images that are in."""

from __future__ import annotations

import csv
import json

import pytest
from django.core.management import CommandError, call_command

from labeler.models import Job, Label, LabelObject
from tests.helpers.factories import add_images, make_project

pytestmark = pytest.mark.django_db

BOX = {"category": "pawn", "box": [10, 20, 30, 40]}


@pytest.fixture
def chess(lena):
    project = make_project(lead=lena, task="boxes", categories=("pawn", "king"), name="Chess")
    for image, name in zip(add_images(project, 2), ("a.jpg", "b.jpg"), strict=True):
        project.images.filter(pk=image.pk).update(name=name)
    return project


def table(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file_name", "annotator", "objects", "seconds"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_table_with_objects_goes_in_and_again_adds_nothing(chess, tmp_path, capsys):
    path = table(tmp_path / "in.csv", [
        {"file_name": "a.jpg", "annotator": "zoe", "objects": json.dumps([BOX, BOX | {"category": "king"}]),
         "seconds": 7},
        {"file_name": "b.jpg", "annotator": "zoe", "objects": "[]"},
    ])  # fmt: skip

    call_command("import_labels", str(path), project="Chess", blind=True)
    first = capsys.readouterr().out
    call_command("import_labels", str(path), project="Chess", blind=True)

    assert first == "Added 2 labels to “Chess”; 0 were there already, 0 refused.\n"
    assert "Added 0 labels" in capsys.readouterr().out
    label = Label.objects.get(image__name="a.jpg")
    assert (label.annotator.username, label.seconds, label.drawn.count()) == ("zoe", 7.0, 2)
    assert Label.objects.get(image__name="b.jpg").categories == []
    assert LabelObject.objects.count() == 2 and Job.objects.filter(project=chess, state="done").count() == 2


def test_what_cannot_be_is_refused_object_by_object(chess, tmp_path, capsys):
    rows = [
        {"file_name": "a.jpg", "annotator": "zoe", "objects": [BOX, {"category": "pawn", "box": [5000, 1, 9, 9]}]},
        {"file_name": "c.jpg", "annotator": "zoe", "objects": [BOX]},
    ]
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))

    with pytest.raises(SystemExit) as end:
        call_command("import_labels", str(path), project="Chess")

    out = capsys.readouterr()
    assert end.value.code == 3
    assert "Added 1 labels to “Chess”; 0 were there already, 2 refused." in out.out
    assert "refused row 1 object 2 (a.jpg)" in out.out + out.err and "(c.jpg)" in out.out + out.err


def test_a_coco_file_goes_in(chess, tmp_path, capsys):
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "king"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "annotator": "zoe"}],
    }
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(document))

    call_command("import_labels", str(path), project="Chess")

    assert "Added 1 labels" in capsys.readouterr().out
    assert LabelObject.objects.get().shape == {"box": [1, 2, 30, 40]}


def test_a_table_of_classes_is_refused_with_what_is_missing(chess, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("file_name,annotator,label\na.jpg,zoe,pawn\n")

    with pytest.raises((CommandError, SystemExit)):
        call_command("import_labels", str(path), project="Chess")
    assert not Label.objects.exists()
