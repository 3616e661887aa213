"""Lay one small picture over another and say how well they agree: shifted, enlarged, turned a little or mirrored,
brighter or paler, with a mark on it perhaps.

Knows arrays of pixels. Does not know which pictures are worth it, what follows from it, or files.

Gauss-Newton from coarse to fine on the pixels themselves (Lucas & Kanade 1981, "An iterative image registration
technique"), with gain and offset of the brightness among the unknowns (Baker & Matthews 2004, "Lucas-Kanade 20 years
on", part 3) and weights that let go of what does not fit (Tukey's biweight).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE = 64  # pixels of a square; a picture of any shape is squeezed into it
LEVELS, STEPS, BLOCKS = (16, 32, SIDE), (10, 6, 6), (4, 8, 8)
AT_LEAST = (0.75, 0.6)  # agreement at the coarser levels, below which nothing finer is tried
SCALES = (1.0, 0.84, 1.19)  # of the sides, to begin with: from a whole picture a tenth may be cut on each side
FARTHEST = 0.3  # how far a corner may move, as a share of the side
OVERLAP = 0.6  # share of the square that both must show
WRONG = 0.25  # share of what there is to see that need not agree: a caption, a watermark
# A copy keeps its proportions. Two shirts on one table can be made to fit, but one has to be pulled wider: each
# hundredth of it counts as so many hundredths of agreement. Of 3,781 photographs (bench/duplicates.py)
# the nearest two of different things come to .83, and of altered copies 90 to 100 % to more than this.
SAME = 0.9
PULLED = 5.0
# Where the shapes agree and the colours do not, it is a product in two colours, laid on one table.
SAME_COLOURS = 0.95
# Grey levels that are never too many: where most of a picture is one tone, the edges would be taken for errors.
ROUGH = 10.0
BATCH = 32  # pairs at once: their arrays stay in the cache
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_NOT_MOVED = np.eye(2, 3, dtype=np.float32)

Planes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Squeezed:
    """Pictures as squares, (n, SIDE, SIDE, 3), and how wide each was for its height, (n,)."""

    pixels: NDArray[np.uint8]
    aspects: NDArray[np.float64]

    def __getitem__(self, rows: slice) -> Squeezed:
        return Squeezed(self.pixels[rows], self.aspects[rows])


@dataclass(frozen=True, slots=True)
class Laid:
    """How the second picture of each pair lies on the first, (n,) each."""

    shapes: Planes  # all but WRONG of what there is to see agrees as well as this, 1: entirely; 0 where it does not lie
    colours: Planes  # correlation of the colours, all three together, all but the 15 % that fit worst; or 0
    mirrored: NDArray[np.bool_]
    pulled: Planes  # by what share it had to become longer one way than the other, or 0

    @property
    def agreement(self) -> Planes:
        """How surely it is one picture, as far as its shapes tell: 1 at most."""
        return self.shapes - PULLED * self.pulled

    @property
    def same(self) -> NDArray[np.bool_]:
        """Is it one picture?"""
        return (self.agreement >= SAME) & (self.colours >= SAME_COLOURS)


def register_pairs(one: Squeezed, other: Squeezed) -> Laid:
    """Row k of one is compared with row k of the other, and with its mirror image. At least one row."""
    parts = [_lay(one[at : at + BATCH], other[at : at + BATCH]) for at in range(0, len(one.aspects), BATCH)]
    return Laid(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _lay(first: Squeezed, second: Squeezed) -> tuple[Planes, Planes, NDArray[np.bool_], Planes]:
    one, other = first.pixels, second.pixels
    n = len(one)
    a, b = (planes.astype(np.float32) @ _LUMA for planes in (one, other))
    warp, mirrored, agreement = _begun(_reduced(a, LEVELS[0]), _reduced(b, LEVELS[0]))
    b = np.where(mirrored[:, None, None], b[:, :, ::-1], b)
    other = np.where(mirrored[:, None, None, None], other[:, :, ::-1], other)
    alive = np.flatnonzero(agreement >= AT_LEAST[0])
    if len(alive):
        warp[alive], agreement = _better(_reduced(a[alive], LEVELS[1]), _reduced(b[alive], LEVELS[1]), warp[alive], 1)
        alive = alive[agreement >= AT_LEAST[1]]
    shapes, colours, pulled = (np.zeros(n, np.float32) for _ in range(3))
    if len(alive):
        warp[alive], _agreement = _better(a[alive], b[alive], warp[alive], 2)
        shapes[alive] = _agreeing(a[alive], b[alive], warp[alive], BLOCKS[2], WRONG, soft=True)
        colours[alive] = _in_colour(one[alive], other[alive], warp[alive])
        pulled[alive] = _pulled(warp[alive], first.aspects[alive], second.aspects[alive])
    return shapes, colours, mirrored, pulled


def _begun(a: Planes, b: Planes) -> tuple[Planes, NDArray[np.bool_], Planes]:
    """The best of several beginnings, at the coarsest level: warps (n, 2, 3), mirrored or not, agreement (n,)."""
    n, beginnings = len(a), [(mirrored, scale) for mirrored in (False, True) for scale in SCALES]
    warps = np.concatenate([np.tile(_NOT_MOVED * np.float32(scale), (n, 1, 1)) for _, scale in beginnings])
    others = np.concatenate([b[:, :, ::-1] if mirrored else b for mirrored, _ in beginnings])
    warps, agreement = _better(np.tile(a, (len(beginnings), 1, 1)), others, warps, 0)
    agreement = agreement.reshape(len(beginnings), n)
    best = agreement.argmax(axis=0)
    mirrored = np.array([mirrored for mirrored, _ in beginnings])[best]
    return warps.reshape(len(beginnings), n, 2, 3)[best, np.arange(n)], mirrored, agreement.max(axis=0)


def _better(a: Planes, b: Planes, warp: Planes, level: int) -> tuple[Planes, Planes]:
    """The warp after the level's steps, or the one before where that agrees better; and how well, by the median."""
    after = _refined(a, b, warp, STEPS[level])
    found = [_agreeing(a, b, one, BLOCKS[level], 0.5) for one in (warp, after)]
    return np.where((found[1] >= found[0])[:, None, None], after, warp), np.maximum(*found)


# ---------------------------------------------------------------- moving


def _refined(a: Planes, b: Planes, warp: Planes, steps: int) -> Planes:
    """The warp (n, 2, 3) under which b fits a best, looked for from the one given."""
    n, side = a.shape[:2]
    x, y = _grid(side)
    down, across = np.gradient(b, axis=(1, 2))
    planes = np.stack([b, across * (side / 2), down * (side / 2)], axis=-1)  # slopes per unit of the grid
    wanted = a.reshape(n, -1)
    gain, offset = np.ones((n, 1), np.float32), np.zeros((n, 1), np.float32)
    for step in range(steps):
        u, v, inside = _moved(warp, x, y)
        there = _sampled(planes, u, v)
        if step == 0:
            gain, offset = _lit(there[..., 0], wanted, inside)
        off = np.where(inside, wanted - gain * there[..., 0] - offset, 0)
        weight = _trust(off, inside)
        gx, gy = gain * there[..., 1], gain * there[..., 2]
        slopes = np.stack([gx * x, gx * y, gx, gy * x, gy * y, gy, there[..., 0], np.ones_like(gx)], axis=1)
        weighted = slopes * weight[:, None]
        square = weighted @ slopes.transpose(0, 2, 1)
        diagonal = np.einsum("nii->ni", square)
        diagonal += 1e-4 * diagonal + 1e-3  # where there is nothing to hold on to, it stays where it is
        change = np.linalg.solve(square.astype(np.float64), (weighted @ off[..., None]).astype(np.float64))[..., 0]
        change = change.astype(np.float32)
        warp = warp + np.clip(change[:, :6], -0.2, 0.2).reshape(n, 2, 3)
        gain, offset = gain + change[:, 6:7], offset + change[:, 7:]
        lost = _is_lost(warp)
        warp = np.where(lost[:, None, None], _NOT_MOVED, warp)
        gain, offset = np.where(lost[:, None], 1, gain), np.where(lost[:, None], 0, offset)
    return warp


def _lit(b: Planes, a: Planes, inside: NDArray[np.bool_]) -> tuple[Planes, Planes]:
    """Gain and offset (n, 1) that make b as bright as a, whatever a caption does to a part of it."""
    weight = inside.astype(np.float32)
    for _again in range(3):
        n = np.maximum(weight.sum(axis=1, keepdims=True), 1)
        mean_a, mean_b = ((weight * one).sum(axis=1, keepdims=True) / n for one in (a, b))
        da, db = a - mean_a, weight * (b - mean_b)
        gain = (db * da).sum(axis=1, keepdims=True) / np.maximum((db * (b - mean_b)).sum(axis=1, keepdims=True), 1e-3)
        gain, offset = gain.astype(np.float32), (mean_a - gain * mean_b).astype(np.float32)
        weight = _trust(a - gain * b - offset, inside)
    return gain, offset


def _trust(off: Planes, inside: NDArray[np.bool_]) -> Planes:
    """Weights (n, points), 0 to 1, of what is off by so many grey levels."""
    spread = 1.4826 * np.median(np.abs(np.where(inside, off, 0)), axis=1, keepdims=True) + ROUGH
    # 4.685 standard deviations: 95 % as efficient as least squares where nothing is wrong.
    kept = np.square(1 - np.clip(np.square(off / (4.685 * spread)), 0, 1))
    return np.where(inside, kept, 0).astype(np.float32)


def _is_lost(warp: Planes) -> NDArray[np.bool_]:
    """Has a corner moved too far?"""
    corners = np.array([[-1, 1, -1, 1], [-1, -1, 1, 1], [1, 1, 1, 1]], np.float32)
    return ~(np.abs(warp @ corners - corners[:2]).max(axis=(1, 2)) <= 2 * FARTHEST)


def _pulled(warp: Planes, one: NDArray[np.float64], other: NDArray[np.float64]) -> Planes:
    """By what share (n,) a warp makes the pictures, as wide as they were, longer one way than the other."""
    whole = warp[:, :, :2].astype(np.float64)
    whole[:, 0] *= other[:, None]
    whole[:, :, 0] /= one[:, None]
    sides = np.linalg.svd(whole, compute_uv=False)
    return (sides[:, 0] / np.maximum(sides[:, 1], 1e-6) - 1).astype(np.float32)


def _reduced(planes: Planes, side: int) -> Planes:
    k = planes.shape[1] // side
    return planes.reshape(len(planes), side, k, side, k).mean(axis=(2, 4))


def _grid(side: int) -> tuple[Planes, Planes]:
    """Where the pixels' centres are across and down, (side * side,) each; the picture reaches from -1 to 1."""
    at = ((2 * np.arange(side) + 1) / side - 1).astype(np.float32)
    y, x = np.meshgrid(at, at, indexing="ij")
    return x.ravel(), y.ravel()


def _moved(warp: Planes, x: Planes, y: Planes) -> tuple[Planes, Planes, NDArray[np.bool_]]:
    u = warp[:, 0, :1] * x + warp[:, 0, 1:2] * y + warp[:, 0, 2:]
    v = warp[:, 1, :1] * x + warp[:, 1, 1:2] * y + warp[:, 1, 2:]
    return u, v, (np.abs(u) <= 1) & (np.abs(v) <= 1)


def _sampled(planes: Planes, u: Planes, v: Planes) -> Planes:
    """Bilinear: (n, points, channels) of (n, side, side, channels)."""
    n, side = planes.shape[:2]
    flat = planes.reshape(n * side * side, -1)
    x, y = (np.clip(((one + 1) * side - 1) / 2, 0, side - 1) for one in (u, v))
    left, top = np.minimum(x.astype(np.int32), side - 2), np.minimum(y.astype(np.int32), side - 2)
    dx, dy = (x - left)[..., None], (y - top)[..., None]
    at = (np.arange(n, dtype=np.int32) * side * side)[:, None] + top * side + left
    upper = flat[at] + dx * (flat[at + 1] - flat[at])
    lower = flat[at + side] + dx * (flat[at + side + 1] - flat[at + side])
    return upper + dy * (lower - upper)


# ---------------------------------------------------------------- agreeing


def _agreeing(a: Planes, b: Planes, warp: Planes, k: int, wrong: float, *, soft: bool = False) -> Planes:
    """How well all but a share of what there is to see agrees, (n,): the correlation of the slopes, block by block.

    Of k x k blocks each counts by how much there is in it; where both are empty nothing agrees and nothing does not.
    soft: a little blurred before, as what was resampled is.
    """
    n, side = a.shape[:2]
    u, v, inside = _moved(warp, *_grid(side))
    b = _sampled(b[..., None], u, v).reshape(n, side, side)
    if soft:
        a, b = _softened(a), _softened(b)
    whole = inside.reshape(n, side, side)
    there = whole.copy()  # with all four neighbours
    there[:, 1:-1, 1:-1] &= whole[:, 2:, 1:-1] & whole[:, :-2, 1:-1] & whole[:, 1:-1, 2:] & whole[:, 1:-1, :-2]
    # One picture below the other, (n, 2 * side, side): across and down.
    da, db = (
        np.concatenate([np.gradient(one, axis=axis) * there for axis in (1, 2)], axis=1).astype(np.float32)
        for one in (a, b)
    )

    def in_blocks(planes: Planes) -> Planes:
        return planes.reshape(n, 2, k, side // k, k, side // k).sum(axis=(1, 3, 5)).reshape(n, k * k)

    energy = np.sqrt(in_blocks(da * da) * in_blocks(db * db))
    alike = in_blocks(da * db) / np.maximum(energy, 1e-3)
    order = np.argsort(alike, axis=1)
    alike, seen = np.take_along_axis(alike, order, 1), np.sqrt(np.take_along_axis(energy, order, 1))
    reached = np.cumsum(seen, axis=1) >= wrong * seen.sum(axis=1, keepdims=True)
    found = alike[np.arange(n), reached.argmax(axis=1)]
    return np.where(inside.mean(axis=1) >= OVERLAP, found, 0).astype(np.float32)


def _softened(planes: Planes) -> Planes:
    soft = planes.copy()
    soft[:, 1:-1] = (planes[:, :-2] + 2 * planes[:, 1:-1] + planes[:, 2:]) / 4
    across = soft.copy()
    across[:, :, 1:-1] = (soft[:, :, :-2] + 2 * soft[:, :, 1:-1] + soft[:, :, 2:]) / 4
    return across


def _in_colour(one: NDArray[np.uint8], other: NDArray[np.uint8], warp: Planes) -> Planes:
    """Correlation (n,) of all three channels with one gain, without the points that fit worst."""
    n, side = one.shape[:2]
    u, v, inside = _moved(warp, *_grid(side))
    a = one.reshape(n, -1, 3).astype(np.float32)
    b = _sampled(other.astype(np.float32), u, v)
    kept, found = inside, np.zeros(n, np.float32)
    for _again in range(3):
        weight = kept[..., None].astype(np.float32)
        count = np.maximum(3 * weight.sum(axis=(1, 2)), 1)[:, None, None]
        da, db = (one - (weight * one).sum(axis=(1, 2), keepdims=True) / count for one in (a, b))
        both, of_a, of_b = ((weight * product).sum(axis=(1, 2)) for product in (da * db, da * da, db * db))
        found = both / np.sqrt(of_a * of_b + math.ulp(1.0))
        gain = both / np.maximum(of_b, 1e-3)
        off = np.where(inside, np.abs(da - gain[:, None, None] * db).max(axis=-1), 0)
        kept = inside & (off <= np.quantile(off, 0.85, axis=1, keepdims=True))
    return found.astype(np.float32)
