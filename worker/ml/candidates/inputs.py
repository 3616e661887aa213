"""What the classical methods learn from: three kinds of rows, each made of an image in two steps.

Knows pixels and arrays. Does not know which method learns from the rows (learners.py), folds or files. `measure` looks
at one image alone, so it is done once per run. `learn` may take something from the images that a fit learns from, and
from no others: it is done anew for every fold, and what it took is kept with the model. `rows` puts both together, for
the images that are judged and in use alike. One more kind of input is one more entry of INPUTS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.ml.candidates.linear_learners import Arrays
from worker.ml.candidates.logistic import scale_features
from worker.ml.images import measures, visual_words


@dataclass(frozen=True, slots=True)
class Input:
    """One kind of rows."""

    title: str
    text: str = ""  # what a run says while it measures
    # uint8 (n, 256, 256, 3) -> arrays that can be put one after the other; None: {"rows"} of the backbone's features
    measure: Callable[[NDArray[np.uint8]], Arrays] | None = None
    learn: Callable[[Arrays, NDArray[np.int64], int], Arrays] = lambda measured, images, seed: {}
    rows: Callable[[Arrays, Arrays], NDArray[np.float32]] = lambda measured, learned: measured["rows"]  # (n, d) scaled


def _described(pixels: NDArray[np.uint8]) -> Arrays:
    return {"rows": scale_features(measures.describe(pixels))}


def _keypoints(pixels: NDArray[np.uint8]) -> Arrays:
    descriptors, counts = visual_words.keypoints(pixels)
    return {"descriptors": descriptors, "counts": counts}


def _vocabulary(measured: Arrays, images: NDArray[np.int64], seed: int) -> Arrays:
    image_of = np.repeat(np.arange(len(measured["counts"])), measured["counts"])
    return {"vocabulary": visual_words.vocabulary(measured["descriptors"][np.isin(image_of, images)], seed)}


def _words(measured: Arrays, learned: Arrays) -> NDArray[np.float32]:
    found = visual_words.histograms(measured["descriptors"], measured["counts"], learned["vocabulary"])
    return scale_features(found)


INPUTS: dict[str, Input] = {
    "deep": Input("Frozen features"),
    "classic": Input("Colours, edges and texture", "Measuring colours, edges and texture", _described),
    "sift": Input("SIFT visual words", "Looking for keypoints", _keypoints, _vocabulary, _words),
}
