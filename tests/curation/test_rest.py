"""Deleting, restoring and other work on many images over REST."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from api.errors import handle
from labeler.curation import deletion, work
from labeler.labeling import claims, labels, trash_rows
from labeler.models import Exposure, Gold, Image, Job, Label, QueueEntry
from labeler.models.image import Slice
from tests.helpers.api import as_person
from tests.helpers.factories import add_images, category, make_model, make_project, predict
from worker.intake import image_work_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(lena):
    return as_person(lena)


@pytest.fixture
def lab(lena, ann):
    return make_project(ann, lead=lena)


def do(client, project, what, **body):
    return client.post(f"/api/projects/{project.pk}/{what}/", body, format="json")


def test_one_image_is_deleted_and_only_a_lead_who_asks_for_it_sees_it(lab, lead, ann):
    (image,) = add_images(lab, 1)

    assert lead.delete(f"/api/images/{image.pk}/").status_code == 204

    assert lead.delete(f"/api/images/{image.pk}/").status_code == 404
    assert lead.get(f"/api/images/{image.pk}/").status_code == 404
    assert lead.get(f"/api/images/{image.pk}/?status=deleted").json()["id"] == image.pk
    assert as_person(ann).get(f"/api/images/{image.pk}/?status=deleted").status_code == 404
    assert lead.get(f"/api/projects/{lab.pk}/images/").json()["results"] == []
    trash = lead.get(f"/api/projects/{lab.pk}/images/?status=deleted").json()["results"]
    assert [row["id"] for row in trash] == [image.pk]
    assert as_person(ann).get(f"/api/projects/{lab.pk}/images/?status=deleted").status_code == 403


def test_a_few_are_deleted_when_the_answer_comes_and_come_back_by_all(lab, lead):
    images = add_images(lab, 3)

    answer = do(lead, lab, "deletions", images=[images[0].pk, images[1].pk, 987654])

    assert answer.status_code == 202
    row = answer.json()
    assert (row["state"], row["changed"], row["kept"]) == ("done", 2, 1)
    assert row["message"] == "2 images are in the trash. 1 were not there any more."
    assert lead.get(f"/api/jobs/{row['id']}/").json() == row
    back = do(lead, lab, "restorations", all=True).json()
    assert (back["state"], back["changed"]) == ("done", 2)
    assert lab.images.count() == 3


def test_by_a_filter_and_nothing_by_an_empty_one(lab, lead):
    add_images(lab, 2, name="a/leaf.jpg")
    add_images(lab, 1, name="b/bark.jpg")

    assert do(lead, lab, "deletions", filter={}).status_code == 400
    assert do(lead, lab, "deletions").status_code == 400
    assert do(lead, lab, "deletions", images=[1], all=True).status_code == 400
    assert do(lead, lab, "deletions", filter={"search": {"a": 1}}).status_code == 400
    assert do(lead, lab, "deletions", filter={"search": "nothing like it"}).status_code == 400
    assert do(lead, lab, "deletions", filter={"search": "LEAF", "status": ["unlabeled"]}).json()["changed"] == 2
    assert lab.images.count() == 1


def test_many_are_a_job_that_goes_on_where_it_was_killed(lab, lead, monkeypatch):
    monkeypatch.setattr(work, "AT_ONCE", 2)
    monkeypatch.setattr(work, "STEP", 2)
    add_images(lab, 5)
    row = do(lead, lab, "deletions", all=True).json()
    assert (row["state"], row["progress"]) == ("queued", {"done": 0, "total": 5})

    calls = []

    def killed(project, by, ids, asked):
        if calls:
            raise KeyboardInterrupt
        calls.append(ids)
        return whole(project, by, ids, asked)

    whole = work.ACTIONS["delete"].act
    dying = work.ACTIONS | {"delete": work.ACTIONS["delete"].__class__(killed, lambda p, a: {})}
    with monkeypatch.context() as patch:
        patch.setattr(work, "ACTIONS", dying)
        with pytest.raises(KeyboardInterrupt):
            image_work_job(row["id"], worker="one")
    assert lab.images.count() == 3
    Job.objects.filter(pk=row["id"]).update(lease_until="2000-01-01T00:00Z")

    image_work_job(row["id"], worker="two")

    done = lead.get(f"/api/jobs/{row['id']}/").json()
    assert (done["state"], done["progress"], done["changed"]) == ("done", {"done": 5, "total": 5}, 5)
    assert not lab.images.exists()


def test_first_gold_and_metadata(lab, lead):
    images = add_images(lab, 3)
    ids = [image.pk for image in images]

    assert do(lead, lab, "image-work", do="first", images=ids[:1]).json()["changed"] == 1
    assert QueueEntry.objects.get(pk=ids[0]).chosen_by == "lead"
    assert do(lead, lab, "image-work", do="gold", images=ids[:2]).json()["kept"] == 2  # nobody knows what they are
    assert do(lead, lab, "image-work", do="gold", images=ids[:2], categories=["cat"]).json()["changed"] == 2
    assert set(Gold.objects.values_list("pk", flat=True)) == set(ids[:2])
    assert do(lead, lab, "image-work", do="metadata", images=ids, key="site", value="north").json()["changed"] == 3
    assert set(lab.images.values_list("metadata__site", flat=True)) == {"north"}
    assert do(lead, lab, "image-work", do="metadata", images=ids, value="north").status_code == 400
    assert do(lead, lab, "image-work", do="label", images=ids).status_code in (400, 422)
    assert do(lead, lab, "image-work", do="fly", images=ids).status_code == 400


def test_labels_of_many_at_once_are_ones_own_and_informed_and_none_is_blind(lab, lead, lena, ann):
    open_, blind = add_images(lab, 2, slice=Slice.NONE), add_images(lab, 1, slice=Slice.BLIND)
    run = make_model(lab)
    predict(run, open_[0], "dog")
    claims.claim(project=lab, annotator=lena, count=5)
    labels.save_label(image_id=open_[1].pk, annotator=lena, categories=["fox"])

    ids = [image.pk for image in (*open_, *blind)]
    row = do(lead, lab, "image-work", do="label", images=ids, categories=["cat"]).json()

    assert (row["changed"], row["kept"]) == (1, 2)
    made = Label.objects.get(image=open_[0])
    assert made.annotator == lena
    assert made.categories == [category(lab, "cat")]
    assert made.informed
    assert not made.is_blind
    assert made.shown_prediction_id is not None  # the pre-label that came with the claim
    assert Exposure.objects.filter(user=lena, image=open_[0]).exists()
    assert not Label.objects.filter(image__in=blind).exists()
    assert list(Label.objects.filter(image=open_[1]).values_list("categories", flat=True)) == [[category(lab, "fox")]]


def test_another_round_is_begun_once_even_if_the_step_is_done_twice(lab, lead, lena, ann):
    (image,) = add_images(lab, 1)
    claims.claim(project=lab, annotator=ann)
    labels.save_label(image_id=image.pk, annotator=ann, categories=["cat"])

    row = do(lead, lab, "image-work", do="again", images=[image.pk], reason="new rule").json()
    assert row["changed"] == 1
    job = Job.objects.get(pk=row["id"])
    work.ACTIONS["again"].act(lab, lena, [image.pk], job.params["asked"])

    assert Image.objects.get(pk=image.pk).round == 2


def test_another_projects_images_stay_where_they_are(lab, lead, ann):
    other = make_project(ann)
    (theirs,) = add_images(other, 1)

    for what, body in (
        ("deletions", {}),
        ("restorations", {}),
        *(("image-work", {"do": name, "categories": ["cat"], "key": "a", "value": 1}) for name in work.ACTIONS),
    ):
        assert do(lead, lab, what, images=[theirs.pk], **body).json()["changed"] == 0
    assert other.images.get().metadata == {}
    assert not Gold.objects.exists()


def test_what_speaks_of_an_image_that_went_at_this_moment_is_not_found(lab):
    """Written while somebody deleted it: the pair of image and project is checked when the transaction ends."""
    (image,) = add_images(lab, 1)
    other = make_project()
    QueueEntry.objects.filter(pk=image.pk).update(project=other)
    with connection.cursor() as cursor, pytest.raises(IntegrityError) as raised, transaction.atomic():
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    QueueEntry.objects.filter(pk=image.pk).update(project=lab)

    assert handle(raised.value, {}).status_code == 404


def test_who_deletes_what_everybody_is_answering_is_asked_to_come_again(lab, lead, monkeypatch):
    (image,) = add_images(lab, 1)

    def in_use(ids):
        raise trash_rows.InUse

    monkeypatch.setattr(deletion, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(trash_rows, "hold", in_use)

    answer = lead.delete(f"/api/images/{image.pk}/")

    assert (answer.status_code, answer["Retry-After"]) == (503, "3")
    assert lab.images.exists()
