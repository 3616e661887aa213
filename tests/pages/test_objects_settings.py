"""The settings of drawn objects: overlap, questions, the size of a class; and making such a project by its page."""

from __future__ import annotations

import pytest
from django.urls import reverse

from labeler.models import Category, Project, Question
from tests.helpers.drawn_projects import drawing_project
from tests.helpers.factories import make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture
def boxes(ann, lena):
    return make_project(ann, lead=lena, task="boxes", categories=("pawn", "king"))


def test_a_project_that_draws_is_made_by_its_page(as_, ada):
    client = as_(ada)
    sent = {"name": "Chess", "classes": "pawn, king", "task": "boxes", "labels_per_image": 2, "question": ""}

    client.post(reverse("new_project"), sent)

    assert Project.objects.get(name="Chess").task == "boxes"


def test_a_question_is_asked_and_retired(as_, lena, boxes):
    client, page = as_(lena), reverse("settings_objects", args=[boxes.pk])
    king = boxes.categories.get(name="king").pk

    client.post(page, {"do": "ask", "name": "side", "kind": "one", "options": "white, black", "categories": [king]})
    refused = client.post(page, {"do": "ask", "name": "side", "kind": "yes_no"})

    question = Question.objects.get()
    assert (question.options, question.categories) == (["white", "black"], [king])
    assert "There is a question “side” already." in refused.content.decode()
    client.post(page, {"do": "retire", "question": question.pk})
    assert Question.objects.get().retired_at is not None
    assert "no longer asked" in client.get(page).content.decode()


def test_overlap_and_smallest_size_are_saved(as_, lena, boxes, project):
    client, page = as_(lena), reverse("settings_objects", args=[boxes.pk])
    seen = client.get(page).context["seen"]

    client.post(page, {"do": "overlap", "object_iou": "0.6", "gold_iou": "0.7", "seen": seen})
    pawn = boxes.categories.get(name="pawn")
    form = client.get(reverse("category", args=[boxes.pk, pawn.pk]))
    values = {name: value for name, value in form.context["form"].initial.items() if value is not None}
    client.post(
        reverse("category", args=[boxes.pk, pawn.pk]),
        {**values, "smallest": "12", "seen": form.context["seen"], "do": "change"},
    )

    stored = Project.objects.get(pk=boxes.pk)
    assert (stored.object_iou, stored.gold_iou) == (0.6, 0.7)
    assert Category.objects.get(pk=pawn.pk).smallest == 12
    assert "nothing is drawn" in client.get(reverse("settings_objects", args=[project.pk])).content.decode()


def test_settings_of_classes_are_not_offered_where_people_draw(as_, lena, boxes):
    client, page = as_(lena), reverse("settings_consensus", args=[boxes.pk])
    shown = client.get(page)

    text = shown.content.decode()
    assert "settled one by one, by the majority" in text and 'name="adaptive_overlap"' in text
    for name in ("consensus_method", "enough_percent", "ask_by_gain", "goal_percent", "model_fills", "ordered"):
        assert f'name="{name}"' not in text
    sent = {"adaptive_overlap": "on", "fewest_labels": "2", "most_labels": "4", "seen": shown.context["seen"]}
    # What is not offered is not saved either.
    assert client.post(page, {**sent, "consensus_method": "one_coin"}).status_code == 302
    stored = Project.objects.get(pk=boxes.pk)
    assert (stored.adaptive_overlap, stored.most_labels, stored.consensus_method) == (True, 4, "majority")
    assert 'name="review_percent"' not in client.get(reverse("settings_model", args=[boxes.pk])).content.decode()
    address = reverse("settings_accepting", args=[boxes.pk])
    for answer in (client.get(address), client.post(address, {"auto_accept": "on"})):
        assert answer.status_code == 200 and "Works for classes only." in answer.content.decode()
    assert not Project.objects.get(pk=boxes.pk).auto_accept


def test_what_a_model_that_draws_is_trained_by_is_a_form_of_its_own(as_, lena, boxes):
    client, page = as_(lena), reverse("settings_training", args=[boxes.pk])
    shown = client.get(page)
    text = shown.content.decode()
    assert "Two stages, as Faster R-CNN" in text and 'name="image_size"' not in text
    sent = {"candidates": ["heatmap"], "wish": "few_inventions", "size": "384", "seen": shown.context["seen"]}

    assert client.post(page, {**sent, "size": "100"}).status_code == 200
    assert "a multiple of 32" in client.post(page, {**sent, "size": "100"}).content.decode()
    assert client.post(page, sent).status_code == 302

    stored = Project.objects.get(pk=boxes.pk)
    assert stored.training_config == {"drawing": {"candidates": ["heatmap"], "wish": "few_inventions", "size": 384}}


def test_where_every_pixel_gets_a_class_other_candidates_compete(as_, lena, ann):
    project = drawing_project(ann, lead=lena, task="semantic")
    client, page = as_(lena), reverse("settings_training", args=[project.pk])
    shown = client.get(page)
    text = shown.content.decode()
    assert "U-Net" in text and "Faster R-CNN" not in text and 'name="wish"' not in text

    assert client.post(page, {"candidates": ["unet"], "seen": shown.context["seen"]}).status_code == 302

    assert Project.objects.get(pk=project.pk).training_config == {"drawing": {"pixel_candidates": ["unet"]}}
    assert "U-Net" in client.get(reverse("train", args=[project.pk])).content.decode()
