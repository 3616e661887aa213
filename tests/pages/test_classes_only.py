"""Pages and endpoints that work for classes only: where people draw, each says so in a sentence and does nothing."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import reverse

from labeler.models import Project
from labeler.models.queue import QueueEntry
from labeler.training import queue_order
from tests.helpers.api import as_person, error_of
from tests.helpers.drawn_projects import drawing_project
from tests.helpers.factories import add_images, category, make_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture
def boxes(ann, lena):
    project = drawing_project(ann, lead=lena)
    add_images(project, 3)
    return project


def test_the_page_of_judgements_says_so(as_, lena, boxes):
    answer = as_(lena).get(reverse("economy", args=[boxes.pk]))

    text = " ".join(answer.content.decode().split())
    assert answer.status_code == 200
    assert "Works for classes only, so far" in text and "how far people agree" in text
    assert "nan" not in text.lower().split() and ">None<" not in text


def test_a_version_of_another_program_stays_listed(as_, lena, boxes):
    run = make_model(boxes, outside_name="Other", active=False)

    text = as_(lena).get(reverse("model", args=[boxes.pk])).content.decode()

    assert f"Model {run.number}" in text and "Other" in text


def test_the_endpoints_refuse_with_a_sentence(lena, boxes):
    make_model(boxes)
    client, here = as_person(lena), f"/api/projects/{boxes.pk}"
    image, pawn = boxes.images.first(), category(boxes, "pawn")
    answers = [
        client.post(f"{here}/review-pages/", {"page": str(uuid4()), "predicted": pawn}, format="json"),
        client.post(f"{here}/reviews/", {"items": [{"image": image.pk, "categories": [pawn]}]}, format="json"),
    ]

    assert [(answer.status_code, error_of(answer)) for answer in answers] == [(422, "task_not_supported")] * 2
    assert all(answer.json()["error"]["message"].endswith(".") for answer in answers)
    economy = client.get(f"{here}/economy/").json()
    assert economy["right"]["value"] is None and economy["right"]["reason"]
    acceptance = client.get(f"{here}/acceptance/").json()
    assert (acceptance["state"], acceptance["accepted"]) == ("off", 0)
    assert "people draw objects" in acceptance["reason"]
    assert client.post(f"{here}/acceptance/resumption/").status_code == 422


def test_a_model_of_another_program_does_not_order_images_where_people_draw(boxes):
    Project.objects.filter(pk=boxes.pk).update(ask_uncertain_first=True)
    run = make_model(boxes, outside_name="Other")
    before = dict(QueueEntry.objects.values_list("pk", "priority"))
    for at, image in enumerate(boxes.images.all()):
        run.predictions.create(image=image, probabilities=[], categories=[], probability=0.9, margin=at / 10, drawn=[])

    assert queue_order.reorder(Project.objects.get(pk=boxes.pk)) == 0

    assert dict(QueueEntry.objects.values_list("pk", "priority")) == before
