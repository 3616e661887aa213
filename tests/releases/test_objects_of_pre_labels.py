"""Judgements that go out say what became of each object of the pre-label: kept, moved, reclassed, drawn."""

from __future__ import annotations

import csv
import io
import json

import pytest

from labeler import releases
from labeler.labeling import claims, labels
from labeler.models import Label, TrainingRun
from labeler.releases import contents
from labeler.releases.index import Columns
from tests.helpers.drawn_projects import draw, drawing_project
from tests.helpers.factories import add_images, category, make_model
from tests.helpers.releasing import make_file, make_release

pytestmark = pytest.mark.django_db

FATES = [(1, "kept", 1.0), (2, "moved", pytest.approx(1 / 3)), (3, "class", 1.0), (None, "drawn", None)]


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def chess(ann, bea, lena):
    """ann is shown four pawns: she keeps the first, moves the second by half, calls the third a king, draws a fifth by
    hand and deletes the fourth. bea draws without a pre-label."""
    project = drawing_project(ann, bea, lead=lena, labels_per_image=2)
    [image] = add_images(project, 1)
    pawn = category(project, "pawn")
    drawn = [
        {"number": n, "category": pawn, "box": [100 * n, 50, 40, 40], "probability": 0.9, "shown": True}
        for n in range(1, 5)
    ]
    run = make_model(project)
    run.predictions.create(image=image, probabilities=[], categories=[pawn], probability=0.9, margin=0.8, drawn=drawn)
    claims.claim(project=project, annotator=ann, count=1)
    labels.save_label(
        image_id=image.pk,
        annotator=ann,
        drawn=[
            {"from": 1},
            {"from": 2, "box": [220, 50, 40, 40]},  # 40 wide, moved by 20: 20/60 of both together
            {"from": 3, "category": "king"},
            {"category": "king", "box": [10, 300, 30, 30]},
        ],
    )
    assert Label.objects.get().value == {"deleted": [4]}
    TrainingRun.objects.update(is_active=False)
    draw(project, image, bea, [("pawn", 100, 50, 40, 40)])
    return project


def fates(objects):
    return [(one["from"], one["change"], one["iou"]) for one in objects]


def written(project, format_):
    return b"".join(releases.export(project, format_).chunks)


def of_json(text, format_):
    found = json.loads(text) if format_ == "json" else {"images": [json.loads(line) for line in text.splitlines()]}
    [image] = found["images"]
    return {label["annotator"]: label for label in image["labels"]}


@pytest.mark.parametrize("format_", ["json", "jsonl"])
def test_json_says_it_of_the_project_and_of_a_release(chess, lena, format_):
    release = make_release(chess, lena)
    _row, frozen = make_file(release, format_)
    for text in (written(chess, format_), frozen):
        said = of_json(text, format_)

        assert fates(said["ann"]["objects"]) == FATES
        assert said["ann"]["deleted"] == [4]
        # Without a pre-label there is nothing to say.
        assert not {"from", "change", "iou"} & said["bea"]["objects"][0].keys() and "deleted" not in said["bea"]


def test_csv_says_it_in_the_cell_of_objects(chess):
    rows = {row["annotator"]: row for row in csv.DictReader(io.StringIO(written(chess, "csv").decode()))}

    assert fates(json.loads(rows["ann"]["objects"])) == FATES and rows["ann"]["prelabel_deleted"] == "[4]"
    assert "change" not in rows["bea"]["objects"] and rows["bea"]["prelabel_deleted"] == ""


def test_what_it_came_from_is_no_other_answer(chess):
    """The same drawing without a pre-label is the same in the difference of two releases."""
    with contents.snapshot():
        [image] = contents.read(chess)
    plain = [one._replace(objects=tuple(o._replace(origin=None, change="", iou=None) for o in one.objects), deleted=())
             for one in image.labels]  # fmt: skip

    said, same = Columns({}), Columns({})
    said.add(image)
    same.add(image._replace(labels=plain))

    assert said.judgements == same.judgements and said.outcome == same.outcome
