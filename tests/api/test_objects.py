"""Drawn objects by REST: answer, the long table, pre-labels, drafts, questions."""

from __future__ import annotations

import pytest

from labeler.labeling import claims
from labeler.models import Draft
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images, category, make_model, make_project

BOX = [10.5, 20, 30, 40]


@pytest.fixture
def boxes(ann, bea, dora, rev, lena):
    from tests.helpers.factories import join

    project = make_project(ann, bea, dora, lead=lena, task="boxes", categories=("pawn", "king"))
    join(project, rev, "reviewer")
    return project


def claim(client, project, n=1):
    return client.post(f"/api/projects/{project.pk}/claims/", {"count": n}).json()["claims"]


@pytest.mark.django_db
def test_a_project_that_draws_is_made_by_rest(ada):
    client = as_person(ada)
    wanted = {
        "name": "Chess", "task": "boxes", "categories": [{"name": "pawn", "smallest": 8}, "king"], "object_iou": 0.6,
        "questions": [{"name": "fallen", "kind": "yes_no"}],
    }  # fmt: skip

    made = client.post("/api/projects/", wanted)

    assert made.status_code == 201, made.json()
    told = made.json()
    assert (told["task"], told["object_iou"]) == ("boxes", 0.6)
    assert [c["smallest"] for c in told["categories"]] == [8, 0]
    assert [(q["name"], q["kind"]) for q in told["questions"]] == [("fallen", "yes_no")]
    for task in ("polygons", "masks", "semantic"):
        assert client.post("/api/projects/", {**wanted, "name": task, "task": task}).status_code == 201


@pytest.mark.django_db
def test_objects_go_in_and_come_out_as_they_were_sent(boxes, ann, rev):
    (image,) = add_images(boxes, 1)
    client = as_person(ann)
    claim(client, boxes)

    answer = client.put(
        f"/api/images/{image.pk}/label/",
        {"objects": [{"category": "king", "box": BOX}, {"category": category(boxes, "pawn"), "box": [600, 1, 90, 9]}],
         "seconds": 9.5},
    )  # fmt: skip

    assert answer.status_code == 201, answer.json()
    told = answer.json()
    assert told["categories"] == ["pawn", "king"]
    assert [(o["number"], o["category"], o["box"]) for o in told["objects"]] == [
        (1, "king", BOX), (2, "pawn", [600, 1, 40, 9]),
    ]  # fmt: skip
    assert told["changes"] == [{"number": 2, "change": "clipped"}]
    (row,) = as_person(rev).get(f"/api/projects/{boxes.pk}/labels/").json()["results"]
    assert row["objects"] == told["objects"]
    (row,) = as_person(rev).get(f"/api/projects/{boxes.pk}/labels/?objects=false").json()["results"]
    assert "objects" not in row


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"objects": "x"}, 400, "invalid"),
        ({"objects": [{"category": "king", "box": [1, 2, "3", 4]}]}, 400, "invalid"),
        ({"objects": [{"category": "king", "box": [1, 2, 0, 4]}]}, 422, "impossible_objects"),
        (
            {"objects": [{"category": "king", "mask": {"size": [9, 9], "counts": [0, 81], "offset": [1, 1]}}]},
            422,
            "wrong_geometry",
        ),
        ({"objects": [{"category": "queen", "box": [1, 2, 3, 4]}]}, 422, "impossible_objects"),
        ({"objects": [{"category": "king", "box": [1, 2, 3, 4]}] * 3001}, 422, "too_many"),
        ({"categories": ["king"]}, 400, "answer_does_not_fit_task"),
        ({"objects": [], "keep": "some"}, 400, "invalid"),
    ],
)
def test_what_cannot_be_is_refused_with_its_number_and_the_claim_stays(boxes, ann, body, status, code):
    (image,) = add_images(boxes, 1)
    client = as_person(ann)
    claim(client, boxes)

    refused = client.put(f"/api/images/{image.pk}/label/", body)

    assert (refused.status_code, error_of(refused)) == (status, code), refused.json()
    if status == 422 and code != "too_many":
        (one,) = refused.json()["error"]["fields"]["objects"]
        assert one["number"] == 0 and one["reason"].endswith(".")
    assert client.put(f"/api/images/{image.pk}/label/", {"objects": []}).status_code == 201


@pytest.mark.django_db
def test_a_pre_label_is_kept_by_one_word(boxes, ann):
    (image,) = add_images(boxes, 1)
    pawn, run = category(boxes, "pawn"), make_model(boxes)
    drawn = [
        {"number": 1, "category": pawn, "box": BOX, "probability": 0.9, "shown": True},
        {"number": 2, "category": pawn, "box": [1, 1, 9, 9], "probability": 0.1, "shown": False},
    ]
    run.predictions.create(image=image, probabilities=[], categories=[pawn], probability=0.9, margin=0.8, drawn=drawn)
    client = as_person(ann)
    (claimed,) = claim(client, boxes)
    assert [(o["number"], o["box"], o["probability"]) for o in claimed["prelabel"]["objects"]] == [(1, BOX, 0.9)]

    told = client.put(f"/api/images/{image.pk}/label/", {"keep": "all"}).json()

    assert [(o["from"], o["change"], o["iou"]) for o in told["objects"]] == [(1, "kept", 1.0)]
    assert told["deleted"] == []


@pytest.mark.django_db
def test_a_page_of_labels_ends_before_there_are_too_many_objects(boxes, ann, rev, monkeypatch):
    from api import labels

    monkeypatch.setattr(labels, "MOST_OBJECTS", 5)
    client = as_person(ann)
    for image in add_images(boxes, 4):
        claim(client, boxes, 10)
        client.put(f"/api/images/{image.pk}/label/", {"objects": [{"category": "king", "box": [1, 1, 9, 9]}] * 2})

    first = as_person(rev).get(f"/api/projects/{boxes.pk}/labels/").json()
    rest = as_person(rev).get(first["next"]).json()

    assert [len(first["results"]), len(rest["results"]), rest["next"]] == [2, 2, None]


@pytest.mark.django_db
def test_a_draft_is_its_authors_alone_and_ends_with_the_answer(boxes, ann, bea, lena):
    (image,) = add_images(boxes, 1, labels_needed=2)
    url = f"/api/images/{image.pk}/draft/"
    client = as_person(ann)
    assert error_of(client.put(url, {"objects": []})) == "no_claim"
    claim(client, boxes)

    first = client.put(url, {"objects": [{"category": "king", "box": BOX}], "revision": 0})
    second = client.put(url, {"objects": [{"polygon": [[1, 1, 2, 2]], "open": True}], "revision": 1})
    stale = client.put(url, {"objects": [], "revision": 1})

    assert [first.json()["revision"], second.json()["revision"]] == [1, 2]
    assert (stale.status_code, error_of(stale)) == (412, "stale_version")
    assert client.get(url).json()["objects"] == [{"polygon": [[1, 1, 2, 2]], "open": True}]
    assert claim(client, boxes)[0]["draft"]["revision"] == 2
    assert [as_person(other).get(url).status_code for other in (bea, lena)] == [404, 404]
    client.put(f"/api/images/{image.pk}/label/", {"objects": []})
    assert client.get(url).status_code == 404
    claim(as_person(bea), boxes)
    as_person(bea).put(url, {"objects": []})
    as_person(bea).delete(f"/api/images/{image.pk}/claim/")
    assert not Draft.objects.exists()


@pytest.mark.django_db
def test_drafts_nobody_touched_for_a_week_are_forgotten(boxes, ann):
    from datetime import timedelta

    from django.utils import timezone

    from labeler.labeling import drafts

    old, new = add_images(boxes, 2)
    claims.claim(project=boxes, annotator=ann, count=2)
    for image in (old, new):
        drafts.keep(image_id=image.pk, annotator=ann, objects=[])
    Draft.objects.filter(claim__image=old).update(saved_at=timezone.now() - timedelta(days=8))

    assert (drafts.forget_old(), Draft.objects.get().claim.image_id) == (1, new.pk)


@pytest.mark.django_db
def test_questions_are_asked_changed_and_retired(boxes, project, lena, ann):
    client = as_person(lena)
    url = f"/api/projects/{boxes.pk}/questions/"

    asked = client.post(url, {"name": "side", "kind": "one", "options": ["white", "black"], "categories": ["king"]})
    question = asked.json()

    assert asked.status_code == 201 and question["categories"] == [category(boxes, "king")]
    assert error_of(client.post(url, {"name": "side", "kind": "yes_no"})) == "conflict"
    assert error_of(client.post(url, {"name": "x", "kind": "one", "options": ["a"]})) == "invalid"
    assert error_of(client.post(f"/api/projects/{project.pk}/questions/", {"name": "x", "kind": "yes_no"})) == (
        "task_not_supported"
    )
    assert client.patch(f"/api/questions/{question['id']}/", {"retired": True}).json()["retired"] is True
    assert as_person(ann).get(f"/api/projects/{boxes.pk}/").json()["questions"] == []
