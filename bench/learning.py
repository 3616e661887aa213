"""Does the band of the learning curve hold what comes? On made-up laws, and on the clothing photographs."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.clothing import photographs
from bench.common import show
from labeler.stats.learning import Curve, forecast
from worker.ml.candidates import logistic

SIZES = (50, 100, 200, 300, 400)  # labels that models are trained on, of the 500 that are there
AHEAD = (800, 1600)
FOLDS = 5
SIMULATED, TRIALS = 300, 40
PENALTY = 0.01
Law = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def main() -> None:
    """Share of bands that held the accuracy which a training at that size then had."""
    rng = np.random.default_rng(0)
    print(f"share of {SIMULATED} bands that hold what comes at two and four times the labels (width in points)")
    for name, law in LAWS.items():
        for n in (150, 500):
            held, width = _simulated(rng, law, n)
            cells = "   ".join(f"{h:.3f} ({100 * w:.0f})" for h, w in zip(held, width, strict=True))
            print(f"    {name:<34} {n} images: {cells}", flush=True)
    _clothing()


def power(rng: np.random.Generator) -> Law:
    a, b, c = rng.uniform(0.8, 2.5), rng.uniform(0.2, 0.6), rng.uniform(0, 0.1)
    return lambda n: np.clip(a * n**-b + c, 0, 0.95)


def exponential(rng: np.random.Generator) -> Law:
    a, t, c = rng.uniform(0.2, 0.5), rng.uniform(100, 600), rng.uniform(0.02, 0.2)
    return lambda n: a * np.exp(-n / t) + c


def logarithm(rng: np.random.Generator) -> Law:
    a = rng.uniform(0.05, 0.1)
    return lambda n: np.clip(0.8 - a * np.log(n), 0.01, 0.95)


def flat(rng: np.random.Generator) -> Law:
    c = rng.uniform(0.05, 0.4)
    return lambda n: np.full(n.shape, c)


LAWS: dict[str, Callable[[np.random.Generator], Law]] = {
    "power law": power, "exponential": exponential, "logarithm": logarithm, "nothing is learned": flat,
}  # fmt: skip


def _simulated(rng: np.random.Generator, law: Callable[[np.random.Generator], Law], n: int) -> tuple[NDArray, NDArray]:
    sizes = np.array([0.1, 0.2, 0.4, 0.6, 0.8]) * n
    ahead = np.array([1.6, 3.2]) * n
    held, width = np.zeros(2), np.zeros(2)
    for _ in range(SIMULATED):
        error = law(rng)
        measured = error(sizes) * (1 + 0.04 * rng.standard_normal(5))
        comes = 1 - error(ahead) * (1 + 0.04 * rng.standard_normal(2))
        # three images in five are hard or easy for all models, the others a matter of luck
        alike, shared, own = rng.random((5, n)) < 0.6, rng.random(n), rng.random((5, n))
        right = np.where(alike, shared, own) > measured[:, None]
        found = forecast(sizes.astype(int).tolist(), right, ahead.astype(int).tolist())
        held += (found.low <= comes) & (comes <= found.high)
        width += found.high - found.low
    return held / SIMULATED, width / SIMULATED


def _clothing() -> None:
    """500 labels are there; what accuracy will 800 and 1,600 give? Judged on all other images."""
    photos = photographs()
    hot = np.eye(len(photos.names))
    n = len(photos.truth)

    def right(train: NDArray, judge: NDArray) -> NDArray[np.bool_]:
        fit = logistic.fit_path(photos.x[train], hot[photos.truth[train]], np.ones(len(train)), [PENALTY], "single")[0]
        return np.asarray(fit.logits(photos.x[judge]).argmax(axis=1) == photos.truth[judge])

    held, widths, off, took = np.zeros(len(AHEAD)), [], [], []
    for seed in range(TRIALS):
        rng = np.random.default_rng(seed)
        shuffled = rng.permutation(n)
        labeled, later = shuffled[:500], shuffled[500:]
        fold_of = np.arange(500) % FOLDS
        hits = np.zeros((len(SIZES), 500))
        for fold in range(FOLDS):
            judge, rest = labeled[fold_of == fold], labeled[fold_of != fold]
            for row, size in enumerate(SIZES):
                hits[row, fold_of == fold] = right(rng.permutation(rest)[:size], judge)
        begun = time.perf_counter()
        found: Curve = forecast(SIZES, hits, AHEAD)
        took.append(time.perf_counter() - begun)
        for at, size in enumerate(AHEAD):
            more = np.r_[labeled, later[: size - 500]]
            comes = right(more, later[size - 500 :]).mean()
            held[at] += found.low[at] <= comes <= found.high[at]
            off.append(found.expected[at] - comes)
        widths.append(found.high - found.low)
    for at, size in enumerate(AHEAD):
        print(f"    clothing, 500 labels, {size} foreseen: held {held[at]:.0f} of {TRIALS}, "
              f"width {100 * np.mean([w[at] for w in widths]):.1f} points, "
              f"off by {100 * np.mean(off[at::len(AHEAD)]):+.1f} on average")  # fmt: skip
    show("one forecast", took, "ms", 1e3)


if __name__ == "__main__":
    main()
