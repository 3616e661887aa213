"""How right is the model after so many labels, at random and as the queue asks? Clothing, whole runs of the product.

    python -m bench.curves                 five seeds; frozen features (seconds per run), half an hour in all
    python -m bench.curves shipped 0       one seed with the candidates that a run has by default: an hour of a core
    python -m bench.curves shipped 50,1000 five seeds of that, but only the first and the last size

Each seed draws 1,000 test images that nothing else looks at. Random order takes the labels as they come. Active
order is the product's: 50 random ones, then the images of which the model is least sure, dealt from groups that look
alike, a new run for every 32 labels or 5 %, and the share of blind images that may train (a fifth of 15 %).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bench.clothing import Photographs, photographs, sources
from bench.common import hardware
from worker.ml.device import settle_process
from worker.ml.networks import backbones
from worker.ml.saved import checkpoint, predict
from worker.ml.training import active_learning
from worker.ml.training.run import TrainingSet
from worker.ml.training.settings import read_settings
from worker.ml.training.train import Result, train

SIZES = (50, 100, 200, 500, 1000)
TARGETS = (0.60, 0.71, 0.76, 0.82, 0.845)
SEEDS, TEST = 5, 1000
BLIND = 0.15 / 5 / (1 - 0.15 * 4 / 5)  # of the images that may train
NEW_LABELS, NEW_LABELS_SHARE = 32, 0.05  # labeler/training/runs.py
HEAD, BATCH = 500, 50  # worker/inference/write_prelabels.py
CPU = torch.device("cpu")
Labels = NDArray[np.int64]


class Pipeline:
    """Runs of one seed: train on some of the images, say what all of them are."""

    def __init__(self, photos: Photographs, settings: dict) -> None:
        self.photos, self.settings = photos, settings
        self.chosen: list[str] = []

    def __call__(self, labels: Labels, settings: dict | None = None) -> Callable[[Labels], NDArray]:
        photos = self.photos
        files = sources()
        given = TrainingSet(
            photos.features[labels], photos.truth[labels], list(range(len(photos.names))),
            sources=[files[i] for i in labels],
        )  # fmt: skip
        *_, result = train(given, read_settings(settings or self.settings), device=CPU)
        assert isinstance(result, Result)
        self.chosen.append(result.candidate)
        named = [{"id": k, "name": name} for k, name in enumerate(photos.names)]
        model = predict.from_checkpoint(checkpoint.from_result(result, named), CPU)

        def probabilities(images: Labels) -> NDArray:
            return predict.predict(model, features=photos.features[images], sources=[files[i] for i in images])

        return probabilities


def random_order(pipeline: Pipeline, test: Labels, pool: Labels, sizes: Sequence[int]) -> list[float]:
    """Share right after each of the sizes."""
    truth = pipeline.photos.truth
    return [float((pipeline(pool[:n])(test).argmax(1) == truth[test]).mean()) for n in sizes]


def active_order(pipeline: Pipeline, test: Labels, pool: Labels, sizes: Sequence[int], seed: int) -> list[float]:
    """The same, each next label where the model of before is least sure."""
    photos, rng = pipeline.photos, np.random.default_rng(seed)
    asks = pipeline.settings | {"candidates": ["frozen"]}  # what orders the queue between two sizes
    labels, right = list(pool[: sizes[0]]), []
    while True:
        if len(labels) in sizes:
            found = pipeline(np.array(labels))
            right.append(float((found(test).argmax(1) == photos.truth[test]).mean()))
            if len(labels) == sizes[-1]:
                return right
        else:
            found = pipeline(np.array(labels), asks)
        rest = rng.permutation(np.setdiff1d(pool, labels))
        is_blind = rng.random(len(rest)) < BLIND
        unsure, blind = rest[~is_blind], rest[is_blind]
        margins = predict.margin(found(unsure), "single")
        order = np.argsort(margins, kind="stable")
        head = order[:HEAD]
        spread = np.argsort(
            -active_learning.priorities(margins[head], photos.features[unsure[head]], batch=BATCH), kind="stable"
        )
        order = np.r_[head[spread], order[HEAD:]]
        n = max(NEW_LABELS, int(np.ceil(NEW_LABELS_SHARE * len(labels))))
        n = min(n, next(size for size in sizes if size > len(labels)) - len(labels))
        n_blind = min(len(blind), rng.binomial(n, BLIND))
        labels += [*blind[:n_blind], *unsure[order[: n - n_blind]]]


def main(arguments: list[str] | None = None) -> None:
    """Print a line per seed and order, and the means with their targets."""
    given = arguments or []
    settle_process()
    photos = photographs()
    settings = {} if "shipped" in given else {"candidates": ["frozen"]}
    seeds = [int(word) for word in given if word.isdigit()] or list(range(SEEDS))
    sizes = next(([int(n) for n in word.split(",")] for word in given if "," in word), list(SIZES))
    which = "frozen features" if settings else "default candidates"
    print(f"{hardware()}, one thread; {backbones.EFFICIENTNET_LITE0.name}; {len(photos.truth):,} photographs, "
          f"{TEST:,} of them to judge; seeds {seeds}; {which}")  # fmt: skip
    found: dict[str, list[list[float]]] = {"random": [], "active": []}
    for seed in seeds:
        shuffled = np.random.default_rng(seed).permutation(len(photos.truth))
        test, pool = shuffled[:TEST], shuffled[TEST:]
        for order, rows in found.items():
            pipeline, begun = Pipeline(photos, settings), time.process_time()
            rows.append(
                random_order(pipeline, test, pool, sizes)
                if order == "random"
                else active_order(pipeline, test, pool, sizes, seed)
            )
            kinds = "" if settings else f"  chosen: {' '.join(pipeline.chosen)}"
            print(f"    seed {seed} {order}: {np.round(rows[-1], 3)}  {time.process_time() - begun:.0f} s CPU{kinds}",
                  flush=True)  # fmt: skip
    print(f"\n| labels | {' | '.join(map(str, sizes))} |\n|---|{'---|' * len(sizes)}")
    print(f"| target, random | {' | '.join(f'{dict(zip(SIZES, TARGETS, strict=True))[n]:.3f}' for n in sizes)} |")
    for order, rows in found.items():
        values = np.array(rows)
        cells = (f"{v.mean():.3f} ({v.min():.3f}–{v.max():.3f})" for v in values.T)
        print(f"| {order} | {' | '.join(cells)} |")
    gain = np.array(found["active"]) - np.array(found["random"])
    error = gain.std(0, ddof=1) / np.sqrt(len(seeds)) if len(seeds) > 1 else np.full(len(sizes), np.nan)
    cells = (f"{100 * g:+.1f} ± {100 * e:.1f}" for g, e in zip(gain.mean(0), error, strict=True))
    print(f"| active minus random, points | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(sys.argv[1:])
