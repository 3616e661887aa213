"""What a reader should know before reading the figures, in sentences.

Knows figures, not how they were computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from labeler.stats.kappa import Kappa
from labeler.stats.results import FEW_IMAGES, Stat
from labeler.stats.words import gettext as _
from labeler.stats.words import ngettext

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
) -> list[str]:
    """Sentences, most important first; empty when the figures speak for themselves.

    chosen: labels that name each class, shape (K,).
    """
    if n_labels == 0:
        return [_("There are no labels yet.")]
    if n_shared == 0:
        return [_("No image has labels of two people yet, so agreement cannot be measured.")]
    notes = []
    if alpha.value is None:
        notes.append(
            _counted(
                ngettext(
                    "On %(n)s image everyone chose the same: whether people agree beyond chance cannot be told until a "
                    "second class occurs.",
                    "On %(n)s images everyone chose the same: whether people agree beyond chance cannot be told until "
                    "a second class occurs.",
                    n_shared,
                ),
                n_shared,
            )
        )
    if n_shared < FEW_IMAGES:
        notes.append(
            _counted(
                ngettext(
                    "Only %(n)s image has labels of two people: read the intervals, not the values.",
                    "Only %(n)s images have labels of two people: read the intervals, not the values.",
                    n_shared,
                ),
                n_shared,
            )
        )
    elif n_shared < n_images:
        notes.append(
            _("%(shared)s of %(n)s images have labels of two people; the figures speak about these.")
            % {"shared": f"{n_shared:,}", "n": f"{n_images:,}"}
        )
    if task == "single":
        notes += _paradox(alpha, observed, chosen, n_labels, category_names)
    strangers = sum(pair.n == 0 for pair in pairs)
    if strangers:
        words = ngettext(
            "%(n)s pair of people has no image in common.", "%(n)s pairs of people have no image in common.", strangers
        )
        notes.append(_counted(words, strangers))
    silent = sum(pair.value is None and pair.n > 0 for pair in pairs)
    if silent and alpha.value is not None:
        words = ngettext(
            "%(n)s pair of people has no kappa: both always chose the same class on the images they share.",
            "%(n)s pairs of people have no kappa: both always chose the same class on the images they share.",
            silent,
        )
        notes.append(_counted(words, silent))
    few = sum(0 < pair.n < FEW_IMAGES for pair in pairs)
    if few and n_shared >= FEW_IMAGES:
        words = ngettext(
            "%(n)s pair of people shares fewer than %(enough)s images.",
            "%(n)s pairs of people share fewer than %(enough)s images.",
            few,
        )
        notes.append(words % {"n": f"{few:,}", "enough": FEW_IMAGES})
    return notes


def _paradox(
    alpha: Stat, observed: Stat, chosen: NDArray[Any], n_labels: int, category_names: Sequence[str] | None
) -> list[str]:
    top = int(chosen.argmax())
    share = chosen[top] / n_labels
    if alpha.value is None or observed.value is None:
        return []
    if share < DOMINANT_SHARE or observed.value < HIGH_OBSERVED or observed.value - alpha.value < PARADOX_GAP:
        return []
    name = f"“{category_names[top]}”" if category_names else _("One class")
    by_chance = float(((chosen / n_labels) ** 2).sum())
    return [
        _(
            "%(name)s holds %(share)s of the labels, so chance alone would give %(chance)s equal labels. People agree "
            "on %(observed)s, yet alpha is %(alpha)s: it is decided by the few other images. Read PABAK and AC1 of the "
            "pairs beside kappa."
        )
        % {
            "name": name,
            "share": f"{share:.0%}",
            "chance": f"{by_chance:.0%}",
            "observed": f"{observed.value:.0%}",
            "alpha": f"{alpha.value:.2f}",
        }
    ]


def _counted(words: str, n: int) -> str:
    return words % {"n": f"{n:,}"}
