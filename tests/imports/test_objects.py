"""Drawn objects of files come in to the object, and what cannot be is refused one by one."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from pycocotools import mask as pycoco

from labeler.labeling import object_rows
from labeler.models import Image, Label, LabelObject
from tests.helpers.factories import add_images, make_project
from tests.helpers.importing import bring_in, pictures, reasons, zipped

pytestmark = pytest.mark.django_db


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


def test_facades_come_in_to_the_object(facades, lena, test_data):
    path = test_data / "facades" / "coco.json"
    document = json.loads(path.read_text())
    register(facades, document)
    began = time.perf_counter()
    result = bring_in(facades, lena, path, new_categories="make")
    seconds = time.perf_counter() - began
    print("objects/s", result["objects_added"] / seconds, {k: v for k, v in result.items() if k not in ("found", "refused")}, result["refused"][:5])
    assert result["objects_added"] == 10054
