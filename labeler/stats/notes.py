"""What a reader should know before reading the figures, in sentences.

Knows figures, not how they were computed.
"""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import NDArray

from labeler.stats.kappa import Kappa
from labeler.stats.results import FEW_IMAGES, Stat

# The paradox (Feinstein and Cicchetti 1990): people agree, yet agreement by chance is as high.
DOMINANT_SHARE = 0.8
HIGH_OBSERVED = 0.8
PARADOX_GAP = 0.25


def describe(
    *,
    alpha: Stat,
    observed: Stat,
    pairs: Sequence[Kappa],
    chosen: NDArray,
    n_labels: int,
    n_images: int,
    n_shared: int,
    category_names: Sequence[str] | None,
    task: str,
) -> list[str]:
    """Sentences, most important first; empty when the figures speak for themselves.

    chosen: labels that name each class, shape (K,).
    """
    if n_labels == 0:
        return ["There are no labels yet."]
    if n_shared == 0:
        return ["No image has labels of two people yet, so agreement cannot be measured."]
    notes = []
    if alpha.value is None:
        notes.append(
            f"On {_images(n_shared)} everyone chose the same: whether people agree beyond chance "
            "cannot be told until a second class occurs."
        )
    if n_shared < FEW_IMAGES:
        notes.append(
            f"Only {_images(n_shared)} {_have(n_shared)} labels of two people: read the intervals, not the values."
        )
    elif n_shared < n_images:
        notes.append(f"{n_shared:,} of {_images(n_images)} have labels of two people; the figures speak about these.")
    if task == "single":
        notes += _paradox(alpha, observed, chosen, n_labels, category_names)
    strangers = sum(pair.n == 0 for pair in pairs)
    if strangers:
        notes.append(f"{_pairs(strangers)} of people {_have(strangers)} no image in common.")
    silent = sum(pair.value is None and pair.n > 0 for pair in pairs)
    if silent and alpha.value is not None:
        notes.append(
            f"{_pairs(silent)} of people {_have(silent)} no kappa: "
            "both always chose the same class on the images they share."
        )
    few = sum(0 < pair.n < FEW_IMAGES for pair in pairs)
    if few and n_shared >= FEW_IMAGES:
        notes.append(f"{_pairs(few)} of people share{'s' if few == 1 else ''} fewer than {FEW_IMAGES} images.")
    return notes


def _paradox(
    alpha: Stat, observed: Stat, chosen: NDArray, n_labels: int, category_names: Sequence[str] | None
) -> list[str]:
    top = int(chosen.argmax())
    share = chosen[top] / n_labels
    if alpha.value is None or observed.value is None:
        return []
    if share < DOMINANT_SHARE or observed.value < HIGH_OBSERVED or observed.value - alpha.value < PARADOX_GAP:
        return []
    name = f"“{category_names[top]}”" if category_names else "One class"
    by_chance = float(((chosen / n_labels) ** 2).sum())
    return [
        f"{name} holds {share:.0%} of the labels, so chance alone would give {by_chance:.0%} equal labels. "
        f"People agree on {observed.value:.0%}, yet alpha is {alpha.value:.2f}: it is decided by the few "
        "other images. Read PABAK and AC1 of the pairs beside kappa."
    ]


def _images(n: int) -> str:
    return f"{n:,} image{'' if n == 1 else 's'}"


def _pairs(n: int) -> str:
    return f"{n:,} pair{'' if n == 1 else 's'}"


def _have(n: int) -> str:
    return "has" if n == 1 else "have"
