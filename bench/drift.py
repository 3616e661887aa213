"""How often is an import named although nothing drifted, and how soon is one named that did? Simulated answers."""

from __future__ import annotations

import numpy as np

from labeler.stats import drift

TRIALS = 1_000
CLASSES = np.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.03, 0.01])


def answers(random: np.random.Generator, n: int, shift: float = 0.0, doubt: float = 0.0) -> tuple:
    """n answers; `shift` of the images are of the last class instead; confidences lose `doubt` on average."""
    codes = random.choice(len(CLASSES), n, p=(1 - shift) * CLASSES + shift * np.eye(len(CLASSES))[-1])
    sure = 1 - (1 - np.clip(random.beta(8, 1.2, n), 0, 1)) - doubt * random.random(n) * 2
    return codes, np.clip(sure, 1 / len(CLASSES), 1)


def share(n_known: int, n: int, imports: int, trials: int = TRIALS, **changed: float) -> float:
    """Share of projects in which any of `imports` imports is named; the last one is changed."""
    named = 0
    for seed in range(trials):
        random = np.random.default_rng(seed)
        known = answers(random, n_known)
        found = [
            drift.compare(*known, *answers(random, n, **(changed if at == imports - 1 else {})), len(CLASSES))
            for at in range(imports)
        ]
        named += any(drift.drifted(found))
    return named / trials


def main() -> None:
    print(f"| known, new images, imports | named in so many of {TRIALS} projects |\n|---|---|")
    for n_known, n, imports in ((60, 40, 1), (200, 100, 1), (200, 1_000, 1), (200, 100, 5), (500, 500, 10)):
        print(f"| {n_known}, {n}, {imports}: nothing drifted | {share(n_known, n, imports):.1%} |")
    for words, changed in (
        ("10 % of another class", {"shift": 0.1}), ("20 %", {"shift": 0.2}), ("confidence down .05", {"doubt": 0.05}),
        ("confidence down .1", {"doubt": 0.1}),
    ):  # fmt: skip
        for n_known, n in ((200, 100), (500, 500)):
            print(f"| {n_known}, {n}, 5: {words} in one | {share(n_known, n, 5, 300, **changed):.1%} |")
