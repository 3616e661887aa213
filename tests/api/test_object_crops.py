"""GET and POST object-crops/: what is handed out and remembered, and what is said of it."""

from __future__ import annotations

import pytest

from labeler.models import Exposure, Membership, ObjectVerdict
from tests.helpers.api import as_person
from tests.helpers.crops import predict
from tests.helpers.drawn_projects import drawing_project
from tests.helpers.factories import add_images, make_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def seen(ann, rev, lena):
    """An image with two pawns that the active model sees, and one that it is judged by."""
    project = drawing_project(ann, lead=lena)
    Membership.objects.create(project=project, user=rev, role="reviewer")
    image, held_out = add_images(project, 2)
    held_out.slice = "test"
    held_out.save()
    run = make_model(project)
    predict(run, image, {}, {"probability": 0.5})
    predict(run, held_out, {})
    return f"/api/projects/{project.pk}/object-crops/", image, run


def test_a_page_of_crops_is_handed_out_and_remembered(seen, rev):
    url, image, run = seen
    choices = as_person(rev).get(url).json()
    assert choices["items"] == [] and Exposure.objects.count() == 0
    assert [(one["category"], one["waiting"], one["precision"]) for one in choices["choices"]] == [("pawn", 2, None)]

    page = as_person(rev).get(url, {"category": "pawn"}).json()

    assert page["model"] == run.number
    assert sorted((one["image"], one["number"], one["probability"]) for one in page["items"]) == [
        (image.pk, 0, 0.9), (image.pk, 1, 0.5),
    ]  # fmt: skip
    assert list(Exposure.objects.values_list("image_id", "user_id")) == [(image.pk, rev.pk)]


def test_verdicts_are_kept_once_and_make_the_precision(seen, rev):
    url, image, run = seen
    items = [
        {"image": image.pk, "number": 0, "verdict": "keep"}, {"image": image.pk, "number": 1, "verdict": "wrong"},
        {"image": image.pk, "number": 2, "verdict": "keep"},
    ]  # fmt: skip
    for _time in range(2):
        answer = as_person(rev).post(url, {"model": run.number, "items": items}, format="json")
        assert [one["result"] for one in answer.json()["results"]] == ["saved", "saved", "gone"]
    assert ObjectVerdict.objects.count() == 2

    (choice,) = as_person(rev).get(url).json()["choices"]

    assert (choice["waiting"], choice["precision"]["value"], choice["precision"]["n"]) == (0, 0.5, 2)


def test_an_annotator_is_told_nothing_of_images_they_have_not_answered(seen, ann):
    url, _image, _run = seen

    page = as_person(ann).get(url, {"category": "pawn"}).json()

    assert (page["choices"], page["items"]) == ([], [])


@pytest.mark.parametrize(
    "items", [[], [{"image": 1, "number": 0, "verdict": "maybe"}], [{"image": 1, "number": 0, "verdict": "keep"}] * 2]
)
def test_what_is_no_page_of_verdicts_is_refused(seen, rev, items):
    url, _image, run = seen

    assert as_person(rev).post(url, {"model": run.number, "items": items}, format="json").status_code in (400, 422)
