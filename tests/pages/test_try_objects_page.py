"""The page on which a picture is tried, where the model draws: its objects over the picture, and in words."""

from __future__ import annotations

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Picture

from labeler.models import Errand, Image
from labeler.pages.model import trying
from labeler.training import inference_requests
from tests.helpers.drawn_models import photo, save_drawn_model
from tests.helpers.drawn_projects import drawing_project
from worker.inference import model_cache
from worker.inference.requests import run_errand

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    """With a worker that answers while the page waits."""
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    model_cache._held.clear()

    def answer(errand, seconds):
        run_errand(errand.pk, worker="serve@test")
        errand.refresh_from_db()
        return errand

    monkeypatch.setattr(inference_requests, "wait_for", answer)
    monkeypatch.setattr(trying, "no_worker", lambda queue: False)


def text(response):
    return re.sub(r"\s+", " ", response.content.decode())


def send(client, project):
    file = io.BytesIO()
    Picture.fromarray(photo(1)).save(file, "PNG")
    sent = SimpleUploadedFile("board.png", file.getvalue(), "image/png")
    return client.post(f"/projects/{project.pk}/model/try/", {"file": sent})


@pytest.mark.parametrize("task", ["boxes", "polygons", "masks", "semantic"])
def test_the_objects_are_drawn_over_the_picture_and_told_in_words(as_, lena, ann, task):
    project = drawing_project(ann, lead=lena, task=task)
    metrics = {"ap50": {"value": 0.61, "low": 0.5, "high": 0.7, "n": 40}}
    run = save_drawn_model(project, metrics=metrics, calibrated_on=60)

    said = text(send(as_(lena), project))

    errand = Errand.objects.get()
    shown = [one for one in errand.answer["objects"] if one["shown"]]
    hidden = len(errand.answer["objects"]) - len(shown)
    assert f"Model {run.number} finds" in said and "AP50 on 40 images: 0.61 (0.50 to 0.70)" in said
    (svg,) = re.findall(r'<svg class="drawn" viewBox="0 0 320 200".*?</svg>', said)
    assert svg.count("<path") == 2 * len(shown), "each with a dark line below"
    assert "data:image/jpeg;base64," in said
    assert said.count(" px at ") == min(len(shown), 30)
    assert (f"{hidden} object" in said) == (hidden > 0)
    assert ">None<" not in said
    assert said.count('<img class="heat" src="data:image/png;base64,') == 1 and "What the network saw of all" in said
    assert ("Heat map of the network" in said) == (task != "semantic")
    assert errand.picture is None and not Image.objects.exists(), "nothing of it stays"

    later = text(as_(lena).get(f"/projects/{project.pk}/model/try/{errand.pk}/"))
    assert "data:image/jpeg" not in later and '<svg class="drawn"' in later


def test_the_model_page_leads_there_and_annotators_do_not_come_in(as_, lena, ann):
    project = drawing_project(ann, lead=lena)
    address = f"/projects/{project.pk}/model/try/"
    assert "no model yet" in text(as_(lena).get(address))
    save_drawn_model(project)
    assert address in text(as_(lena).get(f"/projects/{project.pk}/model/"))
    assert send(as_(ann), project).status_code == 403
