"""Simulations behind what docs/agreement.md claims: coverage, false alarms, adaptive overlap, truth inference.

No servers: arrays in, figures out. Seeds are fixed; n and hardware are printed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from bench.common import show
from labeler.stats import dawid_skene, overlap, quality
from labeler.stats.alpha import krippendorff_alpha
from labeler.stats.anchoring import anchoring
from labeler.stats.kappa import confusion_table
from labeler.stats.ordered import gwet_ac1, ordered_alpha
from labeler.stats.results import Stat
from labeler.stats.tally import vote
from labeler.stats.weighted import weighted_kappa

SAMPLES = 1000  # per line of the coverage table: +-.7 points at .95
PEOPLE = 2000  # simulated honest people
K = 5
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def main() -> None:
    coverage()
    false_alarms()
    adaptive()
    inference_speed()


# ---------------------------------------------------------------- coverage


def two_people(right: float, shares: tuple[float, ...], near: float = 0.0) -> Draw:
    """Two people who are right with this chance, else choose a neighbour (share near) or by the classes' shares."""

    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        k = len(shares)
        z = rng.choice(k, n, p=shares)

        def person() -> np.ndarray:
            other = rng.choice(k, n, p=shares)
            neighbour = np.clip(z + rng.choice([-1, 1], n), 0, k - 1)
            wrong = np.where(rng.random(n) < near, neighbour, other)
            return np.where(rng.random(n) < right, z, wrong)

        return person(), person()

    return draw


def coverage() -> None:
    """How often 95 % intervals hold the value that a million images give."""
    even, skewed, five = (0.5, 0.5), (0.9, 0.1), (0.3, 0.25, 0.2, 0.15, 0.1)
    figures: list[tuple[str, Draw, Callable[[np.ndarray, np.ndarray, int], Stat]]] = [
        ("kappa linear, 5 ordered classes", two_people(0.7, five, 0.8), _weighted("linear")),
        ("kappa quadratic, 5 ordered classes", two_people(0.7, five, 0.8), _weighted("quadratic")),
        ("alpha, 2 classes of .5", two_people(0.9, even), _votes(krippendorff_alpha)),
        ("alpha, 2 classes of .9 and .1", two_people(0.9, skewed), _votes(krippendorff_alpha)),
        ("alpha ordinal, 5 classes", two_people(0.7, five, 0.8), _votes(lambda v: ordered_alpha(v, "ordinal"))),
        ("alpha interval, 5 classes", two_people(0.7, five, 0.8), _votes(lambda v: ordered_alpha(v, "interval"))),
        ("AC1, 2 classes of .9 and .1", two_people(0.9, skewed), _votes(gwet_ac1)),
    ]
    print(f"coverage of nominal 95 % intervals, {SAMPLES} samples each (target .92 to .98)")
    for name, draw, figure in figures:
        rng = np.random.default_rng(1)
        k = 5 if "5" in name else 2
        true = figure(*draw(rng, 400_000), k).value
        assert true is not None
        cells = []
        for n in (100, 400):
            inside, told = 0, 0
            for _ in range(SAMPLES):
                stat = figure(*draw(rng, n), k)
                if stat.low is not None and stat.high is not None:
                    told += 1
                    inside += stat.low <= true <= stat.high
            cells.append(f"n {n}: {inside / max(1, told):.3f}")
        print(f"    {name:<38} true {true:.3f}   {'   '.join(cells)}", flush=True)
    for hidden, copy in ((0.75, 0.4), (0.9, 0.0), (0.6, 0.8)):
        rng, inside = np.random.default_rng(2), 0
        for _ in range(2000):
            h, s = rng.binomial(200, hidden), rng.binomial(200, hidden + (1 - hidden) * copy)
            stat = anchoring(equal_shown=s, n_shown=200, equal_hidden=h, n_hidden=200).copied
            inside += stat.low is not None and stat.high is not None and stat.low <= copy <= stat.high
        print(f"    anchoring, hidden {hidden}, copied {copy:<15} n 200: {inside / 2000:.3f}")


def _weighted(kind: str) -> Callable[[np.ndarray, np.ndarray, int], Stat]:
    return lambda a, b, k: weighted_kappa(confusion_table(a, b, k), kind).kappa  # type: ignore[arg-type]


def _votes(figure: Callable[[np.ndarray], Stat]) -> Callable[[np.ndarray, np.ndarray, int], Stat]:
    def of_votes(a: np.ndarray, b: np.ndarray, k: int) -> Stat:
        votes = np.zeros((a.size, k), dtype=np.int64)
        np.add.at(votes, (np.arange(a.size), a), 1)
        np.add.at(votes, (np.arange(a.size), b), 1)
        return figure(votes)

    return of_votes


# ---------------------------------------------------------------- false alarms


def false_alarms() -> None:
    """How many honest people each rule would name, and how many robots it finds."""
    rng = np.random.default_rng(3)
    spoken: dict[str, int] = {}
    for _ in range(PEOPLE):
        answers, others, seconds = _honest(rng)
        for sign in quality.signs(answers=answers, others=others, seconds=seconds, n_categories=K):
            spoken[sign.rule] = spoken.get(sign.rule, 0) + 1
    print(f"false alarms, {PEOPLE} honest people of 60 to 600 answers (a rule may speak for 1 %)")
    for rule in ("run", "order", "chance", "drift", "fast"):
        print(f"    {rule:<8} {100 * spoken.get(rule, 0) / PEOPLE:.2f} %")
    found: dict[str, int] = {}
    for kind in ("held key", "keys in turn", "random keys", "tired"):
        for _ in range(200):
            answers, others, seconds = _honest(rng, n=400)
            answers = _spoilt(rng, kind, answers, others)
            found[kind] = found.get(kind, 0) + bool(
                quality.signs(answers=answers, others=others, seconds=seconds, n_categories=K)
            )
    print("found of 200 each: " + ", ".join(f"{kind} {n / 2:.0f} %" for kind, n in found.items()))


def _honest(rng: np.random.Generator, n: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = int(rng.integers(60, 600)) if n is None else n
    shares = rng.dirichlet(np.full(K, 3))
    z = rng.choice(K, n, p=shares)
    said = np.where(rng.random(n) < rng.uniform(0.6, 0.97), z, rng.choice(K, n, p=shares))
    others = np.where(rng.random(n) < 0.93, z, rng.choice(K, n, p=shares))
    others[rng.random(n) < 0.1] = -1
    return said, others, rng.lognormal(np.log(rng.uniform(0.8, 4)), 0.5, n)


def _spoilt(rng: np.random.Generator, kind: str, answers: np.ndarray, others: np.ndarray) -> np.ndarray:
    spoilt = answers.copy()
    if kind == "held key":
        at = int(rng.integers(0, 300))
        spoilt[at : at + 60] = rng.integers(0, K)
    elif kind == "keys in turn":
        spoilt = np.arange(answers.size) % K
    elif kind == "random keys":
        spoilt = rng.integers(0, K, answers.size)
    else:
        late = slice(answers.size - 100, None)
        spoilt[late] = np.where(rng.random(100) < 0.5, rng.integers(0, K, 100), spoilt[late])
    return spoilt


# ---------------------------------------------------------------- adaptive overlap and truth


def _people(rng: np.random.Generator, z: np.ndarray, right: np.ndarray, k: int) -> np.ndarray:
    """Answers of each person to each image, shape (n, people): half of the errors are the same wrong class."""
    n, people = z.size, right.size
    systematic = ((z + 1) % k)[:, None]
    other = (z[:, None] + rng.integers(1, k, (n, people))) % k
    wrong = np.where(rng.random((n, people)) < 0.5, systematic, other)
    return np.where(rng.random((n, people)) < right, z[:, None], wrong)


# How often each class occurs in a real set: github.com/alexeygrigorev/clothing-dataset-small (CC0), 3,781 photographs.
CLOTHING = (928, 576, 559, 345, 297, 288, 257, 246, 149, 136)


def adaptive() -> None:
    """Classes that are equally frequent, and as frequent as in a real set of labels."""
    print("adaptive overlap, 5000 images, 10 classes (fixed three: 95 %; target at most 2.3 labels)")
    _adaptive("equally frequent", np.full(10, 0.1))
    _adaptive("as in clothing", np.array(CLOTHING) / sum(CLOTHING))


def _adaptive(frequency: str, shares: np.ndarray) -> None:
    """Fixed three labels against asking on only where it is doubtful; people 85 % right, half of errors systematic.

    In rounds, as a worker goes through them (labeler/consensus/overlap.py): everybody who was asked has answered, one
    coin is inferred from all labels, and the product's rule says of each image with new answers whether it goes on.
    """
    rng = np.random.default_rng(4)
    n, k, people = 5000, shares.size, 6
    z = rng.choice(k, n, p=shares)
    said = _people(rng, z, np.full(people, 0.85), k)
    asked = np.argsort(rng.random((n, people)), axis=1)  # whom each image meets, one after the other

    def infer(votes: np.ndarray) -> dawid_skene.Truth:
        image = np.repeat(np.arange(n), votes)
        person = asked[np.arange(people) < votes[:, None]]
        return dawid_skene.infer(image, person, said[image, person], n_images=n, n_annotators=people, n_categories=k)

    def ask(rule: overlap.OverlapRule) -> tuple[float, float]:
        votes, seats = np.zeros(n, np.int64), np.full(n, rule.fewest)
        while (fresh := np.flatnonzero(votes < seats)).size:
            votes = seats.copy()
            known = infer(votes)
            for i in fresh.tolist():
                who = asked[i, : votes[i]]
                doubted = partial(overlap.in_doubt, rule, said[i, who], known.accuracy[who], known.shares)
                seats[i] = overlap.seats(rule, int(votes[i]), doubted)
        return float(votes.mean()), float((infer(votes).category == z).mean())

    print(f"  classes {frequency}")
    for name, rule in (
        ("fixed two", overlap.OverlapRule(2, 2)), ("fixed three", overlap.OverlapRule(3, 3)),
        ("two, a third where they differ", overlap.OverlapRule(2, 3, 0.9)),
        ("two, up to five, until .95", overlap.OverlapRule(2, 5, 0.95)),
        ("two, up to five, until .99", overlap.OverlapRule(2, 5, 0.99)),
    ):  # fmt: skip
        per_image, share = ask(rule)
        print(f"    {name:<34} {per_image:.2f} labels per image   {100 * share:.1f} % right", flush=True)


def inference_speed() -> None:
    """Dawid and Skene on 300,000 labels, and what each method makes of images with two, three and five labels."""
    rng = np.random.default_rng(5)
    n, people, k = 100_000, 50, 10
    z = rng.integers(0, k, n)
    right = rng.uniform(0.7, 0.95, people)
    image = np.repeat(np.arange(n), 3)
    annotator = np.argsort(rng.random((n, people)), axis=1)[:, :3].ravel()
    said = _people(rng, z, right, k)[image, annotator]
    of = {"n_images": n, "n_annotators": people, "n_categories": k}
    for method in ("one_coin", "full"):
        readings = []
        for _ in range(3):
            begun = time.perf_counter()
            found = dawid_skene.infer(image, annotator, said, **of, method=method)  # type: ignore[arg-type]
            readings.append(1000 * (time.perf_counter() - begun))
        show(f"truth inference, {method}, 300,000 labels, {found.steps} steps", readings, "ms", target="< 1000")
    votes = np.zeros((n, k), dtype=np.int64)
    np.add.at(votes, (image, said), 1)
    outcomes = [vote({str(code): count for code, count in enumerate(row) if count}) for row in votes.tolist()]
    by_vote = np.array([outcome.categories[0] if outcome.categories else -1 for outcome in outcomes])
    print(f"    right: majority {100 * (by_vote == z).mean():.1f} %, {method} "
          f"{100 * (found.category == z).mean():.1f} %")  # fmt: skip
