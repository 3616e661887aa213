"""What a person could measure in an image: colours, edges, gradients and texture, as one row of numbers.

Knows pixels and NumPy. Does not know what is learned from the rows (ml/candidates/learners.py). For whoever must
explain a model without a pretrained network. Four groups, each of length 1, so that none outweighs the others by its
many numbers:

* colours: joint histogram of 4 x 4 x 4 RGB cells, of the whole image and of its quarters (5 x 64);
* edges: in 4 x 4 tiles the share of edge pixels and the mean strength of the gradient (16 x 2);
* HOG: 9 directions in 8 x 8 cells, blocks of 2 x 2 cells, clipped at .2 (Dalal and Triggs 2005) (49 x 36);
* LBP: the 59 uniform patterns of 8 neighbours in 4 x 4 tiles (Ojala et al. 2002) (16 x 59).

Histograms enter as square roots: Euclidean distance is then Hellinger's, and a large plain area weighs less.
scikit-image's HOG and LBP are no better and take twice the time (docs/decisions/0015).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 128  # everything is measured at half of the kept 256 pixels
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
EDGE = 24.0  # grey levels per two pixels from which a gradient counts as an edge
CELLS, DIRECTIONS, TILES = 8, 9, 4
N_PATTERNS = 59
GROUPS = {"colours": 5 * 64, "edges": 2 * TILES**2, "hog": (CELLS - 1) ** 2 * 4 * DIRECTIONS,
          "lbp": TILES**2 * N_PATTERNS}  # fmt: skip
N_DESCRIPTORS = sum(GROUPS.values())
CHUNK = 16  # images at a time


def describe(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 256, 256, 3) to (n, N_DESCRIPTORS), all in 0..1 and the four groups in the order of GROUPS."""
    if pixels.ndim != 4 or pixels.shape[1:] != (2 * SIDE, 2 * SIDE, 3):
        raise ValueError(f"pixels of shape {pixels.shape}: (n, {2 * SIDE}, {2 * SIDE}, 3) are wanted")
    out = np.empty((len(pixels), N_DESCRIPTORS), np.float32)
    for start in range(0, len(pixels), CHUNK):
        part = pixels[start : start + CHUNK]
        halved = part.reshape(len(part), SIDE, 2, SIDE, 2, 3).mean((2, 4), dtype=np.float32)
        grey = halved @ LUMA
        groups = [_colours(halved), *_edges_and_hog(grey), _patterns(grey)]
        out[start : start + len(part)] = np.concatenate([_unit(group) for group in groups], 1)
    return out


def _unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)).astype(np.float32)


def _tile_of(n_tiles: int, side: int = SIDE) -> NDArray[np.int64]:
    """The number 0 .. n_tiles^2 - 1 of the tile of each pixel, (side, side)."""
    place = np.arange(side) * n_tiles // side
    return place[:, None] * n_tiles + place


def _sums(where: NDArray[Any], size: int, amounts: NDArray[Any] | None = None) -> NDArray[Any]:
    """How much falls on each of `size` places, image by image: (n, size). where: (n, …) places."""
    n = len(where)
    flat = (where.reshape(n, -1) + size * np.arange(n)[:, None]).ravel()
    return np.bincount(flat, None if amounts is None else amounts.ravel(), n * size).reshape(n, size)


def _colours(rgb: NDArray[np.float32]) -> NDArray[Any]:
    cell = np.minimum(rgb / 64, 3).astype(np.int64) @ np.array([16, 4, 1])
    quarters = _sums(_tile_of(2) * 64 + cell, 4 * 64)
    whole = quarters.reshape(-1, 4, 64).sum(1)
    # The whole weighs as much as a quarter does.
    return np.sqrt(np.concatenate([whole / 4, quarters], 1))


def _edges_and_hog(grey: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    dx, dy = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2], padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = np.hypot(dx, dy)
    per_tile = (SIDE // TILES) ** 2
    tiles = np.broadcast_to(_tile_of(TILES), strength.shape)
    share = _sums(tiles, TILES**2, strength > EDGE) / per_tile
    mean = _sums(tiles, TILES**2, strength) / (per_tile * 255)
    edges = np.sqrt(np.concatenate([share, mean], 1))

    # Each gradient votes for the two directions next to its own, a direction and its opposite being one.
    place = np.mod(np.arctan2(dy, dx), np.pi) / np.pi * DIRECTIONS - 0.5
    below = np.floor(place)
    upper = place - below
    cell = _tile_of(CELLS) * DIRECTIONS
    low, high = np.mod(below, DIRECTIONS).astype(np.int64), np.mod(below + 1, DIRECTIONS).astype(np.int64)
    size = CELLS**2 * DIRECTIONS
    votes = _sums(cell + low, size, strength * (1 - upper)) + _sums(cell + high, size, strength * upper)
    cells = votes.reshape(-1, CELLS, CELLS, DIRECTIONS)
    blocks = np.concatenate([cells[:, :-1, :-1], cells[:, :-1, 1:], cells[:, 1:, :-1], cells[:, 1:, 1:]], -1)
    for _ in range(2):  # normalised, clipped, normalised again: one strong edge must not drown the rest
        length = np.sqrt((blocks**2).sum(-1, keepdims=True) + 1.0)
        blocks = np.minimum(blocks / length, 0.2)
    return edges, blocks.reshape(len(grey), -1)


def _uniform_patterns() -> NDArray[np.int64]:
    """Each of 256 patterns to its place: 58 with at most two changes around the circle, all others share the last."""
    place = np.full(256, N_PATTERNS - 1)
    found = 0
    for pattern in range(256):
        turned = (pattern >> 1) | ((pattern & 1) << 7)
        if (pattern ^ turned).bit_count() <= 2:
            place[pattern] = found
            found += 1
    return place


PATTERN_PLACE = _uniform_patterns()
# clockwise from above left, so that neighbours on the circle are neighbouring bits
CIRCLE = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))


def _patterns(grey: NDArray[np.float32]) -> NDArray[Any]:
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    pattern = np.zeros(grey.shape, np.int64)
    for bit, (row, column) in enumerate(CIRCLE):
        pattern |= (padded[:, row : row + SIDE, column : column + SIDE] >= grey).astype(np.int64) << bit
    return np.sqrt(_sums(_tile_of(TILES) * N_PATTERNS + PATTERN_PLACE[pattern], TILES**2 * N_PATTERNS))
