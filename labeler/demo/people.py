"""Simulated annotators who err in different ways, as people do. Pure: knows no database and no project.

Each sees an image through the share of experts who would choose each class (drawing.KINDS), then makes
errors of a kind of their own. Agreement between them is therefore high, unequal, and lowest where the
images are ambiguous.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

# Below this share for its likeliest class an image is ambiguous, and people hesitate over it.
CLEAR = 0.9


@dataclass(frozen=True, slots=True)
class Person:
    """How one annotator works. Shares are probabilities in [0, 1]."""

    name: str
    manner: str  # in words, for the project's description
    seconds: float  # median time for a clear image
    careless: float = 0.0  # share of answers at random, whatever the image shows
    mistakes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # seen -> said instead, with what share
    # On an ambiguous image, the class this person always leans to when it is among the possible ones.
    leans_to: tuple[str, ...] = ()
    hesitates: float = 0.0  # share of ambiguous images answered with "cannot tell"
    skips: float = 0.0  # share of ambiguous images skipped


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """What a person said. category is None for "skip" and "cannot_tell"."""

    category: str | None
    answer: str  # "label", "skip" or "cannot_tell"
    seconds: float


PEOPLE = (
    Person("Amara", "works carefully", seconds=3.2, careless=0.01, hesitates=0.2, skips=0.06),
    Person(
        "Ben",
        "takes rust for leaf spot and the other way round",
        seconds=2.4,
        careless=0.02,
        mistakes={"Rust": {"Leaf spot": 0.16}, "Leaf spot": {"Rust": 0.22}},
        leans_to=("Leaf spot",),
        hesitates=0.06,
    ),
    Person(
        "Chen",
        "misses faint mildew",
        seconds=2.7,
        careless=0.02,
        mistakes={"Mildew": {"Healthy": 0.10}},
        leans_to=("Healthy",),
        hesitates=0.1,
        skips=0.04,
    ),
    Person("Dana", "is fast, and wrong at random in one answer of eight", seconds=1.1, careless=0.12),
)


# Before the guideline said where rust ends and leaf spot begins, everybody took some of the one for the other.
UNTOLD = {"Rust": {"Leaf spot": 0.22}, "Leaf spot": {"Rust": 0.18}}


def before_the_guideline(person: Person) -> Person:
    """The same person under the first version of the guideline."""
    own = {
        seen: {instead: share + UNTOLD.get(seen, {}).get(instead, 0.0) for instead, share in said.items()}
        for seen, said in person.mistakes.items()
    }
    return replace(person, mistakes=UNTOLD | own)


def answer(
    person: Person, shares: Mapping[str, float], categories: tuple[str, ...], rng: np.random.Generator
) -> SimulatedAnswer:
    """One answer to an image for which experts would choose each class in these shares (they sum to 1).

    The same generator state gives the same answer.
    """
    ambiguous = max(shares.values()) < CLEAR
    pause = person.seconds * (1.7 if ambiguous else 1.0) * float(np.exp(rng.normal(0, 0.4)))
    seconds = round(float(np.clip(pause, 0.4, 60)), 2)
    if ambiguous:
        hesitation = rng.random()
        if hesitation < person.hesitates:
            return SimulatedAnswer(None, "cannot_tell", seconds)
        if hesitation < person.hesitates + person.skips:
            return SimulatedAnswer(None, "skip", seconds)
    if rng.random() < person.careless:
        return SimulatedAnswer(str(rng.choice(categories)), "label", seconds)
    leaning = [name for name in person.leans_to if ambiguous and name in shares]
    if leaning and rng.random() < 0.85:
        return SimulatedAnswer(leaning[0], "label", seconds)
    seen = str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))
    chance = rng.random()
    for instead, share in person.mistakes.get(seen, {}).items():
        if chance < share:
            return SimulatedAnswer(instead, "label", seconds)
        chance -= share
    return SimulatedAnswer(seen, "label", seconds)
