"""How many judgements until the labels are right? The clothing photographs, six simulated people, three ways to ask.

Everything but the people is the product's: the frozen features, the regression in five folds, the temperature, the
posterior of people and model (labeler/stats/dawid_skene.py) and the order of asking (labeler/stats/economy.py). People
are 85 % accurate on average (82 to 88); half of a person's errors are systematic: for each class one wrong class of
theirs. Nobody judges an image twice. Each step asks for a tenth of the images; the model starts from one random tenth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.clothing import Photographs, photographs
from labeler.stats import dawid_skene, economy
from worker.ml.candidates import logistic
from worker.ml.evaluation.temperature import apply_temperature

SEEDS = (0, 1, 2, 3, 4)
PEOPLE, RIGHT, SPREAD = 6, 0.85, 0.03
GOALS = (0.90, 0.95, 0.97, 0.98, 0.99)
STEP = 0.1  # of the images, per step
MOST, MOST_WITH_MODEL = 3.3, 1.5  # judgements per image at which a run is stopped
BLIND = 400  # images of the two held-out slices together
FOLDS = 5
PENALTY = 0.01


@dataclass
class Crowd:
    """The simulated people, what they have said, and what they would say."""

    photos: Photographs
    rng: np.random.Generator
    says: NDArray[np.int64] = field(init=False)  # (n, PEOPLE), each person's answer to each image
    asked: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        n, k = len(self.photos.truth), len(self.photos.names)
        right = np.linspace(RIGHT - SPREAD, RIGHT + SPREAD, PEOPLE)
        shift = self.rng.integers(1, k, (PEOPLE, k))
        other = self.rng.integers(1, k, (n, PEOPLE))
        habit = shift[:, self.photos.truth].T
        by = np.where(self.rng.random((n, PEOPLE)) < 0.5, habit, other)
        wrong = self.rng.random((n, PEOPLE)) >= right
        self.says = np.where(wrong, (self.photos.truth[:, None] + by) % k, self.photos.truth[:, None])
        self.asked = np.zeros((n, PEOPLE), dtype=bool)

    def ask(self, images: NDArray[np.int64]) -> None:
        """One more answer on each of these images, of a random person who has not judged it."""
        free = np.where(self.asked[images], -1.0, self.rng.random((len(images), PEOPLE)))
        self.asked[images, free.argmax(axis=1)] = True

    def settle(self, images: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ask of each image until one answer leads by two, or everybody has answered: what a review would come to.

        Two answers and a third where they differ would be wrong in 4 of 100: too much to find 1 in 100 with.
        """
        k = len(self.photos.names)
        waiting = images
        while waiting.size:
            self.ask(waiting)
            votes = self.votes(waiting, k)
            two = np.sort(votes, axis=1)[:, -2:]
            waiting = waiting[(two[:, 1] - two[:, 0] < 2) & ~self.asked[waiting].all(axis=1)]
        return self.votes(images, k).argmax(axis=1)

    def votes(self, images: NDArray[np.int64], k: int) -> NDArray[np.int64]:
        votes = np.zeros((len(images), k), np.int64)
        place, person = np.nonzero(self.asked[images])
        np.add.at(votes, (place, self.says[images[place], person]), 1)
        return votes

    @property
    def per_image(self) -> float:
        return float(self.asked.sum() / len(self.asked))

    def infer(self, model: NDArray | None = None) -> dawid_skene.Truth:
        image, person = np.nonzero(self.asked)
        n, k = len(self.asked), len(self.photos.names)
        return dawid_skene.infer(
            image, person, self.says[image, person], n_images=n, n_annotators=PEOPLE, n_categories=k, model=model
        )

    def temperature(self, model: NDArray, images: NDArray[np.int64], accuracy: NDArray) -> float:
        place, person = np.nonzero(self.asked[images])
        return economy.temperature(model[images], place, self.says[images[place], person], accuracy[person])

    def right(self, found: dawid_skene.Truth) -> float:
        return float((found.category == self.photos.truth).mean())


def out_of_fold(photos: Photographs, soft: NDArray, labeled: NDArray, fold_of: NDArray) -> NDArray[np.float64]:
    """Probabilities of all images by models that have not learned from them, with one temperature. (n, K)."""
    found = np.empty((len(photos.truth), soft.shape[1]))
    for fold in range(FOLDS):
        train = np.flatnonzero(labeled & (fold_of != fold))
        fit = logistic.fit_path(photos.x[train], soft[train], np.ones(len(train)), [PENALTY], "single")[0]
        inside = fold_of == fold
        found[inside] = logistic.to_probabilities(fit.logits(photos.x[inside]).astype(np.float64), "single")
    return found


def with_model(photos: Photographs, seed: int, *, blind: int = 0, until: float = 0.991) -> Iterator[dict[str, Any]]:
    """The project after each step: judgements per image, share right, and what the product would have said of it.

    blind: so many random images are held out as the product does: settled by people alone, never learned from; their
    judgements count. The figures are then of all other images.
    """
    rng = np.random.default_rng(seed)
    crowd = Crowd(photos, rng)
    n = len(photos.truth)
    fold_of, shuffled = rng.permutation(n) % FOLDS, rng.permutation(n)
    slices, rest = shuffled[:blind], shuffled[blind:]
    settled = crowd.settle(slices)
    first = rest[: round(STEP * n)]
    crowd.ask(first)
    random_ones = slices if blind else first
    found = crowd.infer()
    foreseen = None
    while True:
        labeled = crowd.asked.any(axis=1)
        labeled[slices] = False
        model = out_of_fold(photos, found.posterior, labeled, fold_of)
        # On random images alone: whatever else was asked is harder than the rest, and would make it too modest.
        for _ in range(2):
            warmth = crowd.temperature(model, random_ones, found.accuracy)
            found = crowd.infer(apply_temperature(model, warmth, "single"))
        calibrated = apply_temperature(model, warmth, "single")
        p, accuracy = found.posterior[rest], float(found.accuracy.mean())
        right = float((p.argmax(axis=1) == photos.truth[rest]).mean())
        # A slice's image as it would be labeled without the votes on it: by the model alone.
        alone = dawid_skene.bounded(calibrated[slices], dawid_skene.SUREST_ALONE).max(axis=1)
        checks = economy.Checks(alone, calibrated[slices].argmax(axis=1) == settled, np.zeros(blind, bool))
        share = economy.share_right(p.max(axis=1), crowd.asked[rest].any(axis=1), checks if blind else None)
        yield {
            "per_image": crowd.per_image,
            "right": right,
            "claimed": share.claimed,
            "estimate": share.estimate.value,
            "low": share.estimate.low,
            "high": share.estimate.high,
            "foreseen": foreseen,
            "model": float((model.argmax(axis=1) == photos.truth).mean()),
            "looked_at": float(crowd.asked[rest].any(axis=1).mean()),
            "accuracy": accuracy,
        }
        if right >= until or crowd.per_image > MOST_WITH_MODEL:
            return
        left = PEOPLE - crowd.asked[rest].sum(axis=1)
        step = round(STEP * n)
        foreseen = economy.outlook(p, accuracy, judgements=step, opinions_left=left.tolist()).after(step)
        crowd.ask(rest[economy.order(p, accuracy, left > 0)[:step]])


def one_coin(photos: Photographs, seed: int) -> Iterator[dict[str, Any]]:
    """One label each, then more where the posterior of the people alone says that it gains most."""
    crowd = Crowd(photos, np.random.default_rng(seed))
    n = len(photos.truth)
    crowd.ask(np.arange(n))
    while True:
        found = crowd.infer()
        yield {"per_image": crowd.per_image, "right": crowd.right(found)}
        if crowd.per_image > MOST:
            return
        crowd.ask(
            economy.order(found.posterior, float(found.accuracy.mean()), ~crowd.asked.all(axis=1))[: round(STEP * n)]
        )


def fixed(photos: Photographs, seed: int) -> Iterator[dict[str, Any]]:
    """Every image k times, majority, ties by lot."""
    crowd = Crowd(photos, np.random.default_rng(seed))
    n, k = len(photos.truth), len(photos.names)
    for _ in range(5):
        crowd.ask(np.arange(n))
        votes = crowd.votes(np.arange(n), k) + 0.5 * crowd.rng.random((n, k))
        yield {"per_image": crowd.per_image, "right": float((votes.argmax(axis=1) == photos.truth).mean())}


def needed(history: list[dict[str, Any]], goal: float) -> str:
    """Judgements per image at the first step that meets the goal."""
    return next((f"{row['per_image']:.1f} ({row['right']:.1%})" for row in history if row["right"] >= goal), "-")


def main() -> None:
    """The table of docs/model.md, and how far the product's own figures were from the truth."""
    photos = photographs()
    print(f"judgements per image at the first step with so many labels right; seeds {SEEDS}")
    print(f"{'':<42}" + "".join(f"{goal:>16.0%}" for goal in GOALS))
    for name, scheme in (
        ("fixed, majority", fixed),
        ("adaptive, people alone", one_coin),
        ("adaptive, with the model", with_model),
    ):
        for seed in SEEDS:
            history = list(scheme(photos, seed))
            _line(f"{name}, seed {seed}", history)
            if scheme is with_model:
                _course(history)
    for seed in SEEDS:
        history = list(with_model(photos, seed, blind=BLIND))
        _line(f"the same with {BLIND} blind, seed {seed}", history)
        _course(history)
        for goal in GOALS:
            told = next((row for row in history if row["estimate"] >= goal), None)
            if told:
                off = 100 * (told["estimate"] - told["right"])
                said = f"{goal:.0%} reached at {told['per_image']:.2f}"
                print(f"    said {said}, truly {told['right']:.1%}: off by {off:+.1f} points")


def _line(name: str, history: list[dict[str, Any]]) -> None:
    print(f"{name:<42}" + "".join(f"{needed(history, goal):>16}" for goal in GOALS), flush=True)


def _course(history: list[dict[str, Any]]) -> None:
    for row in history:
        foreseen = "" if row["foreseen"] is None else f", foreseen a step ago {row['foreseen']:.1%}"
        says = f"claimed {row['claimed']:.1%}, estimate {row['estimate']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
        rest = f"model alone {row['model']:.1%}, looked at {row['looked_at']:.0%}, people {row['accuracy']:.1%}"
        print(f"    {row['per_image']:.2f}: right {row['right']:.1%}, {says}{foreseen}; {rest}", flush=True)


if __name__ == "__main__":
    main()
