"""What a model that draws saves a person: the seconds of drawing all by hand, against mending what the model drew.

`python -m bench drawn_loop`: one simulated person answers BENCH_IMAGES (200) of a set (BENCH_SETS, blood_cells) in
random order. The first 20 are drawn by hand; after 20, 50 and 100 answers a model is trained on all of them, as the
product trains, and pre-labels the next ones. Its seconds: DRAW for an object by hand, MOVE for one whose box is wrong,
DELETE, and KEEP for one that is right. Right: of its class and IoU half or more. Nothing is left out: an answer is done
when all of its objects are there. Told for each wish of `drawing.wish`, by the same models. Beside it: how long the
first model takes, and a thousand images to pre-label.

What is kept stays as the model drew it (with the default wish), and the next model learns from that. Whether it lowers
the quality is measured against a person who draws exactly the truth by hand: how near the answers are to it, and what
a model that has learned from them finds on 80 blind images, against one that has learned from the truth of the same
images.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from bench import drawn_sets
from bench.common import hardware
from labeler.train_settings import WISHES, Augmentation, TrainConfig
from worker.ml.detection import decode, detector
from worker.ml.detection.detector import Detector
from worker.ml.detection.samples import Drawn, DrawnSet, Found, edges_of, nothing
from worker.ml.detection.train import DrawnResult, train
from worker.ml.device import all_cores, pick_device
from worker.ml.evaluation import objects

DRAW, MOVE, DELETE, KEEP = 7.0, 3.0, 0.7, 0.3  # seconds of a person, each object
TRAINED_AT = (20, 50, 100)
RIGHT, NEAR = 0.5, 0.2  # IoU from which on a box is kept, and from which on it is moved
SHARE = 0.95  # of the objects, of drawing all by hand
JUDGED, REPLICATES = 80, 400
WISH = TrainConfig().drawing.wish  # whose answers the next model learns from
GOAL, FIRST_S, THOUSAND_S = 1 / 3, 180, 240


@dataclass(frozen=True, slots=True)
class Model:
    """A model as the product shows it: objects from a threshold on. shown_from: of each class, by the wish."""

    finder: Detector
    shown_from: dict[str, NDArray[np.float64]]

    def found(self, samples: DrawnSet) -> list[Found]:
        masks = samples.task != "boxes"
        return [one or nothing(masks=masks) for _, one in self.finder.find(samples.sources, samples.sizes)]

    def shows(self, found: Found, wish: str) -> Found:
        return _those(found, found.probabilities >= self.shown_from[wish][found.classes])


def main() -> None:
    n = int(os.environ.get("BENCH_IMAGES", "200"))
    print(f"Seconds of a person: {DRAW} to draw, {MOVE} to move, {DELETE} to delete, {KEEP} to keep. {hardware()}")
    for name in os.environ.get("BENCH_SETS", "blood_cells").split(","):
        samples = drawn_sets.read(name)
        if samples is None:
            print(f"{name}: LABELER_TEST_DATA does not hold it.")
            continue
        for seed in range(int(os.environ.get("BENCH_SEEDS", "1"))):
            one_person(name, samples, n, seed)


def one_person(name: str, samples: DrawnSet, n: int, seed: int) -> None:
    """Print what the answers to n images cost, part by part."""
    judged, order = drawn_sets.halves(samples, JUDGED, seed)
    order = order[:n]
    by_hand = DRAW * sum(len(samples.drawn[k]) for k in order)
    spent, model = dict.fromkeys(WISHES, 0.0), None
    upside_down = name in drawn_sets.UPSIDE_DOWN
    answers: list[Drawn] = []
    for start, end in zip((0, *TRAINED_AT), (*TRAINED_AT, n), strict=True):
        part = samples.some(order[start:end])
        found = model.found(part) if model else [nothing()] * len(part)
        costs = {}
        for wish in WISHES:
            shown = [model.shows(one, wish) for one in found] if model else found
            done = [mended(drawn, one) for drawn, one in zip(part.drawn, shown, strict=True)]
            costs[wish] = sum(seconds for seconds, _ in done)
            spent[wish] += costs[wish]
            answers += [answer for _, answer in done] if wish == WISH else []
        hand = DRAW * sum(len(drawn) for drawn in part.drawn)
        told = ", ".join(f"{wish} {seconds:,.0f}" for wish, seconds in costs.items())
        print(f"{name}, seed {seed}: images {start + 1} to {end}: seconds of a person: {told}; by hand {hand:,.0f}")
        if end < n:
            begun = time.monotonic()
            model = trained(replace(samples.some(order[:end]), drawn=answers), upside_down=upside_down, seed=seed)
            seconds = time.monotonic() - begun
            goal = f"; goal {FIRST_S} s" if not start else ""
            print(f"    trained on {end} in {seconds:.0f} s{goal}", flush=True)
    goal_s = SHARE * by_hand * GOAL
    print(f"{name}, seed {seed}, {n} images: {SHARE:.0%} of the objects by hand: {SHARE * by_hand:,.0f} s of a person")
    for wish, seconds in spent.items():
        print(
            f"    {wish}: {seconds:,.0f} s, {seconds / (SHARE * by_hand):.3f} of it; goal {GOAL:.3f} ({goal_s:,.0f} s)"
        )
    assert model is not None
    with all_cores(model.finder.device):
        begun = time.monotonic()
        part = samples.some(order[:60])
        model.found(part)
    thousand = 1000 * (time.monotonic() - begun) / len(part)
    print(f"    a thousand images pre-labeled: {thousand:.0f} s, from {len(part)}; goal {THOUSAND_S} s", flush=True)
    learned = order[: TRAINED_AT[-1]]
    show_quality(samples.some(order), answers)
    by_truth = trained(samples.some(learned), upside_down=upside_down, seed=seed)
    show_blind(samples.some(judged), model, by_truth, seed)


def show_quality(samples: DrawnSet, answers: list[Drawn]) -> None:
    """How near the answers with a pre-label are to what the person would have drawn by hand."""
    helped = range(TRAINED_AT[0], len(answers))
    ious = np.concatenate([
        decode.iou_of(_edges(answers[k].boxes), _edges(samples.drawn[k].boxes)).numpy().max(1, initial=0.0)
        for k in helped
    ])  # fmt: skip
    shares = ", ".join(f"{np.mean(ious >= least):.3f} with {least} or more" for least in (0.5, 0.75, 0.9))
    print(f"    answers with pre-labels: {len(ious):,} objects, mean IoU with the truth {ious.mean():.3f}, {shares}")


def show_blind(blind: DrawnSet, by_answers: Model, by_truth: Model, seed: int) -> None:
    """AP50 on blind images of both models, and the difference with its 95 % interval by images."""
    n = len(blind)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), REPLICATES)
    weights = np.concatenate([np.ones((1, n)), draws])
    values = [
        objects.ap50_resampled(blind.drawn, model.found(blind), len(blind.categories), blind.sizes, weights)
        for model in (by_answers, by_truth)
    ]
    low, high = np.nanquantile((values[0] - values[1])[1:], [0.025, 0.975])
    print(
        f"    {n} blind images, AP50: learned from answers with pre-labels {values[0][0]:.3f}, from drawings "
        f"by hand {values[1][0]:.3f}; difference {values[0][0] - values[1][0]:+.3f} ({low:+.3f} to {high:+.3f})"
    )


def trained(samples: DrawnSet, *, upside_down: bool, seed: int) -> Model:
    config, device = TrainConfig(seed=seed, augmentation=Augmentation(flip_vertical=upside_down)), pick_device()
    result = None
    for event in train(samples, config, device=device):
        result = event if isinstance(event, DrawnResult) else None
    assert result is not None
    apart = [k for k, found in enumerate(result.out_of_fold) if found is not None]
    judge = samples.some(np.array(apart))
    shown_from = {
        wish: objects.thresholds(
            judge.drawn, [found for found in result.out_of_fold if found is not None], judge.sizes,
            len(samples.categories), by_masks=samples.task != "boxes", wish=wish,
        )
        for wish in WISHES
    }  # fmt: skip
    return Model(detector.from_parts(result.weights, result.recipe, config.backbone, device), shown_from)


def mended(drawn: Drawn, found: Found) -> tuple[float, Drawn]:
    """What a person needs to make `drawn` of `found`, pairs by falling IoU, of any class; and what it looks like then:
    what is kept stays as it was found."""
    left, boxes = list(range(len(drawn))), drawn.boxes.copy()
    spent = 0.0
    iou = decode.iou_of(*(_edges(one.boxes) for one in (found, drawn))).numpy()
    for k in np.argsort(-iou.max(1, initial=0.0), kind="stable"):
        near = max(left, key=lambda j: iou[k, j], default=None)
        if near is None or iou[k, near] < NEAR:
            spent += DELETE
            continue
        left.remove(near)
        right = iou[k, near] >= RIGHT and found.classes[k] == drawn.classes[near]
        spent += KEEP if right else MOVE
        if right:
            boxes[near] = found.boxes[k]
    return spent + DRAW * len(left), replace(drawn, boxes=boxes)


def _edges(boxes: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(edges_of(boxes))


def _those(found: Found, kept: NDArray[np.bool_]) -> Found:
    return Found(found.boxes[kept], found.classes[kept], found.probabilities[kept])


if __name__ == "__main__":
    main()
