"""Predictions in bulk, which images get them, and what is thrown away again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labeler.jobs import dispatch
from labeler.labeling.claims import claim
from labeler.labeling.labels import save_label
from labeler.models import Image, Job, Prediction, QueueEntry, TrainingRun
from labeler.models.image import Slice, Status
from labeler.models.job import Kind, State
from labeler.training import prelabels
from tests.helpers.factories import add_images, make_model
from tests.helpers.opinions import opinion

pytestmark = pytest.mark.django_db


def test_predictions_are_stored_once_per_image_and_run(project):
    run, images = make_model(project), add_images(project, 3)

    assert prelabels.store(run, [opinion(run, image, 0.2) for image in images]) == 3
    assert prelabels.store(run, [opinion(run, image, 0.7) for image in images[:2]]) == 2

    margins = dict(Prediction.objects.filter(run=run).values_list("image", "margin"))
    assert margins == {images[0].pk: 0.7, images[1].pk: 0.7, images[2].pk: 0.2}


def test_more_than_one_chunk_is_stored(project, django_assert_max_num_queries):
    run, images = make_model(project), add_images(project, prelabels.STORED + 1)
    with django_assert_max_num_queries(16):
        prelabels.store(run, [opinion(run, image, 0.5) for image in images])
    assert Prediction.objects.filter(run=run).count() == prelabels.STORED + 1


def test_settled_images_are_left_to_people_but_held_out_ones_are_predicted(project):
    run = make_model(project)
    unlabeled, settled, test, blind, seen = (
        add_images(project, 1, slice=part)[0] for part in (Slice.NONE, Slice.NONE, Slice.TEST, Slice.BLIND, Slice.NONE)
    )
    Image.objects.filter(pk__in=[settled.pk, test.pk, blind.pk]).update(status=Status.SETTLED)
    prelabels.store(run, [opinion(run, seen, 0.5)])

    assert set(prelabels.images_to_predict(run)) == {unlabeled, test}


def test_what_is_asked_next_is_predicted_first(project):
    """After a new model, the next images in the queue get its pre-labels before all others."""
    run, images = make_model(project), add_images(project, 4, slice=Slice.NONE)
    for image, priority in zip(images, (0.2, 0.9, 0.4, 0.7), strict=True):
        QueueEntry.objects.filter(pk=image.pk).update(priority=priority)

    assert list(prelabels.images_to_predict(run)) == [images[k] for k in (1, 3, 2, 0)]


def test_old_predictions_go_unless_they_were_shown(project, ann, bea):
    now = timezone.now()
    images = add_images(project, 3, slice=Slice.NONE)
    oldest, previous, active = (
        make_model(project, active=k == 2, predicted_at=now - timedelta(hours=3 - k)) for k in range(3)
    )
    # One claim of each person while the oldest was active: ann answers, bea has not yet.
    TrainingRun.objects.filter(pk=active.pk).update(is_active=False)
    TrainingRun.objects.filter(pk=oldest.pk).update(is_active=True)
    prelabels.store(oldest, [opinion(oldest, image, 0.5) for image in images])
    (answered,), (opened,) = (claim(project=project, annotator=person) for person in (ann, bea))
    save_label(image_id=answered.image_id, annotator=ann, categories=["dog"])
    TrainingRun.objects.filter(pk=oldest.pk).update(is_active=False)
    TrainingRun.objects.filter(pk=active.pk).update(is_active=True)
    for run in (previous, active):
        prelabels.store(run, [opinion(run, image, 0.5) for image in images])

    deleted = prelabels.forget_old(project)

    shown = {answered.image_id, opened.image_id}
    assert set(Prediction.objects.filter(run=oldest).values_list("image", flat=True)) == shown
    assert deleted == 3 - len(shown)
    assert Prediction.objects.filter(run__in=[previous, active]).count() == 6


def test_new_images_are_noticed_once(project, monkeypatch):
    monkeypatch.setattr(dispatch, "send", lambda task, pk: True)
    run = make_model(project)
    assert prelabels.due() == []  # no image at all
    add_images(project, 2)
    assert prelabels.due() == [run]

    job = prelabels.request(run)
    assert prelabels.due() == []  # under way
    assert prelabels.request(run) == job

    Job.objects.filter(pk=job.pk).update(state=State.DONE, result={"last_image": prelabels.last_image(project)})
    assert prelabels.due() == []
    add_images(project, 1)
    assert prelabels.due() == [run]


def test_a_pre_labeling_that_failed_waits_before_it_is_tried_again(project):
    run = make_model(project)
    add_images(project, 1)
    job = Job.objects.create(
        project=project,
        kind=Kind.PRELABEL,
        params={"run": run.pk},
        state=State.FAILED,
        finished_at=timezone.now(),
    )
    assert prelabels.due() == []
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - prelabels.AGAIN_AFTER)
    assert prelabels.due() == [run]
