"""AP50 and AP50:95 of a run's report equal pycocotools and hotcoco, for boxes and for masks."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
from hotcoco import COCO as HotCOCO
from hotcoco import COCOeval as HotCOCOeval
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from labeler.geometry import codes, masks, overlaps
from labeler.train_settings import HIDDEN_FROM
from worker.ml.detection.samples import Drawn, Found
from worker.ml.evaluation.objects import MOST, report, thresholds

WIDTH, HEIGHT, NAMES = 160, 120, ["a", "b", "c", "d"]


def disc(box):
    """A mask within the box's whole pixels: its corners are missing."""
    x, y, w, h = (int(v) for v in box)
    down, across = ((np.arange(side) + 0.5) / side * 2 - 1 for side in (h, w))
    return masks.encode(down[:, None] ** 2 + across[None, :] ** 2 <= 1.3, x, y)


def shield(box):
    """An outline within the box, as people draw them."""
    x, y, w, h = (float(v) for v in box)
    return {"polygon": [[x, y, x + w, y, x + w, y + 0.6 * h, x + w / 2, y + h, x, y + 0.6 * h]]}


def moved(rng, box, by):
    x, y, w, h = box + rng.normal(0, by, 4)
    w, h = max(w, 4), max(h, 4)
    x, y = np.clip([x, y], 0, [WIDTH - w, HEIGHT - h])
    return np.round([x, y, w, h])  # whole px, exact in float32, and so that equal overlaps occur


def scenes(seed, *, n_images=12, tied=False, few=None):
    """Truth and detections: moved, missed, twice, of another class, out of nothing; empty images on either side."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for image in range(n_images):
        n = 0 if image % 5 == 3 else int(rng.integers(1, 7))
        boxes = [moved(rng, np.array([*rng.uniform(0, [120, 80]), *rng.uniform(8, 45, 2)]), 0) for _ in range(n)]
        kinds = rng.integers(0, 3, n)  # nothing is of class d, which detections have all the same
        said = []
        for box, kind in zip(boxes, kinds, strict=True):
            for _ in range(int(rng.poisson(1.2))):
                other = int(rng.integers(0, 4)) if rng.random() < 0.15 else int(kind)
                said.append((moved(rng, box, 2.5), other))
        if image % 4 == 1:
            said += [(moved(rng, np.array([30, 30, 20, 20]), 15), int(rng.integers(0, 4))) for _ in range(3)]
        if image == 7:
            said = []
        score = rng.beta(3, 2, len(said)).round(1 if tied else 6).astype(np.float32)
        order = np.argsort(-score, kind="stable")
        truth.append(_drawn(boxes, kinds))
        shapes = [said[k] for k in order]
        found.append(
            Found(
                np.array([box for box, _ in shapes], np.float32).reshape(-1, 4),
                np.array([kind for _, kind in shapes], np.int64), score[order], tuple(disc(box) for box, _ in shapes),
            )
        )  # fmt: skip
    return truth, found


def _drawn(boxes, kinds):
    array = np.array(boxes, np.float32).reshape(-1, 4)
    shapes = tuple(disc(box) if k % 3 else shield(box) for k, box in enumerate(boxes))
    return Drawn(array, np.asarray(kinds, np.int64), np.ones(len(array), np.float32), shapes)


def coco_of(truth, found):
    """The same as COCO files: boxes and run-length codes."""

    def rows(side, score=None):
        made = []
        for image, one in enumerate(side, 1):
            for k, (box, kind, shape) in enumerate(zip(one.boxes, one.classes, one.masks, strict=True)):
                if score:  # loadRes takes codes, no outlines
                    shape = masks.union([shape], WIDTH, HEIGHT)
                code = codes.to_coco(shape, WIDTH, HEIGHT)
                row = {
                    "image_id": image, "category_id": int(kind) + 1, "bbox": [float(v) for v in box],
                    "segmentation": code, "iscrowd": 0,
                    "area": float(overlaps.areas([shape], width=WIDTH, height=HEIGHT)[0]),
                }  # fmt: skip
                made.append(row | ({"score": float(one.probabilities[k])} if score else {"id": len(made) + 1}))
        return made

    images = [{"id": k + 1, "width": WIDTH, "height": HEIGHT, "file_name": f"{k}.png"} for k in range(len(truth))]
    classes = [{"id": k + 1, "name": name} for k, name in enumerate(NAMES)]
    whole = {"info": {}, "images": images, "categories": classes, "annotations": rows(truth)}
    return whole, rows(found, score=True)


def by_others(truth, found, kind, tmp_path):
    """[(AP50:95, AP50, by class at .5)] of pycocotools and hotcoco; kind: bbox or segm."""
    whole, said = coco_of(truth, found)
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(whole))
    figures = []
    for coco, evaluator in ((COCO, COCOeval), (HotCOCO, HotCOCOeval)):
        with contextlib.redirect_stdout(io.StringIO()):
            known = coco(str(path))
            if coco is COCO and kind == "segm":
                # loadRes of a row with a box takes the box's area: of masks it must count pixels
                said_here = [{key: value for key, value in row.items() if key != "bbox"} for row in said]
            else:
                said_here = [dict(row) for row in said]
            run = evaluator(known, known.loadRes(said_here), kind)
            run.params.maxDets = [1, 10, MOST]
            run.evaluate()
            run.accumulate()
        precision = np.asarray(run.eval["precision"])[
            :, :, :, 0, -1
        ]  # (IoU, recall, class), all areas, most detections
        at50 = precision[0].mean(0)
        figures.append((
            precision[precision > -1].mean(), precision[0][precision[0] > -1].mean(), np.where(at50 > -1, at50, np.nan)
        ))  # fmt: skip
    return figures


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # pycocotools 2.0.11 hands NumPy an array in the old way
@pytest.mark.parametrize("kind", ["bbox", "segm"])
@pytest.mark.parametrize(("seed", "tied"), [(0, False), (1, False), (2, True)])
def test_ap_equals_pycocotools_and_hotcoco(kind, seed, tied, tmp_path):
    truth, found = scenes(seed, tied=tied)
    sizes = np.array([[WIDTH, HEIGHT]] * len(truth))

    figures = report(truth, found, sizes, NAMES, by_masks=kind == "segm", shown_from=np.full(4, 0.5))

    ours = [row["ap50"]["value"] for row in figures["per_class"]]
    assert ours[3] is None, "nobody drew a d: no AP, and it does not count in the mean"
    assert 0.1 < figures["ap"]["value"] < figures["ap50"]["value"] < 1
    for ap, ap50, classes in by_others(truth, found, kind, tmp_path):
        assert figures["ap50"]["value"] == pytest.approx(ap50, abs=1e-6)
        assert figures["ap"]["value"] == pytest.approx(ap, abs=1e-6)
        assert [np.nan if value is None else value for value in ours] == pytest.approx(classes, abs=1e-6, nan_ok=True)


@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_more_than_coco_s_100_of_a_class_on_an_image_count(kind, tmp_path):
    rng = np.random.default_rng(4)
    places = [np.array([x * 12.0, y * 10.0, 10, 8]) for x in range(13) for y in range(12)]  # 156
    truth = [_drawn(places, np.zeros(len(places)))]
    score = np.sort(rng.random(len(places)).astype(np.float32))[::-1]
    found = [
        Found(truth[0].boxes, truth[0].classes, score, truth[0].masks),
    ]

    figures = report(
        truth, found, np.array([[WIDTH, HEIGHT]]), NAMES, by_masks=kind == "segm", shown_from=np.zeros(4)
    )  # fmt: skip

    # all 156 found without a mistake; of 100 the recall would end at .64
    assert figures["ap50"]["value"] == pytest.approx(1)
    for ap, ap50, _ in by_others(truth, found, kind, tmp_path):
        assert (ap, ap50) == pytest.approx((1, 1), abs=1e-6)


def test_nothing_found_is_no_ap_and_nothing_to_find_is_undefined():
    truth, found = scenes(0)
    sizes = np.array([[WIDTH, HEIGHT]] * len(truth))
    none = [Found(one.boxes[:0], one.classes[:0], one.probabilities[:0], ()) for one in found]
    empty = [_drawn([], []) for _ in truth]

    missed = report(truth, none, sizes, NAMES, by_masks=False, shown_from=np.zeros(4))
    invented = report(empty, found, sizes, NAMES, by_masks=False, shown_from=np.zeros(4))

    assert (missed["ap50"]["value"], missed["precision"]["value"]) == (0.0, None)
    assert (invented["ap50"]["value"], invented["precision"]["value"]) == (None, 0.0)
    assert str(invented["ap50"]["reason"]) and invented["ap50"]["n"] == len(truth)


@pytest.mark.parametrize(("n_invented", "is_shown"), [(4, True), (60, False)])
def test_a_class_of_which_nearly_all_is_invented_is_not_shown(n_invented, is_shown):
    """Ten images with one object of class a, found among so many that nobody drew; b is found as it is."""
    rng = np.random.default_rng(0)
    here, there = [10, 10, 30, 30], [100, 60, 30, 30]
    truth = [Drawn(np.array([here, there], np.float32), np.array([0, 1]), np.ones(2, np.float32)) for _ in range(10)]
    away = np.concatenate([rng.uniform(60, 90, (n_invented, 2)), np.full((n_invented, 2), 9)], 1)
    boxes = np.concatenate([[here, there], away]).astype(np.float32)
    kinds = np.array([0, 1] + [0] * n_invented)
    found = [Found(boxes, kinds, rng.uniform(0.2, 0.8, len(boxes)).astype(np.float32)) for _ in truth]

    of_a, of_b = thresholds(
        truth, found, np.array([[WIDTH, HEIGHT]] * 10), 2, by_masks=False, wish="few_misses"
    )  # fmt: skip

    assert (of_a < 0.8) == is_shown and (of_a == HIDDEN_FROM) != is_shown
    assert of_b <= 0.3


@pytest.mark.parametrize(("n_invented", "is_shown"), [(7, True), (8, False)])
def test_a_class_of_which_none_is_right_is_shown_only_until_that_is_known(n_invented, is_shown):
    """Ten images with an object each that is never found; on the first one something that nobody drew."""
    truth = [Drawn(np.array([[10, 10, 30, 30]], np.float32), np.array([0]), np.ones(1, np.float32))] * 10
    away = np.array([[60 + k, 60, 9, 9] for k in range(n_invented)], np.float32)
    found = [Found(away, np.zeros(n_invented, int), np.full(n_invented, 0.5, np.float32))]
    found += [Found(away[:0], np.zeros(0, int), np.zeros(0, np.float32))] * 9

    (shown_from,) = thresholds(truth, found, np.array([[WIDTH, HEIGHT]] * 10), 1, by_masks=False)

    assert (shown_from < 0.5) == is_shown and (shown_from == HIDDEN_FROM) != is_shown
