"""Varied images where people draw: the objects go along, and what was shown of them is remembered."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pixels

from labeler.labeling import claims, labels
from labeler.models import Exposure, Job, Project
from labeler.models.job import Kind
from labeler.training import augmentation_preview as preview
from tests.helpers.api import as_person
from tests.helpers.drawn_projects import drawing_project, shape_of
from tests.helpers.forms import form_of
from tests.helpers.importing import add_image
from tests.helpers.pages import url
from worker.training.augmentation_images import COLOURS, views_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]
SQUARE = (220, 130, 120, 90)  # x, y, width, height of what is drawn, in 480 x 360 px


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


def project_with_a_square(ann, lena, task: str) -> Project:
    """Two images: a blue square on grey that somebody drew, and one that nobody has answered."""
    project = drawing_project(ann, lead=lena, task=task)
    x, y, width, height = SQUARE
    for grey in (60, 61):
        pixels = np.full((360, 480, 3), grey, np.uint8)
        pixels[y : y + height, x : x + width] = (0, 0, 255)
        file = io.BytesIO()
        Pixels.fromarray(pixels).save(file, "PNG")
        file.seek(0)
        added = add_image(project=project, name=f"{grey}.png", source=file).image
        if grey == 60:
            claims.claim(project=project, annotator=ann, count=5)
            labels.save_label(image_id=added.pk, annotator=ann, drawn=[{"category": "king", **shape_of(task, *SQUARE)}])
    return project


def made(project: Project, how: preview.Augmentation, by) -> preview.Pictures:
    preview.ask(project, how, by=by)
    for job in Job.objects.filter(project=project, kind=Kind.VIEWS, state="queued"):
        views_job(job.pk, worker="w")
    return preview.find(project, how)


@pytest.mark.parametrize("task", ["boxes", "polygons", "masks", "semantic"])
def test_lines_lie_on_the_object_in_each_variant(ann, lena, task):
    project = project_with_a_square(ann, lena, task)
    # Colours stay, so that the square can be found by its blue.
    how = {**preview.settings_of(project), **preview.settings_for("zoom", "strong"), "flip_vertical": True,
           **preview.settings_for("colour", "off")}  # fmt: skip

    found = made(project, how, lena)

    assert len(found.rows) == 1 and found.rows[0] == project.images.get(name="60.png").pk
    line = np.array([int(COLOURS[1][k : k + 2], 16) for k in (1, 3, 5)])  # of the second class
    checked = 0
    for column in range(preview.VIEWS + 1):
        seen = np.asarray(Pixels.open(preview.file_of(project.pk, found.key, 0, column))).astype(int)
        blue = (seen[:, :, 2] > 180) & (seen[:, :, :2].max(2) < 90)
        lined = np.abs(seen - line).max(2) < 60
        if not blue.any():
            continue  # a part of the image without the square
        checked += 1
        assert lined.any(), column
        for axis in (0, 1):
            (first, last), (low, high) = (np.flatnonzero(one.any(axis))[[0, -1]] for one in (blue, lined))
            # within the dark line; at the border of the view the line may lie outside
            assert abs(first - low) <= 6 or first <= 6, (column, axis)
            assert abs(last - high) <= 6 or last >= seen.shape[1 - axis] - 7, (column, axis)
    assert checked >= 3


def test_before_anybody_has_drawn_images_show_it(ann, lena):
    empty = drawing_project(ann, lead=lena)
    file = io.BytesIO()
    Pixels.new("RGB", (300, 400), (9, 120, 40)).save(file, "PNG")
    file.seek(0)
    add_image(project=empty, name="a.png", source=file)

    assert made(empty, preview.settings_of(empty), lena).is_made


def test_the_page_offers_what_is_used_and_remembers_what_it_told(as_, ann, lena):
    project = project_with_a_square(ann, lena, "boxes")
    made(project, preview.settings_of(project), lena)
    client, here = as_(lena), url("settings_variations", project)

    page = client.get(here)

    assert [field.name for field in page.context["strengths"]] == ["zoom", "colour"]
    assert "a colour for each class" in page.content.decode()
    image = project.images.get(name="60.png")
    assert Exposure.objects.filter(image=image, user=lena).exists()
    client.post(here, {**form_of(client, here, "zoom"), "zoom": "gentle"})
    assert Project.objects.get(pk=project.pk).training_config == {"augmentation": {"zoom": 0.15, "stretch": 0.08}}
    assert "cropped, recoloured" in client.get(url("model", project)).content.decode()


def test_programs_are_told_too_and_it_is_remembered(ann, lena, rev):
    project = project_with_a_square(ann, lena, "boxes")
    assert as_person(lena).get(f"/api/projects/{project.pk}/augmentation/").json()["images"] == []
    assert not Exposure.objects.exists()
    made(project, preview.settings_of(project), lena)

    images = as_person(lena).get(f"/api/projects/{project.pk}/augmentation/").json()["images"]

    assert as_person(lena).get(images[0]["view_urls"][0])["Content-Type"] == "image/jpeg"
    assert [row.image_id for row in Exposure.objects.filter(user=lena)] == [images[0]["image"]]
