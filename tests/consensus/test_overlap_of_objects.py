"""Adaptive overlap where people draw: one more person as long as an object has no majority."""

from __future__ import annotations

import pytest

from labeler.consensus import overlap
from labeler.errors import Invalid
from labeler.labeling import claims, labels
from labeler.models import Image, Project, QueueEntry
from labeler.models.image import Status
from labeler.projects import projects
from tests.helpers.factories import add_images, make_project, make_user
from worker import periodic

HERE, THERE = [10.0, 10.0, 40.0, 40.0], [300.0, 300.0, 40.0, 40.0]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """As often as there is something new: on a loaded machine the second look would come later."""
    monkeypatch.setattr(periodic, "SHARE_OF_TIME", float("inf"))


@pytest.fixture
def boxes(ann, bea, dora, lena):
    return make_project(
        ann, bea, dora, make_user("eva"), lead=lena, task="boxes", categories=("pawn", "king"),
        adaptive_overlap=True, fewest_labels=2, most_labels=3,
    )  # fmt: skip


def draw(project, image, person, *places, **more):
    claims.claim(project=project, annotator=person, count=50)
    drawn = {} if more else {"drawn": [{"category": "pawn", "box": box} for box in places]}
    labels.save_label(image_id=image.pk, annotator=person, **drawn, **more)


def state(image):
    entry = QueueEntry.objects.get(pk=image.pk)
    return entry.seats, entry.seats_left, Image.objects.get(pk=image.pk).status


def test_an_object_without_a_majority_asks_one_more_person_up_to_the_most(boxes, ann, bea, dora):
    agreed, differs, solved = add_images(boxes, 3)
    periodic.refresh_snapshots(boxes)
    for image, second in ((agreed, HERE), (differs, THERE), (solved, THERE)):
        draw(boxes, image, ann, HERE)
        draw(boxes, image, bea, second)

    periodic.refresh_snapshots(boxes)

    assert state(agreed) == (2, 0, Status.SETTLED)
    assert state(differs) == state(solved) == (3, 1, Status.PARTLY)
    draw(boxes, differs, dora, HERE, THERE)  # each place: 2 of 3
    draw(boxes, solved, dora, HERE)
    assert state(differs) == state(solved) == (3, 0, Status.SETTLED)
    assert overlap.adjust(boxes) == 0
    assert overlap.savings(boxes)["labels"] == 8 and overlap.savings(boxes)["expected_error"] is None


def test_after_the_most_a_reviewer_decides(boxes, ann, bea, dora):
    (image,) = add_images(boxes, 1)
    for person, box in ((ann, HERE), (bea, THERE), (dora, [500.0, 100.0, 40.0, 40.0])):
        draw(boxes, image, person, box)
        overlap.adjust(boxes)
    assert state(image) == (3, 0, Status.SETTLED)  # each object: 2 of 3 say that it is not there

    Project.objects.filter(pk=boxes.pk).update(most_labels=2)
    (other,) = add_images(boxes, 1)
    for person, box in ((ann, HERE), (bea, THERE)):
        draw(boxes, other, person, box)
    overlap.adjust(Project.objects.get(pk=boxes.pk))
    assert state(other) == (2, 0, Status.DISPUTED)


def test_one_drawing_beside_a_cannot_tell_is_doubt(boxes, ann, bea):
    (image,) = add_images(boxes, 1)
    draw(boxes, image, ann, HERE)
    draw(boxes, image, bea, answer="cannot_tell")

    overlap.adjust(boxes)

    assert state(image) == (3, 1, Status.PARTLY)


@pytest.mark.parametrize(
    "changes",
    [
        {"consensus_method": "one_coin"}, {"ordered": "linear"}, {"ask_by_gain": True, "adaptive_overlap": False},
        {"auto_accept": True}, {"consensus_method": "with_model", "model_fills": True},
    ],
)  # fmt: skip
def test_what_works_for_classes_only_is_refused(boxes, lena, ada, changes):
    named = next(iter(changes))
    with pytest.raises(Invalid) as refused:
        projects.update(project=boxes, by=lena, changes=changes)
    with pytest.raises(Invalid) as refused_new:
        projects.create(created_by=ada, name="x", task="masks", categories=["pawn"], **changes)

    for error in (refused.value, refused_new.value):
        assert error.fields == {named: ["not for drawn objects"]} and error.message.endswith(".")
    assert not Project.objects.filter(name="x").exists()
