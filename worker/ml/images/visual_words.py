"""Images as bags of visual words: how often each of some hundred local shapes occurs (Csurka et al. 2004).

Knows pixels and arrays. Does not know labels, nor which images a vocabulary may be learned from (the caller gives no
others). Corners and blobs are found and described by SIFT (Lowe 2004), whatever their place, size and angle; k-means
over the descriptors gives the words; an image is the histogram of its words. For whoever must explain a model by
what it counts, and for things that are told apart by parts that move about.

scikit-image finds and describes. It takes half a second to import and scikit-learn's clustering some more, so both are
imported by the first image that is measured: a process that never does starts no slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.ml.images.measures import LUMA, SIDE

LENGTH = 128  # numbers of a descriptor: 4 x 4 tiles, 8 directions
WORDS = 512  # right on 600 photographs after 200 labels, four draws: 128 words .314, 256 .322, 512 .337 (by SVM)
MOST = 512  # keypoints kept of an image; noise has thousands, photographs 100 (median of 16)
SAMPLE = 30_000  # descriptors that a vocabulary is learned from
CHUNK = 20_000  # descriptors compared with all words at a time: 20 MB

Descriptors = NDArray[np.uint8]  # (m, LENGTH)


def keypoints(pixels: NDArray[np.uint8]) -> tuple[Descriptors, NDArray[np.int64]]:
    """(n, 256, 256, 3) to the descriptors of all keypoints, (m, 128), and how many are each image's, (n,) in 0..MOST.

    An image without corners and blobs has none. Of more than MOST every k-th is kept, from all places and sizes.
    Raises ValueError for other shapes.
    """
    from skimage.feature import SIFT

    if pixels.ndim != 4 or pixels.shape[1:] != (2 * SIDE, 2 * SIDE, 3):
        raise ValueError(f"pixels of shape {pixels.shape}: (n, {2 * SIDE}, {2 * SIDE}, 3) are wanted")
    # Not enlarged first, as the article does: a kept image is 256 pixels wide whatever it was, and it takes a fourth.
    sift = SIFT(upsampling=1)
    parts: list[Descriptors] = [np.empty((0, LENGTH), np.uint8)]
    for image in pixels:
        parts.append(_of_one(sift, image.astype(np.float32) @ LUMA / 255))
    return np.concatenate(parts), np.array([len(part) for part in parts[1:]], np.int64)


def _of_one(sift: Any, grey: NDArray[np.float32]) -> Descriptors:
    try:
        sift.detect_and_extract(grey)
    except RuntimeError:  # "SIFT found no features": scikit-image has no other way to say none
        return np.empty((0, LENGTH), np.uint8)
    found = sift.descriptors
    if len(found) > MOST:
        found = found[np.linspace(0, len(found) - 1, MOST).astype(np.int64)]
    return np.asarray(found, np.uint8)


def vocabulary(descriptors: Descriptors, seed: int, words: int = WORDS) -> NDArray[np.float32]:
    """Centres of k-means over (m, 128) descriptors: (K, 128), K at most `words` and m; one of zeros where m is 0."""
    from sklearn.cluster import MiniBatchKMeans

    if len(descriptors) == 0:
        return np.zeros((1, LENGTH), np.float32)
    chosen = np.random.default_rng(seed).permutation(len(descriptors))[:SAMPLE]
    x = _rooted(descriptors[chosen])
    distinct = len(np.unique(descriptors[chosen], axis=0))
    means = MiniBatchKMeans(min(words, distinct), batch_size=4096, n_init=1, max_iter=20, random_state=seed)
    return np.asarray(means.fit(x).cluster_centers_, np.float32)


def histograms(
    descriptors: Descriptors, counts: NDArray[np.int64], centres: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The words of each image, (n, K): square roots of their shares, so that each row has length 1; zeros where an
    image has no keypoint. descriptors (m, 128) image after image, counts (n,) of sum m, centres (K, 128)."""
    n_words = len(centres)
    word = np.empty(len(descriptors), np.int64)
    half = (centres**2).sum(1) / 2
    for start in range(0, len(descriptors), CHUNK):
        x = _rooted(descriptors[start : start + CHUNK])
        word[start : start + len(x)] = (half - x @ centres.T).argmin(1)  # the nearest: |x|^2 is the same for all
    image = np.repeat(np.arange(len(counts)), counts)
    found = np.bincount(image * n_words + word, minlength=len(counts) * n_words).reshape(-1, n_words)
    return np.sqrt(found / np.maximum(counts, 1)[:, None]).astype(np.float32)


def _rooted(descriptors: Descriptors) -> NDArray[np.float32]:
    """Square roots of each descriptor's shares: distances are Hellinger's then (Arandjelovic and Zisserman 2012)."""
    x = descriptors.astype(np.float32)
    return np.sqrt(x / np.maximum(x.sum(1, keepdims=True), 1.0))
