"""A click from the request to the pixels, through the row that a worker answers."""

from __future__ import annotations

import io
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image as PillowImage

import api.clicks
from labeler.geometry import masks
from labeler.intake.images import add_images, file_member
from labeler.labeling import claims
from labeler.models import Claim, Errand, Label
from labeler.training import clicks, inference_requests
from tests.helpers.api import as_person, error_of
from tests.helpers.drawn_projects import draw_objects
from tests.helpers.factories import make_model, make_project, predict
from worker.inference.requests import run_errand

pytestmark = pytest.mark.django_db

RED = (100, 60, 80, 70)  # left, top, width, height


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    settings.MEDIA_DIR = tmp_path / "media"
    monkeypatch.setattr(api.clicks, "PATIENCE_SECONDS", 0)


@pytest.fixture
def project(ann, bea, lena):
    return make_project(ann, bea, lead=lena, task="masks", categories=("pawn", "king"))


@pytest.fixture
def image(project):
    pixels = np.random.default_rng(0).normal(110, 5, (240, 320, 3))
    left, top, width, height = RED
    pixels[top : top + height, left : left + width] = (200, 50, 50)
    out = io.BytesIO()
    PillowImage.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    (added,) = add_images(project=project, members=[file_member("a.png", io.BytesIO(out.getvalue()))])
    return added.image


def ask(person, image, **body):
    return as_person(person).post(f"/api/images/{image.pk}/click-mask/", body, format="json")


def test_the_pixels_of_what_was_clicked_on(image, ann):
    asked = ask(ann, image, clicks=[{"x": 140, "y": 95}])
    assert (asked.status_code, asked.json()["state"], asked.json()["objects"]) == (202, "queued", [])
    row = Errand.objects.get()
    run_errand(row.pk, worker="serve@test")

    told = as_person(ann).get(f"/api/images/{image.pk}/click-mask/{row.pk}/").json()

    assert (told["state"], told["by"]) == ("done", "picture")
    crop = masks.decode(told["objects"][told["chosen"]])
    bits = np.zeros((image.height, image.width), bool)
    bits[crop.y : crop.y + crop.bits.shape[0], crop.x : crop.x + crop.bits.shape[1]] = crop.bits
    truth = np.zeros_like(bits)
    truth[RED[1] : RED[1] + RED[3], RED[0] : RED[0] + RED[2]] = True
    assert (bits & truth).sum() / (bits | truth).sum() > 0.9
    assert not Claim.objects.exists()  # nothing is drawn or saved by it


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "required"),
        ({"clicks": []}, "clicks is a list of 1 to 30 clicks"),
        ({"clicks": [{"x": 1, "y": 1}] * 31}, "clicks is a list of 1 to 30 clicks"),
        ({"clicks": [{"x": 400, "y": 1}]}, "within the image"),
        ({"clicks": [{"x": "1", "y": 1}]}, "within the image"),
        ({"clicks": [{"x": 1, "y": 1, "inside": 1}]}, "inside is true or false"),
        ({"clicks": [{"x": 1, "y": 1, "inside": False}]}, "first click is on the object"),
        ({"clicks": [{"x": 1, "y": 1}], "window": [0, 0, 0, 9]}, "window is"),
        ({"clicks": [{"x": 1, "y": 1}], "window": [1]}, "window is"),
    ],
)
def test_a_click_that_makes_no_sense_is_refused_in_a_sentence(image, ann, body, sentence):
    answer = ask(ann, image, **body)
    assert answer.status_code == 400
    assert sentence in str(answer.json())
    assert not Errand.objects.exists()


def test_nothing_is_found_where_classes_are_chosen(ann, lena):
    project = make_project(ann, lead=lena)
    (added,) = add_images(project=project, members=[file_member("a.png", _flat())])
    assert ask(ann, added.image, clicks=[{"x": 1, "y": 1}]).status_code == 422


def _flat() -> io.BytesIO:
    out = io.BytesIO()
    PillowImage.new("RGB", (64, 48), (9, 99, 199)).save(out, "PNG")
    out.seek(0)
    return out


def test_few_clicks_of_one_wait_at_a_time_and_only_their_author_reads_them(image, ann, bea):
    for _ in range(inference_requests.MOST_CLICKS_OF_ONE):
        assert ask(ann, image, clicks=[{"x": 1, "y": 1}]).status_code == 202
    refused = ask(ann, image, clicks=[{"x": 1, "y": 1}])
    assert (refused.status_code, error_of(refused)) == (429, "too_many_requests")
    assert ask(bea, image, clicks=[{"x": 1, "y": 1}]).status_code == 202

    row = Errand.objects.filter(asked_by=ann).first()
    assert as_person(bea).get(f"/api/images/{image.pk}/click-mask/{row.pk}/").status_code == 404


def test_answers_are_forgotten_after_ten_minutes(image, ann):
    ask(ann, image, clicks=[{"x": 140, "y": 95}])
    row = Errand.objects.get()
    run_errand(row.pk, worker="serve@test")
    assert inference_requests.sweep() == 0
    Errand.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    assert inference_requests.sweep() == 1


def test_the_usual_size_is_that_of_what_was_drawn_last(project, image, ann):
    pawn, king = project.categories.values_list("pk", flat=True)
    assert clicks.usual_area(image, None) is None
    boxes = [{"category": pawn, "polygon": [[x, 10, x + 10, 10, x + 10, 20, x, 20]]} for x in (10, 40, 70)]
    claims.claim(project=project, annotator=ann)
    draw_objects(project, image, ann, boxes)

    assert clicks.usual_area(image, pawn) == pytest.approx(100, rel=0.3)
    assert clicks.usual_area(image, king) is None


def test_what_the_model_was_not_sure_enough_to_show_is_the_answer_where_it_may_be_shown(project, image, ann, bea):
    run = make_model(project)
    said = predict(run, image, "pawn")
    pawn = project.categories.first().pk
    mask = masks.encode(np.ones((70, 80), bool), 100, 60)
    said.drawn = [
        {"number": 1, "category": pawn, "probability": 0.9, "shown": True, **masks.encode(np.ones((9, 9), bool))},
        {"number": 2, "category": pawn, "probability": 0.2, "shown": False, **mask},
    ]  # fmt: skip
    said.save()
    claims.claim(project=project, annotator=ann)
    Claim.objects.update(shown_prediction=said)

    told = ask(ann, image, clicks=[{"x": 140, "y": 95}])
    assert (told.status_code, told.json()["by"], told.json()["id"]) == (200, "model", None)
    (one,) = told.json()["objects"]
    assert (one["number"], one["category_id"], one["probability"], one["mask"]) == (2, pawn, 0.2, mask["mask"])

    more = [as_person(who).get(f"/api/images/{image.pk}/less-sure-objects/").json()["objects"] for who in (ann, bea)]
    assert more == [[one], []]
    assert ask(ann, image, clicks=[{"x": 3, "y": 3}]).status_code == 202  # shown already: it is on the board
    assert ask(ann, image, clicks=[{"x": 300, "y": 200}]).status_code == 202  # nothing of the model there
    assert ask(bea, image, clicks=[{"x": 140, "y": 95}]).status_code == 202  # shown nothing of the model

    # It may be named in an answer; what is left out of those that were shown was deleted.
    answered = as_person(ann).put(f"/api/images/{image.pk}/label/", {"objects": [{"from": 2}]}, format="json").json()
    assert [(kept["from"], kept["change"]) for kept in answered["objects"]] == [(2, "kept")]
    assert Label.objects.get().value == {"deleted": [1]}
