"""What a reader should know before reading the figures: codes with their numbers.

Knows figures, not how they were computed, and no sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from labeler.stats.kappa import Kappa
from labeler.stats.results import FEW_IMAGES, Reason, Stat

# The paradox (Feinstein and Cicchetti 1990): people agree, yet agreement by chance is as high.
DOMINANT_SHARE = 0.8
HIGH_OBSERVED = 0.8
PARADOX_GAP = 0.25


def describe(
    *,
    alpha: Stat,
    observed: Stat,
    pairs: Sequence[Kappa],
    chosen: NDArray[Any],
    n_labels: int,
    n_images: int,
    n_shared: int,
    category_names: Sequence[str] | None,
    task: str,
) -> list[Reason]:
    """Notes, most important first; empty when the figures speak for themselves.

    chosen: labels that name each class, shape (K,).
    """
    if n_labels == 0:
        return [Reason("no_labels_yet")]
    if n_shared == 0:
        return [Reason("no_image_of_two_people")]
    notes = []
    if alpha.value is None:
        notes.append(Reason("all_chose_the_same", {"n": n_shared}))
    if n_shared < FEW_IMAGES:
        notes.append(Reason("few_images_of_two_people", {"n": n_shared}))
    elif n_shared < n_images:
        notes.append(Reason("part_has_two_people", {"shared": n_shared, "n": n_images}))
    if task == "single":
        notes += _paradox(alpha, observed, chosen, n_labels, category_names)
    strangers = sum(pair.n == 0 for pair in pairs)
    if strangers:
        notes.append(Reason("pairs_without_images", {"n": strangers}))
    silent = sum(pair.value is None and pair.n > 0 for pair in pairs)
    if silent and alpha.value is not None:
        notes.append(Reason("pairs_without_kappa", {"n": silent}))
    few = sum(0 < pair.n < FEW_IMAGES for pair in pairs)
    if few and n_shared >= FEW_IMAGES:
        notes.append(Reason("pairs_with_few_images", {"n": few, "enough": FEW_IMAGES}))
    return notes


def _paradox(
    alpha: Stat, observed: Stat, chosen: NDArray[Any], n_labels: int, category_names: Sequence[str] | None
) -> list[Reason]:
    top = int(chosen.argmax())
    share = chosen[top] / n_labels
    if alpha.value is None or observed.value is None:
        return []
    if share < DOMINANT_SHARE or observed.value < HIGH_OBSERVED or observed.value - alpha.value < PARADOX_GAP:
        return []
    numbers = {
        "name": category_names[top] if category_names else None,
        "share": float(share),
        "chance": float(((chosen / n_labels) ** 2).sum()),
        "observed": observed.value,
        "alpha": alpha.value,
    }
    return [Reason("one_class_dominates", numbers)]
