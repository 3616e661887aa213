"""A model of another program in the place of our own: shown, judged on held-out images, calibrated, never a person."""

from __future__ import annotations

import numpy as np
import pytest
from django.utils import timezone

from labeler.acceptance import promises
from labeler.consensus import model_votes
from labeler.errors import NotPossibleNow
from labeler.labeling import label_arrays
from labeler.labeling.claims import claim
from labeler.labeling.labels import save_label
from labeler.models import Image, Job, Label, Prediction, QueueEntry
from labeler.models.acceptance import Ending
from labeler.models.image import Slice
from labeler.models.job import Kind
from labeler.training import image_index, judging, outside_models, prelabels, run_answers, runs
from labeler.training.outside_models import Given
from tests.helpers.answers import answer
from tests.helpers.api import as_person
from tests.helpers.factories import add_images, category, make_model
from tests.helpers.outside import judge, outside_model, says
from worker.inference import saved_models
from worker.training import evaluation, promotion
from worker.training.dataset import Dataset, Example

pytestmark = pytest.mark.django_db


def settled(project, n, name="cat", **fields):
    """Held-out images that two people have called the same, blind."""
    images = add_images(project, n, **fields)
    for image in images:
        answer(image, ann=name, bea=name)
    return images


def in_use(project, image, *, p=0.8, by=None):
    """An outside model that says cat, active, the queue in its order."""
    run = outside_model(project, by)
    says(run, image, "cat", p)
    runs.activate(run, by)
    return judge(run)


def test_its_predictions_are_pre_labels_that_a_label_remembers(project, ann, lena):
    (image,) = add_images(project, 1, slice=Slice.NONE)
    run = in_use(project, image, by=lena)

    (one,) = as_person(ann).post(f"/api/projects/{project.pk}/claims/", {"count": 1}).json()["claims"]
    assert one["prelabel"] == {
        "prediction": Prediction.objects.get().pk, "categories": ["cat"], "probability": 0.8, "calibrated": False,
    }  # fmt: skip
    assert not Label.objects.exists()  # its word alone is nobody's
    label = Label.objects.get(pk=save_label(image_id=image.pk, annotator=ann, categories=["cat"]).id)

    assert label.shown_prediction.run == run
    assert QueueEntry.objects.get(image=image).chosen_by == "uncertainty"


def test_without_probabilities_a_pre_label_shows_none_and_the_order_is_by_chance(project, ann, lena):
    (image,) = add_images(project, 1, slice=Slice.NONE)
    in_use(project, image, p=None, by=lena)
    client = as_person(ann)

    (one,) = client.post(f"/api/projects/{project.pk}/claims/", {"count": 1}).json()["claims"]

    assert (one["prelabel"]["categories"], one["prelabel"]["probability"]) == (["cat"], None)
    assert QueueEntry.objects.get(image=image).chosen_by == "random"
    row = as_person(lena).get(f"/api/projects/{project.pk}/images/").json()["results"][0]
    assert (row["prediction"]["probability"], row["prediction"]["probabilities"]) == (None, {})


@pytest.mark.parametrize("p", [0.95, None])
def test_the_review_grid_shows_them(project, ann, lena, p):
    (image,) = add_images(project, 1, slice=Slice.NONE)
    in_use(project, image, p=p, by=lena)
    page = "0d9c3f9e-58a8-4c0e-9a53-0f6f3c8f6f0a"

    wanted = {"page": page, "predicted": "cat", "min_confidence": 0.9}
    opened = as_person(ann).post(f"/api/projects/{project.pk}/review-pages/", wanted).json()

    assert [(item["image"]["id"], item["probability"]) for item in opened["items"]] == [(image.pk, p)]


@pytest.mark.parametrize("part", [Slice.TEST, Slice.CALIBRATION, Slice.BLIND])
def test_blind_images_show_none(project, ann, rev, lena, part):
    plain, blind = add_images(project, 1, slice=Slice.NONE) + add_images(project, 1, slice=part)
    run = in_use(project, plain, by=lena)
    assert says(run, blind, "cat").stored == 1
    judge(run)

    claims = as_person(ann).post(f"/api/projects/{project.pk}/claims/", {"count": 9}).json()["claims"]
    assert {one["image"]["id"]: bool(one["prelabel"]) for one in claims} == {plain.pk: True, blind.pk: False}
    rows = as_person(rev).get(f"/api/projects/{project.pk}/images/").json()["results"]
    assert {row["id"]: bool(row["prediction"]) for row in rows} == {plain.pk: True, blind.pk: False}


def test_it_is_judged_on_the_same_held_out_images_as_our_own(project, lena):
    cats = settled(project, 6, slice=Slice.TEST)
    dogs = settled(project, 4, "dog", slice=Slice.TEST)
    run = outside_model(project, lena)
    # Right on 5 of 6 cats and 2 of 4 dogs: 7 of 10.
    for k, image in enumerate(cats):
        says(run, image, "cat" if k < 5 else "dog", 0.9)
    for k, image in enumerate(dogs):
        says(run, image, "dog" if k < 2 else "fox", 0.9)

    run = judge(run)

    assert run.metrics["judged_on"] == "test"
    assert (run.metrics["accuracy"]["value"], run.metrics["accuracy"]["n"]) == (0.7, 10)
    assert run.metrics["accuracy"]["low"] == pytest.approx(0.397, abs=0.001)  # Wilson, 7 of 10
    assert run.metrics["ece"]["value"] is not None
    assert run.dataset["test"] == 10
    row = as_person(lena).get(f"/api/projects/{project.pk}/runs/").json()["results"][0]
    assert row["headline"]["accuracy"]["value"] == 0.7
    # Against one of our own, image by image.
    own = make_model(project, active=False)
    cat = category(project, "cat")
    ids = [image.pk for image in (*cats, *dogs)]
    truth = [[cat]] * 6 + [[category(project, "dog")]] * 4
    run_answers.keep(own, [run_answers.Answers("test", ids, [[cat]] * 10, [0.9] * 10, truth)])
    found = run_answers.compare(run, own)
    assert (found.flips.difference.value, found.flips.difference.n) == (pytest.approx(-0.1), 10)


def test_figures_that_need_probabilities_are_undefined_without_them(project):
    run = outside_model(project)
    for image in settled(project, 3, slice=Slice.TEST):
        says(run, image, "cat", None)
    run = judge(run)
    assert run.metrics["accuracy"]["value"] == 1.0
    assert {run.metrics[name]["value"] for name in ("ece", "log_loss", "roc_auc")} == {None}
    assert not run.is_calibrated


def test_it_is_calibrated_on_the_calibration_images_and_what_was_shown_stays(project, ann, dora, lena, monkeypatch):
    monkeypatch.setattr(evaluation, "FEWEST_TO_FIT", 20)
    run = outside_model(project, lena)
    (seen,) = add_images(project, 1, slice=Slice.NONE)
    says(run, seen, "cat", 0.98)
    runs.activate(run, lena)
    judge(run)
    claimed = claim(project=project, annotator=dora, count=1)
    assert claimed[0].shown_prediction.probability == 0.98
    # Says 98 %, right on 15 of 20: too sure by far.
    for k, image in enumerate(settled(project, 20, slice=Slice.CALIBRATION)):
        says(run, image, "cat" if k < 15 else "dog", 0.98)
    (unseen,) = add_images(project, 1, slice=Slice.NONE)
    says(run, unseen, "cat", 0.98)

    run = judge(run)

    assert run.temperature > 1.5
    p = {row.image_id: row for row in Prediction.objects.filter(run=run, image__in=[seen, unseen])}
    assert p[seen.pk].probability == 0.98
    assert p[unseen.pk].probability == pytest.approx(0.75, abs=0.02)
    assert p[unseen.pk].given == pytest.approx([0.98, 0.01, 0.01])
    # The same again changes nothing; another word on what was shown is refused.
    assert says(run, seen, "cat", 0.98).stored == 1
    refused = says(run, seen, "dog", 0.98)
    assert (refused.stored, "was shown" in refused.refused[0][1]) == (0, True)
    # What comes in later has the temperature at once.
    (late,) = add_images(project, 1, slice=Slice.NONE)
    says(run, late, "cat", 0.98)
    assert Prediction.objects.get(run=run, image=late).probability == pytest.approx(p[unseen.pk].probability)


def against(project, n, outside_right, own_right):
    """What promotion says of a new model of ours, right on so many of n test images, beside an outside model in use."""
    run, images = outside_model(project), add_images(project, n, slice=Slice.TEST)
    for k, image in enumerate(images):
        says(run, image, "cat" if k < outside_right else "dog")
    runs.activate(run)
    ids = run.category_ids = list(project.categories.values_list("pk", flat=True))
    examples = [Example(image.pk, image.sha256, [category(project, "cat")]) for image in images]
    train = [Example(-k, str(k), [ids[k % 2]]) for k in range(1, 41)]
    dataset = Dataset(False, ids, ["cat", "dog", "fox"], train, examples)
    test = np.array([[0.8, 0.1, 0.1] if k < own_right else [0.1, 0.8, 0.1] for k in range(n)]).reshape(n, 3)
    crossed = np.full((40, 3), 0.05)
    crossed[np.arange(40), [k % 2 for k in range(1, 41)]] = 0.9
    used = saved_models.in_use(project, examples, tick=lambda: None)
    return promotion.verdict(dataset, evaluation.report(dataset, crossed, test), used, crossed, test)


@pytest.mark.parametrize(("n", "outside_right", "own_right", "words"), [
    (40, 20, 36, "better beyond chance"),
    (40, 30, 30, "not better beyond chance"),
    (40, 30, 32, "not better beyond chance"),
    (10, 0, 10, "30 are needed"),
])  # fmt: skip
def test_it_stays_until_one_of_ours_is_better_on_the_same_images(project, n, outside_right, own_right, words):
    verdict = against(project, n, outside_right, own_right)
    assert verdict.activate is (words == "better beyond chance")
    assert words in verdict.note
    assert "resnet 1" in verdict.note


def test_activating_it_ends_what_another_model_was_about_to_say_and_accept(project, lena):
    own = make_model(project, active=False, checkpoint="x")
    runs.activate(own, lena)
    run = outside_model(project, lena)
    says(run, add_images(project, 1)[0], "cat")
    runs.activate(run, lena)
    assert Job.objects.get(kind=Kind.PRELABEL).state == "cancelled"
    project.auto_accept = True
    assert promises.obstacle(project, run) == Ending.MODEL
    # Nothing of ours asks a worker to predict with it, or to look with its features.
    assert prelabels.due() == []
    assert image_index.due() == [own]
    runs.activate(own, lena)
    assert runs.active(project) == own


def test_it_has_no_vote_even_where_the_model_votes(project, ann, lena):
    (image,) = add_images(project, 1, slice=Slice.NONE)
    in_use(project, image, by=lena)
    ids = np.array([image.pk])
    rows = label_arrays.read_labels(project)
    assert model_votes.votes_of_model(project, ids, list(project.categories.values_list("pk", flat=True)), rows) is None


def test_its_predictions_are_kept_whatever_models_come_after(project):
    run, (image,) = outside_model(project), add_images(project, 1)
    says(run, image, "cat")
    for _k in range(3):
        make_model(project, active=False, predicted_at=timezone.now())
    prelabels.forget_old(project)
    assert Prediction.objects.filter(run=run).count() == 1


def test_trainings_of_our_own_come_as_before(project):
    settled(project, 10)
    settled(project, 6, "dog")
    outside_model(project)  # just now: but nobody trained
    assert runs.due() == [project]


def test_it_is_judged_again_when_labels_or_predictions_came_in(project, lena, monkeypatch):
    run, (image,) = outside_model(project), add_images(project, 1)
    assert judging.due() == []
    says(run, image, "cat")
    assert judging.due() == []  # asked for already
    judge(run)
    assert judging.due() == []
    monkeypatch.setattr(judging, "PAUSE", timezone.timedelta(0))
    answer(image, ann="cat")
    assert judging.due() == [run]
    judging.request(run)
    assert judging.request(run).pk == Job.objects.filter(kind=Kind.JUDGE).latest("pk").pk
    judge(run)
    assert judging.due() == []
    type(run).objects.filter(pk=run.pk).update(predicted_at=timezone.now() + timezone.timedelta(seconds=5))
    assert judging.due() == [run]


def test_no_more_than_a_hundred(project, monkeypatch):
    monkeypatch.setattr(runs, "MOST_OUTSIDE", 2)
    outside_model(project, version="1"), outside_model(project, version="2")
    with pytest.raises(NotPossibleNow):
        outside_model(project, version="3")


def test_many_rows_are_taken_in_a_thousand_at_a_time(project, django_assert_max_num_queries):
    run, images = outside_model(project), add_images(project, 2_001)
    with django_assert_max_num_queries(60):
        taken = outside_models.take_in(run, (Given(image.pk, ["cat"], {"cat": 1}) for image in images))
    assert (taken.stored, taken.refused) == (2_001, [])
    run.refresh_from_db()
    assert run.predicted_done == Prediction.objects.count() == Image.objects.count()
