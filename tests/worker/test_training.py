"""What a training run makes of the labels, run in this process: datasets, judgement, promotion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from django.utils import timezone

from labeler.consensus import reliability, snapshots
from labeler.consensus.snapshots import digest
from labeler.intake.images import add_images as take_in
from labeler.intake.images import file_member
from labeler.jobs import dispatch
from labeler.models import (
    Acceptance,
    Consensus,
    Decision,
    Guarantee,
    Image,
    Job,
    Prediction,
    QueueEntry,
    RunAnswers,
    TrainingRun,
)  # fmt: skip
from labeler.models.image import Slice
from labeler.models.job import Kind, State
from labeler.projects import projects
from labeler.review import adjudication
from labeler.training import runs
from tests.helpers.accepting import calibrate, opinions
from tests.helpers.copies import cropped, picture
from tests.helpers.factories import add_images, category, make_model, make_project, predict
from tests.helpers.near_duplicates import saved as jpeg
from tests.helpers.votes import say
from tests.helpers.workers import draw
from worker import periodic
from worker.inference import saved_models
from worker.inference.write_prelabels import prelabel_job
from worker.training import evaluation, promotion
from worker.training.dataset import Dataset, Example, assemble
from worker.training.train_run import train_run

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def voted(project, tally: dict[str, int], n: int = 1, **fields):
    """Images with these votes: {"cat": 2, "cat,dog": 1, "": 1, "?": 1}."""
    images = add_images(project, n, **fields)

    def key(names: str) -> str:
        if names == "?":
            return names
        return ",".join(map(str, sorted(category(project, name) for name in names.split(",") if name)))

    counted = {key(names): count for names, count in tally.items()}
    Image.objects.filter(pk__in=[i.pk for i in images]).update(tally=counted, n_votes=sum(tally.values()))
    return images


def ids(examples: list[Example]) -> list[int]:
    return [example.image_id for example in examples]


def test_train_on_every_consensus_that_is_not_held_out_judge_on_settled_ones(project, rev):
    one_vote, plurality = voted(project, {"cat": 1})[0], voted(project, {"dog": 2, "cat": 1})[0]
    blind = voted(project, {"fox": 2}, slice=Slice.BLIND)[0]
    voted(project, {"cat": 1, "dog": 1})  # a tie
    voted(project, {"?": 2})
    add_images(project, 1)
    decided = voted(project, {"cat": 1, "dog": 1})[0]
    Decision.objects.create(image=decided, reviewer=rev, categories=[category(project, "fox")], round=1)
    Image.objects.filter(pk=decided.pk).update(has_decision=True)
    test = voted(project, {"cat": 2}, slice=Slice.TEST, status="settled")[0]
    calibration = voted(project, {"dog": 2}, slice=Slice.CALIBRATION, status="settled")[0]
    voted(project, {"cat": 1}, slice=Slice.TEST, status="partly labeled")

    dataset = assemble(project)

    assert ids(dataset.train) == [one_vote.pk, plurality.pk, blind.pk, decided.pk]
    assert [dataset.category_names[k] for k in evaluation.targets_of(dataset, dataset.train)] == [
        "cat",
        "dog",
        "fox",
        "fox",
    ]
    assert (ids(dataset.test), ids(dataset.calibration)) == ([test.pk], [calibration.pk])


def test_an_assisted_label_keeps_an_image_out_of_the_test(project, ann, bea):
    from labeler.labeling.claims import claim
    from labeler.labeling.labels import save_label

    (image,) = add_images(project, 1, slice=Slice.NONE)
    predict(make_model(project), image, "cat")
    for person in (ann, bea):
        claim(project=project, annotator=person)
        save_label(image_id=image.pk, annotator=person, categories=["cat"])
    Image.objects.filter(pk=image.pk).update(slice=Slice.TEST)  # as if by hand

    assert assemble(project).test == []


def test_classes_follow_the_label_set(project):
    merged, _, kept = (voted(project, {name: 2})[0] for name in ("dog", "fox", "cat"))
    dog, fox = (project.categories.get(name=name) for name in ("dog", "fox"))
    dog.merged_into, dog.retired_at = project.categories.get(name="cat"), timezone.now()
    fox.retired_at = timezone.now()
    dog.save()
    fox.save()
    project.label_set_version += 1
    project.save()

    dataset = assemble(project)

    assert dataset.category_names == ["cat"]
    assert ids(dataset.train) == [merged.pk, kept.pk]


def test_several_labels_are_rows_of_yes_and_no(multi_project):
    voted(multi_project, {"sky,sea": 2})
    voted(multi_project, {"": 2})  # a verified none

    dataset = assemble(multi_project)

    assert evaluation.targets_of(dataset, dataset.train).tolist() == [[1, 1, 0], [0, 0, 0]]


def test_soft_labels_are_as_sure_as_people_were(project, rev):
    voted(project, {"cat": 1})
    voted(project, {"dog": 2, "cat": 1})
    decided = voted(project, {"cat": 2, "dog": 1})[0]
    Decision.objects.create(image=decided, reviewer=rev, categories=[category(project, "fox")], round=1)
    Image.objects.filter(pk=decided.pk).update(has_decision=True)

    dataset = assemble(project)

    # one of one; two of three, the rest shared by the other two classes; a reviewer's word
    expected = [[1, 0, 0], [1 / 6, 2 / 3, 1 / 6], [0, 0, 1]]
    np.testing.assert_allclose(evaluation.soft_targets_of(dataset, dataset.train), expected)


def test_what_the_model_said_does_not_soften_its_own_labels(project):
    (image,) = voted(project, {"cat": 1})
    assemble(project)
    Consensus.objects.filter(image=image).update(
        method="with_model", confidence=0.7, votes=digest(Image.objects.get(pk=image.pk).tally)
    )
    project.consensus_method = "with_model"
    project.save()

    (example,) = assemble(project).train

    assert example.confidence == 1.0


@pytest.mark.parametrize("method", ["one_coin", "dawid_skene", "with_model"])
def test_two_who_disagree_teach_nothing_whatever_the_method(method, ann, bea, lena):
    project = make_project(ann, bea, lead=lena, labels_per_image=2, consensus_method=method, show_prelabels=False)
    agreed, disputed = add_images(project, 41, slice=Slice.NONE), add_images(project, 6, slice=Slice.NONE)
    for k, image in enumerate(agreed):
        name = "dog" if k % 2 else "cat"
        say(project, image, ann=name, bea=name)
    for k, image in enumerate(disputed):
        # One more cat than dogs: a little likelier, and each of these a coin that falls on one side.
        say(project, image, ann="cat" if k % 2 else "dog", bea="dog" if k % 2 else "cat")
    assert reliability.run(project) > 0
    found = Consensus.objects.filter(image__in=disputed, categories__isnull=False)
    assert found.exists() and max(found.values_list("confidence", flat=True)) < reliability.DECIDED

    assert ids(assemble(project).train) == [image.pk for image in agreed]


def test_of_several_labels_each_answer_must_be_likely(multi_project):
    assert reliability.is_decided(multi_project, 0.7**3) and not reliability.is_decided(multi_project, 0.6**3)


def test_soft_yes_and_no_are_together_as_sure_as_the_consensus(multi_project):
    voted(multi_project, {"sky,sea": 2, "sky": 1})

    dataset = assemble(multi_project)
    (row,) = evaluation.soft_targets_of(dataset, dataset.train)

    # three answers of c each, c^3 = 2/3
    assert np.where(row > 0.5, row, 1 - row).prod() == pytest.approx(2 / 3)
    assert (row > 0.5).tolist() == [True, True, False]


# ---------------------------------------------------------------- promotion


def judged(project, n_test: int, n_right: int, *, crossed: float = 0.9):
    """A dataset of two classes half and half, with a model that is right on the first `n_right` test images."""
    images = add_images(project, n_test, slice=Slice.TEST)
    cat, dog, fox = (category(project, name) for name in ("cat", "dog", "fox"))
    train = [Example(-k, str(k), [cat if k % 2 else dog]) for k in range(1, 101)]
    dataset = Dataset(
        False, [cat, dog, fox], ["cat", "dog", "fox"], train, [Example(i.pk, i.sha256, [cat]) for i in images]
    )
    test = np.array([[0.8, 0.1, 0.1] if k < n_right else [0.1, 0.8, 0.1] for k in range(n_test)]).reshape(n_test, 3)
    out_of_fold = np.full((100, 3), 0.05)
    truth = evaluation.targets_of(dataset, train)
    for k in range(100):
        out_of_fold[k, truth[k] if k < crossed * 100 else 2] = 0.9
    return dataset, evaluation.report(dataset, out_of_fold, test), out_of_fold, test


def said_by(run, crossed=None) -> promotion.InUse:
    """What is kept of a run's answers: those in the database, and these of its cross-validation."""
    test = dict(Prediction.objects.filter(run=run).values_list("image", "probabilities"))
    return promotion.InUse(run, test, crossed or {})


def test_the_first_model_must_beat_the_most_frequent_answer(project):
    dataset, figures, *found = judged(project, 0, 0, crossed=0.7)
    assert figures["judged_on"] == "cross-validation"
    assert figures["accuracy"]["value"] == pytest.approx(0.7)
    good = promotion.verdict(dataset, figures, None, *found)
    assert good.activate
    assert "70 %" in good.note
    assert "50 %" in good.note

    dataset, figures, *found = judged(project, 0, 0, crossed=0.4)
    assert not promotion.verdict(dataset, figures, None, *found).activate


@pytest.mark.parametrize(("n_test", "n_judged"), [(0, 100), (2, 100), (29, 100), (40, 40)])
def test_all_figures_are_of_the_same_images_and_not_of_a_few(project, n_test, n_judged):
    _, figures, *_ = judged(project, n_test, n_test)
    assert figures["n"] == n_judged
    assert figures["judged_on"] == ("test" if n_judged == n_test else "cross-validation")
    assert figures["held_out"]["n"] == n_test
    assert sum(row["n"] for row in figures["curves"]["reliability"]) == n_judged
    assert [row["n"] for row in figures["curves"]["classes"]] == [row["n"] for row in figures["per_class"]]


@pytest.mark.parametrize(("right", "becomes_active"), [(34, True), (40, True), (20, False)])
def test_a_new_model_replaces_the_active_one_unless_it_is_worse_on_the_same_images(project, right, becomes_active):
    active = make_model(project)
    dataset, figures, *found = judged(project, 40, right)
    for k, example in enumerate(dataset.test):
        predict(active, Image.objects.get(pk=example.image_id), "cat" if k < 34 else "dog")

    verdict = promotion.verdict(dataset, figures, said_by(active), *found)

    assert figures["judged_on"] == "test"
    assert verdict.activate is becomes_active
    assert "40 held-out images" in verdict.note
    words = "Used in place of model 1." if becomes_active else "Not used; model 1 stays."
    assert verdict.note.startswith(words)


def merge(project, gone: str, into: str) -> None:
    category = project.categories.get(name=gone)
    category.merged_into, category.retired_at = project.categories.get(name=into), timezone.now()
    category.save()
    project.label_set_version += 1
    project.save()


def test_a_class_that_was_merged_since_is_right_where_it_became_the_truth(project):
    active = make_model(project)
    images = voted(project, {"dog": 2}, 40, slice=Slice.TEST, status="settled")
    said = {"cat": 0.4, "dog": 0.1, "fox": 0.5}
    probabilities = [said[name] for name in active.category_names]
    for image in images:
        fox = [category(project, "fox")]
        active.predictions.create(image=image, probabilities=probabilities, categories=fox, probability=0.5, margin=0.1)
    merge(project, "fox", "dog")
    voted(project, {"cat": 2})
    dataset = assemble(project)
    worse = np.array([[0.6, 0.4] if k < 4 else [0.2, 0.8] for k in range(40)])
    assert dataset.category_names == ["cat", "dog"]

    found = np.array([[0.9, 0.1]]), worse
    verdict = promotion.verdict(dataset, evaluation.report(dataset, *found), said_by(active), *found)

    # It says fox, which is dog by now, of all forty; the new one is right on 36.
    assert not verdict.activate, verdict.note


def test_of_several_labels_a_merged_class_is_there_where_any_of_its_parts_was(multi_project):
    run = make_model(multi_project)
    first, second, _third = run.category_ids
    merge(multi_project, run.category_names[2], run.category_names[1])
    dataset = Dataset(True, [first, second], run.category_names[:2])

    found = promotion.as_of_today(dataset, run, np.array([[0.2, 0.5, 0.5]]))

    assert found.tolist() == [[pytest.approx(0.2), 0.75]]


def test_the_calibration_is_of_the_images_that_could_be_read(project):
    images = voted(project, {"cat": 2}, 60, slice=Slice.CALIBRATION, status="settled")
    dataset = assemble(project)
    assert len(dataset.calibration) == len(images)
    found = np.tile([[0.5, 0.3, 0.2]], (60, 1))

    temperature, n = evaluation.temperature_of(dataset, found)
    assert temperature != 1.0 and n == 60
    found[40:] = np.nan
    assert evaluation.temperature_of(dataset, found) == (1.0, 40)


def test_a_model_that_votes_along_is_judged_by_people_alone(ann, bea, dora, lena):
    project = make_project(
        ann, bea, dora, lead=lena, labels_per_image=3, consensus_method="with_model", show_prelabels=False
    )
    images = add_images(project, 24, slice=Slice.NONE)
    for k, image in enumerate(images):
        # ann is right, the others err on every fourth, of which the last one is a tie of three
        wrong = k % 4 == 3
        say(project, image, ann="cat", bea="dog" if wrong else "cat", dora="dog" if wrong and k != 23 else "cat")
    # What the vote became with the model's voice in it: everywhere the model's own answer.
    other = [category(project, "fox")]
    there = Image.objects.filter(pk__in=[image.pk for image in images])
    spoken = [snapshots.Inferred(image.pk, other, 0.9, digest(image.tally), 3) for image in there]
    assert snapshots.store(project, "with_model", spoken) == len(images)
    Image.objects.filter(pk__in=[image.pk for image in images[:8]]).update(slice=Slice.TEST)
    Image.objects.filter(pk__in=[image.pk for image in images[8:12]]).update(slice=Slice.CALIBRATION)

    dataset = assemble(project)

    names = dict(zip(dataset.category_ids, dataset.category_names, strict=True))
    alone = {pk: names[said[0]] for pk, said in reliability.by_people(project).items() if said}
    assert set(alone.values()) <= {"cat", "dog"}
    for example in (*dataset.test, *dataset.calibration):
        assert [names[pk] for pk in example.categories] == [alone[example.image_id]]
    # It may learn from the consensus it had a voice in; what it is judged by has none of it.
    assert {names[pk] for example in dataset.train for pk in example.categories} == {"fox"}
    assert [names[example.truth[0]] for example in dataset.train] == [alone[e.image_id] for e in dataset.train]
    column = dataset.category_ids.index(other[0])
    echo = np.eye(3)[np.full(len(dataset.train), column)] * 0.9 + 0.03
    figures = evaluation.report(dataset, echo, np.eye(3)[np.full(len(dataset.test), column)])
    assert (figures["accuracy"]["value"], figures["cross_validation"]["accuracy"]["value"]) == (0.0, 0.0)
    dataset.train[0] = replace(dataset.train[0], people=None)  # people alone are undecided: nothing to be judged by
    assert evaluation.report(dataset, echo, np.full((len(dataset.test), 3), np.nan))["n"] == len(dataset.train) - 1


def test_with_few_held_out_images_cross_validation_decides_on_the_same_images(project):
    active = make_model(project, metrics={"cross_validation": {"accuracy": {"value": 0.99}}})
    dataset, figures, out_of_fold, test = judged(project, 5, 2, crossed=0.7)
    dog = [category(project, "dog")]
    truth = {example.image_id: example.categories for example in dataset.train}

    def verdict(n_shared: int, n_right: int):
        shared = list(truth)[:n_shared]
        answers = {pk: truth[pk] if k < n_right else dog if truth[pk] != dog else [1] for k, pk in enumerate(shared)}
        return promotion.verdict(dataset, figures, said_by(active, answers), out_of_fold, test)

    # The new one is right on the first 70 of its 100. Active order has added hard ones since: of 40 both knew, all.
    better = verdict(40, 36)
    assert better.activate and better.note.startswith("Used in place of model 1.")
    assert "40 images that both have judged in cross-validation" in better.note
    assert better.note.endswith("Only 0 held-out images could be compared.")
    worse = verdict(100, 90)
    assert not worse.activate
    assert worse.note.startswith("Not used; model 1 stays. The new model is worse: \N{MINUS SIGN}20.0 points")
    # Nothing to compare: it must beat the most frequent answer, and the note says what was missing.
    unknown = verdict(12, 12)
    assert unknown.activate
    assert "(0 held-out ones, 12 in cross-validation; 30 are needed)" in unknown.note


@pytest.mark.django_db(transaction=True)
def test_the_model_in_use_is_asked_about_test_images_it_has_not_pre_labeled(installation, ann, lena):
    project = make_project(ann, lead=lena)
    images = drawn(project, 42)
    for image, kind in images:
        vote(image, category(project, kind))
    Image.objects.filter(project=project).update(slice=Slice.NONE)
    tests = [image for image, _ in images[36:]]
    Image.objects.filter(pk__in=[image.pk for image in tests]).update(slice=Slice.TEST)
    run = runs.request(project=project)
    train_run(run.pk, worker="inline")
    run.refresh_from_db()
    assert run.is_active, run.note
    Prediction.objects.filter(run=run, image__in=[image.pk for image in tests[2:]]).delete()
    before = dict(Prediction.objects.filter(run=run).values_list("image", "probabilities"))

    dataset = assemble(project)
    found = saved_models.in_use(project, dataset.test, tick=lambda: None)

    assert found.run == run and set(found.test) == {image.pk for image in tests}
    assert all(found.test[pk] == said for pk, said in before.items() if pk in found.test)
    names = {pk: name for name, pk in ((c.name, c.pk) for c in project.categories.all())}
    said = {pk: names[run.category_ids[int(np.argmax(p))]] for pk, p in found.test.items()}
    assert sum(said[image.pk] == kind for image, kind in images[36:]) >= 4
    # Some of these drawings are nearly the same as a test image, and were left out.
    assert set(found.crossed) <= {image.pk for image, _ in images[:36]} and len(found.crossed) >= 30
    # A damaged model is no reason for the new one to fail: what it has said is there.
    for file in saved_models.folder_of(run).glob("*.safetensors"):
        file.write_bytes(b"gone")
    assert set(saved_models.in_use(project, dataset.test, tick=lambda: None).test) == set(before) & set(found.test)


# ---------------------------------------------------------------- whole runs


@pytest.fixture
def installation(settings, tmp_path):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    return tmp_path


def drawn(project, n: int):
    kinds = ("cat", "dog", "fox")
    members = [file_member(f"{k}.jpg", draw(kinds[k % 3], k)) for k in range(n)]
    return [(outcome.image, kinds[k % 3]) for k, outcome in enumerate(take_in(project=project, members=members))]


def vote(image: Image, *category_ids: int) -> None:
    tally = {",".join(map(str, sorted(category_ids))): 2}
    Image.objects.filter(pk=image.pk).update(tally=tally, n_votes=2, status="settled")


@pytest.mark.django_db(transaction=True)
def test_a_multi_label_run(installation, ann, lena):
    project = make_project(ann, lead=lena, task="multi", categories=("round", "red", "striped"))
    round_, red, striped = (category(project, name) for name in ("round", "red", "striped"))
    what = {"cat": (round_, red), "dog": (), "fox": (striped,)}
    images = drawn(project, 48)
    for image, kind in images[:36]:
        vote(image, *what[kind])

    run = runs.request(project=project)
    train_run(run.pk, worker="inline")

    run.refresh_from_db()
    assert (run.state, run.error) == (State.DONE, None)
    assert run.is_active, run.note
    answers = dict(Prediction.objects.filter(run=run).values_list("image", "categories"))
    assert len(answers) == 12
    kept = {row.part: row for row in RunAnswers.objects.filter(run=run)}
    assert dict(zip(kept["stop"].image_ids, kept["stop"].answers, strict=True)) == answers
    assert (len(kept["crossed"].truth), run.metrics["stop_set"]["before"]) == (36, None)
    right = [answers[image.pk] == sorted(what[kind]) for image, kind in images[36:]]
    assert sum(right) >= 10


@pytest.mark.django_db(transaction=True)
def test_images_whose_files_are_gone_are_left_out_and_counted(installation, ann, lena):
    project = make_project(ann, lead=lena)
    images = drawn(project, 30)
    for image, kind in images:
        vote(image, category(project, kind))
    for image, _ in images[:3]:
        (installation / "media/thumbs" / image.sha256[:2] / image.sha256[2:4] / f"{image.sha256}.jpg").unlink()

    run = runs.request(project=project)
    train_run(run.pk, worker="inline")

    run.refresh_from_db()
    assert run.state == State.DONE, run.error
    assert (run.dataset["train"], run.dataset["unreadable"]) == (27, 3)
    # what was said out of fold is kept beside the model, for the images that could be read
    kept = saved_models.out_of_fold(run)
    assert kept is not None and kept.chosen == "frozen"
    assert kept.image_ids.tolist() == [image.pk for image, _ in images[3:]]
    assert kept.category_ids.tolist() == run.category_ids
    assert np.isfinite(kept.by_candidate["frozen"]).all()
    for file in saved_models.folder_of(run).glob("*.npz"):
        file.write_bytes(file.read_bytes()[:-20])
    assert saved_models.out_of_fold(run) is None


@pytest.mark.django_db(transaction=True)
def test_a_copy_of_a_held_out_image_is_not_trained_on_though_nobody_has_looked_for_it(installation, ann, lena):
    project = make_project(ann, lead=lena)
    images = drawn(project, 30)
    contents = [jpeg(picture(seed)) for seed in range(3)] + [jpeg(cropped(picture(seed), 0.06)) for seed in range(3)]
    members = [file_member(f"photo-{n}.jpg", content) for n, content in enumerate(contents)]
    photos = [outcome.image for outcome in take_in(project=project, members=members)]
    for image, kind in (*images, *((photo, "cat") for photo in photos)):
        vote(image, category(project, kind))
    Image.objects.filter(project=project).update(slice=Slice.NONE)
    Image.objects.filter(pk__in=[photos[0].pk, photos[4].pk]).update(slice=Slice.TEST)

    run = runs.request(project=project)
    train_run(run.pk, worker="inline")

    run.refresh_from_db()
    assert run.state == State.DONE, run.error
    assert [Image.objects.get(pk=photo.pk).slice for photo in photos] == ["test", "apart", "", "apart", "test", ""]
    assert (run.dataset["train"], run.dataset["test"]) == (32, 2)
    kept = saved_models.out_of_fold(run)
    assert kept is not None and {photos[1].pk, photos[3].pk}.isdisjoint(kept.image_ids.tolist())


@pytest.mark.django_db(transaction=True)
def test_a_run_with_other_candidates_and_soft_labels_from_request_to_pre_labels(installation, ann, lena):
    project = make_project(ann, lead=lena)
    images = drawn(project, 45)
    for image, kind in images[:33]:
        tally = {str(category(project, kind)): 3, str(category(project, "cat" if kind != "cat" else "dog")): 1}
        Image.objects.filter(pk=image.pk).update(tally=tally, n_votes=4, status="settled")
    names = ["frozen", "knn", "classic.logistic", "ensemble"]

    config = {"candidates": names, "soft_labels": True, "imbalance": "oversample", "search": {"settings": 1}}
    run = runs.request(project=project, config=config)
    train_run(run.pk, worker="inline")

    run.refresh_from_db()
    assert (run.state, run.error) == (State.DONE, None)
    assert [row["candidate"] for row in run.comparison] == names
    assert all(row["tried"] for row in run.comparison)
    kept = saved_models.out_of_fold(run)
    assert kept is not None and list(kept.by_candidate) == names
    # soft labels of 3/4: nobody is surer of unseen images than people were of theirs, by much
    assert 0.5 < kept.by_candidate["frozen"].max(1).mean() < 0.85
    answers = dict(Prediction.objects.filter(run=run).values_list("image", "categories"))
    assert sum(answers[image.pk] == [category(project, kind)] for image, kind in images[33:]) >= 9


@pytest.mark.django_db(transaction=True)
def test_a_run_that_cannot_train_fails_with_a_sentence(installation, project):
    voted(project, {"cat": 2}, 15)
    voted(project, {"dog": 2}, 15)  # rows without files

    run = runs.request(project=project)
    train_run(run.pk, worker="inline")

    run.refresh_from_db()
    assert (run.state, run.error["code"]) == (State.FAILED, "too_few_labels")
    assert "0 labeled images" in run.error["message"]
    assert not TrainingRun.objects.active().exists()


@pytest.mark.django_db
def test_a_worker_accepts_when_the_pre_labels_are_made_and_care_sees_what_people_say(project, monkeypatch, rev, lena):
    monkeypatch.setattr(dispatch, "send", lambda task, pk: True)
    accepting = projects.update(project=project, by=lena, changes={"blind_share": 0.15, "auto_accept": True})
    run = make_model(accepting)
    calibrate(accepting, run)
    opinions(run, images := add_images(accepting, 12, slice=Slice.NONE))
    monkeypatch.setattr(periodic, "_looked", {})
    periodic.run_due_work()  # nothing is predicted yet: it asks for pre-labels, as ever
    job = Job.objects.get(project=accepting, kind=Kind.PRELABEL)

    prelabel_job(job.pk, worker="w")

    job.refresh_from_db()
    assert (job.state, job.result["accepted"]) == (State.DONE, 12)
    assert QueueEntry.objects.filter(pk__in=[i.pk for i in images], accepted=True).exists()
    taken = Acceptance.objects.standing().filter(project=accepting).first().image_id
    adjudication.decide(image_id=taken, reviewer=rev, categories=["fox"])
    periodic.run_due_work()
    assert Acceptance.objects.get(image=taken).withdrawn_why == "people"
    # Another promise is another guarantee: care asks a worker for it.
    projects.update(project=accepting, by=lena, changes={"accept_precision": 0.9})
    assert periodic.request_due_acceptances() == 1
    assert periodic.request_due_acceptances() == 0
    again = Job.objects.filter(project=accepting, kind=Kind.PRELABEL).first()
    prelabel_job(again.pk, worker="w")
    assert Guarantee.objects.get(ended_at=None).precision == 0.9
