"""Places that a model doubts where people draw: which wait, what leaves the list, how often a doubt was right."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from labeler.models import Decision
from labeler.review import adjudication, label_errors
from tests.helpers.api import as_person
from tests.helpers.doubted import model_that_doubts
from tests.helpers.drawn_projects import draw, draw_all, drawing_project
from tests.helpers.factories import category

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]
HERE, THERE = [10.0, 10.0, 40.0, 40.0], [200.0, 100.0, 40.0, 40.0]


def place(image, label, missing, box, doubt):
    return {"image": image.pk, "label": label, "suggested": missing, "doubt": doubt, "confident": True, "box": box}


@pytest.fixture
def doubted(ann, lena):
    """Three images with a pawn each: of two a second one is missed, on the last the model sees nothing."""
    project = drawing_project(ann, lead=lena)
    images = draw_all(project, [{ann: [("pawn", *HERE)]}] * 3)
    pawn = category(project, "pawn")
    rows = [
        place(images[0], pawn, True, THERE, 0.9), place(images[1], pawn, True, THERE, 0.95),
        place(images[2], pawn, False, HERE, 0.4),
    ]  # fmt: skip
    run = model_that_doubts(project, *rows)
    run.metrics["label_errors"]["last_label"] = project.labels.order_by("-pk").first().pk
    run.save()
    return project, run, images


def waiting(project, run):
    return [one.image.pk for one in label_errors.waiting(project, run)]


def decide(image, lena, *boxes):
    drawn = [{"category": "pawn", "box": box} for box in boxes]
    adjudication.decide(image_id=image.pk, reviewer=lena, drawn=drawn)


def test_missed_objects_come_first_and_a_decided_image_leaves_the_list(doubted, lena):
    project, run, images = doubted
    assert waiting(project, run) == [images[1].pk, images[0].pk, images[2].pk]

    decide(images[0], lena, HERE, THERE)

    assert waiting(project, run) == [images[1].pk, images[2].pk]


def test_an_image_that_was_answered_anew_or_is_judged_blind_is_not_on_the_list(doubted, ann):
    project, run, images = doubted
    draw(project, images[1], ann, [("pawn", *HERE), ("pawn", *THERE)])
    images[0].slice = "blind"
    images[0].save()

    assert waiting(project, run) == [images[2].pk]


def test_how_often_a_doubt_was_right_counts_whether_an_object_lies_there(doubted, lena):
    project, _run, images = doubted
    assert label_errors.checked(project).looked_at == 0
    decide(images[0], lena, HERE, [205.0, 100.0, 40.0, 40.0])  # right: one was missed, drawn a little aside
    decide(images[1], lena, HERE)  # nothing is there
    decide(images[2], lena)  # right: there is no pawn

    told = label_errors.checked(project)

    assert (told.corrected, told.confirmed, told.undecidable) == (2, 1, 0)
    assert told.precision.value == pytest.approx(2 / 3) and told.precision.low == pytest.approx(0.2077, abs=1e-4)
    adjudication.decide(image_id=images[1].pk, reviewer=lena, undecidable=True)
    told = label_errors.checked(project)
    assert (told.corrected, told.confirmed, told.undecidable) == (2, 0, 1)


def test_a_doubt_that_a_later_run_repeats_counts_once(doubted, lena):
    project, run, images = doubted
    model_that_doubts(project, *run.metrics["label_errors"]["suspects"], active=False)
    decide(images[0], lena, HERE, THERE)

    assert label_errors.checked(project).looked_at == 1


def test_the_pages_lead_through_them_and_name_no_place_before_the_decision(as_, lena, doubted):
    project, _run, images = doubted
    model = " ".join(as_(lena).get(reverse("model", args=[project.pk])).content.decode().split())
    assert "Which answers does it doubt?" in model and "Look at 3 images, one by one" in model
    address = reverse("adjudicate", args=[project.pk]) + "?doubted=1"

    answer = as_(lena).get(address)
    page = answer.content.decode()

    assert "A model that had not seen" in page and "None was looked at yet." in " ".join(page.split())
    assert f"/api/images/{images[1].pk}/file/" in page and "200.0" not in page
    assert "one more pawn" not in page
    objects = json.dumps([{"category": category(project, "pawn"), "box": box} for box in (HERE, THERE)])
    seen = {"do": "settle", "image": images[1].pk, "version": answer.context["version"], "objects": objects}
    after = as_(lena).post(address, seen, follow=True)
    assert after.context["image"] == images[0]
    text = " ".join(after.content.decode().split())
    assert "1 looked at." in text and "The label was wrong in 1 of 1" in text
    told = " ".join(as_(lena).get(f"{address}&image={images[1].pk}").content.decode().split())
    assert "one more pawn" in told and "the model that doubted it" in told and ">None<" not in told
    assert Decision.objects.count() == 1


def test_rest_lists_them_with_their_place(lena, doubted):
    project, _run, images = doubted

    told = as_person(lena).get(f"/api/projects/{project.pk}/label-errors/").json()

    first, _second, last = told["results"]
    assert (first["image"], first["category"], first["missing"], first["box"]) == (images[1].pk, "pawn", True, THERE)
    assert (last["image"], last["missing"], last["box"]) == (images[2].pk, False, HERE)
    assert told["precision"]["value"] is None
