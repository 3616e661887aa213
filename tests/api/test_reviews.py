"""The review grid over REST: what a client is sent and may send, and that no planted image can be told from it."""

from __future__ import annotations

import random
from uuid import uuid4

import pytest

from labeler.models import Claim, Label, Plant
from labeler.review import planted
from tests.helpers.api import as_person, error_of, key
from tests.helpers.factories import category, make_model
from tests.helpers.review_pages import (
    say,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("same_chance")]


@pytest.fixture
def model(project):
    return make_model(project, is_calibrated=True)


def url(project, *parts) -> str:
    return f"/api/projects/{project.pk}/" + "".join(f"{part}/" for part in parts)


def open_page(client, project, **body) -> dict:
    response = client.post(url(project, "review-pages"), {"page": str(uuid4()), "predicted": "cat", **body})
    assert response.status_code == 200, response.json()
    return response.json()


def send(client, project, items, headers=None, **body):
    return client.post(url(project, "reviews"), {"items": items, **body}, headers=headers or {})


def test_a_page_is_opened_kept_answered_and_taken_back(project, model, ann):
    images = say(model, project, 3)
    client = as_person(ann)

    page = open_page(client, project)
    assert [item["image"]["id"] for item in page["items"]] == [image.pk for image in images]
    assert page["items"][0] == {
        "image": {
            "id": images[0].pk,
            "name": f"Image {images[0].pk}",
            "width": 640,
            "height": 480,
            "preview_url": f"/api/images/{images[0].pk}/preview/",
            "thumbnail_url": f"/api/images/{images[0].pk}/thumb/",
            "file_url": f"/api/images/{images[0].pk}/file/",
        },
        "categories": ["cat"],
        "category_ids": [category(project, "cat")],
        "probability": 0.99,
    }
    assert page["calibrated"] is True
    assert client.patch(url(project, "review-pages", page["page"])).status_code == 204

    items = [
        {"image": images[0].pk, "categories": ["cat"]},
        {"image": images[1].pk, "categories": [category(project, "fox")]},
        {"image": images[2].pk, "categories": None},
    ]
    response = send(client, project, items, key(), seconds=6, label_set=1)
    assert response.json() == {
        "results": [
            {"image": images[0].pk, "result": "saved", "categories": ["cat"]},
            {"image": images[1].pk, "result": "saved", "categories": ["fox"]},
            {"image": images[2].pk, "result": "sent_back"},
        ]
    }
    assert set(Label.objects.values_list("seconds", flat=True)) == {2.0}

    undo = send(client, project, [{"image": image.pk, "answer": "undo"} for image in images], key())
    assert {row["result"] for row in undo.json()["results"]} == {"taken_back"}
    assert client.delete(url(project, "review-pages", page["page"])).status_code == 204
    assert set(Claim.objects.values_list("state", flat=True)) == {"released"}


def test_a_repeat_gives_the_same_answer_and_a_refused_item_says_why(project, model, ann):
    images = say(model, project, 2)
    client = as_person(ann)
    open_page(client, project)
    once = key()
    items = [{"image": images[0].pk, "categories": ["wolf"]}, {"image": images[1].pk, "categories": ["cat"]}]

    first, again = send(client, project, items, once), send(client, project, items, once)

    assert first.status_code == 200
    assert first.json() == again.json()
    refused, saved = first.json()["results"]
    assert refused["result"] == "refused"
    assert refused["error"]["code"] == "category_not_in_project" and "wolf" in refused["error"]["message"]
    assert saved["result"] == "saved"
    assert Label.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": {}},
        {"items": []},
        {"items": [1]},
        {"items": [{"categories": ["cat"]}]},
        {"items": [{"image": "1", "categories": ["cat"]}]},
        {"items": [{"image": True, "categories": ["cat"]}]},
        {"items": [{"image": 1}]},
        {"items": [{"image": 1, "categories": "cat"}]},
        {"items": [{"image": 1, "answer": "skip"}]},
        {"items": [{"image": 1, "answer": ["back"]}]},
        {"items": [{"image": 1, "categories": ["cat"]}] * 2},
        {"items": [{"image": n, "categories": ["cat"]} for n in range(51)]},
        {"items": [{"image": 1, "categories": ["cat"]}], "seconds": "9"},
        {"items": [{"image": 1, "categories": ["cat"]}], "label_set": 7},
        {"items": [{"image": 1, "categories": ["cat"]}], "label_set": True},
    ],
)
def test_a_review_that_makes_no_sense_is_refused_as_a_whole(project, model, ann, body):
    response = as_person(ann).post(url(project, "reviews"), body)

    assert response.status_code == 400
    error_of(response)


@pytest.mark.parametrize("seconds", [-1, 1e300 * 10], ids=["negative", "beyond"])
def test_a_time_that_nobody_took_is_refused(project, model, ann, seconds):
    [image] = say(model, project, 1)
    client = as_person(ann)
    open_page(client, project)

    body = f'{{"items": [{{"image": {image.pk}, "categories": ["cat"]}}], "seconds": {"1e999" if seconds > 0 else -1}}}'
    response = client.post(url(project, "reviews"), body, content_type="application/json")

    assert response.status_code == 400 or response.json()["results"][0]["result"] == "refused"
    assert not Label.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"page": "tab"},
        {"predicted": "wolf"},
        {"predicted": None},
        {"min_confidence": 2},
        {"min_confidence": "nan"},
        {"count": 0},
        {"count": 51},
    ],
)
def test_a_page_that_makes_no_sense_is_refused(project, model, ann, body):
    say(model, project, 1)

    response = as_person(ann).post(url(project, "review-pages"), {"page": str(uuid4()), "predicted": "cat", **body})

    assert response.status_code == 400
    error_of(response)


def test_a_project_without_pre_labels_has_no_pages(project, model, ann):
    project.show_prelabels = False
    project.save()

    response = as_person(ann).post(url(project, "review-pages"), {"page": str(uuid4()), "predicted": "cat"})

    assert (response.status_code, error_of(response)) == (422, "not_possible_now")


def test_an_image_of_another_project_is_not_given_away(project, model, ann, multi_project):
    [image] = say(make_model(multi_project), multi_project, 1, name="sky")

    response = send(as_person(ann), project, [{"image": image.pk, "categories": ["cat"]}])

    assert response.json()["results"][0]["error"]["code"] == "no_claim"


def test_nothing_a_client_is_sent_tells_a_planted_image(project, known, model, dora):
    say(model, project, 30)
    client = as_person(dora)
    page = open_page(client, project)
    planted = set(Plant.objects.values_list("image", flat=True))
    assert len(planted) >= 4

    # Same members, same kinds of values, same statuses, before the answer and with it.
    real, false = split(page["items"], planted)
    assert shapes(real) == shapes(false)
    for item in page["items"]:
        found = client.get(f"/api/images/{item['image']['id']}/").json()
        assert (found["status"], found["prediction"], found["consensus"], found["labels"]) == (None, None, None, [])
        assert client.delete(f"/api/images/{item['image']['id']}/claim/").status_code == 204
    items = [{"image": item["image"]["id"], "categories": item["categories"]} for item in page["items"]]
    results = send(client, project, items, key()).json()["results"]
    assert {tuple(sorted(row.items(), key=str)) for row in map(without_id, results)} == {
        (("categories", "['cat']"), ("result", "saved"))
    }
    undo = send(client, project, [{"image": item["image"]["id"], "answer": "undo"} for item in page["items"]], key())
    assert {str(without_id(row)) for row in undo.json()["results"]} == {"{'result': 'taken_back'}"}
    back = send(client, project, [{"image": item["image"]["id"], "answer": "back"} for item in page["items"]], key())
    assert {str(without_id(row)) for row in back.json()["results"]} == {"{'result': 'sent_back'}"}
    assert not Label.objects.filter(annotator=dora, image__in=planted).exists()


def split(items, planted):
    return (
        [item for item in items if item["image"]["id"] not in planted],
        [item for item in items if item["image"]["id"] in planted],
    )


def shapes(items) -> set[str]:
    """What can be said of an item without its numbers."""
    return {
        str((sorted(item), sorted(item["image"]), item["categories"], len(str(item["probability"])) <= 5))
        for item in items
    }


def without_id(row) -> dict[str, str]:
    return {name: str(value) if name == "categories" else value for name, value in row.items() if name != "image"}


def test_equal_confidences_give_no_planted_image_away(project, known, model, dora, monkeypatch):
    monkeypatch.setattr(planted, "chance", random.Random(3))
    for image in say(model, project, 30):
        image.predictions.update(probability=0.97)

    page = open_page(as_person(dora), project)

    assert {item["probability"] for item in page["items"]} == {0.97}
    order = [item["image"]["id"] for item in page["items"]]
    assert order != sorted(order) and order != sorted(order, reverse=True)
