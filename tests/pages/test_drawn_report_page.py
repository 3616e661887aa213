"""The page of a model that draws: figures beside those of people, mistakes with their images, what was tried."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from django.urls import reverse

from labeler.models import TrainingRun
from labeler.stats.results import Reason
from labeler.train_settings import HIDDEN_FROM
from tests.helpers.api import as_person
from tests.helpers.drawn_projects import drawing_project
from tests.helpers.factories import add_images, make_model
from worker.ml.detection.learning_curve import Points
from worker.ml.detection.orders import Orders
from worker.ml.detection.samples import Drawn, Found
from worker.ml.evaluation import objects as evaluation
from worker.ml.evaluation.drawn_slices import by_value
from worker.training import drawn_findings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def drawn(*boxes):
    kinds = [kind for kind, *_ in boxes]
    return Drawn(
        np.array([box for _, *box in boxes], np.float32).reshape(-1, 4), np.array(kinds, np.int64),
        np.ones(len(kinds), np.float32),
    )  # fmt: skip


def found(*boxes):
    kinds = np.array([kind for kind, *_ in boxes], np.int64)
    p = np.array([one[-1] for one in boxes], np.float32)
    return Found(np.array([one[1:5] for one in boxes], np.float32).reshape(-1, 4), kinds, p)


@pytest.fixture
def judged(ann, lena):
    """A model that was judged by three images: one hit, one missed, one called otherwise, one invented."""
    project = drawing_project(ann, lead=lena)
    images = add_images(project, 3)
    truth = [drawn((0, 10, 10, 40, 40), (0, 200, 10, 40, 40)), drawn((1, 50, 50, 60, 60)), drawn()]
    said = [found((0, 10, 10, 40, 40, 0.9)), found((0, 50, 50, 60, 60, 0.8)), found((1, 5, 5, 30, 30, 0.6))]
    sizes = np.array([[640, 480]] * 3)
    figures = evaluation.report(
        truth, said, sizes, ["pawn", "king"], by_masks=False, shown_from=np.array([0.5, 0.5])
    )  # fmt: skip
    behind = figures["confusion"]["images"]
    figures["confusion"]["images"] = {cell: [images[at].pk for at in places] for cell, places in behind.items()}
    people = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 40, "reason": None}
    run = make_model(project)
    metrics = figures | {"judged_on": "cross-validation", "second_annotator_ap50": people}
    tried = {
        "candidate": "heatmap",
        "tried": True,
        "chosen": True,
        "ap50": 0.5,
        "seconds": 12.0,
        "settings": {"steps": 9},
    }
    TrainingRun.objects.filter(pk=run.pk).update(metrics=metrics, comparison=[tried])
    return project, run, images


def test_the_page_says_what_is_found_missed_and_invented(as_, lena, judged):
    project, run, _images = judged

    for name, ids in (("model", []), ("run", [run.number])):
        text = " ".join(as_(lena).get(reverse(name, args=[project.pk, *ids])).content.decode().split())
        assert "AP50 of people" in text and "0.90" in text
        assert "invented: nobody drew a king there" in text
        assert "missed: a pawn is there" in text
        assert "people: king; the model: pawn" in text
        assert "One stage, as SSD and YOLO" in text and "kept" in text
        assert "nan" not in text.lower().split() and ">None<" not in text


def test_the_page_names_the_classes_that_are_hardly_shown_and_says_why(as_, lena, judged):
    project, run, _images = judged
    address = reverse("model", args=[project.pk])
    assert "Only the surest" not in as_(lena).get(address).content.decode()
    run.refresh_from_db()
    run.metrics["per_class"][1]["threshold"] = HIDDEN_FROM
    run.save()

    text = as_(lena).get(address).content.decode()

    assert "Only the surest are shown of: king." in text


def test_figures_of_three_images_worked_by_hand(judged):
    _project, run, _images = judged
    figures = TrainingRun.objects.get(pk=run.pk).metrics

    # shown: 3; right: the pawn of the first image alone. Drawn: 3.
    assert figures["precision"]["value"] == pytest.approx(1 / 3)
    assert figures["recall"]["value"] == pytest.approx(1 / 3)
    assert figures["pq"]["value"] == pytest.approx(2 * 1 / (3 + 3))  # IoU 1 over TP + FP/2 + FN/2 = 1 + 1 + 1
    # rows: pawn, king, invented; columns: pawn, king, missed
    assert figures["confusion"]["counts"] == [[1, 0, 1], [1, 0, 0], [0, 1, 0]]
    # pawn: a hit at .9, a false one at .8, two to find: precision 1 up to recall .5, of 101 recalls 51
    assert figures["per_class"][0]["ap50"]["value"] == pytest.approx(51 / 101)
    assert figures["per_class"][1]["ap50"]["value"] == 0


def test_rest_gives_the_figures_and_names_no_image_that_somebody_still_judges_blind(lena, judged):
    _project, run, images = judged
    images[0].slice = "test"
    images[0].save()

    metrics = as_person(lena).get(f"/api/runs/{run.pk}/").json()["metrics"]

    assert metrics["ap50"]["n"] == 3 and metrics["second_annotator_ap50"]["value"] == 0.9
    named = {pk for ids in metrics["confusion"]["images"].values() for pk in ids}
    assert named == {images[1].pk, images[2].pk}


def test_the_page_says_where_the_model_is_worse_by_metadata(as_, lena, judged):
    project, run, _images = judged
    counts = np.tile([[2, 2, 2]], (80, 1, 1))
    counts[:40, 0, 0] = np.arange(40) % 3  # at night none, one or both of two objects are found
    found = by_value(["night"] * 40 + ["day"] * 40, counts, pixels=False)
    run.refresh_from_db()
    run.metrics["slices"] = [{"field": "light", **found}]
    run.save()

    text = " ".join(as_(lena).get(reverse("model", args=[project.pk])).content.decode().split())

    assert "Where is it worse?" in text and "light" in text
    assert text.count("worse beyond chance") == 1 and "night <span" in text
    assert "0.49" in text  # 39 of 80 objects
    told = as_person(lena).get(f"/api/runs/{run.pk}/").json()["metrics"]["slices"]
    assert [(row["value"], row["worse"]) for row in told[0]["slices"]] == [("night", True), ("day", False)]
    assert told[0]["slices"][0]["recall"]["value"] == pytest.approx(39 / 80)


def test_slices_of_pixels_say_miou_and_why_there_is_none(as_, lena, judged):
    project, run, _images = judged
    run.refresh_from_db()
    counts = np.array([[[50, 60, 60]], [[30, 40, 40]], [[0, 0, 0]]])
    found = by_value(["day", "day", "night"], counts, pixels=True)
    people = {"value": 0.6, "low": None, "high": None, "n": 3, "reason": None}
    run.metrics = {"miou": people, "n": 3, "slices": [{"field": "light", **found}]}
    run.save()

    text = " ".join(as_(lena).get(reverse("model", args=[project.pk])).content.decode().split())

    assert "Where is it worse?" in text and "the answers hold no such object to find" in text
    assert "0.67" in text and "Only 2 images" in text  # 80 shared pixels of 70 + 50
    assert "nan" not in text.lower().split() and ">None<" not in text


def test_its_card_is_there_and_files_that_were_never_written_are_not_sent(as_, lena, judged):
    project, run, _images = judged
    client = as_person(lena)

    assert client.get(f"/api/runs/{run.pk}/card/").json()["metrics"]["overall"]["ap50"]["n"] == 3
    card = as_(lena).get(reverse("model_card", args=[project.pk, run.number])).content.decode()
    assert "AP50 of a second person" in card and ">None<" not in card
    for path in ("export/", "export/?format=onnx"):
        answer = client.get(f"/api/runs/{run.pk}/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "not_possible_now")
    assert as_(lena).get(reverse("compare_runs", args=[project.pk])).status_code == 200


def test_the_learning_curve_and_its_advice_are_on_the_page_and_in_rest(client, judged, lena):
    project, run, _images = judged
    points = Points(
        "heatmap", "ap50", np.array([6, 12, 20, 30, 40]), np.array([0.3, 0.42, 0.5, 0.55, 0.6]),
        np.clip(np.random.default_rng(0).normal([0.3, 0.42, 0.5, 0.55, 0.6], 0.03, (300, 5)), 0, 1), 40, 300,
    )  # fmt: skip
    curve = drawn_findings.learning_curve(points, 66)
    TrainingRun.objects.filter(pk=run.pk).update(metrics=run_metrics(run) | {"learning_curve": curve})
    client.force_login(lena)

    page = client.get(reverse("model", args=[project.pk])).content.decode()
    told = as_person(lena).get(f"/api/runs/{run.pk}/").json()["metrics"]["learning_curve"]

    assert [row["size"] for row in curve["points"]] == [6, 12, 20, 30, 40]
    assert [row["size"] for row in curve["ahead"]] == [66, 99, 132, 264]
    assert all(row["low"] <= row["expected"] <= row["high"] for row in curve["ahead"])
    assert all(row["low"] < row["value"] < row["high"] for row in curve["points"])
    assert "How many more images?" in page and "judged on 40 images" in page
    assert "AP50 by answered images learned from" in page
    assert "132 answered images in all are expected to bring +" in page and "points of AP50 more take about" in page
    assert told["advice"].startswith("132 answered images in all are expected to bring +")
    assert told["next"].startswith("5 points of AP50 more take about ")


def test_why_there_is_no_learning_curve_is_said(client, judged, lena):
    project, run, _images = judged
    curve = drawn_findings.learning_curve(Reason("curve_needs_images", {"n": 40}), 22)
    TrainingRun.objects.filter(pk=run.pk).update(metrics=run_metrics(run) | {"learning_curve": curve})
    client.force_login(lena)

    page = client.get(reverse("model", args=[project.pk])).content.decode()

    assert "A learning curve needs 40 answered images." in page
    assert "AP50 by answered images" not in page


def asked_and_by_lot(gain):
    """Points with both orders, of which asking is better by so much, judged by 24 images."""
    rng = np.random.default_rng(1)
    by_lot, again = np.array([0.4, 0.5]), rng.normal([0.4, 0.5], 0.04, (300, 2))
    told = Orders(np.array([15, 30]), by_lot + gain, by_lot, again + gain + rng.normal(0, 0.02, (300, 2)), again, 24)
    sizes, values = np.array([6, 40]), np.array([0.3, 0.6])
    return Points("heatmap", "ap50", sizes, values, np.tile(values, (300, 1)), 40, 300, told)


@pytest.mark.parametrize(
    ("gain", "words"),
    [(0.1, "Asking pays:"), (-0.1, "Asking costs:"), (0.01, "No difference is shown:")],
)
def test_whether_asking_pays_is_said_with_its_interval(client, judged, lena, gain, words):
    project, run, _images = judged
    told = drawn_findings.orders(asked_and_by_lot(gain))
    curve = drawn_findings.learning_curve(asked_and_by_lot(gain), 66)
    metrics = run_metrics(run) | {"learning_curve": curve, "orders": told}
    TrainingRun.objects.filter(pk=run.pk).update(metrics=metrics)
    client.force_login(lena)

    page = client.get(reverse("model", args=[project.pk])).content.decode()

    last = told["points"][-1]
    assert (last["size"], last["asked"]["value"], last["random"]["value"]) == (30, round(0.5 + gain, 4), 0.5)
    assert last["gain"]["low"] < last["gain"]["value"] < last["gain"]["high"]
    assert last["gain"]["high"] - last["gain"]["low"] < last["asked"]["high"] - last["asked"]["low"], "the same images"
    assert "AP50, asked for and at random" in page
    assert f"{words} after 30 images AP50 is" in page and "judged by 24 images drawn at random." in page


def test_why_the_orders_are_not_compared_is_said(client, judged, lena):
    project, run, _images = judged
    numbers = {"by_lot": 40, "chosen": 20, "n_by_lot": 44, "n_chosen": 0}
    points = replace(asked_and_by_lot(0), orders=Reason("orders_need_images", numbers))
    metrics = run_metrics(run) | {
        "learning_curve": drawn_findings.learning_curve(points, 66), "orders": drawn_findings.orders(points),
    }  # fmt: skip
    TrainingRun.objects.filter(pk=run.pk).update(metrics=metrics)
    client.force_login(lena)

    page = client.get(reverse("model", args=[project.pk])).content.decode()

    assert "Whether asking pays can be told from 40 answered images drawn at random" in page
    assert "asked for and at random" not in page


def run_metrics(run):
    return TrainingRun.objects.get(pk=run.pk).metrics
