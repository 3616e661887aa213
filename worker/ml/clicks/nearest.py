"""Which pixels belong to what was clicked on: those that look like it and hang together with it.

A place is as unlike the object as it is from the nearest click inside it; where a click outside is nearer, it is not
of it. The places that are less unlike than a threshold and hang together with a click are a candidate. Of the
candidates of all thresholds that one is proposed whose border lies most on edges of the picture and whose size is most
like what people draw here; the next smaller and larger ones are there for whoever wants them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from worker.ml.clicks.picture import GRID, Look, Window

THRESHOLDS = 32
LIKE_THE_USUAL = 0.6  # what a size counts that is e times the usual one, against 1 for an edge as strong as the mean
LIKE_A_GUESS = 0.3  # the same where no usual size is known
STEADY = 0.25  # what growing counts where no usual size is known: a border that holds stays where it is
CORRECTING = 1.5  # the same for corrections, which are near to their click
FARNESS = 0.15  # what a way as long as the object's side counts, beside how unlike a place is
SMALLEST, LARGEST = 12, 0.6  # places of a candidate, and its share of the part
NEXT = 1.25  # times the area: how far two candidates are apart that are both told
MOST_TOLD = 5
USUAL_SHARE = 0.02  # of the part, where no usual size is known


@dataclass(frozen=True, slots=True)
class Click:
    """At x, y px of the whole image. inside: of the object; else beside it."""

    x: float
    y: float
    inside: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Bits:
    """The pixel at x + column, y + row of the whole image is bits[row, column]."""

    x: int
    y: int
    bits: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """Smallest first. chosen: the one that is proposed. Without any, nothing hangs together with the clicks."""

    found: list[Bits]
    chosen: int = 0


def propose(seen: Look, clicks: Sequence[Click], usual_area: float | None = None) -> Proposals:
    """usual_area: px² of the whole image that objects have here, None: unknown. ValueError without a click inside."""
    area = usual_area * seen.scale[0] * seen.scale[1] if usual_area else None
    if not clicks or not clicks[0].inside:
        raise ValueError("the first click is inside the object")
    first, *others = [(_place(seen, click), click.inside) for click in clicks]
    grown = _candidates(_unlike(seen, first[0], area), np.ones(seen.edges.shape, bool), first[0])
    if not grown:
        return Proposals([])
    areas = np.array([bits.sum() for bits in grown], float)
    chosen = int(np.argmin(_cost(seen.edges, grown, areas, area)))
    told = _apart(areas, chosen)
    found = [grown[k] for k in told]
    chosen = told.index(chosen)
    if others:
        found, chosen = [_corrected(seen, found[chosen], first[0], others, area)], 0
    return Proposals([enlarged(bits, seen.window) for bits in found], chosen)


def _corrected(
    seen: Look, bits: NDArray[np.bool_], first: tuple[int, int], others: Sequence[tuple[tuple[int, int], bool]],
    area: float | None,
) -> NDArray[np.bool_]:  # fmt: skip
    """Each further click changes what was there around it: one inside adds, one beside takes away."""
    near = {True: _unlike(seen, first, area, CORRECTING), False: np.full(seen.edges.shape, np.inf, np.float32)}
    for place, inside in others:
        here = _unlike(seen, place, area, CORRECTING)
        near[inside] = np.minimum(near[inside], here)
        if inside:
            free = (near[False] > near[True]) & ~bits
            free[place] = True
            grown = _candidates(here, free, place)
            if grown:
                both = [bits | more for more in grown]
                areas = np.array([one.sum() for one in both], float)
                bits = both[int(np.argmin(_cost(seen.edges, both, areas, area)))]
        else:
            labels, _ = ndimage.label(bits & (here < near[True]))
            if labels[place]:
                bits = bits & (labels != labels[place])
    return bits


def _place(seen: Look, click: Click) -> tuple[int, int]:
    height, width = seen.edges.shape
    column = int((click.x - seen.window[0]) * seen.scale[0])
    row = int((click.y - seen.window[1]) * seen.scale[1])
    return min(max(row, 0), height - 1), min(max(column, 0), width - 1)


def _unlike(seen: Look, place: tuple[int, int], area: float | None, farness: float = FARNESS) -> NDArray[np.float32]:
    """(H, W): how unlike each place is to this one, the way there included."""
    height, width = seen.edges.shape
    usual_side = np.float32((area or USUAL_SHARE * height * width) ** 0.5)
    rows, columns = np.ogrid[:height, :width]
    row, column = place
    step = 4 // GRID
    deep = _from(seen.deep, row // step, column // step)
    size = deep.shape[1] * step, deep.shape[0] * step
    deep = np.asarray(Image.fromarray(deep).resize(size, Image.Resampling.BILINEAR))[:height, :width]
    far = np.hypot(rows - row, columns - column).astype(np.float32)
    found: NDArray[np.float32] = np.sqrt(deep + _from(seen.colour, row, column)) + farness * far / usual_side
    return found


def _from(maps: NDArray[np.float32], row: int, column: int) -> NDArray[np.float32]:
    """(h, w): squared distance of each column from the mean of the nine around a place."""
    row, column = min(row, maps.shape[1] - 1), min(column, maps.shape[2] - 1)
    there = maps[:, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].mean((1, 2))
    return np.square(maps - there[:, None, None]).sum(0)


def _candidates(
    unlike: NDArray[np.float32], free: NDArray[np.bool_], place: tuple[int, int]
) -> list[NDArray[np.bool_]]:
    """Growing ones: what hangs together with a place at growing thresholds, its holes filled."""
    low = float(unlike[place])
    high = max(float(np.quantile(unlike, 0.7)), low + 1e-6)
    found: list[NDArray[np.bool_]] = []
    last = 0
    for threshold in np.linspace(low, high, THRESHOLDS + 1)[1:]:
        labels, _ = ndimage.label((unlike <= threshold) & free)
        bits = labels == labels[place]
        if bits.sum() > 60:
            opened = ndimage.binary_opening(bits)  # bridges of one place are no part of an object
            labels, _ = ndimage.label(opened)
            bits = labels == labels[place] if labels[place] else bits
        bits = ndimage.binary_fill_holes(bits) & free
        area = int(bits.sum())
        if area > LARGEST * bits.size:
            break
        if area >= SMALLEST and area != last:
            found.append(bits)
            last = area
    return found


def _cost(
    edges: NDArray[np.float32], found: Sequence[NDArray[np.bool_]], areas: NDArray[np.float64], area: float | None
) -> NDArray[np.float64]:
    on_edges = np.array([edges[bits & ~ndimage.binary_erosion(bits)].mean() for bits in found])
    logs = np.log(areas)
    if area is not None:
        return LIKE_THE_USUAL * np.abs(logs - np.log(area)) - on_edges
    k = np.arange(len(logs))
    growing = logs[np.minimum(k + 3, len(logs) - 1)] - logs[np.maximum(k - 3, 0)]
    guess = USUAL_SHARE * edges.size
    return STEADY * growing + LIKE_A_GUESS * np.abs(logs - np.log(guess)) - on_edges


def _apart(areas: NDArray[np.float64], chosen: int) -> list[int]:
    """The chosen one, and smaller and larger ones, each NEXT times as large as the one before; in order."""
    smaller, larger = [], []
    last = areas[chosen]
    for k in range(chosen - 1, -1, -1):
        if areas[k] * NEXT <= last:
            smaller.append(k)
            last = areas[k]
    last = areas[chosen]
    for k in range(chosen + 1, len(areas)):
        if areas[k] >= last * NEXT:
            larger.append(k)
            last = areas[k]
    each = MOST_TOLD // 2
    return [*reversed(smaller[:each]), chosen, *larger[:each]]


def enlarged(bits: NDArray[np.bool_], window: Window) -> Bits:
    """Bits of a part as pixels of the image, in their smallest crop; the border is smoothed between places."""
    across, down = window[2] / bits.shape[1], window[3] / bits.shape[0]
    rows, columns = np.flatnonzero(bits.any(1)), np.flatnonzero(bits.any(0))
    if not len(rows):
        return Bits(int(window[0]), int(window[1]), np.zeros((0, 0), bool))
    top, left = max(0, int(rows[0]) - 2), max(0, int(columns[0]) - 2)
    crop = bits[top : rows[-1] + 3, left : columns[-1] + 3]
    soft = ndimage.gaussian_filter(crop.astype(np.float32), 0.7)
    x, y = round(left * across), round(top * down)
    width, height = round((left + crop.shape[1]) * across) - x, round((top + crop.shape[0]) * down) - y
    image = Image.fromarray((soft * 255).astype(np.uint8)).resize(
        (max(1, width), max(1, height)), Image.Resampling.BILINEAR
    )
    return Bits(int(window[0]) + x, int(window[1]) + y, np.asarray(image) > 127)
