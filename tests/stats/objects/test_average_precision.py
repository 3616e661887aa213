"""AP equals pycocotools' and hotcoco's on real objects with simulated detections, and by hand; its intervals hold."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from labeler.stats.objects.average_precision import (
    Objects,
    ap_by_class,
    average_precision,
    box_pairs,
    difference,
    match,
)
from labeler.stats.objects.boxes import box_area
from tests.helpers.oracles import evaluated, precision_of


def judged(truth, found, *, n_images, n_categories, **rules):
    """truth: (image, category, box[, crowd[, area]]); found: (image, category, box, score); boxes by edges."""
    bounds = [np.array([row[2] for row in rows], dtype=float).reshape(-1, 4) for rows in (truth, found)]
    image, category = (
        [np.array([row[at] for row in rows], dtype=np.int64) for rows in (truth, found)] for at in (0, 1)
    )
    wanted = Objects(
        image[0],
        category[0],
        np.array([row[4] if len(row) > 4 else box_area(box) for row, box in zip(truth, bounds[0], strict=True)]),
        crowd=np.array([bool(row[3]) if len(row) > 3 else False for row in truth], dtype=bool),
    )
    given = Objects(image[1], category[1], box_area(bounds[1]), score=np.array([row[3] for row in found], dtype=float))
    pairs = box_pairs(wanted, given, *bounds, least=min(rules.get("ious", (0.5,))))
    return match(wanted, given, pairs, n_images=n_images, n_categories=n_categories, **rules)


def noisy(rng, annotations, *, classes, many=1.0):
    """Detections as a model makes them: moved, missed, twice, of another class, out of nothing, with tied scores."""
    found = []
    for row in annotations:
        for _ in range(rng.poisson(many)):
            x, y, w, h = row["bbox"]
            x, y = x + rng.normal(0, 0.15) * w, y + rng.normal(0, 0.15) * h
            w, h = w * np.exp(rng.normal(0, 0.15)), h * np.exp(rng.normal(0, 0.15))
            category = row["category_id"] if rng.random() < 0.9 else int(rng.choice(classes))
            score = round(float(rng.beta(4, 2)), 2)
            found.append({"image_id": row["image_id"], "category_id": category, "bbox": [x, y, w, h], "score": score})
    return found


def edges(box):
    x, y, w, h = box
    return (x, y, x + w, y + h)


AREAS = {0: (0.0, 1e10), 1: (0.0, 32.0**2), 2: (32.0**2, 96.0**2), 3: (96.0**2, 1e10)}


@pytest.mark.parametrize(("name", "crowds"), [("blood_cells", 0.0), ("chess", 0.0), ("facades", 0.05)])
def test_equal_to_pycocotools_and_hotcoco_on_real_objects(test_data, name, crowds):
    rng = np.random.default_rng(11)
    coco = json.loads((test_data / name / "coco.json").read_text())
    images = sorted(image["id"] for image in coco["images"])[:120]
    classes = sorted(category["id"] for category in coco["categories"])
    annotations = [
        {**row, "iscrowd": int(rng.random() < crowds), "segmentation": []}
        for row in coco["annotations"]
        if row["image_id"] in set(images)
    ]
    detections = noisy(rng, annotations, classes=classes)
    whole = {**coco, "images": [row for row in coco["images"] if row["id"] in set(images)], "annotations": annotations}
    position, code = {k: n for n, k in enumerate(images)}, {k: n for n, k in enumerate(classes)}
    truth = [
        (position[r["image_id"]], code[r["category_id"]], edges(r["bbox"]), r["iscrowd"], r["area"])
        for r in annotations
    ]
    found = [(position[r["image_id"]], code[r["category_id"]], edges(r["bbox"]), r["score"]) for r in detections]

    runs = evaluated(whole, detections)

    for area, limits in AREAS.items():
        matched = judged(truth, found, n_images=len(images), n_categories=len(classes), area=limits)
        values = ap_by_class(matched, np.ones(len(images)))
        for run in runs:
            precision = precision_of(run)[:, :, :, area, -1]
            theirs = np.where(precision[:, 0] > -1, precision.mean(axis=1), np.nan)  # (IoU, class)
            assert values == pytest.approx(theirs, abs=1e-6, nan_ok=True), (area, type(run).__module__)
        if area == 0:
            figure = average_precision(matched, replicates=20)
            assert np.isfinite(values).any()
            assert figure.ap.value == pytest.approx(runs[0].eval["precision"][:, :, :, 0, -1][precision > -1].mean())
            assert figure.ap.low < figure.ap.value < figure.ap.high
            assert figure.ap50.value > figure.ap.value


def test_at_most_100_of_one_class_and_image_as_pycocotools():
    rng = np.random.default_rng(12)
    boxes = [(x * 30.0, y * 30.0, x * 30.0 + 20, y * 30.0 + 20) for x in range(12) for y in range(12)]
    truth = [(0, 0, box) for box in boxes]
    found = [(0, 0, box, float(rng.random())) for box in boxes]

    matched = judged(truth, found, n_images=1, n_categories=1)

    assert matched.hit.shape == (10, 100)
    # 100 of 144 found: recalls up to .69
    assert ap_by_class(matched, [1]) == pytest.approx(np.full((10, 1), 70 / 101))
    assert ap_by_class(judged(truth, found, n_images=1, n_categories=1, max_detections=200), [1]) == pytest.approx(1)


def test_a_hand_worked_curve():
    # Two to find; found, wrong, found by falling score: precision 1, 1/2, 2/3. Recalls to .5: 51 at 1, 50 at 2/3
    box, other, nothing = (0, 0, 10, 10), (50, 0, 60, 10), (200, 0, 210, 10)
    truth = [(0, 0, box), (1, 0, other)]
    found = [(0, 0, box, 0.9), (0, 0, nothing, 0.8), (1, 0, other, 0.7)]

    figure = average_precision(judged(truth, found, n_images=2, n_categories=2))

    values = [figure.ap.value, figure.ap50.value, figure.classes[0].value]
    assert values == pytest.approx([(51 + 50 * 2 / 3) / 101] * 3)
    assert figure.classes[1].reason.code == "no_object_to_find"
    assert (figure.ap.n, figure.classes[0].n) == (2, 2)


def test_a_crowd_counts_neither_way():
    crowd, box, outside = (0, 0, 100, 100), (200, 0, 210, 10), (300, 0, 310, 10)
    truth = [(0, 0, crowd, 1), (0, 0, box)]
    within = [(0, 0, (k, k, k + 20, k + 20), 0.95) for k in (0, 30, 60)]

    with_crowd = judged(truth, [*within, (0, 0, box, 0.5)], n_images=1, n_categories=1)
    without = judged(truth[1:], [*within, (0, 0, box, 0.5)], n_images=1, n_categories=1)
    wrong = judged(truth, [(0, 0, outside, 0.95), (0, 0, box, 0.5)], n_images=1, n_categories=1)

    assert average_precision(with_crowd).ap50.value == pytest.approx(1)
    assert average_precision(without).ap50.value == pytest.approx(1 / 4)
    assert average_precision(wrong).ap50.value == pytest.approx(1 / 2)


def test_nothing_to_find_and_nothing_found():
    box = (0, 0, 10, 10)

    empty = average_precision(judged([], [(0, 0, box, 0.9)], n_images=1, n_categories=1))
    blind = average_precision(judged([(0, 0, box)], [], n_images=1, n_categories=1))

    assert (empty.ap.value, empty.ap.reason.code) == (None, "no_object_to_find")
    assert (blind.ap.value, blind.ap50.value) == (0, 0)


def simulated_model(rng, images, *, missed):
    truth, found = [], []
    for image in range(images):
        for spot in range(4):
            x = 100.0 * spot
            truth.append((image, int(rng.integers(0, 2)), (x, 0, x + 50, 50)))
            if rng.random() >= missed:
                left = x + rng.normal(0, 4)
                found.append((image, truth[-1][1], (left, 0, left + 50, 50), float(rng.random())))
    return truth, found


def test_a_replicate_is_the_images_drawn_and_the_interval_is_theirs():
    rng = np.random.default_rng(13)
    truth, found = simulated_model(rng, 60, missed=0.3)
    matched = judged(truth, found, n_images=60, n_categories=2)
    weight = rng.poisson(1, 60)
    drawn = [image for image in range(60) for _ in range(weight[image])]

    def repeated(rows):
        return [(number, *row[1:]) for number, image in enumerate(drawn) for row in rows if row[0] == image]

    again = judged(repeated(truth), repeated(found), n_images=len(drawn), n_categories=2)

    assert ap_by_class(matched, weight) == pytest.approx(ap_by_class(again, np.ones(len(drawn))))
    means = [
        average_precision(judged(*simulated_model(rng, 60, missed=0.3), n_images=60, n_categories=2), replicates=1).ap
        for _ in range(60)
    ]
    figure = average_precision(matched)
    assert figure.ap.high - figure.ap.low == pytest.approx(2 * 1.96 * np.std([one.value for one in means]), rel=0.35)


def test_the_difference_of_two_models_on_the_same_images_is_sharper_than_two_intervals():
    rng = np.random.default_rng(14)
    truth, found = simulated_model(rng, 80, missed=0.2)
    worse = [row for row in found if rng.random() > 0.08]
    old, new = (judged(truth, rows, n_images=80, n_categories=2) for rows in (worse, found))

    change = difference(old, new)
    apart = [average_precision(one).ap for one in (old, new)]

    assert change.value == pytest.approx(apart[1].value - apart[0].value)
    assert 0 < change.low < change.high
    assert change.high - change.low < apart[0].high - apart[0].low
    assert difference(new, new).value == 0 and difference(new, new).low is None
    with pytest.raises(ValueError, match="same images"):
        difference(old, replace(new, truth=new.truth[:-1]))
