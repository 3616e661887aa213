"""Did asking pay? Which images a model learns from, as they were asked for and as they were drawn by lot.

Knows when images were answered and why they were asked for; trains nothing (learning_curve.py does, with the same
steps for both). Judged by images that were drawn by lot: those that a model chose would favour the model that did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeler.stats.results import Reason
from worker.ml.detection.samples import DrawnSet

SHARES = (0.5, 1.0)  # of the images drawn by lot that can be learned from
FEWEST_BY_LOT, FEWEST_CHOSEN, FEWEST_JUDGED = 40, 20, 15


@dataclass(frozen=True, slots=True)
class Orders:
    """sizes: images learned from (S,). asked, by_lot: the figure, 0 to 1 (S,), after the first ones as they were asked
    for and the first ones drawn by lot. asked_again, by_lot_again: the same with the images that judge resampled, the
    same ones for both (B, S). n: images that judged."""

    sizes: NDArray[np.int64]
    asked: NDArray[np.float64]
    by_lot: NDArray[np.float64]
    asked_again: NDArray[np.float64]
    by_lot_again: NDArray[np.float64]
    n: int


def why_not(samples: DrawnSet) -> Reason | None:
    """Why the two orders cannot be compared, if so."""
    n_by_lot = 0 if samples.asked is None else int(samples.asked.by_lot.sum())
    n_chosen = 0 if samples.asked is None else len(samples) - n_by_lot
    if n_by_lot >= FEWEST_BY_LOT and n_chosen >= FEWEST_CHOSEN:
        return None
    return Reason(
        "orders_need_images",
        {"by_lot": FEWEST_BY_LOT, "chosen": FEWEST_CHOSEN, "n_by_lot": n_by_lot, "n_chosen": n_chosen},
    )


def parts(
    samples: DrawnSet, learn: NDArray[np.int64], judge: NDArray[np.int64]
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]] | Reason:
    """Of `learn` the first images as they were asked for, and as many of the first drawn by lot, for each size.

    The positions of a training set, near-duplicates of nothing in `judge`.
    """
    if (why := why_not(samples)) is not None:
        return why
    assert samples.asked is not None  # else why_not has said so
    by_lot = samples.asked.by_lot
    in_order = learn[np.argsort(samples.asked.place[learn], kind="stable")]
    drawn = in_order[by_lot[in_order]]
    n_judged = int(by_lot[judge].sum())
    if n_judged < FEWEST_JUDGED or len(drawn) < 4:
        return Reason("orders_need_judges", {"n": FEWEST_JUDGED, "n_judged": n_judged})
    sizes = [max(2, round(share * len(drawn))) for share in SHARES]
    return [in_order[:size] for size in sizes], [drawn[:size] for size in sizes]
