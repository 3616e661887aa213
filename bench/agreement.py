"""Agreement of 50 annotators on 100,000 images with 3 labels each, from arrays; the query: report.py."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.common import hardware, show
from labeler.stats.agreement import summarize
from labeler.stats.alpha import count_patterns, many_raters
from labeler.stats.grouping import group_rows
from labeler.stats.kappa import pair_kappas
from labeler.stats.pairs import count_pairs

ANNOTATORS, IMAGES, LABELS_PER_IMAGE, CLASSES = 50, 100_000, 3, 10
Rows = tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]]


def simulated(n_images: int = IMAGES) -> Rows:
    """(image, annotator, category) ordered by image; people are right in 85 of 100 else they guess."""
    rng = np.random.default_rng(7)
    image = np.repeat(np.arange(n_images), LABELS_PER_IMAGE)
    # Distinct people per image: a random start and a random stride through a prime number of seats.
    start, stride = rng.integers(0, 53, n_images), rng.integers(1, 53, n_images)
    seats = (start[:, None] + stride[:, None] * np.arange(6)) % 53
    kept = np.argsort(seats >= ANNOTATORS, axis=1, kind="stable")[:, :LABELS_PER_IMAGE]
    annotator = np.take_along_axis(seats, kept, axis=1).ravel()
    truth = rng.integers(0, CLASSES, n_images).repeat(LABELS_PER_IMAGE)
    guess = rng.integers(0, CLASSES, image.size)
    return image, annotator, np.where(rng.random(image.size) < 0.85, truth, guess)


def readings(work: Callable[[], Any], rounds: int) -> tuple[list[float], Any]:
    """Seconds of each of so many calls after a first that is not counted, and the last answer."""
    answer = work()
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        answer = work()
        found.append(time.perf_counter() - begun)
    return found, answer


def by_scikit_learn(rows: Rows) -> dict[tuple[int, int], float]:
    """Kappa of every pair with the peer: a table of people x images, one call for each pair."""
    from sklearn.metrics import cohen_kappa_score

    image, annotator, category = rows
    table = np.full((ANNOTATORS, int(image[-1]) + 1), -1, dtype=np.int16)
    table[annotator, image] = category
    labels = np.arange(CLASSES)
    kappas = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for a, b in itertools.combinations(range(ANNOTATORS), 2):
            both = (table[a] >= 0) & (table[b] >= 0)
            kappas[a, b] = float(cohen_kappa_score(table[a, both], table[b, both], labels=labels))
    return kappas


def main() -> None:
    """Print the figures; exits with an assertion if scikit-learn disagrees with them."""
    print(hardware())
    rows = simulated()
    print(f"{ANNOTATORS} annotators x {IMAGES:,} images x {LABELS_PER_IMAGE} labels, {CLASSES} classes")

    narrow = rows[0].astype(np.int32), rows[1].astype(np.int16), rows[2].astype(np.int16)
    floor, _ = readings(lambda: [int(column.sum()) for column in narrow], 50)
    show("floor: read image, annotator and category once (2.4 MB)", floor, "ms", 1000)
    seconds, counts = readings(lambda: count_pairs(*rows, ANNOTATORS, CLASSES), 30)
    show("count all pairs, checks included", seconds, "ms", 1000)
    seconds, kappas = readings(lambda: pair_kappas(counts), 30)
    show(f"{len(counts.a):,} kappas with errors, intervals, PABAK, AC1", seconds, "ms", 1000)
    seconds, _ = readings(lambda: pair_kappas(count_pairs(*rows, ANNOTATORS, CLASSES)), 30)
    show("both together", seconds, "ms", 1000, "≤ 50")
    groups = group_rows(rows[0])
    seconds, _ = readings(lambda: many_raters(count_patterns(groups, rows[2], CLASSES)), 30)
    show("alpha, Fleiss, observed, each with its interval", seconds, "ms", 1000)
    seconds, report = readings(lambda: summarize(*rows, ANNOTATORS, CLASSES, "single"), 30)
    show("the whole report", seconds, "ms", 1000, "≤ 50")
    print(f"  alpha {report.alpha.value:.6f} [{report.alpha.low:.6f}, {report.alpha.high:.6f}]")

    seconds, peer = readings(lambda: by_scikit_learn(rows), 3)
    show("scikit-learn cohen_kappa_score, pair by pair, no errors", seconds, "ms", 1000)
    ours = zip(counts.a.tolist(), counts.b.tolist(), kappas.value.tolist(), strict=True)
    apart = max(abs(value - peer[a, b]) for a, b, value in ours)
    assert apart < 1e-9, apart
    print(f"  largest difference to scikit-learn over {len(peer):,} pairs: {apart:.1e}")

    many = simulated(10 * IMAGES)
    seconds, _ = readings(lambda: summarize(*many, ANNOTATORS, CLASSES, "single"), 3)
    show("the whole report, 1,000,000 images x 3", seconds, "ms", 1000, "≤ 5000")
    sets = np.random.default_rng(1).random((rows[0].size, CLASSES)) < 0.05
    sets[np.arange(rows[0].size), rows[2]] = True
    seconds, _ = readings(lambda: summarize(*rows[:2], sets, ANNOTATORS, CLASSES, "multi"), 3)
    show("the whole report, sets of classes (MASI)", seconds, "ms", 1000)


if __name__ == "__main__":
    main()
