"""What a model that draws saw on an image: made once for each class, over the whole image, told to whom it may be."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import torch
from django.urls import reverse
from PIL import Image as Picture

from labeler.intake.images import add_images, file_member
from labeler.models import Errand, Image
from labeler.models.image import Slice
from tests.helpers.api import as_person, error_of
from tests.helpers.drawn_models import CANVAS, photo, save_drawn_model
from tests.helpers.drawn_projects import draw, drawing_project
from tests.helpers.factories import predict
from worker.inference import drawn_models, model_cache
from worker.inference.requests import run_errand
from worker.ml.detection.network import Look
from worker.ml.evaluation import drawn_heat

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    model_cache._held.clear()


def png(seed=1, size=(320, 200)):
    file = io.BytesIO()
    Picture.fromarray(photo(seed, size)).save(file, "PNG")
    return file.getvalue()


def pictured(project) -> Image:
    (added,) = add_images(project=project, members=[file_member("a.png", io.BytesIO(png()))])
    Image.objects.filter(pk=added.image.pk).update(slice=Slice.NONE)
    added.image.refresh_from_db()
    return added.image


def address(image, query=""):
    return f"/api/images/{image.pk}/explanation/{query}"


def work():
    for row in Errand.objects.filter(state="queued"):
        run_errand(row.pk, worker="serve@test")


@pytest.mark.parametrize(("task", "of_all", "of_one"), [
    ("boxes", "heat-map", "heat-map"), ("masks", "heat-map", "heat-map"), ("semantic", "uncertainty", "pixels"),
])  # fmt: skip
def test_each_class_has_a_map_over_the_whole_image(task, of_all, of_one, lena, ann):
    project = drawing_project(ann, lead=lena, task=task)
    run, image = save_drawn_model(project), pictured(project)
    client = as_person(lena)
    assert client.get(address(image)).status_code == 202
    assert client.get(address(image, "?category=king")).status_code == 202
    work()

    told, king = client.get(address(image)).json(), client.get(address(image, "?category=king")).json()

    assert (told["state"], told["method"], told["category"], told["category_id"]) == (
        "done",
        of_all,
        "all classes",
        None,
    )
    assert (king["method"], king["category"], king["category_id"]) == (of_one, "king", run.category_ids[1])
    assert king["probability"] == pytest.approx(king["probability"]) and 0 <= king["probability"] <= 1
    assert (told["probability"] is None) == (task == "semantic")
    assert sum(map(sum, told["thirds"])) == pytest.approx(1, abs=0.02)
    assert "of the image." in told["where"] or "over the image" in told["where"]
    drawn = client.get(king["map_url"])
    assert drawn["Content-Type"] == "image/png" and drawn.content != client.get(told["map_url"]).content
    assert Picture.open(io.BytesIO(drawn.content)).size == (320, 200)
    assert Errand.objects.count() == 2
    unknown = client.get(address(image, "?category=queen"))
    assert (unknown.status_code, error_of(unknown)) == (400, "category_not_in_project")


def test_what_is_seen_lies_where_the_image_has_it(lena, ann, monkeypatch):
    """A spot of the map at 48 px across and 24 px down of a canvas on which the image of 320 x 200 is half as large."""
    model = drawn_models.load(save_drawn_model(drawing_project(ann, lead=lena)), torch.device("cpu"))
    rows, columns = CANVAS.height // CANVAS.stride, CANVAS.width // CANVAS.stride
    heat = torch.full((1, 2, rows, columns), -20.0)
    heat[0, 1, 3, 6] = 20.0
    monkeypatch.setattr(model.detector.network, "look", lambda x, look: Look(x, heat, x))

    found = drawn_heat.heat_of(model, png(), (320, 200), 1)

    assert found.values.shape == (100, 160), "grey below the image is left out"
    down, across = np.unravel_index(found.values.argmax(), found.values.shape)
    assert abs(down - 28) <= 4 and abs(across - 52) <= 4, "the middle of the fourth row and seventh column of 8 px"
    assert found.peak == pytest.approx(1, abs=0.3) and (found.values > 0.5).mean() < 0.02
    assert drawn_heat.heat_of(model, png(), (320, 200), 0).peak < drawn_heat.LEAST
    assert drawn_heat.heat_of(model, png(), (320, 200), None).peak == found.peak


def test_nobody_is_told_while_an_image_is_judged_blind(lena, ann):
    project = drawing_project(ann, lead=lena)
    save_drawn_model(project)
    image = pictured(project)
    before = as_person(ann).get(address(image))
    assert (before.status_code, error_of(before)) == (403, "not_allowed"), "before the own answer"
    for part, status in (("blind", "open"), ("test", "settled"), ("calibration", "settled")):
        Image.objects.update(slice=part, status=status)
        hidden = as_person(lena).get(address(image))
        assert (hidden.status_code, error_of(hidden)) == (403, "not_allowed")
    assert not Errand.objects.exists()


def test_the_page_of_an_image_shows_what_it_saw_of_a_class(as_, lena, ann):
    project = drawing_project(ann, lead=lena)
    run, image = save_drawn_model(project), pictured(project)
    draw(project, image, ann, [("pawn", 10, 10, 60, 60)])
    predict(run, image, "pawn")
    here, king = reverse("image", args=[project.pk, image.pk]), run.category_ids[1]

    asked = text(as_(lena).get(here))
    waiting = text(as_(lena).get(f"{here}?why=1&of={king}"))
    work()
    shown = text(as_(lena).get(f"{here}?why=1&of={king}"))
    foolish = as_(lena).get(f"{here}?why=1&of=abc")

    assert "Show what it saw" in asked and re.search(rf'<option value="{king}"\s*>king</option>', asked)
    assert "Load the page again" in waiting
    assert f'<img class="heat" src="/api/images/{image.pk}/explanation/?format=png&amp;category={king}"' in shown
    assert "What the model saw of king." in shown and "bright is where it sees the middle of an object" in shown
    assert foolish.status_code == 200, "of all classes then"

    Image.objects.update(slice="test")
    assert "Show what it saw" not in text(as_(lena).get(here))


def text(response):
    return re.sub(r"\s+", " ", response.content.decode())
