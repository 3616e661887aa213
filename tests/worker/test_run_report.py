"""What a run tells beyond its figures: what could be accepted, which labels look wrong, where it is worse."""

import json

import numpy as np
import pytest
from django.utils import timezone

from labeler.models import Image, Label
from labeler.stats.promise import labels_needed
from labeler.wording.sentences import sentence
from tests.helpers.factories import add_images, category
from worker.ml.evaluation import learning_curves
from worker.ml.training.run import TrainingSet
from worker.training import run_report
from worker.training.dataset import Dataset, Example

pytestmark = pytest.mark.django_db

NONE = np.empty((0, 3))


def dataset_of(project, **examples) -> Dataset:
    ids = [category(project, name) for name in ("cat", "dog", "fox")]
    return Dataset(False, ids, ["cat", "dog", "fox"], **examples)


def cats(project, n: int) -> list[Example]:
    """Images that need no row: nothing asks for them."""
    return [Example(-k, str(k), [category(project, "cat")]) for k in range(1, n + 1)]


def sure_of(first: np.ndarray) -> np.ndarray:
    """Probabilities of cat, and the rest in halves: below a third it says dog."""
    return np.column_stack((first, (1 - first) * 0.6, (1 - first) * 0.4))


def test_what_could_be_accepted_is_told_for_each_promise(project):
    # Of 300 calibration images the model is sure of 200 and wrong on 2 of them; it is wrong on half of the others.
    dataset = dataset_of(project, test=cats(project, 200), calibration=cats(project, 300))
    calibration = sure_of(np.r_[np.full(200, 0.97), np.full(50, 0.6), np.full(50, 0.0)])
    calibration[:2] = [0.02, 0.97, 0.01]
    test = sure_of(np.r_[np.full(150, 0.97), np.full(50, 0.6)])

    rows = run_report.findings_of(dataset, out_of_fold=NONE, test=test, calibration=calibration)["acceptance"]

    assert [row["precision"] for row in rows] == [0.9, 0.95, 0.98]
    at_95 = rows[1]
    assert (at_95["accepted"], at_95["errors"], at_95["n"]) == (200, 2, 300)
    assert 0.9 < at_95["threshold"] <= 0.97
    assert at_95["coverage"] == 0.75
    assert at_95["precision_low"] > 0.95
    # 2 errors of 200 do not carry 98 %: that takes 313
    assert labels_needed(2, run_report.PROMISES[2]) > 200
    assert rows[2]["threshold"] is None
    assert rows[2]["reason"]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_with_few_labels_nothing_is_promised_and_that_is_said(project):
    dataset = dataset_of(project, calibration=cats(project, 20))
    rows = run_report.acceptance(dataset, NONE, sure_of(np.full(20, 0.99)))
    assert [row["threshold"] for row in rows] == [None] * 3
    assert sentence(rows[1]["reason"]) == "20 calibration labels are there; 59 at least are needed for this promise"
    assert rows[1]["coverage"] is None


def test_a_planted_label_error_is_named(project):
    cat, dog = category(project, "cat"), category(project, "dog")
    train = [Example(100 + k, str(k), [cat if k < 30 else dog]) for k in range(60)]
    p = np.array([[0.9, 0.05, 0.05] if k < 30 else [0.1, 0.85, 0.05] for k in range(60)])
    p[7] = [0.02, 0.95, 0.03]  # labeled cat, clearly a dog
    p[9] = np.nan  # could not be read

    found = run_report.label_errors(dataset_of(project, train=train), p)

    assert found["n"] == 1
    assert found["suspects"] == [{"image": 107, "label": cat, "suggested": dog, "doubt": 0.93, "confident": True}]


def test_with_several_labels_the_class_in_question_is_named(multi_project):
    ids = [category(multi_project, name) for name in multi_project.categories.values_list("name", flat=True)]
    rng = np.random.default_rng(0)
    truth = rng.random((40, len(ids))) < 0.5
    train = [Example(k, str(k), [pk for pk, has in zip(ids, row, strict=True) if has]) for k, row in enumerate(truth)]
    p = np.where(truth, 0.9, 0.1)
    p[3, 1] = 0.1 if truth[3, 1] else 0.9

    found = run_report.label_errors(Dataset(True, ids, [str(pk) for pk in ids], train), p)

    (one,) = found["suspects"]
    assert (one["image"], one["label"], one["suggested"]) == (3, ids[1], not truth[3, 1])


def test_where_the_model_is_worse_is_told_by_metadata(project):
    images = add_images(project, 100)
    for k, image in enumerate(images):
        camera = "old" if k < 40 else "new"
        image.metadata = {"camera": camera, "file": f"img{k}", "tags": ["a"], "description": "x" * 200, "indoors": True}
    Image.objects.bulk_update(images, ["metadata"])
    dataset = dataset_of(project, test=[Example(i.pk, i.sha256, [category(project, "cat")]) for i in images])
    right = np.r_[np.arange(40) % 2 == 0, np.ones(60, bool)]

    found = run_report.by_metadata(dataset, NONE, sure_of(np.where(right, 0.9, 0.1)))

    # a value for each image, lists, long texts and what is the same everywhere divide nothing
    assert [report["field"] for report in found] == ["camera"]
    worst = found[0]["slices"][0]
    assert (worst["value"], worst["n"], worst["worse"], worst["right"]["value"]) == ("old", 40, True, 0.5)
    assert run_report.by_metadata(dataset_of(project), NONE, NONE) == []


def test_the_learning_curve_rises_and_looks_ahead():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400)
    centres = rng.standard_normal((3, 40))
    samples = TrainingSet(0.25 * centres[truth] + rng.standard_normal((400, 40)), truth, ["a", "b", "c"])
    ticks = []

    found = run_report.learning_curve(
        samples, [{"candidate": "frozen", "settings": {"C": 0.003}}], tick=lambda: ticks.append(1)
    )

    sizes, shares = zip(*((point["size"], point["accuracy"]) for point in found["points"]), strict=True)
    assert sizes[-1] <= 320  # four folds of five
    assert shares[-1] > shares[0]
    assert found["n"] >= 230  # three folds
    assert len(ticks) == 15  # before every fit: somebody may have cancelled
    assert [row["size"] for row in found["ahead"]] == [400, 600, 800, 1600]
    assert all(row["low"] <= row["expected"] <= row["high"] for row in found["ahead"])
    assert found["reason"] is None
    assert found["advice"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_with_a_handful_of_labels_nothing_is_foreseen():
    samples = TrainingSet(np.ones((20, 4)), np.arange(20) % 2, ["a", "b"])
    found = run_report.learning_curve(samples, [])
    assert (found["points"], found["ahead"], found["stop"]) == ([], [], False)
    assert sentence(found["reason"]) == sentence(found["advice"]) == "a forecast needs 4 training sizes and 50 images"


def test_labels_as_they_were_asked_for_are_held_against_random_ones():
    # two classes on a line: the chosen ones lie at the border, the random ones anywhere; the test images too
    rng = np.random.default_rng(2)
    place = rng.uniform(-1, 1, 200)
    drawn = rng.random(200) < 0.4
    place[~drawn] *= 0.3
    features = np.c_[place, np.ones(200), rng.standard_normal((200, 6)) * 0.3]
    samples = TrainingSet(features, (place > 0).astype(int), ["left", "right"])
    test = np.c_[rng.uniform(-1, 1, 60), np.ones(60), rng.standard_normal((60, 6)) * 0.3]

    found = learning_curves.curves(samples, drawn, test, (test[:, 0] > 0).astype(int), penalty=0.1)

    assert found["reason"] is None and found["n"] == 60
    assert [row["size"] for row in found["points"]] == [round(s * drawn.sum()) for s in learning_curves.SHARES]
    last = found["points"][-1]
    assert last["asked"]["low"] < last["asked"]["value"] < last["asked"]["high"] and last["random"]["n"] == 60
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    none = learning_curves.curves(samples, np.ones(200, bool), test, (test[:, 0] > 0).astype(int), penalty=0.1)
    assert none["points"] == [] and "The model chose 0 of the labeled images" in none["reason"]


def test_the_first_judgement_says_when_an_image_came_and_why(project, ann, bea, monkeypatch):
    images = add_images(project, 4)
    given = {}
    for person, chosen in ((ann, "uncertainty"), (bea, "random")):
        for k, image in enumerate(images[:3] if person is ann else images):
            why = chosen if k != 1 else "random"
            Label.objects.create(
                image=image, project=project, annotator=person, answer="labeled", categories=[category(project, "cat")],
                chosen_by=why, round=0, guideline_version=1, label_set_version=1, created_at=timezone.now(),
            )  # fmt: skip
    monkeypatch.setattr(learning_curves, "curves", lambda samples, drawn, *rest, **more: given.update(
        x=samples.features[:, 0].tolist(), drawn=drawn.tolist()))  # fmt: skip
    cat = category(project, "cat")
    dataset = Dataset(False, [cat], ["cat"], [Example(i.pk, i.sha256, [cat]) for i in reversed(images)])
    samples = TrainingSet(np.array([[4.0], [3.0], [2.0], [1.0]]), np.zeros(4, int), ["cat"])

    run_report.orders(dataset, samples, np.empty((0, 1)), [])

    assert given == {"x": [1.0, 2.0, 3.0, 4.0], "drawn": [False, True, False, True]}
