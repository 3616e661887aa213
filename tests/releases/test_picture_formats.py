"""Formats with pictures in them: read as their readers do, and nothing in them says where a picture was taken."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from xml.etree import ElementTree

import pytest
from PIL import Image as Pixels

from labeler import releases
from labeler.errors import NotPossibleNow
from labeler.releases import previews
from labeler.releases.formats import huggingface, webdataset
from labeler.releases.preparation import OVER, Preparation
from tests.helpers.data_sets import GPS, SIDEWAYS, data_set, fill, unzipped, written

pytestmark = pytest.mark.django_db

LEFT = {"tied": "tie", "unsure": "cannot_tell", "untouched": "unlabeled", "undecidable": "undecidable"}


@pytest.fixture(params=["single", "multi"])
def filled(request, project, multi_project, ann, bea, rev, settings, tmp_path):
    """A project of each kind with an image in each state, by name."""
    settings.MEDIA_DIR = tmp_path / "media"
    chosen = multi_project if request.param == "multi" else project
    return chosen, fill(chosen, (ann, bea), rev)


@pytest.fixture
def single(project, ann, bea, rev, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    return project, fill(project, (ann, bea), rev)


def pictures(members: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in members.items() if name.endswith((".jpg", ".png", ".webp"))}


def assert_clean(content: bytes) -> None:
    """Turned as it was, and nothing said of where and by whom."""
    with Pixels.open(io.BytesIO(content)) as image:
        exif = image.getexif()
        image.load()
    assert (exif.get(0x0112), dict(exif.get_ifd(GPS)), set(exif) - {0x0112}) == (SIDEWAYS, {}, set())


def left_out(members: dict[str, bytes]) -> dict[int, str]:
    rows = csv.DictReader(io.StringIO(members["left_out.csv"].decode()))
    return {int(row["image_id"]): row["state"] for row in rows}


def left_of(images) -> dict[int, str]:
    return {images[kind].pk: state for kind, state in LEFT.items()}


def test_folders_of_classes_hold_clean_pictures_and_mark_the_models(single):
    project, images = single
    members = unzipped(written(data_set(project), "imagefolder"))

    found = pictures(members)
    assert sorted(name.split("/")[1] for name in found) == ["cat", "dog", "dog"]
    [marked] = [name for name in found if ".model1." in name]
    assert f"-{images['accepted'].pk}." in marked
    for content in found.values():
        assert_clean(content)
    assert left_out(members) == left_of(images)


def test_what_model_fills_is_in_no_folder_unless_asked_for_and_then_marked(single):
    project, images = single
    members = unzipped(written(data_set(project, accepted=False), "imagefolder"))

    assert left_out(members)[images["accepted"].pk] == "unlabeled"
    assert not any("model" in name for name in members)


def test_place_and_person_stay_where_they_are_asked_for(single):
    project, _images = single
    members = unzipped(written(data_set(project, location=True), "imagefolder"))

    assert all(b"Jane Roe" in content for content in pictures(members).values())


def test_splits_are_folders_above_the_classes(single):
    project, images = single
    split = {images["agreed"].pk: "train", images["other"].pk: "validation"}

    members = unzipped(written(data_set(project, split=split), "imagefolder"))
    assert sorted({name.rpartition("/")[0] for name in pictures(members)}) == [
        "root/train/cat", "root/unassigned/dog", "root/validation/dog",
    ]  # fmt: skip
    members = unzipped(written(data_set(project, split=split, accepted=False), "yolo"))
    assert sorted({name.rpartition("/")[0] for name in pictures(members)}) == ["train/cat", "val/dog"]
    members = unzipped(written(data_set(project), "yolo"))
    assert sorted({name.rpartition("/")[0] for name in pictures(members)}) == ["train/cat", "train/dog"]
    assert left_out(members) == left_of(images)


def test_images_of_several_classes_lie_once_beside_a_manifest(multi_project, ann, bea, rev, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    images = fill(multi_project, (ann, bea), rev)
    split = {image.pk: "train" for image in images.values()} | {images["empty"].pk: "test"}

    members = unzipped(written(data_set(multi_project, split=split), "imagefolder"))

    train = [json.loads(line) for line in members["root/train/metadata.jsonl"].splitlines()]
    assert {line["image_id"]: line["labels"] for line in train} == {
        images["agreed"].pk: ["sky"], images["other"].pk: ["sea"], images["accepted"].pk: ["sea"],
    }  # fmt: skip
    assert {line["image_id"]: (line["source"], line["model"]) for line in train}[images["accepted"].pk] == ("model", 1)
    [test] = [json.loads(line) for line in members["root/test/metadata.jsonl"].splitlines()]
    assert (test["labels"], f"root/test/{test['file_name']}" in members) == ([], True)
    assert all(f"root/train/{line['file_name']}" in members for line in train)
    assert left_out(members) == left_of(images)


def test_webdataset_shards_are_tars_of_whole_samples(filled, monkeypatch):
    project, images = filled
    monkeypatch.setattr(webdataset, "SHARD_BYTES", 1)  # a sample in each
    members = unzipped(written(data_set(project, labels="soft"), "webdataset"))

    shards = sorted(name for name in members if name.endswith(".tar"))
    assert shards == [f"shards/train-{n:06}.tar" for n in range(len(shards))]
    samples: dict[str, dict[str, bytes]] = {}
    for shard in shards:
        with tarfile.open(fileobj=io.BytesIO(members[shard])) as tar:
            for entry in tar:
                key, _, extension = entry.name.partition(".")
                samples.setdefault(key, {})[extension] = tar.extractfile(entry).read()
    classes = [one["class"] for one in json.loads(members["classes.json"])["classes"]]
    for sample in samples.values():
        about = json.loads(sample["json"])
        [kind] = set(sample) - {"json", "cls"}
        assert_clean(sample[kind])
        if project.is_multi:
            assert "cls" not in sample and about["labels"] in ([], ["sky"], ["sea"])
        else:
            assert classes[int(sample["cls"])] == about["label"]
    about = json.loads(samples[f"{images['accepted'].pk:012}"]["json"])
    assert (about["source"], about["model"]) == ("model", 1)
    assert len(samples) == len(shards) == (4 if project.is_multi else 3)
    assert left_out(members) == left_of(images)


def test_webdataset_reads_its_own_format(single, tmp_path):
    wds = pytest.importorskip("webdataset")
    project, _images = single
    members = unzipped(written(data_set(project), "webdataset"))
    path = tmp_path / "train-000000.tar"
    path.write_bytes(members["shards/train-000000.tar"])

    # Its shell opener is for addresses; a plain file is opened as it is.
    samples = list(wds.WebDataset(str(path), shardshuffle=False, empty_check=False).decode())

    assert sorted(sample["cls"] for sample in samples) == [0, 1, 1]
    assert {sample["json"]["label"] for sample in samples} == {"cat", "dog"}


@pytest.mark.parametrize("with_images", [False, True])
def test_label_studio_tasks_have_annotations_of_people_and_predictions_of_models(filled, with_images):
    project, images = filled
    members = unzipped(written(data_set(project, images=with_images), "labelstudio"))

    config = ElementTree.fromstring(members["label_config.xml"])
    assert config.find("Choices").get("choice") == ("multiple" if project.is_multi else "single")
    names = [choice.get("value") for choice in config.iter("Choice")]
    assert names == list(project.categories.order_by("position").values_list("name", flat=True))
    tasks = {task["data"]["image_id"]: task for task in json.loads(members["tasks.json"])}
    assert len(tasks) == len(images)
    assert all(task["id"] == pk for pk, task in tasks.items()), "Label Studio's converter stops without one"
    [annotation] = tasks[images["agreed"].pk]["annotations"]
    assert annotation["result"][0]["value"]["choices"] == [names[0]]
    assert annotation["result"][0]["from_name"] == config.find("Choices").get("name")
    accepted = tasks[images["accepted"].pk]
    assert accepted["annotations"] == [] and accepted["data"]["source"] == "model"
    assert (accepted["predictions"][0]["model_version"], accepted["predictions"][0]["score"]) == ("model 1", 0.9)
    assert [one["was_cancelled"] for one in tasks[images["unsure"].pk]["annotations"]] == [True]
    assert tasks[images["untouched"].pk]["annotations"] == [] == tasks[images["tied"].pk]["annotations"]
    if project.is_multi:
        assert tasks[images["empty"].pk]["annotations"][0]["result"] == []
    assert len(pictures(members)) == (len(images) if with_images else 0)
    for content in pictures(members).values():
        assert_clean(content)


def test_label_studio_has_each_judgement_with_its_author(filled):
    project, images = filled
    members = unzipped(written(data_set(project, labels="all"), "labelstudio"))

    tasks = {task["data"]["image_id"]: task for task in json.loads(members["tasks.json"])}
    assert [one["annotator"] for one in tasks[images["tied"].pk]["annotations"]] == ["ann", "bea"]
    ids = [one["id"] for task in tasks.values() for key in ("annotations", "predictions")
           for row in task[key] for one in row["result"]]  # fmt: skip
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("with_images", [False, True])
def test_cvat_has_a_tag_for_each_class(filled, with_images):
    project, images = filled
    project.categories.filter(position=2).update(name='"<&>\x01')
    members = unzipped(written(data_set(project, images=with_images), "cvat"))

    root = ElementTree.fromstring(members["annotations.xml"])
    assert root.findtext("version") == "1.1"
    assert [one.findtext("type") for one in root.iter("label")] == ["tag"] * 3
    found = {image.get("name"): image for image in root.iter("image")}
    assert int(root.findtext("meta/task/size")) == len(found) == (4 if project.is_multi else 3)
    tags = sorted(tuple((tag.get("label"), tag.get("source")) for tag in image.iter("tag")) for image in found.values())
    one, other = project.categories.order_by("position").values_list("name", flat=True)[:2]
    expected = [((one, "manual"),), ((other, "auto"),), ((other, "manual"),)]
    assert tags == sorted([*expected, ()] if project.is_multi else expected)
    assert left_out(members) == left_of(images)
    if with_images:
        assert {f"images/{name}" for name in found} == set(pictures(members))
    else:
        assert images["agreed"].name in found


def test_prepared_pictures_have_copies_figures_and_a_sampling_list(single):
    project, images = single
    how = Preparation(width=32, height=32, way="fill", file_format="png", copies=1, sampling=OVER)
    split = {images["agreed"].pk: "train", images["other"].pk: "train", images["accepted"].pk: "test"}

    members = unzipped(written(data_set(project, split=split, preparation=how), "imagefolder"))

    found = pictures(members)
    sizes = {Pixels.open(io.BytesIO(content)).size for content in found.values()}
    assert sizes == {(32, 32)} and all(name.endswith(".png") for name in found)
    assert sum("-copy1" in name for name in found) == 2  # of the training images alone
    report = json.loads(members["preparation.json"])
    assert report["training_images"]["images"] == 4 and len(report["training_images"]["mean"]) == 3
    listed = members["sampling.txt"].decode().splitlines()
    assert len(listed) == 4 and set(listed) <= set(found)


def test_an_unreadable_or_missing_file_stops_nothing(single, settings):
    project, images = single
    from labeler.intake.images import media_store

    agreed, other = images["agreed"], images["other"]
    media_store().original_path(agreed.sha256, agreed.extension).unlink()
    media_store().original_path(other.sha256, other.extension).write_bytes(b"broken")

    members = unzipped(written(data_set(project, accepted=False), "imagefolder"))

    listed = json.loads(members["classes.json"])
    assert {row["image"] for row in listed["missing_files"]} == {agreed.pk, other.pk}
    assert pictures(members) == {}


def test_nothing_to_file_is_said_before_a_file_is_begun(project):
    for format_ in ("imagefolder", "yolo", "cvat", "webdataset", "huggingface"):
        with pytest.raises(NotPossibleNow, match="labeled yet"):
            releases.as_file(data_set(project), format_)


# ---------------------------------------------------------------- Hugging Face: importing its reader takes seconds


def loaded(data, tmp_path, monkeypatch):
    """What load_dataset makes of the unpacked file."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "data set"
    for name, content in (members := unzipped(written(data, "huggingface"))).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    found = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    return members, found


@pytest.mark.filterwarnings("ignore")
def test_hugging_face_loads_pictures_and_classes(filled, tmp_path, monkeypatch):
    project, images = filled
    monkeypatch.setattr(huggingface, "SHARD_BYTES", 2000)
    monkeypatch.setattr(huggingface, "GROUP_ROWS", 1)
    split = {image.pk: "train" for image in images.values()} | {images["other"].pk: "test"}

    members, found = loaded(data_set(project, split=split), tmp_path, monkeypatch)

    shards = sorted(name for name in members if name.startswith("data/train"))
    assert len(shards) > 1 and shards[0] == f"data/train-00000-of-{len(shards):05}.parquet"
    rows = {row["image_id"]: row for row in found["train"]}
    names = list(project.categories.order_by("position").values_list("name", flat=True))
    label = found["train"].features["labels"].feature if project.is_multi else found["train"].features["label"]
    assert label.names == names
    key, value = ("labels", [0]) if project.is_multi else ("label", 0)
    assert rows[images["agreed"].pk][key] == value
    assert rows[images["accepted"].pk]["source"] == "model"
    assert rows[images["agreed"].pk]["image"].size in ((48, 64), (64, 48))
    assert [row["image_id"] for row in found["test"]] == [images["other"].pk]
    if project.is_multi:
        assert rows[images["empty"].pk]["labels"] == []
    assert left_out(members) == left_of(images)
    assert not any(b"Jane Roe" in content for content in members.values())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("labels", ["all", "soft"])
def test_hugging_face_has_judgements_and_shares(filled, tmp_path, monkeypatch, labels):
    project, images = filled

    _members, found = loaded(data_set(project, labels=labels, images=False), tmp_path, monkeypatch)

    rows = {row["image_id"]: row for row in found["train"]}
    tied = rows[images["tied"].pk]
    if labels == "soft":
        assert tied["shares"] == [0.5, 0.5, 0.0]
    else:
        assert [one["annotator"] for one in tied["annotations"]] == ["ann", "bea"]
        key, values = ("labels", [[0], [1]]) if project.is_multi else ("label", [0, 1])
        assert [one[key] for one in tied["annotations"]] == values
        assert rows[images["unsure"].pk]["annotations"][0]["answer"] == "cannot_tell"
    assert "image" not in found["train"].features


def test_six_pictures_of_a_project_are_shown_before_anything_is_exported(single):
    project, images = single
    from labeler.intake.images import media_store

    lost, broken = images["agreed"], images["tied"]
    media_store().original_path(lost.sha256, lost.extension).unlink()
    media_store().original_path(broken.sha256, broken.extension).write_bytes(b"broken")

    found = previews.of_project(project, Preparation(width=20, height=10, way="stretch", grey=True, copies=1))

    there = sorted({image.pk: image.name for image in images.values() if image not in (lost, broken)}.items())
    assert [one.name for one in found] == [name for _pk, name in there][:6]
    for one in found:
        assert (one.made.width, one.made.height, one.made.extension) == (20, 10, "jpg")
        assert b"Jane Roe" not in one.made.content
    large = previews.of_project(project, Preparation(width=500, height=400, way="stretch"))[0].made
    assert (large.width, large.height) == (320, 256)
