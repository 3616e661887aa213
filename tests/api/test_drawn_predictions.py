"""Objects of another program's model: what is stored, what is shown to whom, and the list of predictions."""

from __future__ import annotations

import json

import pytest

from labeler.models import Job, Prediction, TrainingRun
from labeler.models.image import Slice
from tests.helpers.api import as_person
from tests.helpers.drawn_projects import draw
from tests.helpers.factories import add_images, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def boxes(ann, bea, lena, rev):
    project = make_project(ann, bea, lead=lena, task="boxes", categories=("king", "pawn"))
    project.memberships.create(user=rev, role="reviewer")
    return project


def king(probability, x=1.0):
    return {"category": "king", "box": [x, 2, 30, 40], "probability": probability}


def send(client, model, items):
    return client.post(f"/api/outside-models/{model}/predictions/", {"items": items}, format="json")


def test_objects_of_a_model_become_pre_labels_and_blind_images_show_none(boxes, lena, ann):
    client = as_person(lena)
    (image,), (blind,) = add_images(boxes, 1, slice=Slice.NONE), add_images(boxes, 1, slice=Slice.BLIND)
    made = client.post(f"/api/projects/{boxes.pk}/outside-models/", {"name": "yolo", "threshold": 0.4}, format="json")
    assert made.status_code == 201
    model = made.json()["id"]
    items = [
        {
            "image": image.pk,
            "objects": [king(0.45), king(0.9, 5.0), king(0.3, 9.0), king(0.01), king(2), king(0.8, 900)],
        },
        {"image": blind.pk, "objects": [king(0.7)]},
        {"file_name": "none.jpg", "objects": []},
        {"image": blind.pk + 1, "objects": {}},
    ]

    answer = send(client, model, items).json()

    assert answer["stored"] == 2
    assert [(one["item"], one.get("object"), one["reason"]) for one in answer["refused"]] == [
        (0, 5, "Its probability is not from 0 to 1."),
        (0, 6, "It lies outside the image."),
        (2, None, "This project has no such image."),
        (3, None, "objects must be a list of {category, box | polygon | mask, probability}."),
    ]
    stored = Prediction.objects.get(image=image)
    assert [(one["number"], one["probability"], one["shown"]) for one in stored.drawn] == [
        (1, 0.9, True), (2, 0.45, True), (3, 0.3, False),
    ]  # fmt: skip
    assert stored.probability == 0.45  # the smallest that is shown
    assert Job.objects.get(kind="judge").params == {"run": model}
    assert client.post(f"/api/outside-models/{model}/activation/").status_code == 200
    claims = as_person(ann).post(f"/api/projects/{boxes.pk}/claims/", {"count": 5}, format="json").json()["claims"]
    by_image = {one["image"]["id"]: one["prelabel"] for one in claims}
    assert by_image[blind.pk] is None
    assert [one["probability"] for one in by_image[image.pk]["objects"]] == [0.9, 0.45]
    kept = as_person(ann).put(f"/api/images/{image.pk}/label/", {"objects": [], "keep": "all"}, format="json").json()
    assert [(one["from"], one["change"]) for one in kept["objects"]] == [(1, "kept"), (2, "kept")]
    # A person was shown it: it stays as it is.
    again = send(client, model, [{"image": image.pk, "objects": []}]).json()
    assert again["stored"] == 0 and "A person was shown" in again["refused"][0]["reason"]


def test_the_list_of_predictions_is_for_reviewers_and_leaves_blind_images_out(boxes, project, lena, rev, ann, carl):
    client = as_person(lena)
    images = [*add_images(boxes, 3, slice=Slice.NONE), *add_images(boxes, 1, slice=Slice.TEST)]
    made = client.post(f"/api/projects/{boxes.pk}/outside-models/", {"name": "yolo"}, format="json").json()
    send(client, made["id"], [{"image": one.pk, "objects": [king(0.6), king(0.2, 7.0)]} for one in images])
    url = f"/api/projects/{boxes.pk}/predictions/"
    assert as_person(rev).get(url).json()["results"] == []  # no model is in use
    first = as_person(rev).get(f"{url}?run={made['id']}&page_size=2").json()
    second = as_person(rev).get(first["next"]).json()
    rows = first["results"] + second["results"]
    assert [one["image"] for one in rows] == [one.pk for one in images[:3]] and second["next"] is None
    assert [(one["probability"], one["shown"]) for one in rows[0]["objects"]] == [(0.6, True), (0.2, False)]
    assert (rows[0]["run"], rows[0]["probability"]) == (made["id"], 0.6)
    assert [as_person(one).get(url).status_code for one in (ann, carl)] == [403, 404]


def test_a_threshold_is_for_drawn_objects(project, lena):
    url = f"/api/projects/{project.pk}/outside-models/"
    assert as_person(lena).post(url, {"name": "x", "threshold": 0.4}, format="json").status_code == 400


def test_the_data_set_holds_what_people_drew_and_what_the_model_says_as_the_description_says(boxes, lena, ann, rev):
    (image,) = add_images(boxes, 1, slice=Slice.NONE)
    client = as_person(lena)
    made = client.post(f"/api/projects/{boxes.pk}/outside-models/", {"name": "yolo", "threshold": 0.4}, format="json")
    send(client, made.json()["id"], [{"image": image.pk, "objects": [king(0.9)]}])
    TrainingRun.objects.update(is_active=True)
    draw(boxes, image, ann, [("king", 10, 20, 30, 40)])

    answer = as_person(rev).get(f"/api/projects/{boxes.pk}/export/jsonl/")  # held to the description line by line

    (row,) = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert [one["category"] for one in row["labels"][0]["objects"]] == ["king"]
    assert row["prediction"]["objects"][0]["probability"] == 0.9
