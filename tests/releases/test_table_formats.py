"""Tables and documents, read by independent readers: each state of an image is told apart in every one."""

from __future__ import annotations

import csv
import io
import json
import sys

import pyarrow.parquet as pq
import pytest

from labeler import releases
from labeler.errors import NotPossibleNow
from labeler.intake.formats import judgements
from labeler.models import Label
from labeler.projects import classes as project_classes
from labeler.releases.datasheet import QUESTIONS
from labeler.releases.formats import WRITERS
from tests.helpers.data_sets import data_set, fill, unzipped, written
from tests.helpers.factories import add_images, bring_labels, make_project

pytestmark = pytest.mark.django_db

STATES = {
    "agreed": "labeled", "other": "labeled", "tied": "tie", "unsure": "cannot_tell", "untouched": "unlabeled",
    "undecidable": "undecidable", "accepted": "labeled", "empty": "none",
}  # fmt: skip


@pytest.fixture(params=["single", "multi"])
def filled(request, project, multi_project, ann, bea, rev, settings, tmp_path):
    """A project of each kind with an image in each state, by name."""
    settings.MEDIA_DIR = tmp_path / "media"
    chosen = multi_project if request.param == "multi" else project
    return chosen, fill(chosen, (ann, bea), rev)


def flat(whole: bytes, format_: str) -> list[dict]:
    """Rows of a table, however it is written; several classes as a list."""
    if format_ == "parquet":
        rows = pq.read_table(io.BytesIO(whole)).to_pylist()
        return [row | {"labels": row["labels"] if "labels" in row else row.get("label")} for row in rows]
    whole = unzipped(whole)["labels.csv"] if format_ == "croissant" else whole
    rows = list(csv.DictReader(io.StringIO(whole.decode())))
    return [row | {"image_id": int(row["image_id"])} for row in rows]


def test_a_parquet_table_has_each_image_with_where_it_stands(filled):
    project, images = filled
    rows = {row["image_id"]: row for row in flat(written(data_set(project), "parquet"), "parquet")}

    assert {kind: rows[image.pk]["state"] for kind, image in images.items()} == {kind: STATES[kind] for kind in images}
    [one, other] = project.categories.order_by("position").values_list("name", flat=True)[:2]
    named = (lambda name: [name]) if project.is_multi else (lambda name: name)
    assert rows[images["agreed"].pk]["labels"] == named(one)
    assert rows[images["accepted"].pk]["labels"] == named(other)
    assert (rows[images["accepted"].pk]["source"], rows[images["accepted"].pk]["model"]) == ("model", 1)
    assert rows[images["agreed"].pk]["source"] == "people" and rows[images["tied"].pk]["labels"] is None
    if project.is_multi:
        assert rows[images["empty"].pk]["labels"] == []


@pytest.mark.parametrize("format_", ["parquet", "csv", "croissant"])
def test_shares_of_the_votes_have_a_column_per_class(filled, format_):
    project, images = filled
    [one, other] = project.categories.order_by("position").values_list("name", flat=True)[:2]

    found = flat(written(data_set(project, labels="soft"), format_), format_)

    share = {row["image_id"]: tuple(row[f"share.{name}"] for name in (one, other)) for row in found}
    empty = ("", "") if format_ != "parquet" else (None, None)
    value = str if format_ != "parquet" else float
    assert share[images["tied"].pk] == (value(0.5), value(0.5))
    assert share[images["agreed"].pk] == (value(1.0), value(0.0))
    assert share[images["accepted"].pk] == (value(0.0), value(1.0))
    assert share[images["unsure"].pk] == share[images["untouched"].pk] == share[images["undecidable"].pk] == empty
    marked = {row["image_id"] for row in found if row["source"] == "model"}
    assert marked == {images["accepted"].pk}


def test_every_judgement_has_a_row_with_its_author(filled):
    project, images = filled
    rows = flat(written(data_set(project, labels="all"), "parquet"), "parquet")

    assert [row["annotator"] for row in rows if row["image_id"] == images["tied"].pk] == ["ann", "bea"]
    unsure = next(row for row in rows if row["image_id"] == images["unsure"].pk)
    assert (unsure["answer"], unsure["labels"]) == ("cannot_tell", None)
    assert [row["annotator"] for row in rows if row["image_id"] == images["untouched"].pk] == [None]
    assert sum(row["annotator"] is not None for row in rows) == Label.objects.current().filter(project=project).count()


@pytest.mark.parametrize("format_", ["jsonl", "json"])
def test_json_tells_the_states_apart_and_has_shares_and_splits(filled, format_):
    project, images = filled
    split = {images["agreed"].pk: "train", images["other"].pk: "test"}
    whole = written(data_set(project, split=split, labels="soft"), format_)

    if format_ == "json":
        document = json.loads(whole)
        assert [one["name"] for one in document["classes"]] == [c.name for c in project.categories.order_by("position")]
        found = document["images"]
    else:
        found = [json.loads(line) for line in whole.splitlines()]
    by_id = {image["image"]: image for image in found}
    assert {kind: by_id[image.pk]["state"] for kind, image in images.items()} == {k: STATES[k] for k in images}
    assert [by_id[images[kind].pk]["split"] for kind in ("agreed", "other", "tied")] == ["train", "test", ""]
    assert sorted(by_id[images["tied"].pk]["shares"].values()) == [0.5, 0.5]
    assert by_id[images["accepted"].pk]["source"] == "model" and by_id[images["accepted"].pk]["labels"] == []


def test_a_retired_class_that_answers_name_is_a_class_of_the_file(filled):
    project, images = filled
    used, unused = project.categories.order_by("position")[0], project.categories.order_by("position")[2]
    for category in (used, unused):
        project_classes.change_category(
            category=category, by=project.memberships.get(role="lead").user, changes={"retired": True}
        )
    project.refresh_from_db()

    data = data_set(project)

    names = [one.name for one in data.classes]
    assert names[-1] == used.name and unused.name not in names
    rows = {row["image_id"]: row for row in flat(written(data, "parquet"), "parquet")}
    assert used.name in rows[images["agreed"].pk]["labels"]


def test_an_empty_json_is_one_still(project):
    assert json.loads(written(data_set(project), "json"))["images"] == []


def test_the_long_csv_tells_states_and_splits(filled):
    project, images = filled
    whole = written(data_set(project, split={images["agreed"].pk: "validation"}), "csv")

    rows = {int(row["image_id"]): row for row in csv.DictReader(io.StringIO(whole.decode()))}

    assert {kind: rows[images[kind].pk]["state"] for kind in images if kind != "untouched"} == {
        kind: STATES[kind] for kind in images if kind != "untouched"
    }
    assert images["untouched"].pk not in rows
    assert (rows[images["agreed"].pk]["split"], rows[images["tied"].pk]["split"]) == ("validation", "")
    assert (rows[images["accepted"].pk]["source"], rows[images["accepted"].pk]["annotator"]) == ("model", "")


def test_labels_come_back_in_as_they_went_out(filled, lena, ada, tmp_path):
    project, images = filled
    whole = written(data_set(project, labels="all", accepted=False), "labels-csv")
    path = tmp_path / "labels.csv"
    path.write_bytes(whole)
    target = make_project(
        lead=lena, task=project.task, categories=project.categories.values_list("name", flat=True)
    )  # fmt: skip
    for image in images.values():
        add_images(target, 1, name=image.name)

    rows = judgements.read(path, multi=project.is_multi)
    assert bring_labels(target, ada, rows).n_refused == 0

    def known(where) -> set[tuple]:
        current = Label.objects.current().filter(project=where).select_related("image")
        names = dict(where.categories.values_list("id", "name"))
        return {(one.image.name, one.answer, *sorted(names[pk] for pk in one.categories)) for one in current}

    assert known(target) == known(project) and len(known(project)) >= 4
    times = set(Label.objects.filter(project=target).values_list("created_at", flat=True))
    assert times == set(Label.objects.current().filter(project=project).values_list("created_at", flat=True))


def test_labels_of_the_outcome_say_whose_they_are(filled):
    project, images = filled
    rows = list(csv.DictReader(io.StringIO(written(data_set(project), "labels-csv").decode())))

    by = {row["file_name"]: row["annotator"] for row in rows}
    assert by[images["accepted"].name] == "model 1" and by[images["agreed"].name] == "consensus"
    assert images["tied"].name not in by
    assert {row["answer"] for row in rows if row["file_name"] == images["unsure"].name} == {"cannot_tell"}


@pytest.mark.filterwarnings("ignore")  # of the libraries that mlcroissant reads with
def test_croissant_is_valid_and_its_records_are_the_table(filled, tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant")
    # absl, which comes with it, takes what standard error is at that moment, a file of pytest's own, and would close it
    # when anybody configures logging anew: each later test of this process would fail.
    from absl import logging as absl_logging

    absl_logging.get_absl_handler().python_handler.stream = sys.__stderr__
    project, images = filled
    for name, content in unzipped(written(data_set(project), "croissant")).items():
        (tmp_path / name).write_bytes(content)

    described = mlcroissant.Dataset(jsonld=tmp_path / "croissant.json")

    assert not described.metadata.ctx.issues.errors
    records = {record["records/image_id"]: record for record in described.records("records")}
    assert set(records) == {image.pk for image in images.values()}
    assert records[images["unsure"].pk]["records/state"] == b"cannot_tell"
    assert records[images["accepted"].pk]["records/source"] == b"model"
    assert [record["classes/name"] for record in described.records("classes")] == [
        category.name for category in project.categories.order_by("position")
    ]


def test_a_data_card_answers_what_is_known_and_says_what_is_not(filled):
    project, _images = filled
    card = written(data_set(project), "datacard").decode()

    assert all(f"**{question.text}**" in card for question in QUESTIONS)
    assert card.count("*not answered*") > 10
    assert "1 the votes are tied" in card and "1 nobody could tell" in card and "1 not yet labeled" in card
    assert "1 by model 1" in card
    assert ("*verified none* | 1 |" in card) is project.is_multi


def test_what_a_lead_wrote_stands_in_the_card_and_cannot_break_it(project):
    data = data_set(project)
    release = {"number": 3, "name": "# big\n<b>", "card": {"license": "CC BY 4.0"}, "by": "lena", "checksum": "ab"}
    project.categories.filter(name="cat").update(description="a | b\n# c")

    object.__setattr__(data, "release", release)
    card = written(data, "datacard").decode()

    assert "CC BY 4.0" in card and "Release 3: big &lt;b>." in card
    assert "\n# " not in card


@pytest.mark.parametrize(
    ("format_", "wanted"),
    [
        ("cvat", {"labels": "all"}), ("yolo", {"labels": "soft"}), ("imagefolder", {"labels": "all"}),
        ("labelstudio", {"labels": "soft"}), ("parquet", {"images": True}), ("datacard", {"images": True}),
        ("webdataset", {"images": False}), ("imagefolder", {"images": False}),
    ],
)  # fmt: skip
def test_what_a_format_cannot_hold_is_refused_with_a_sentence(project, format_, wanted):
    with pytest.raises(NotPossibleNow) as refused:
        releases.as_file(data_set(project, **wanted), format_)
    assert str(refused.value).startswith(str(WRITERS[format_].TITLE))
    assert list(refused.value.fields) == list(wanted)
