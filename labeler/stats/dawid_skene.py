"""What an image most probably is, from several people of different reliability: Dawid and Skene's model.

Knows rows of (image, person, answer) as codes. The plain majority is in tally.py. Which labels may be used, and
what becomes of the result, is decided elsewhere (labeler/consensus/snapshots.py).

Each person is right with a chance of their own (one coin), or has a table of what they say for each true class (full).
With few labels per person the table cannot be estimated and does worse than the majority (statistics of public data
sets: docs/agreement.md); so a person gets a table only from FULL_FROM labels per class, and a Beta prior draws the
coin of somebody new to that of a decent annotator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labeler.stats.intervals import FloatArray, IntArray

Method = Literal["one_coin", "full"]

FULL_FROM = 30  # labels of a person per class, on average: below, their coin is used
RIGHT_BEFORE = (8.0, 2.0)  # Beta prior of being right: ten labels' worth of "8 of 10"
DECENT = RIGHT_BEFORE[0] / sum(RIGHT_BEFORE)  # its mean: how often somebody is right of whom nothing is known
CLASS_BEFORE = 1.0  # one image of each class, before any is seen
TABLE_BEFORE = 4.0  # labels' worth of the person's coin in each row of their table
SUREST = 0.995  # the most that a model's probability counts for beside people's answers
SUREST_ALONE = 0.999  # and where nobody has answered
OUTVOTED = 2.0  # odds by which two average people who agree win against a model that is as sure as it may be
CLOSE_ENOUGH = 0.01  # of what is left to certainty: how far the model's bound may lag behind what is known of people
MOST_STEPS = 100
CLOSE = 1e-5  # mean change of the posteriors in a step at which it stops


@dataclass(frozen=True, slots=True)
class Truth:
    """What the images are, and how good the people are, estimated together."""

    posterior: FloatArray  # P(class) of each image, (n_images, K); where nobody answered the model's, else the shares
    accuracy: FloatArray  # chance to be right, shape (n_annotators,); the prior's mean for somebody without labels
    has_table: NDArray[np.bool_]  # whose table was estimated, shape (n_annotators,)
    shares: FloatArray  # of the classes, shape (K,)
    steps: int
    converged: bool

    @property
    def category(self) -> NDArray[np.int64]:
        """The most probable class; of equal ones the first."""
        return self.posterior.argmax(axis=1)

    @property
    def confidence(self) -> FloatArray:
        return self.posterior.max(axis=1)


def infer(
    image: ArrayLike,
    annotator: ArrayLike,
    category: ArrayLike,
    *,
    n_images: int,
    n_annotators: int,
    n_categories: int,
    method: Method = "one_coin",
    model: ArrayLike | None = None,
) -> Truth:
    """Expectation maximisation over truth and people (Dawid and Skene 1979), with priors, from rows of answers.

    image, annotator, category: codes, shape (n,), in any order; an image may have no row, one person at most one per
    image. model: calibrated out-of-fold probabilities, shape (n_images, K), as one more voter (the idea of CROWDLAB,
    Goh et al. 2022): rows of NaN where it has no say. It counts for SUREST at most, and for less where two average
    people who agree could not overrule that; where nobody answered it is taken at its word, up to SUREST_ALONE. Only
    labels that were given blind may meet it: where it was seen, it would vote twice.
    Raises ValueError for codes outside their range, or fewer than two classes.
    """
    image, annotator, category = (np.asarray(x, dtype=np.int64) for x in (image, annotator, category))
    _check(image, annotator, category, n_images, n_annotators, n_categories)
    from scipy.sparse import csr_matrix  # here: a web process that never infers need not hold it

    k = n_categories
    # One row per image, one column per (person, answer): both steps are products with it.
    answers = csr_matrix((np.ones(image.size), (image, annotator * k + category)), shape=(n_images, n_annotators * k))
    transposed = answers.T.tocsr()
    n_labels = np.bincount(annotator, minlength=n_annotators).astype(np.float64)
    tabled = (n_labels >= FULL_FROM * k) if method == "full" else np.zeros(n_annotators, dtype=bool)
    said_by_model = _model_of(model, n_images, k)
    surest = _surest(np.full(n_annotators, DECENT), n_labels, k)
    own = _model_log(said_by_model, surest)
    posterior = _first_guess(image, category, n_images, k, own)
    answered = np.bincount(image, minlength=n_images) > 0
    coin, shares, steps, change = np.empty(n_annotators), np.full(k, 1 / k), 0, np.inf
    while steps < MOST_STEPS and change >= CLOSE:
        steps += 1
        said = np.asarray(transposed @ posterior).reshape(n_annotators, k, k)  # person, answer, truth
        coin = _coins(said, n_labels)
        if said_by_model is not None:
            now = _surest(coin, n_labels, k)
            if abs(now - surest) > CLOSE_ENOUGH * (1 - surest):
                surest, own = now, _model_log(said_by_model, now)
        shares = _shares(posterior[answered], k)
        log = np.asarray(answers @ _log_chances(said, coin, tabled, k)) + own
        log += np.where(own[:, :1] == 0, np.log(shares), 0.0)
        following = _normalised(log)
        change = float(np.abs(following - posterior).mean()) if n_images else 0.0
        posterior = following
    if said_by_model is not None:
        # Beside nobody's answer there is nobody to overrule it; bounded, all that it is sure of would be alike.
        alone = ~answered & ~np.isnan(said_by_model).any(axis=1)
        posterior[alone] = bounded(said_by_model[alone], SUREST_ALONE)
    return Truth(posterior, coin, tabled, shares, steps, change < CLOSE)


def _check(image: IntArray, annotator: IntArray, category: IntArray, *sizes: int) -> None:
    if sizes[2] < 2:
        raise ValueError("two classes at least: with one there is nothing to infer")
    if not image.shape == annotator.shape == category.shape or image.ndim != 1:
        raise ValueError("image, annotator and category must be rows of one length")
    for codes, size, name in zip((image, annotator, category), sizes, ("image", "annotator", "category"), strict=True):
        if codes.size and not (codes.min() >= 0 and codes.max() < size):
            raise ValueError(f"{name} lies outside 0..{size - 1}")


def bounded(probabilities: ArrayLike, most: float) -> FloatArray:
    """A model's probabilities (n, K), none above `most` nor so near to 0 that another would be; rows sum to 1."""
    p = np.asarray(probabilities, dtype=np.float64)
    kept = np.clip(p, (1 - most) / (p.shape[1] - 1), most)
    return kept / kept.sum(axis=1, keepdims=True)


def _model_of(model: ArrayLike | None, n_images: int, k: int) -> FloatArray | None:
    if model is None:
        return None
    p = np.asarray(model, dtype=np.float64)
    if p.shape != (n_images, k):
        raise ValueError(f"the model's probabilities need shape {(n_images, k)}, not {p.shape}")
    return p


def _surest(coin: FloatArray, n_labels: FloatArray, k: int) -> float:
    """The most that the model's probability counts for: however sure it is, two people who agree against it win.

    As good as people are on average, weighted by their labels; it counts for one decent annotator at least.
    """
    right = float(np.average(coin, weights=n_labels)) if n_labels.any() else DECENT

    def odds(chance: float) -> float:
        return chance * (k - 1) / (1 - chance)

    most = max(odds(right) ** 2 / OUTVOTED, odds(DECENT))
    return min(SUREST, most / (most + k - 1))


def _model_log(model: FloatArray | None, surest: float) -> FloatArray:
    """Log of the model's probabilities within the bound, (n, K); rows of 0 where it has no say, (1, 1) without one."""
    if model is None:
        return np.zeros((1, 1))
    return np.where(np.isnan(model), 0.0, np.log(bounded(model, surest)))


def _first_guess(image: IntArray, category: IntArray, n_images: int, k: int, own: FloatArray) -> FloatArray:
    votes = np.bincount(image * k + category, minlength=n_images * k).reshape(n_images, k).astype(np.float64)
    votes += np.exp(own) if own.any() else 1e-9
    return votes / votes.sum(axis=1, keepdims=True)


def _coins(said: FloatArray, n_labels: FloatArray) -> FloatArray:
    right = np.einsum("akk->a", said)
    a, b = RIGHT_BEFORE
    return (right + a) / (n_labels + a + b)


def _shares(posterior: FloatArray, k: int) -> FloatArray:
    total = posterior.sum(axis=0) + CLASS_BEFORE
    return total / total.sum() if len(posterior) else np.full(k, 1 / k)


def _log_chances(said: FloatArray, coin: FloatArray, tabled: NDArray[np.bool_], k: int) -> FloatArray:
    """log P(answer | truth) of each person, shape (A * K, K)."""
    chance = np.repeat(((1 - coin) / (k - 1))[:, None], k * k, axis=1).reshape(-1, k, k)
    chance[:, np.arange(k), np.arange(k)] = coin[:, None]
    if tabled.any():
        # A row of the table is drawn to the coin where the person met few images of that class.
        counted = said[tabled] + TABLE_BEFORE * chance[tabled]
        chance[tabled] = counted / counted.sum(axis=1, keepdims=True)
    return np.log(chance).reshape(-1, k)


def _normalised(log: FloatArray) -> FloatArray:
    log = log - log.max(axis=1, keepdims=True)
    p = np.exp(log)
    return p / p.sum(axis=1, keepdims=True)
