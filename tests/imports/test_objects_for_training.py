"""Drawn objects for training frameworks: image folders with a manifest, Hugging Face and WebDataset, read by their own
readers where they are there.
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile

import pytest

from labeler.labeling import object_rows
from labeler.models import Label
from labeler.releases import export
from labeler.releases.preparation import parse
from tests.helpers.factories import make_project
from tests.helpers.importing import bring_in, pictures, zipped

pytestmark = pytest.mark.django_db

KING, PAWN = 0, 1  # in the order of the classes
BOXES = [{"category": "pawn", "box": [4, 6, 16, 20]}, {"category": "king", "box": [30, 30, 10, 8]}]
OUTLINE = {"category": "pawn", "polygon": [[4, 6, 20, 6, 20, 26, 4, 26], [8, 10, 8, 20, 14, 20, 14, 10]]}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"


def project_with(lena, tmp_path, task, objects, people=("zoe",)):
    """Three images of 64 x 48: one with these objects, one on which nothing is, one that nobody looked at."""
    project = make_project(lead=lena, task=task, categories=("king", "pawn"))
    rows = [
        {"file_name": name, "annotator": person, "objects": drawn}
        for person in people
        for name, drawn in (("a.png", objects), ("b.png", []))
    ]
    files = {"manifest.jsonl": "\n".join(map(json.dumps, rows)), **pictures("a.png", "b.png")}
    bring_in(project, lena, zipped(tmp_path / "in.zip", files), labels_as={"people": "annotator"})
    bring_in(project, lena, zipped(tmp_path / "c.zip", pictures("a.png", "b.png", "c.png")))
    return project


def members(project, format_, **wanted):
    with zipfile.ZipFile(io.BytesIO(b"".join(export(project, format_, **wanted).chunks))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_image_folders_have_a_manifest_with_boxes_and_classes_by_index(lena, tmp_path):
    project = project_with(lena, tmp_path, "boxes", BOXES)

    found = members(project, "imagefolder")

    first, second = (json.loads(line) for line in found["root/metadata.jsonl"].splitlines())
    assert first["objects"]["bbox"] == [[4, 6, 16, 20], [30, 30, 10, 8]]
    assert first["objects"]["categories"] == [PAWN, KING]
    assert (first["width"], first["height"]) == (64, 48) and f"root/{first['file_name']}" in found
    assert second["objects"] == {"bbox": [], "categories": [], "details": []}  # nothing is there, and somebody says so
    classes = json.loads(found["classes.json"])["classes"]
    assert [(one["index"], one["class"], one["images"]) for one in classes] == [(0, "king", 1), (1, "pawn", 1)]
    assert b"c.png" in found["left_out.csv"]


def test_outlines_have_bounds_and_go_out_whole(lena, tmp_path):
    project = project_with(lena, tmp_path, "polygons", [OUTLINE])

    found = members(project, "imagefolder")["root/metadata.jsonl"].splitlines()[0]

    objects = json.loads(found)["objects"]
    assert objects["bbox"] == [[4, 6, 16, 20]]
    assert json.loads(objects["details"][0])["polygon"] == OUTLINE["polygon"]


def test_objects_move_along_with_cut_and_scaled_pictures(lena, tmp_path):
    project = project_with(lena, tmp_path, "boxes", BOXES)
    # The left half of 64 × 48, doubled: 64 × 96. The second box is cut at x 32 of 30 to 40.
    how = parse({"crop": (0, 0, 0.5, 1), "width": 64, "height": 96, "way": "stretch"})

    line = members(project, "imagefolder", preparation=how)["root/metadata.jsonl"].splitlines()[0]
    shards = members(project, "webdataset", preparation=how)["shards/train-000000.tar"]

    assert json.loads(line)["objects"]["bbox"] == [[8, 12, 32, 40], [60, 60, 4, 16]]
    about = samples(shards)[0]
    assert [one["box"] for one in about["objects"]] == [[8, 12, 32, 40], [60, 60, 4, 16]]
    assert (about["width"], about["height"]) == (64, 96)


def samples(shard):
    with tarfile.open(fileobj=io.BytesIO(shard)) as tar:
        return [json.loads(tar.extractfile(name).read()) for name in sorted(tar.getnames()) if name.endswith(".json")]


def test_webdataset_has_objects_and_every_judgement(lena, tmp_path):
    project = project_with(lena, tmp_path, "masks", [OUTLINE], people=("zoe", "yan"))

    first, second = samples(members(project, "webdataset", labels="all")["shards/train-000000.tar"])

    # Two who drew the same: their polygons become one, with both behind it.
    [agreed] = first["objects"]
    assert (agreed["category"], agreed["n"], agreed["asked"]) == ("pawn", 2, 2)
    assert {one["annotator"]: one["objects"][0]["polygon"] for one in first["annotations"]} == {
        "zoe": OUTLINE["polygon"], "yan": OUTLINE["polygon"],
    }  # fmt: skip
    assert second["objects"] == [] and "label" not in first


@pytest.mark.parametrize("wanted", [{}, {"labels": "all"}, {"images": False}])
def test_datasets_reads_the_objects(lena, tmp_path, wanted, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    project = project_with(lena, tmp_path, "boxes", BOXES)
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(io.BytesIO(b"".join(export(project, "huggingface", **wanted).chunks))) as archive:
        archive.extractall(folder)

    found = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))["train"]

    assert found.features["objects"]["categories"].feature.names == ["king", "pawn"]
    first, second = found
    assert first["objects"]["bbox"] == [[4, 6, 16, 20], [30, 30, 10, 8]]
    assert first["objects"]["categories"] == [PAWN, KING] and second["objects"]["bbox"] == []
    if "images" not in wanted:
        assert first["image"].size == (64, 48)
    if wanted.get("labels") == "all":
        assert first["annotations"][0]["objects"]["categories"] == [PAWN, KING]


def test_imagefolder_of_datasets_reads_the_manifest(lena, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "unpacked"
    for name, content in members(project_with(lena, tmp_path, "boxes", BOXES), "imagefolder").items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    found = datasets.load_dataset("imagefolder", data_dir=str(folder / "root"), cache_dir=str(tmp_path / "cache"))

    first, _second = found["train"]
    assert first["image"].size == (64, 48) and first["objects"]["bbox"] == [[4, 6, 16, 20], [30, 30, 10, 8]]


def objects_of(project):
    """By the image's bytes: its objects as REST shows them, without numbers."""
    names = dict(project.categories.values_list("pk", "name"))
    found = {}
    for label in Label.objects.current().filter(project=project).select_related("image"):
        drawn = object_rows.read([label.pk])[label.pk]
        found[label.image.sha256] = [(names[one.category], one.shape) for one in drawn]
    return found


@pytest.mark.parametrize(("task", "objects"), [("boxes", BOXES), ("masks", [OUTLINE]), ("polygons", [OUTLINE])])
@pytest.mark.parametrize("format_", ["webdataset", "huggingface", "imagefolder"])
def test_objects_come_back_as_they_went_out(lena, tmp_path, format_, task, objects):
    project = project_with(lena, tmp_path, task, objects)
    made = export(project, format_)
    path = tmp_path / made.file_name
    path.write_bytes(b"".join(made.chunks))
    again = make_project(lead=lena, name="again", task=task, categories=("king", "pawn"))

    result = bring_in(again, lena, path, labels_as={"source": "zoe"})

    assert (result["labels_added"], result["refused"]) == (2, [])
    assert objects_of(again) == objects_of(project)
    assert sorted(map(len, objects_of(again).values())) == [0, len(objects)]
    assert bring_in(again, lena, path, labels_as={"source": "zoe"})["labels_added"] == 0


def test_boxes_of_a_foreign_data_set_have_their_classes_by_number(lena, tmp_path):
    """As the manual of `datasets` shows it for object detection; in Parquet the names stand in the schema."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    project = make_project(lead=lena, task="boxes", categories=("king", "pawn"))
    (picture,) = pictures("a.png").values()
    classes = {"feature": {"names": ["pawn", "king"], "_type": "ClassLabel"}, "_type": "List"}
    features = {"image": {"_type": "Image"}, "objects": {"bbox": {"_type": "List"}, "categories": classes}}
    table = pa.Table.from_pylist([
        {"image": {"bytes": picture, "path": "a.png"},
         "objects": {"bbox": [[4.0, 6.0, 16.0, 20.0], [30.0, 30.0, 10.0, 8.0]], "categories": [0, 1]}},
    ])  # fmt: skip
    schema = table.schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path = tmp_path / "train.parquet"
    pq.write_table(table.cast(schema), path)

    result = bring_in(project, lena, path, labels_as={"source": "zoe"})

    assert (result["labels_added"], result["objects_added"], result["refused"]) == (1, 2, [])
    [drawn] = objects_of(project).values()
    assert [(name, shape["box"]) for name, shape in drawn] == [(one["category"], one["box"]) for one in BOXES]


@pytest.mark.parametrize(
    "objects", [{"bbox": [[4, 6, 16, 20]]}, {"bbox": [[4, 6, 16, 20]], "categories": []}, {"count": 3}]
)
def test_columns_that_are_no_objects_are_no_answer(lena, tmp_path, objects):
    project = make_project(lead=lena, task="boxes", categories=("king", "pawn"))
    files = {"metadata.jsonl": json.dumps({"file_name": "a.png", "objects": objects}), **pictures("a.png")}

    result = bring_in(project, lena, zipped(tmp_path / "in.zip", files), labels_as={"source": "zoe"})

    assert (result["labels_added"], result["added"]) == (0, 1)
    assert "objects needs two lists of the same length, bbox and categories." in json.dumps(result)


def test_the_bounds_beside_an_outline_are_no_second_shape(lena, tmp_path):
    project = make_project(lead=lena, task="polygons", categories=("king", "pawn"))
    drawn = {**OUTLINE, "bbox": [4, 6, 16, 20]}
    files = {"manifest.jsonl": json.dumps({"file_name": "a.png", "objects": [drawn]}), **pictures("a.png")}

    result = bring_in(project, lena, zipped(tmp_path / "in.zip", files), labels_as={"source": "zoe"})

    assert (result["objects_added"], result["refused"]) == (1, [])
