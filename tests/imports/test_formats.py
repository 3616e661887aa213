"""Each format of others comes in from a tiny file that is built as its specification says."""

import io
import json

import pytest
from django.contrib.auth import get_user_model

from labeler.models import Image, Label
from tests.helpers.factories import make_project
from tests.helpers.importing import CVAT, bring_in, pictures, reasons, tarred, task, zipped

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"


def labels(project):
    """(image, person, classes) of every current judgement, by name."""
    names = dict(project.categories.values_list("pk", "name"))
    rows = Label.objects.filter(project=project, superseded_at=None).order_by("image__name", "annotator__username")
    return [(row.image.name, row.annotator.get_username(), [names[pk] for pk in row.categories]) for row in rows]


def said(image: Image) -> dict[str, object]:
    """The metadata that a file says of an image, without what the product notes of every file."""
    return {key: value for key, value in image.metadata.items() if not key.startswith(("file.", "exif."))}


def splits(project):
    return dict(Image.objects.filter(project=project).values_list("name", "split"))


def test_an_imagefolder_gives_classes_and_splits_and_one_source_is_their_author(project, lena, tmp_path):
    files = pictures("set/train/cat/1.jpg", "set/train/dog/2.jpg", "set/valid/cat/3.jpg", "set/test/dog/4.jpg")
    result = bring_in(project, lena, zipped(tmp_path / "a.zip", files))
    assert (result["format"], result["added"], result["labels_added"], result["refused"]) == ("imagefolder", 4, 4, [])
    assert labels(project)[0] == ("set/test/dog/4.jpg", "imagefolder", ["dog"])
    assert set(splits(project).values()) == {"train", "validation", "test"}
    assert splits(project)["set/valid/cat/3.jpg"] == "validation"
    assert not get_user_model().objects.get(username="imagefolder").has_usable_password()


def test_folders_that_are_no_classes_of_the_project_are_folders(project, lena, tmp_path):
    files = pictures("2024/may/1.jpg", "2024/june/2.jpg")
    result = bring_in(project, lena, zipped(tmp_path / "a.zip", files))
    assert (result["added"], result.get("format"), Label.objects.count()) == (2, None, 0)


def test_an_imagefolder_that_is_named_so_may_bring_new_classes(project, lena, tmp_path):
    files = pictures("cat/1.jpg", "owl/2.jpg", "owl/deep/3.jpg")
    path = zipped(tmp_path / "a.zip", files)
    refused = bring_in(project, lena, path, format="imagefolder")
    assert (refused["added"], refused["labels_added"]) == (3, 1)
    assert reasons(refused)[0] == ("owl/2.jpg", None, "This project has no class “owl”.")
    made = bring_in(project, lena, path, format="imagefolder", new_categories="make")
    assert (made["added"], made["duplicates"], made["labels_added"]) == (0, 3, 2)
    assert project.categories.filter(name="owl").exists()


def test_yolo_classification_needs_its_splits(project, lena, tmp_path):
    files = pictures("root/train/cat/1.jpg", "root/val/dog/2.jpg")
    result = bring_in(project, lena, zipped(tmp_path / "a.zip", files), format="yolo")
    assert (result["labels_added"], set(splits(project).values())) == (2, {"train", "validation"})
    result = bring_in(project, lena, zipped(tmp_path / "b.zip", pictures("cat/5.jpg", "dog/6.jpg")), format="yolo")
    assert reasons(result)[0] == ("cat/5.jpg", None, "It lies in none of the folders train, val and test.")


def test_a_manifest_in_an_archive_brings_all_that_it_says(project, lena, tmp_path):
    table = (
        "file_name,label,annotator,split,external_id,metadata.camera,year\n"
        "img/a.jpg,cat,zoe,val,x-1,Canon,2024\nb.jpg,dog,yan,train,x-2,,\n"
    )
    files = {"manifest.csv": "\ufeff" + table, **pictures("img/a.jpg", "img/b.jpg", "img/c.jpg")}
    result = bring_in(project, lena, zipped(tmp_path / "a.zip", files), labels_as={"people": "annotator"})
    assert (result["format"], result["added"], result["labels_added"], result["refused"]) == ("csv", 2, 2, [])
    assert labels(project) == [("img/a.jpg", "zoe", ["cat"]), ("img/b.jpg", "yan", ["dog"])]
    image = Image.objects.get(name="img/a.jpg")
    assert (image.split, image.external_id, said(image)) == ("validation", "x-1", {"camera": "Canon", "year": 2024})


def test_a_manifest_alone_is_about_the_images_of_the_project(lena, tmp_path):
    project = make_project(lead=lena, task="multi")
    bring_in(project, lena, zipped(tmp_path / "a.zip", pictures("in/a.jpg", "in/b.jpg")))
    lines = [
        {"file_name": "a.jpg", "label": ["cat", "dog"], "metadata": {"place": "Ulm"}, "split": "test"},
        {"sha256": Image.objects.get(name="in/b.jpg").sha256, "label": "fox|dog"},
        {"file_name": "c.jpg", "label": "fox"},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    result = bring_in(project, lena, path)
    assert (result["format"], result["labels_added"]) == ("jsonl", 2)
    assert reasons(result) == [("c.jpg", 3, "This project has no image of that name.")]
    assert labels(project) == [("in/a.jpg", "jsonl", ["cat", "dog"]), ("in/b.jpg", "jsonl", ["dog", "fox"])]
    assert said(Image.objects.get(name="in/a.jpg")) == {"place": "Ulm"}


def test_label_studio_names_people_in_two_ways(project, lena, tmp_path):
    tasks = [
        task("/data/upload/1/0a1b2c3d-a.jpg", "cat", by=12, ref="r1"),
        task("s3://bucket/deep/b.jpg", "dog", by={"id": 4, "email": "zoe@example.org", "first_name": "Zoe"}),
        task("/data/local-files/?d=x%2Fc.jpg", predicted=("cat", 0.9)),
    ]
    skipped = task("d.jpg", "cat")
    skipped["annotations"][0]["was_cancelled"] = True
    files = {"export.json": [*tasks, skipped], **pictures("i/a.jpg", "i/b.jpg", "i/c.jpg", "i/d.jpg")}
    path = zipped(tmp_path / "ls.zip", files)
    result = bring_in(project, lena, path, labels_as={"people": "completed_by"})
    assert (result["format"], result["added"], result["labels_added"]) == ("labelstudio", 4, 2)
    assert labels(project) == [("i/a.jpg", "12", ["cat"]), ("i/b.jpg", "zoe@example.org", ["dog"])]
    label = Label.objects.get(image__name="i/a.jpg")
    assert (label.seconds, label.created_at.isoformat()) == (4.25, "2026-01-05T10:00:00+00:00")
    assert said(Image.objects.get(name="i/a.jpg")) == {"ref": "r1"}
    assert (result["found"]["predictions"], result["predictions_added"], reasons(result)) == (1, 1, [])


def test_cvat_tags_are_those_of_one_source(project, lena, tmp_path):
    images = (
        '<image id="0" name="s/a.jpg" width="64" height="48" subset="Train"><tag label="cat" source="manual">'
        '<attribute name="k">v</attribute></tag></image>'
        '<image id="1" name="b.jpg" width="64" height="48"><tag label="dog" source="auto"/>'
        '<box label="cat" xtl="1" ytl="1" xbr="2" ybr="2"/></image>'
    )
    files = {"annotations.xml": CVAT.format(images=images), **pictures("images/s/a.jpg", "images/b.jpg")}
    result = bring_in(project, lena, zipped(tmp_path / "c.zip", files))
    assert (result["format"], result["added"], result["labels_added"]) == ("cvat", 2, 1)
    assert labels(project) == [("images/s/a.jpg", "cvat", ["cat"])]
    assert splits(project)["images/s/a.jpg"] == "train"
    assert ("images/b.jpg", 2, "1 shape is left out: only tags are read.") in reasons(result)


def test_hugging_faces_metadata_names_the_label(project, lena, tmp_path):
    files = {
        "train/metadata.jsonl": '{"file_name": "x/1.jpg", "label": "cat", "text": "a cat"}\n',
        "validation/metadata.csv": "file_name,label\n2.jpg,dog\n",
        **pictures("train/x/1.jpg", "validation/2.jpg", "train/3.jpg"),
    }
    result = bring_in(project, lena, zipped(tmp_path / "h.zip", files))
    assert (result["format"], result["added"], result["labels_added"]) == ("huggingface", 3, 2)
    assert splits(project) == {"train/x/1.jpg": "train", "validation/2.jpg": "validation", "train/3.jpg": "train"}
    assert said(Image.objects.get(name="train/x/1.jpg")) == {"text": "a cat"}


def test_parquet_brings_its_images_and_names_of_classes(project, lena, tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    images = [{"bytes": content, "path": name} for name, content in pictures("a.jpg", "b.jpg").items()]
    features = {"image": {"_type": "Image"}, "label": {"names": ["dog", "cat"], "_type": "ClassLabel"}}
    table = pa.table({"image": images, "label": [1, 0], "weight": [0.5, 2.0]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    written = io.BytesIO()
    pq.write_table(table, written)
    files = {"data/test-00000-of-00001.parquet": written.getvalue()}
    result = bring_in(project, lena, zipped(tmp_path / "p.zip", files))
    assert (result["format"], result["added"], result["labels_added"]) == ("huggingface", 2, 2)
    assert labels(project) == [("a.jpg", "huggingface", ["cat"]), ("b.jpg", "huggingface", ["dog"])]
    assert set(splits(project).values()) == {"test"}
    alone = tmp_path / "train.parquet"
    alone.write_bytes(written.getvalue())
    assert bring_in(project, lena, alone)["duplicates"] == 2


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_webdataset_samples_have_a_class_and_a_description(project, lena, tmp_path, mode):
    first, second, third = pictures("a", "b", "c").values()
    files = {
        "000001.jpg": first, "000001.cls": "1", "000001.json": {"camera": "Canon"},
        "000002.jpg": second, "000002.json": {"label": "fox", "split": "test"},
        "000003.jpg": third, "000003.cls": "7", "classes.txt": "dog\ncat\n", "000004.cls": "1",
    }  # fmt: skip
    result = bring_in(project, lena, tarred(tmp_path / "train-000000.tar", files, mode))
    assert (result["format"], result["added"], result["labels_added"]) == ("webdataset", 3, 2)
    assert labels(project) == [("000001.jpg", "webdataset", ["cat"]), ("000002.jpg", "webdataset", ["fox"])]
    assert splits(project) == {"000001.jpg": "train", "000002.jpg": "test", "000003.jpg": "train"}
    assert sorted(reasons(result)) == [
        ("000003.jpg", None, "This project has no class “7”."),
        ("000004.cls", None, "There is no image of this sample."),
    ]  # fmt: skip
