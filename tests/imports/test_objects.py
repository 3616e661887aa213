"""Drawn objects of files come in to the object, and what cannot be is refused one by one."""

from __future__ import annotations

import json
import zipfile

import pytest
from pycocotools.coco import COCO

from labeler.errors import NotPossibleNow
from labeler.models import Gold, Image, Label, LabelObject, Prediction
from labeler.releases import export
from tests.helpers.factories import add_images, make_project
from tests.helpers.importing import CVAT, VOC_ONE, bring_in, pictures, zipped

# pycocotools' decode() has NumPy ask it for a copy in the old way.
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"


@pytest.fixture
def facades(lena, test_data):
    """The pictures of the real set, without their bytes: the file names them."""
    return make_project(lead=lena, task="polygons", categories=())


def register(project, document):
    """Images of the project with the names and sizes that the file has, without their bytes."""
    images = document["images"]
    for row, one in zip(add_images(project, len(images)), images, strict=True):
        row.name, row.width, row.height = one["file_name"], one["width"], one["height"]
        row.save(update_fields=["name", "width", "height"])


def areas(document, image):
    """Class and pixels of each object, as pycocotools draws them. The outcome has them from left to right."""
    return sorted(
        (document.cats[one["category_id"]]["name"], document.annToMask(one).tobytes())
        for one in document.imgToAnns[image]
    )


def test_facades_come_in_to_the_object_and_go_out_the_same(facades, lena, test_data, tmp_path):
    path = test_data / "facades" / "coco.json"
    document = json.loads(path.read_text())
    register(facades, document)
    result = bring_in(facades, lena, path, new_categories="make")
    assert (result["objects_added"], result["labels_added"], result["refused"]) == (10054, 300, [])
    # "facade" is there twice, as heading and as class: it is one.
    assert facades.categories.filter(name="facade").count() == 1
    written = tmp_path / "out.json"
    written.write_bytes(b"".join(export(facades, "coco").chunks))
    before, after = COCO(str(path)), COCO(str(written))
    assert len(after.anns) == 10054
    names = {one["file_name"]: one["id"] for one in after.imgs.values()}
    for image in list(before.imgs.values())[::15]:
        assert areas(before, image["id"]) == areas(after, names[image["file_name"]])


@pytest.fixture
def small(lena, tmp_path):
    """64 × 48 pixels each."""

    def small(task, n=1):
        project = make_project(lead=lena, task=task, categories=("king", "pawn"))
        bring_in(project, lena, zipped(tmp_path / f"{task}.zip", pictures(*[f"{'abc'[at]}.jpg" for at in range(n)])))
        return project

    return small


def told(result):
    """What was refused: (object, reason)."""
    return [(one.get("object"), one["reason"]) for one in result["refused"]]


def coco(*annotations, **image):
    return {
        "images": [{"id": 9, "file_name": "a.jpg", "width": 64, "height": 48, **image}],
        "categories": [{"id": 3, "name": "king"}, {"id": 7, "name": "pawn"}, {"id": 8, "name": " Pawn"}],
        "annotations": [{"id": n, "image_id": 9, "category_id": 3, **one} for n, one in enumerate(annotations)],
    }


def test_objects_that_cannot_be_are_refused_one_by_one(small, lena, tmp_path):
    project = small("polygons")
    square, crossed = [2, 2, 12, 2, 12, 12, 2, 12], [20, 20, 40, 40, 40, 20, 20, 40]
    document = coco(
        {"segmentation": [square]},
        {"segmentation": [crossed], "category_id": 8},  # crosses itself: mended
        {"segmentation": [square]},  # twice
        {"segmentation": [], "bbox": [1, 1, 5, 5]},
        {"segmentation": {"size": [48, 64], "counts": [0, 3072]}, "iscrowd": 1},
        {"segmentation": [[1, 1, 2, 2]]},
        {"segmentation": [[70, 1, 80, 1, 80, 9]]},
        {"segmentation": [[1, 1, float("nan"), 2, 3, 9]]},
        {"segmentation": {"size": [48, 64], "counts": "@"}},
        {"segmentation": [square], "category_id": 99},
        {"segmentation": [[60, 40, 70, 40, 70, 47]]},  # reaches over the border: cut
        {"segmentation": {"size": [48, 64], "counts": [96 + 10, 5, 3072 - 111]}},  # a code with iscrowd 0: its outline
    )
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(document))

    result = bring_in(project, lena, path)

    assert (result["labels_added"], result["objects_added"]) == (1, 4)
    assert (result["objects_mended"], result["objects_clipped"]) == (1, 1)
    assert sorted(told(result)) == [
        (3, "The same object is there twice."),
        (4, "It has a box, but no outline or mask."),
        (5, "It marks a region to ignore (iscrowd), and no object."),
        (6, "A ring of a polygon has at least three different points."),
        (7, "It lies outside the image."),
        (8, "A coordinate is not a finite number."),
        (9, "The run-length code of the mask cannot be read, or is not of its size."),
        (10, "It names the category 99, which the file does not list."),
    ]
    assert {one["row"] for one in result["refused"]} == {1}
    kept = list(LabelObject.objects.order_by("number"))
    assert [one.number for one in kept] == [1, 2, 3, 4]
    assert (kept[3].x, kept[3].y, kept[3].area) == (2.0, 10.0, 5.0)
    again = bring_in(project, lena, path)
    assert (again["labels_added"], again["duplicates"], LabelObject.objects.count()) == (0, 1, 4)


def test_the_file_of_another_size_and_an_image_that_is_not_there(small, lena, tmp_path):
    project = small("boxes")
    document = coco({"bbox": [1, 1, 5, 5]}, width=640)
    document["images"].append({"id": "x", "file_name": "elsewhere.jpg"})
    document["annotations"].append({"image_id": 77, "category_id": 3, "bbox": [1, 1, 2, 2]})
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(document))
    result = bring_in(project, lena, path)
    assert result["labels_added"] == 0
    reasons_ = " ".join(reason for _object, reason in told(result))
    assert "on 640 × 48 pixels, but the image has 64 × 48" in reasons_
    assert "no image of that name" in reasons_ and "1 annotation names the image 77" in reasons_


def test_several_people_gold_and_a_models_objects(small, lena, tmp_path):
    project = small("boxes", 2)
    document = coco({"bbox": [1, 1, 5, 5], "annotator": "zoe"}, {"bbox": [2, 2, 5, 5], "annotator": "yan"})
    document["images"].append({"id": 10, "file_name": "b.jpg"})
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(document))
    looked = bring_in(project, lena, path, dry_run=True)
    assert (looked["found"]["objects"], len(looked["found"]["people"]), Label.objects.count()) == (2, 2, 0)
    assert looked["found"]["sample"][0]["objects"] == 1
    # b.jpg is listed without objects: nothing is there, both of them say.
    result = bring_in(project, lena, path, labels_as={"people": "annotator"})
    assert (result["labels_added"], result["objects_added"]) == (4, 2)
    assert Image.objects.get(name="b.jpg").n_votes == 2
    one_of = coco({"bbox": [1, 1, 5, 5], "score": 0.9}, {"bbox": [9, 9, 5, 5], "score": 0.2, "category_id": 7},
                  {"bbox": [3, 3, 5, 5], "score": 0.01})  # fmt: skip
    path.write_text(json.dumps(one_of))
    result = bring_in(project, lena, path, labels_as="prelabels")
    assert (result["predictions_added"], result["labels_added"], result["refused"]) == (1, 0, [])
    found = Prediction.objects.get()
    king, pawn = project.categories.values_list("pk", flat=True).order_by("name")
    assert [(one["number"], one["category"], one["probability"], one["shown"]) for one in found.drawn] == [
        (1, king, 0.9, True), (2, pawn, 0.2, False),
    ]  # fmt: skip
    assert (found.categories, found.probability) == ([king], 0.9)
    result = bring_in(project, lena, path, labels_as="gold")
    assert result["gold_added"] == 1
    assert Gold.objects.get().drawn[0] == {"category": king, "box": [1, 1, 5, 5]}


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]><annotation><filename>&c;</filename></annotation>'


def test_voc_asks_for_the_origin_and_expands_no_entity(small, lena, tmp_path):
    project = small("boxes")
    files = {"x.xml": VOC_ONE.format(5), "bomb.xml": BOMB, "broken.xml": "<annotation><filename>"}
    path = zipped(tmp_path / "voc.zip", files)
    result = bring_in(project, lena, path, format="voc")
    assert LabelObject.objects.get().shape == {"box": [4, 4, 5, 5]}
    assert {one["name"]: one["reason"] for one in result["refused"]} == {
        "bomb.xml": "The XML declares a document type, which is not read here: take that line out.",
        "broken.xml": "The XML is broken: no element found: line 1, column 22.",
    }
    other = small("boxes")
    assert bring_in(other, lena, path, format="voc", origin=0)["labels_added"] == 1
    assert LabelObject.objects.get(label__project=other).shape == {"box": [5, 5, 4, 4]}


def test_cvat_and_label_studio_say_what_they_leave_out(small, lena, tmp_path):
    boxes = small("boxes")
    shapes = (
        '<box label="king" xtl="1" ytl="2" xbr="11" ybr="12" rotation="30"/><ellipse label="king" cx="1" cy="1"/>'
        '<box label="pawn" xtl="1" ytl="2" xbr="11" ybr="12"/><tag label="king"/>'
    )
    path = tmp_path / "annotations.xml"
    path.write_text(CVAT.format(images=f'<image id="0" name="a.jpg" width="64" height="48">{shapes}</image>'))
    result = bring_in(boxes, lena, path)
    assert (result["objects_added"], told(result)) == (1, [
        (None, "1 tag is left out: it has no place."), (2, "A ellipse is no box, polygon or mask."),
        (1, "This project wants another kind of shape."),
    ])  # fmt: skip
    path.write_text(CVAT.format(images='<track id="0" label="king"><box frame="0"/></track>'))
    with pytest.raises(NotPossibleNow, match="tracks, which are of videos"):
        bring_in(boxes, lena, path)
    turned = {"x": 50, "y": 50, "width": 20, "height": 25, "rotation": 90, "rectanglelabels": ["king"]}
    region = {"id": "r", "type": "rectanglelabels", "original_width": 64, "original_height": 48, "value": turned}
    task_ = {"data": {"image": "a.jpg"}, "annotations": [{"completed_by": 3, "result": [region]}]}
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps([task_]))
    assert told(bring_in(boxes, lena, path)) == [
        (1, "The rectangle is turned, and boxes are upright: take a project of polygons.")
    ]
    outlines = small("polygons")
    assert bring_in(outlines, lena, path)["objects_added"] == 1
    one = LabelObject.objects.get(label__project=outlines)
    # Turned by a quarter around its upper left corner (32, 24): 12.8 × 12 becomes 12 × 12.8 to the left of it.
    assert (one.x, one.y, one.width, one.height) == pytest.approx((20, 24, 12, 12.8))


def test_answers_that_only_name_classes_are_none_here(small, lena, tmp_path):
    project = small("boxes")
    path = tmp_path / "labels.csv"
    path.write_text("file_name,annotator,label\na.jpg,zoe,king\n")
    with pytest.raises(NotPossibleNow, match="give it a column “objects”"):
        bring_in(project, lena, path)
    path = zipped(
        tmp_path / "yolo.zip", {"labels/a.txt": "0 .5 .5 .2 .2\n7 .5 .5 .1 .1\n0 x\n", "classes.txt": "king\n"}
    )
    result = bring_in(project, lena, path)
    assert (result["format"], result["objects_added"]) == ("yolo", 1)
    assert told(result) == [
        (2, "The class 7 has no name in the list of classes."),
        (3, "A line has the number of a class, then numbers."),
    ]


# ---------------------------------------------------------------- real sets


def test_blood_cells_have_two_boxes_without_extent_where_numbers_are_edges(lena, test_data, tmp_path):
    document = json.loads((test_data / "blood_cells" / "coco.json").read_text())
    path = tmp_path / "voc.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((test_data / "blood_cells" / "voc" / "Annotations").iterdir()):
            archive.write(file, f"voc/Annotations/{file.name}")
    for origin, added, refused in ((1, 4888, []), (0, 4886, [(2, "It has no area."), (7, "It has no area.")])):
        project = make_project(lead=lena, task="boxes", categories=())
        register(project, document)
        result = bring_in(project, lena, path, new_categories="make", origin=origin)
        assert (result["format"], result["labels_added"], result["objects_added"]) == ("voc", 364, added)
        assert [reason for _n, reason in told(result)] == [reason for _n, reason in refused]
    counts = {one["name"]: one["count"] for one in result["found"]["classes"]}
    assert counts == {"RBC": 4155, "WBC": 372, "Platelets": 361}


def test_chess_has_a_stray_class_and_a_twin(lena, test_data, tmp_path):
    document = json.loads((test_data / "chess" / "coco.json").read_text())
    names = {one["name"] for one in document["categories"]} - {"pieces", "bishop"}
    path = tmp_path / "yolo.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(test_data / "chess" / "data.yaml", "data.yaml")
        for file in sorted((test_data / "chess" / "labels").rglob("*.txt")):
            archive.write(file, file.relative_to(test_data / "chess"))
    for source, format_ in ((test_data / "chess" / "coco.json", "coco"), (path, "yolo")):
        project = make_project(lead=lena, task="boxes", categories=sorted(names))
        register(project, document)
        result = bring_in(project, lena, source)
        assert (result["format"], result["objects_added"]) == (format_, 2868)
        assert sorted(reason for _n, reason in told(result)) == [
            "The same object is there twice.", "This project has no class “bishop”.",
        ]  # fmt: skip
        # One board is empty: looked at, nothing there.
        assert Label.objects.filter(project=project, categories=[]).count() == 1


def test_nuclei_come_in_as_codes_and_as_pngs(lena, test_data, tmp_path):
    document = json.loads((test_data / "nuclei" / "coco.json").read_text())
    assert len(document["annotations"]) == 21224
    # The fifty images that are there as PNGs, too: all 403 take a quarter of a minute.
    document["images"] = [one for one in document["images"] if one.get("instances")]
    kept = {one["id"] for one in document["images"]}
    document["annotations"] = [one for one in document["annotations"] if one["image_id"] in kept]
    (tmp_path / "coco.json").write_text(json.dumps(document))
    project = make_project(lead=lena, task="masks", categories=("nucleus",))
    register(project, document)
    result = bring_in(project, lena, tmp_path / "coco.json")
    assert (result["objects_added"], result["refused"]) == (len(document["annotations"]), [])
    named = {one["instances"].rpartition(".")[0]: one["id"] for one in document["images"]}
    areas = {}
    for one in document["annotations"]:
        areas.setdefault(one["image_id"], []).append(one["area"])
    other = make_project(lead=lena, task="masks", categories=("nucleus",))
    register(other, document)
    path = tmp_path / "masks.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((test_data / "nuclei" / "instances").iterdir()):
            archive.write(file, f"instances/{file.name}")
    result = bring_in(other, lena, path)
    assert (result["format"], result["labels_added"], result["refused"]) == ("masks", 50, [])
    for label in Label.objects.filter(project=other).select_related("image").prefetch_related("drawn"):
        number = named[label.image.name.rpartition(".")[0]]
        assert sorted(one.area for one in label.drawn.all()) == sorted(areas[number])
