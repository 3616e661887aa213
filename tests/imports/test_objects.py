"""Drawn objects of files come in to the object, and what cannot be is refused one by one."""

from __future__ import annotations

import json
import time

import pytest
from pycocotools.coco import COCO

from labeler.models import Image, Label, LabelObject
from labeler.releases import export
from tests.helpers.factories import add_images, make_project
from tests.helpers.importing import bring_in, pictures, reasons, zipped

# pycocotools' decode() has NumPy ask it for a copy in the old way.
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"


@pytest.fixture
def facades(lena, test_data):
    """The pictures of the real set, without their bytes: the file names them."""
    project = make_project(lead=lena, task="polygons", categories=())
    return project


def register(project, document):
    """Images of the project with the names and sizes that the file has, without their bytes."""
    images = document["images"]
    for row, one in zip(add_images(project, len(images)), images, strict=True):
        row.name, row.width, row.height = one["file_name"], one["width"], one["height"]
        row.save(update_fields=["name", "width", "height"])


def test_facades_come_in_to_the_object_and_go_out_the_same(facades, lena, test_data, tmp_path):
    path = test_data / "facades" / "coco.json"
    document = json.loads(path.read_text())
    register(facades, document)
    began, cpu = time.perf_counter(), time.process_time()
    result = bring_in(facades, lena, path, new_categories="make")
    seconds = time.perf_counter() - began
    print("objects/s", result["objects_added"] / seconds, result["objects_added"] / (time.process_time() - cpu))
    assert (result["objects_added"], result["labels_added"], result["refused"]) == (10054, 300, [])
    # "facade" is there twice, as heading and as class: it is one.
    assert facades.categories.filter(name="facade").count() == 1
    written = tmp_path / "out.json"
    began = time.perf_counter()
    written.write_bytes(b"".join(export(facades, "coco").chunks))
    print("out", time.perf_counter() - began)
    before, after = COCO(str(path)), COCO(str(written))
    assert len(after.anns) == 10054
    names = {one["file_name"]: one["id"] for one in after.imgs.values()}
    for image in list(before.imgs.values())[::15]:
        ours = after.imgToAnns[names[image["file_name"]]]
        for theirs, mine in zip(before.imgToAnns[image["id"]], ours, strict=True):
            assert before.cats[theirs["category_id"]]["name"] == after.cats[mine["category_id"]]["name"]
            assert (before.annToMask(theirs) == after.annToMask(mine)).all()


