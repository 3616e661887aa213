"""What another program's model has drawn, judged on the held-out images as our own models that draw are."""

from __future__ import annotations

import pytest
from django.urls import reverse

from labeler.models import Job, RunAnswers
from labeler.models.image import Slice
from labeler.models.job import Kind
from labeler.stats.results import FEW_IMAGES
from labeler.training import judging, outside_models, runs
from labeler.training.outside_models import Given
from labeler.training.outside_objects import DrawnObject
from tests.helpers.drawn_projects import draw_all, drawing_project, shape_of
from tests.helpers.outside import judge, outside_model
from worker.training import judge_outside_drawn, train_drawn
from worker.training.drawn_dataset import assemble

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]
PAWN = ("pawn", 100, 100, 80, 80)


def held_out(project, people, n, objects=(PAWN,)):
    """n held-out images on which all of these people drew the same objects."""
    return draw_all(project, [dict.fromkeys(people, objects)] * n, slice=Slice.TEST)


def says(run, image, *squares, p=0.9):
    drawn = [DrawnObject(name, shape_of(run.project.task, *place), p) for name, *place in squares]
    outside_models.take_in(run, [Given(image.pk, None, None, drawn)])


def test_its_average_precision_is_that_of_what_it_sent(ann, bea, lena, client):
    project = drawing_project(ann, bea, lead=lena)
    images = held_out(project, (ann, bea), 5)
    run = outside_model(project, lena)
    for image in images[:3]:
        says(run, image, PAWN)
    says(run, images[3])  # nothing is there, it says; of the last image it says nothing at all

    judge(run)

    figures = run.metrics
    # Recall is .75 with no false object: 76 of COCO's 101 recalls are reached, each with precision 1.
    assert figures["ap50"]["value"] == pytest.approx(76 / 101)
    assert (figures["precision"]["value"], figures["recall"]["value"]) == (1.0, 0.75)
    assert (figures["judged_on"], figures["n"], run.dataset) == ("test", 4, {"test": 4, "calibration": 0})
    assert not run.is_calibrated
    kept = RunAnswers.objects.get(run=run)
    assert set(kept.image_ids) == {image.pk for image in images[:4]}
    assert judging.due() == []
    client.force_login(lena)
    page = client.get(reverse("run", args=[project.pk, run.number])).content.decode()
    assert "4 objects on 4 held-out images" in page and "0.75" in page
    assert "How did it learn?" not in page


def test_it_is_judged_as_soon_as_it_has_sent_something_and_again_when_it_is_used(ann, bea, lena):
    project = drawing_project(ann, bea, lead=lena)
    (image,) = held_out(project, (ann, bea), 1)
    run = outside_model(project, lena)

    says(run, image, PAWN)
    assert Job.objects.get(kind=Kind.JUDGE).params == {"run": run.pk}
    judge(run)
    runs.activate(run, lena)

    assert Job.objects.filter(kind=Kind.JUDGE).count() == 2


@pytest.mark.parametrize("task", ["polygons", "masks", "semantic"])
def test_outlines_and_pixels_are_judged_too(task, ann, bea, lena):
    project = drawing_project(ann, bea, lead=lena, task=task)
    run = outside_model(project, lena)
    for image in held_out(project, (ann, bea), 3):
        says(run, image, PAWN)

    figures = judge(run).metrics

    assert figures["miou" if task == "semantic" else "ap50"]["value"] == pytest.approx(1.0)


def test_nothing_is_told_before_it_has_sent_something_about_a_held_out_image(ann, bea, lena):
    project = drawing_project(ann, bea, lead=lena)
    (image,) = draw_all(project, [{ann: [PAWN], bea: [PAWN]}])
    run = outside_model(project, lena)
    says(run, image, PAWN)

    assert judge(run).metrics == {}


@pytest.mark.parametrize(
    ("n", "theirs_right", "ours_right", "is_used", "why"),
    [
        (FEW_IMAGES, 10, FEW_IMAGES, True, "better beyond chance"),
        (FEW_IMAGES, FEW_IMAGES, FEW_IMAGES, False, "not better beyond chance"),
        (3, 0, 3, False, "are needed to compare them"),
    ],
)
def test_ours_takes_its_place_only_when_better_beyond_chance(n, theirs_right, ours_right, is_used, why, ann, bea, lena):
    project = drawing_project(ann, bea, lead=lena)
    images = held_out(project, (ann, bea), n)
    theirs, ours = outside_model(project, lena), outside_model(project, lena, version="2")
    for at, image in enumerate(images):
        for run, right in ((theirs, theirs_right), (ours, ours_right)):
            says(run, image, *([PAWN] if at < right else []))
    dataset = assemble(project)
    test = judge_outside_drawn.said(ours, dataset, dataset.test)

    activate, note = train_drawn.instead_of_outside(theirs, dataset, test, by_masks=False)

    assert activate is is_used and why in note
