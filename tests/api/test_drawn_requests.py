"""What a model that draws finds on an image that is not in the project: asked over REST, answered by a worker."""

from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Picture

from labeler.intake.images import add_images, file_member
from labeler.models import Errand, Image, Prediction
from labeler.models.image import Slice
from tests.helpers.api import as_person, error_of
from tests.helpers.drawn_models import photo, save_drawn_model
from tests.helpers.drawn_projects import drawing_project
from worker.inference import drawn_models, model_cache
from worker.inference.requests import run_errand

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    model_cache._held.clear()


def png(seed, size=(320, 200)):
    file = io.BytesIO()
    Picture.fromarray(photo(seed, size)).save(file, "PNG")
    return file.getvalue()


def ask(person, project, content):
    file = SimpleUploadedFile("board.png", content, "image/png")
    return as_person(person).post(f"/api/projects/{project.pk}/predictions/", {"file": file}, format="multipart")


def answered(person, asked):
    run_errand(asked.json()["id"], worker="serve@test")
    return as_person(person).get(f"/api/predictions/{asked.json()['id']}/").json()


@pytest.mark.parametrize(
    ("task", "kind"), [("boxes", "box"), ("polygons", "polygon"), ("masks", "mask"), ("semantic", "mask")]
)
def test_an_image_from_outside_gets_the_objects_that_it_would_get_inside(task, kind, lena, ann):
    project = drawing_project(ann, lead=lena, task=task)
    run = save_drawn_model(project, calibrated_on=0 if task == "semantic" else 60)
    content = png(1)

    asked = ask(lena, project, content)
    assert (asked.status_code, asked.json()["objects"]) == (202, None)
    told = answered(lena, asked)

    (added,) = add_images(project=project, members=[file_member("a.png", io.BytesIO(content))])
    model = drawn_models.load(run, model_cache.pick_device())
    (inside,) = drawn_models.opinions(model, run, [added.image.pk], [added.image.sha256], lambda: None)
    assert (told["state"], told["width"], told["height"]) == ("done", 320, 200)
    assert [(one["number"], one[kind], one["probability"], one["shown"]) for one in told["objects"]] == [
        (one["number"], one[kind], one["probability"], one["shown"]) for one in inside.drawn
    ]
    assert {one["category"] for one in told["objects"]} <= {"pawn", "king"}
    assert (told["category_ids"], told["probability"]) == (inside.categories, round(inside.probability, 4))
    assert (told["model"], told["calibrated"], told["probabilities"]) == (run.number, task != "semantic", None)
    assert Errand.objects.get().picture is None, "what was sent is forgotten"
    assert not Prediction.objects.exists()


def test_objects_are_told_in_px_of_what_was_sent_however_large(lena, ann):
    project = drawing_project(ann, lead=lena)
    save_drawn_model(project)
    content = png(1, (2400, 1500))

    told = answered(lena, ask(lena, project, content))

    assert (told["width"], told["height"]) == (2400, 1500)
    right = [one["box"][0] + one["box"][2] for one in told["objects"]]
    assert 1600 < max(right) <= 2400, "the model saw a preview of 1,600 px"


def test_nobody_learns_by_sending_it_what_is_found_on_a_blind_image(lena, ann):
    project = drawing_project(ann, lead=lena)
    save_drawn_model(project)
    content = png(1)
    list(add_images(project=project, members=[file_member("a.png", io.BytesIO(content))]))
    Image.objects.update(slice=Slice.TEST)

    refused = ask(lena, project, content)

    assert (refused.status_code, error_of(refused)) == (409, "conflict")
    assert error_of(ask(ann, project, png(2))) == "not_allowed"


def test_before_there_is_a_model_it_says_so(lena, ann):
    assert error_of(ask(lena, drawing_project(ann, lead=lena), png(1))) == "no_model"
