"""What is drawn goes out in every format and comes back the same, pixel by pixel; read by others' rules in between."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image as Picture
from pycocotools import mask as pycoco

from labeler.errors import NotPossibleNow
from labeler.geometry import masks
from labeler.labeling import object_rows
from labeler.models import Image, Label
from labeler.releases import export
from tests.helpers.factories import make_project
from tests.helpers.importing import bring_in, pictures, zipped

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]

SQUARE = [4, 6, 20, 6, 20, 26, 4, 26]
HOLE = [8, 10, 8, 20, 14, 20, 14, 10]
PART = [30, 30, 40, 30, 40, 38]
# Three pixels of a crop of 2 × 2 at (50, 40): column by column 1 off, 3 on.
MASK = {"size": [2, 2], "counts": "13", "offset": [50, 40]}
DRAWN = {
    "boxes": [{"category": "pawn", "box": [4, 6, 16, 20]}, {"category": "king", "box": [30, 30, 10, 8]}],
    "polygons": [{"category": "pawn", "polygon": [SQUARE]}, {"category": "king", "polygon": [PART]}],
    "masks": [
        {"category": "pawn", "polygon": [SQUARE, HOLE]},
        {"category": "king", "polygon": [[PART], [[50, 4, 60, 4, 60, 12]]]},
        {"category": "king", "mask": MASK},
    ],
    "semantic": [{"category": "pawn", "polygon": [SQUARE, HOLE]}, {"category": "king", "mask": MASK}],
}


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"


def project_of(lena, task):
    return make_project(lead=lena, task=task, categories=("king", "pawn"))


def drawn_project(lena, tmp_path, task, people=("zoe",)):
    """Three images: one with objects, one on which nothing is, one that nobody looked at."""
    project = project_of(lena, task)
    rows = [
        {"file_name": name, "annotator": person, "objects": objects}
        for person in people
        for name, objects in (("a.png", DRAWN[task]), ("b.png", []))
    ]
    files = {"manifest.jsonl": "\n".join(map(json.dumps, rows)), **pictures("a.png", "b.png", "c.png")}
    result = bring_in(project, lena, zipped(tmp_path / "in.zip", files), labels_as={"people": "annotator"})
    assert (result["labels_added"], result["objects_added"]) == (2 * len(people), len(people) * len(DRAWN[task]))
    bring_in(project, lena, zipped(tmp_path / "c.zip", pictures("a.png", "b.png", "c.png")))
    assert result["refused"] == []
    return project


def pixels(project):
    """By image (a, b or c), person and class: all pixels of its objects, and how many objects there are."""
    found = {}
    names = dict(project.categories.values_list("pk", "name"))
    for label in Label.objects.filter(project=project, superseded_at=None).select_related("image", "annotator"):
        image = label.image
        areas = {}
        drawn = object_rows.read([label.pk])[label.pk]
        for one in drawn:
            crop = masks.raster(one.shape, image.width, image.height)
            bits = areas.setdefault(names[one.category], np.zeros((image.height, image.width), bool))
            bits[crop.y : crop.y + crop.bits.shape[0], crop.x : crop.x + crop.bits.shape[1]] |= crop.bits
        key = image.name.rpartition("/")[2][0], label.annotator.username
        found[key] = (len(drawn), {name: bits.tobytes() for name, bits in areas.items()})
    return found


def written(project, format_, tmp_path, **wanted):
    made = export(project, format_, **wanted)
    path = tmp_path / f"out-{made.file_name}"
    path.write_bytes(b"".join(made.chunks))
    return path


CASES = [
    ("coco", "boxes"), ("coco", "polygons"), ("coco", "masks"), ("coco", "semantic"),
    ("yolo", "boxes"), ("yolo", "polygons"), ("voc", "boxes"),
    ("cvat", "boxes"), ("cvat", "polygons"), ("cvat", "masks"), ("cvat", "semantic"),
    ("labelstudio", "boxes"), ("labelstudio", "polygons"), ("labelstudio", "masks"), ("labelstudio", "semantic"),
    ("masks", "polygons"), ("masks", "masks"), ("masks", "semantic"),
]  # fmt: skip


@pytest.mark.parametrize(("format_", "task"), CASES)
def test_every_format_comes_back_with_the_same_pixels(lena, tmp_path, format_, task):
    project = drawn_project(lena, tmp_path, task)
    path = written(project, format_, tmp_path, images=True)
    again = project_of(lena, task)

    result = bring_in(again, lena, path, labels_as={"source": "zoe"})

    assert (result["format"], result["refused"], result["labels_added"]) == (format_, [], 2)
    before, after = pixels(project), pixels(again)
    assert after.keys() == before.keys()  # c, which nobody looked at, has no answer
    assert after["b", "zoe"] == (0, {})
    for name, bits in before["a", "zoe"][1].items():
        assert after["a", "zoe"][1][name] == bits
    if task != "semantic":
        assert after["a", "zoe"][0] == before["a", "zoe"][0]
    assert bring_in(again, lena, path, labels_as={"source": "zoe"})["labels_added"] == 0


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_tables_have_a_column_of_objects(lena, tmp_path, format_):
    project = drawn_project(lena, tmp_path, "masks")
    text = written(project, format_, tmp_path).read_text()
    if format_ == "csv":
        rows = {row["file_name"]: json.loads(row["objects"]) for row in csv.DictReader(io.StringIO(text))}
    else:
        lines = [json.loads(line) for line in text.splitlines()]
        rows = {line["file_name"]: line["labels"][0]["objects"] for line in lines if line["labels"]}
        assert [line["consensus"]["objects"] for line in lines][1:] == [[], None]
    assert rows["b.png"] == []
    shapes = [{kind: one[kind] for kind in ("polygon", "mask") if kind in one} for one in rows["a.png"]]
    assert shapes[:2] == [{"polygon": one["polygon"]} for one in DRAWN["masks"][:2]]
    assert shapes[2]["mask"]["offset"] == [50, 40]


def test_all_labels_have_their_people(lena, tmp_path):
    people = ("yan", "zoe")
    project = drawn_project(lena, tmp_path, "polygons", people)
    for format_, folder in (("coco", ""), ("yolo", "labels/train/"), ("masks", "instances/")):
        path = written(project, format_, tmp_path, labels="all", images=True)
        if folder:
            names = [name for name in zipfile.ZipFile(path).namelist() if folder in name]
            assert sorted({name.split("/")[0] for name in names}) == ["yan", "zoe"]
            assert len(names) == 4
        again = project_of(lena, "polygons")
        result = bring_in(again, lena, path, labels_as={"people": "annotator"})
        assert result["refused"] == []
        assert pixels(again) == pixels(project)


def test_each_format_says_it_as_its_own_readers_expect(lena, tmp_path):
    boxes = drawn_project(lena, tmp_path, "boxes")
    with zipfile.ZipFile(written(boxes, "voc", tmp_path)) as voc:
        (name,) = [name for name in voc.namelist() if name.startswith("Annotations/a-")]
        box = ElementTree.fromstring(voc.read(name)).find("object/bndbox")
        # Edges 4 to 20 and 6 to 26: pixels 5 to 20 and 7 to 26, counted from 1.
        assert [side.text for side in box] == ["5", "7", "20", "26"]
        (empty,) = [name for name in voc.namelist() if name.startswith("Annotations/b-")]
        assert ElementTree.fromstring(voc.read(empty)).findall("object") == []
        assert not any("/c-" in name for name in voc.namelist())
    with zipfile.ZipFile(written(boxes, "yolo", tmp_path)) as yolo:
        (name,) = [name for name in yolo.namelist() if name.startswith("labels/train/a-")]
        # pawn is class 1: cx 12 of 64, cy 16 of 48
        assert yolo.read(name).decode().splitlines()[0] == "1 0.187500 0.333333 0.250000 0.416667"
        (empty,) = [name for name in yolo.namelist() if name.startswith("labels/train/b-")]
        assert yolo.read(empty) == b""
    areas = drawn_project(lena, tmp_path, "masks")
    document = json.loads(written(areas, "coco", tmp_path).read_text())
    first = document["annotations"][0]
    assert document["images"][0]["file_name"] == "a.png" and len(document["images"]) == 2
    # 16 × 20 without 6 × 10
    assert (first["area"], int(pycoco.area(first["segmentation"]))) == (260.0, 260)
    assert first["bbox"] == [4, 6, 16, 20]
    with zipfile.ZipFile(written(areas, "masks", tmp_path)) as archive:
        (name,) = [name for name in archive.namelist() if name.startswith("instances/a-")]
        numbers = np.asarray(Picture.open(io.BytesIO(archive.read(name))))
        assert np.bincount(numbers.ravel())[[1, 3]].tolist() == [260, 3]
    geo = json.loads(written(areas, "geojson", tmp_path).read_text())
    outer, hole = geo["features"][0]["geometry"]["coordinates"]
    # y counts up from the lower edge of 48: the top edge at 6 is at 42.
    assert [4.0, 42.0] in outer and outer[0] == outer[-1] and len(geo["images"]) == 2
    assert [_turns(outer), _turns(hole)] == [1, -1]
    root = ElementTree.fromstring(zipfile.ZipFile(written(areas, "cvat", tmp_path)).read("annotations.xml"))
    mask = root.findall("image/mask")[-1]
    runs = [int(run) for run in mask.get("rle").split(",")]
    flat = np.repeat(np.arange(len(runs)) % 2, runs).reshape(int(mask.get("height")), int(mask.get("width")))
    assert flat.tolist() == [[0, 1], [1, 1]] and (mask.get("left"), mask.get("top")) == ("50", "40")


def _turns(ring):
    x, y = np.array(ring).T
    return np.sign((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())


def test_what_is_cut_and_scaled_moves_its_objects_along(lena, tmp_path):
    for task in ("boxes", "masks"):
        project = drawn_project(lena, tmp_path, task)
        from labeler.releases.preparation import parse

        # The left half of 64 × 48, doubled: 64 × 96.
        how = parse({"crop": (0, 0, 0.5, 1), "width": 64, "height": 96, "way": "stretch"})
        path = written(project, "coco", tmp_path, images=True, preparation=how)
        document = json.loads(zipfile.ZipFile(path).read("annotations.json"))
        assert (document["images"][0]["width"], document["images"][0]["height"]) == (64, 96)
        first, second, *rest = document["annotations"]
        assert first["bbox"] == [8, 12, 32, 40]
        assert second["bbox"][0] == 60 and second["bbox"][0] + second["bbox"][2] <= 64  # cut at x 32
        assert not rest  # the mask at x 50 is cut away


def test_formats_of_classes_say_so(lena, project, tmp_path):
    drawn = drawn_project(lena, tmp_path, "boxes")
    with pytest.raises(NotPossibleNow, match="here objects are drawn"):
        export(drawn, "labels-csv")
    for format_ in ("huggingface", "webdataset"):
        with pytest.raises(NotPossibleNow, match="no shares of votes"):
            export(drawn, format_, labels="soft")
    with pytest.raises(NotPossibleNow, match="Boxes have no masks"):
        export(drawn, "masks")
    for format_ in ("coco", "voc", "masks", "geojson"):
        with pytest.raises(NotPossibleNow, match="the answers here are classes"):
            export(project, format_)
    assert Image.objects.filter(project=drawn).count() == 3
