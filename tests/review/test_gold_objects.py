"""Gold images where people draw: what is known, who found it, and what they are told."""

from __future__ import annotations

import pytest

from labeler.errors import Invalid
from labeler.labeling import claims, labels
from labeler.models import Claim, Gold, Project
from labeler.review import gold
from tests.helpers.api import as_person
from tests.helpers.factories import add_images, make_project


def box(x, y, width, height, name="pawn"):
    return {"category": name, "box": [x, y, width, height]}


KNOWN = [box(10, 10, 40, 40), box(100, 10, 40, 40, "king")]


@pytest.fixture
def boxes(ann, bea, dora, lena):
    return make_project(ann, bea, dora, lead=lena, task="boxes", categories=("pawn", "king"))


def answer_gold(project, image, person, objects):
    claims.claim(project=project, annotator=person, count=10)
    Claim.objects.filter(image=image, annotator=person).update(purpose="gold", holds_seat=False)
    return labels.save_label(image_id=image.pk, annotator=person, drawn=objects)


def test_people_are_scored_by_the_objects_they_found(boxes, ann, bea, dora, lena):
    (image,) = add_images(boxes, 1, labels_needed=5)
    gold.add(project=boxes, by=lena, image_id=image.pk, drawn=KNOWN)

    answer_gold(boxes, image, ann, KNOWN)
    # One found, one of another class at its place, one invented: 1 of 3.
    answer_gold(boxes, image, bea, [box(12, 10, 40, 40), box(100, 10, 40, 40), box(300, 300, 20, 20)])
    answer_gold(boxes, image, dora, [])

    scores = gold.scores(boxes)
    assert [(scores[p.pk]["value"], scores[p.pk]["n"]) for p in (ann, bea, dora)] == [
        (1.0, 2), (pytest.approx(1 / 3), 3), (0.0, 2),
    ]  # fmt: skip


def test_gold_comes_from_what_all_agree_on_or_what_somebody_says(boxes, ann, bea, lena):
    agreed, open_ = add_images(boxes, 2, labels_needed=2)
    for person in (ann, bea):
        claims.claim(project=boxes, annotator=person, count=10)
        labels.save_label(image_id=agreed.pk, annotator=person, drawn=[box(10, 10, 40, 40)])
    labels.save_label(image_id=open_.pk, annotator=ann, drawn=KNOWN)

    assert gold.add(project=boxes, by=lena, image_id=agreed.pk).drawn[0]["box"] == [10, 10, 40, 40]
    with pytest.raises(Invalid, match="not all agree"):
        gold.add(project=boxes, by=lena, image_id=open_.pk)
    made = as_person(lena).post(f"/api/projects/{boxes.pk}/gold/", {"image": open_.pk, "objects": KNOWN})
    assert (made.status_code, len(Gold.objects.get(pk=open_.pk).drawn)) == (201, 2)


def test_who_answers_gold_is_told_what_is_there(boxes, ann, lena):
    Project.objects.filter(pk=boxes.pk).update(gold_feedback=True)
    (image,) = add_images(boxes, 1, labels_needed=5)
    gold.add(project=boxes, by=lena, image_id=image.pk, drawn=KNOWN)
    claims.claim(project=boxes, annotator=ann, count=10)
    Claim.objects.filter(image=image).update(purpose="gold", holds_seat=False)

    told = as_person(ann).put(f"/api/images/{image.pk}/label/", {"objects": KNOWN[:1]}).json()["feedback"]

    assert (told["right"], len(told["objects"])) == (False, 2)
