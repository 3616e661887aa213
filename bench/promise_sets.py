"""Is the promise of auto-accept kept where an image may have several classes, and what does it cost?

The clothing photographs as a task of several labels, on their frozen features: six of the ten classes count, and half
of the rows are the mean of two photographs, so a row holds none, one or two of them. Each trial draws 1,000 training
and 500 calibration rows at random, fits the shipped regression and temperature, and looks at the truth of all others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from bench.clothing import photographs
from bench.common import show
from labeler.stats import promise
from worker.ml.candidates import logistic
from worker.ml.evaluation.temperature import apply_temperature, fit_temperature

TRIALS = 200
TRAIN, CALIBRATION = 1000, 500
PENALTY = 0.01
CLASSES = 6
LEVELS = (0.80, 0.90, 0.95)


def main() -> None:
    """Share of broken promises and of accepted images, with n and spread."""
    x, sets = rows()
    sizes = np.bincount(sets.sum(axis=1))
    print(f"{len(x)} rows; with 0, 1, 2 classes: {', '.join(map(str, sizes))}")
    found = [_trial(x, sets, seed) for seed in range(TRIALS)]
    show("whole sets right outside the training labels", [float(right.mean()) for _, right, _ in found], "%", 100)
    for level in LEVELS:
        _report(f"{level:.0%} precision, one threshold", found, promise.Promise(level))
    _report("90% precision, per set where possible", found, promise.Promise(0.90), per_set=True)
    apart = [(scores, right, np.minimum(codes, 1)) for scores, right, codes in found]
    _report("90% precision, none and some apart", apart, promise.Promise(0.90), per_set=True)


def rows() -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Features (n, d) and which of the classes each row holds (n, CLASSES); the same ones always."""
    photos = photographs()
    rng = np.random.default_rng(0)
    counted = np.argsort(-np.bincount(photos.truth), kind="stable")[1 : CLASSES + 1]  # not the most frequent one
    hot = (photos.truth[:, None] == counted).astype(bool)
    is_pair, other = rng.random(len(hot)) < 0.5, rng.permutation(len(hot))
    features = photos.features.astype(np.float32)
    features[is_pair] = (features[is_pair] + features[other[is_pair]]) / 2
    hot[is_pair] |= hot[other[is_pair]]
    return logistic.scale_features(features), hot


def _trial(x: NDArray, sets: NDArray, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Scores, whether the set is right, and a code of the suggested set; calibration rows first, then the rest."""
    order = np.random.default_rng(seed).permutation(len(x))
    train, rest = order[:TRAIN], order[TRAIN:]
    fit = logistic.fit_path(x[train], sets[train].astype(float), np.ones(TRAIN), [PENALTY], "multi")[0]
    raw = logistic.to_probabilities(fit.logits(x[rest]).astype(np.float64), "multi")
    truth = sets[rest]
    temperature = fit_temperature(raw[:CALIBRATION], truth[:CALIBRATION].astype(float), "multi")
    p = apply_temperature(raw, temperature, "multi")
    codes = (p >= 0.5) @ (1 << np.arange(CLASSES))  # 0: none of the classes
    return promise.scores_of(p, several=True), promise.right_of(p, truth, several=True), codes


def _report(
    name: str, found: list[tuple[NDArray, NDArray, NDArray]], aim: promise.Promise, *, per_set: bool = False
) -> None:
    broken, none = 0, 0
    covered, precisions, empty, of_empty = [], [], [], []
    for scores, right, codes in found:
        judged, pool = slice(CALIBRATION), slice(CALIBRATION, None)
        accepted = promise.choose_all(
            scores[judged], right[judged], codes[judged], scores[pool], aim, unlabeled_classes=codes[pool],
            per_class=per_set,
        ).accepts(scores[pool], codes[pool])  # fmt: skip
        covered.append(float(accepted.mean()))
        if not accepted.any():
            none += 1
            continue
        precisions.append(float(right[pool][accepted].mean()))
        broken += precisions[-1] < aim.precision
        silent = accepted & (codes[pool] == 0)
        empty.append(float(silent.sum() / accepted.sum()))
        if silent.any():
            of_empty.append(float(right[pool][silent].mean()))
    p = binomtest(broken, len(found), 1 - aim.confidence, alternative="greater").pvalue
    print(f"{name}: broken in {broken} of {len(found)} trials ({broken / len(found):.1%}; p that 5 % is exceeded "
          f"{p:.3f}); nothing accepted in {none}")  # fmt: skip
    show("    share of the unlabeled images accepted", covered, "%", 100)
    if precisions:
        show("    precision of what was accepted", precisions, "%", 100)
        show("    share of the accepted that hold none of the classes", empty, "%", 100)
    if of_empty:
        show("    precision of these", of_empty, "%", 100)


if __name__ == "__main__":
    main()
