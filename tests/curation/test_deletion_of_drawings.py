"""Images with drawn answers and drafts in the trash: out of every figure, back as they were, and gone for good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from labeler.consensus import objects as consensus
from labeler.consensus import snapshots
from labeler.curation import deletion
from labeler.errors import NoClaim, NotFound
from labeler.labeling import claims, drafts, labels
from labeler.models import (
    AuditEvent,
    Category,
    Decision,
    Draft,
    Gold,
    Image,
    Label,
    LabelObject,
    Project,
    Question,
    Thread,
)  # fmt: skip
from labeler.projects import projects, questions
from labeler.review import adjudication, comments, gold
from tests.helpers.api import as_person
from tests.helpers.at_once import counters_are_right
from tests.helpers.drawn_projects import draw, drawing_project, shape_of, three_people
from tests.helpers.factories import add_images
from tests.helpers.seats import seats_are_right

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["boxes", "masks"])
def lab(request, ann, bea, dora, lena):
    """Six images of three people; the first is gold, the last decided; a seventh has a draft."""
    project = drawing_project(ann, bea, dora, lead=lena, task=request.param, labels_per_image=3)
    questions.add(project=project, by=lena, name="fallen", kind="yes_no")
    images = three_people(project, ann, bea, dora)
    known = [{"category": "king", **shape_of(project.task, 10, 10, 60, 60)}]
    adjudication.decide(image_id=images[-1].pk, reviewer=lena, drawn=known)
    gold.add(project=project, by=lena, image_id=images[0].pk, drawn=known)
    comments.raise_flag(image=images[0], by=ann, text="This one?", place={"x": 3, "y": 4})
    (begun,) = add_images(project, 1)
    claims.claim(project=project, annotator=ann, count=50)
    drafts.keep(image_id=begun.pk, annotator=ann, objects=[*known, {"category": "pawn", "open": True}])
    snapshots.refresh(project)
    return project, [*images, begun]


def figures(project, lena):
    images = list(project.images.order_by("pk"))
    return (
        [(i.pk, i.status, i.disputed_objects, i.disagreement, i.tally) for i in images],
        consensus.current(project, images),
        as_person(lena).get(f"/api/projects/{project.pk}/labels/").json()["results"],
        list(LabelObject.objects.filter(label__project=project).order_by("pk").values("pk", "shape", "category")),
    )


def old():
    Image.objects.filter(trashed_at__isnull=False).update(trashed_at=timezone.now() - timedelta(days=31))


def test_drawn_answers_and_drafts_leave_and_come_back_as_they_were(lab, ann, bea, lena):
    project, images = lab
    before, ids = figures(project, lena), [image.pk for image in images]
    objects = LabelObject.objects.count()

    assert deletion.delete(project=project, by=lena, image_ids=ids) == ids

    assert figures(project, lena) == ([], {}, [], [])
    assert LabelObject.objects.count() == objects  # they lie in the trash, with their labels
    with pytest.raises(NoClaim):
        drafts.keep(image_id=ids[-1], annotator=ann, objects=[])
    with pytest.raises(NotFound):
        drafts.find(image_id=ids[-1], annotator=ann)
    with pytest.raises((NoClaim, NotFound)):
        labels.save_label(image_id=ids[-1], annotator=ann, drawn=[])

    deletion.restore(project=project, by=lena, image_ids=ids)

    assert figures(project, lena) == before
    assert counters_are_right(project) and seats_are_right(project)
    assert Gold.objects.get(project=project).drawn and Thread.objects.get(project=project).place == {"x": 3, "y": 4}
    # Who had begun to draw gets the image again, and what they had drawn with it.
    given = as_person(ann).post(f"/api/projects/{project.pk}/claims/", {"count": 5}, format="json").json()["claims"]
    assert [claim["image"]["id"] for claim in given] == [ids[-1]]
    assert len(given[0]["draft"]["objects"]) == 2
    draw(project, images[-1], ann, [("pawn", 5, 5, 20, 20)])
    assert not Draft.objects.exists()


def test_after_thirty_days_objects_and_drafts_are_gone_but_the_audit(lab, ann, bea, lena):
    project, images = lab
    gone = [images[0].pk, images[-1].pk, images[-2].pk]  # gold, begun, decided
    kept = LabelObject.objects.exclude(label__image__in=gone).count()
    deletion.delete(project=project, by=lena, image_ids=gone)
    old()
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        LabelObject.objects.all().delete()

    assert deletion.purge_overdue() == 3

    assert LabelObject.objects.count() == kept > 0
    assert not LabelObject.objects.filter(label__image__in=gone).exists()
    for model in (Draft, Gold, Decision, Thread):
        assert not model.objects.exists(), model
    assert counters_are_right(project)
    events = AuditEvent.objects.filter(project=project.pk)
    assert events.filter(action="images.purge").get().details["images"] == 3
    assert {"images.delete", "gold.add", "consensus.decide"} <= set(events.values_list("action", flat=True))


def test_a_project_that_draws_is_purged_with_all_its_objects(lab, lena):
    project, images = lab
    deletion.delete(project=project, by=lena, image_ids=[images[0].pk])
    projects.trash(project=project, by=lena)
    Project.objects.filter(pk=project.pk).update(trashed_at=timezone.now() - timedelta(days=31))

    deletion.purge_overdue(most=4)
    deletion.purge_overdue()

    for model in (Image, Label, LabelObject, Draft, Gold, Decision, Question, Category):
        assert not model.objects.exists(), model
    assert not Project.objects.filter(pk=project.pk).exists()
    assert AuditEvent.objects.filter(project=project.pk, action="project.purge").exists()
