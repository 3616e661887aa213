"""Pixels of many shapes at once: drawn, measured and counted where they overlap, without a loop over shapes.

What spans.py does for one set of pixels, here in one pass for thousands: one by one, two people's 3,000 polygons took
6,000 calls on arrays of 50 numbers, and a third of the time of a save. Knows shapes and the sizes of their images. Does
not know which shapes are compared, nor why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labeler.geometry import spans
from labeler.geometry.shapes import FloatArray, IntArray, Malformed, Shape
from labeler.geometry.spans import COLUMN, Spans

# Shapes drawn, and spans looked up, in one pass: enough that passes cost nothing, and at most some 100 MB.
SHAPES_AT_ONCE = 4_096
SPANS_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ManySpans:
    """The pixels of n shapes, one after another: those of shape k are starts[first[k]:first[k + 1]], ends likewise.

    starts, ends: as of Spans, shape (spans,). first: shape (n + 1,).
    """

    starts: IntArray
    ends: IntArray
    first: IntArray

    def __len__(self) -> int:
        return int(self.first.size - 1)

    def area(self) -> IntArray:
        """Number of pixels of each shape, shape (n,)."""
        filled = _running(self.ends - self.starts)
        size: IntArray = filled[self.first[1:]] - filled[self.first[:-1]]
        return size

    def bounds(self) -> FloatArray:
        """x0, y0, x1, y1 of the smallest crop with all pixels of each shape, shape (n, 4); zeros where it has none."""
        found: FloatArray = np.zeros((len(self), 4))
        has = np.flatnonzero(self.first[1:] > self.first[:-1])
        if not has.size:
            return found
        begin, last = self.first[has], self.first[has + 1] - 1
        found[has, 0] = self.starts[begin] // COLUMN
        found[has, 1] = np.minimum.reduceat(self.starts % COLUMN, begin)
        found[has, 2] = self.starts[last] // COLUMN + 1
        found[has, 3] = np.maximum.reduceat(self.ends % COLUMN, begin)
        return found

    def one(self, k: int) -> Spans:
        """The pixels of shape k."""
        begin, end = self.first[k], self.first[k + 1]
        return Spans(self.starts[begin:end], self.ends[begin:end])

    def part(self, chosen: IntArray) -> ManySpans:
        """Some of the shapes, in this order; chosen: shape (m,), from 0 to n - 1."""
        places, first = _stretches(self.first, chosen)
        return ManySpans(self.starts[places], self.ends[places], first)

    def shared(self, i: IntArray, j: IntArray) -> IntArray:
        """Number of pixels that shape i[k] shares with shape j[k], as if all lay on one image; shape (m,)."""
        used, place = np.unique(np.concatenate((i, j)), return_inverse=True)
        if not used.size or not self.starts.size:
            return np.zeros(i.size, dtype=np.int64)
        some = self if used.size == len(self) else self.part(used)
        keys, stride = some._keys()
        filled = _running(some.ends - some.starts)
        one, other = place[: i.size], place[i.size :]
        # The spans of the smaller shape are looked up among those of the larger one.
        n = np.diff(some.first)
        one, other = np.where(n[one] < n[other], other, one), np.where(n[one] < n[other], one, other)
        shared = np.zeros(i.size, dtype=np.int64)
        for low, high in _passes(n[other]):
            places, first = _stretches(some.first, other[low:high])
            # Keys of the looked-up spans, moved to where the shape lies in which they are looked up.
            move = np.repeat((one[low:high] - other[low:high]) * stride, np.diff(first))
            spans_begin = keys[places] + move
            # Pixels of shapes before it cancel out, as the same number stands before either end of a span.
            covered = _covered(keys, some.ends - some.starts, filled, spans_begin + (some.ends - some.starts)[places])
            covered -= _covered(keys, some.ends - some.starts, filled, spans_begin)
            total = _running(covered)
            shared[low:high] = total[first[1:]] - total[first[:-1]]
        return shared

    def _keys(self) -> tuple[IntArray, int]:
        """A number for the first pixel of each span that rises over all shapes, and how far two shapes are apart.

        Pixels are numbered down the columns of the smallest image that holds all shapes: 2^62 is enough for a million
        shapes on an image of a million by a million pixels; with columns of 2^31 rows it would not be.
        """
        columns, rows = self.starts // COLUMN, self.starts % COLUMN
        height = int((rows + self.ends - self.starts).max())
        stride = (int(columns.max()) + 1) * height
        if stride * len(self) >= 2**62:
            raise ValueError(f"{len(self)} shapes on images of {stride} px are too many to be compared at once")
        of = np.repeat(np.arange(len(self)), np.diff(self.first))
        return of * stride + columns * height + rows, stride


def _running(n: IntArray) -> IntArray:
    """Sums of the first 0, 1, … numbers, shape (n + 1,)."""
    total = np.zeros(n.size + 1, dtype=np.int64)
    np.cumsum(n, out=total[1:])
    return total


def _stretches(first: IntArray, chosen: IntArray) -> tuple[IntArray, IntArray]:
    """Places of the spans of the chosen shapes, one shape after another, and where each shape begins among them."""
    begin = first[chosen]
    n = first[chosen + 1] - begin
    own = _running(n)
    return np.arange(own[-1]) + np.repeat(begin - own[:-1], n), own


def _passes(n: IntArray) -> list[tuple[int, int]]:
    """From and to of rows that have at most SPANS_AT_ONCE spans together, one row at least."""
    total = _running(n)
    found, low = [], 0
    while low < n.size:
        high = max(low + 1, int(np.searchsorted(total, total[low] + SPANS_AT_ONCE, side="right")) - 1)
        found.append((low, high))
        low = high
    return found


def _covered(keys: IntArray, length: IntArray, filled: IntArray, places: IntArray) -> IntArray:
    """Pixels of all shapes before each place; keys: of the spans, ascending; filled: pixels before each span."""
    begun = np.searchsorted(keys, places, side="right")
    last = np.maximum(begun - 1, 0)
    inside = np.minimum(places - keys[last], length[last])
    covered: IntArray = np.where(begun > 0, filled[last] + inside, 0)
    return covered


# ---------------------------------------------------------------- drawing


def of_shapes(shapes: Sequence[Shape], widths: Sequence[int], heights: Sequence[int]) -> ManySpans:
    """Pixels of checked shapes of any kinds mixed, each in its image of so many px; a box's are those of its ring.

    widths, heights: of the image of each shape. The same pixels as spans.of_shape() has, to the last one. Raises
    Malformed where a mask's code cannot be read.
    """
    rings: dict[tuple[int, int], list[int]] = defaultdict(list)  # by the size of the image, which cuts a ring
    masks: list[int] = []
    others: list[int] = []  # holes, several parts, masks past the border: few, and one by one
    for k, (shape, width, height) in enumerate(zip(shapes, widths, heights, strict=True)):
        if "mask" in shape:
            (masks if _is_plain(shape["mask"], width, height) else others).append(k)
        else:
            (rings[width, height] if "box" in shape or is_one_ring(shape["polygon"]) else others).append(k)
    drawn = [_of_rings(shapes, part, *size) for size, places in rings.items() for part in _parts(places)]
    drawn += [_of_masks(shapes, part) for part in _parts(masks)]
    drawn += [_one_by_one(shapes, part, widths, heights) for part in _parts(others)]
    return _in_order(drawn, len(shapes))


def _parts(places: list[int]) -> list[list[int]]:
    return [places[low : low + SHAPES_AT_ONCE] for low in range(0, len(places), SHAPES_AT_ONCE)]


def is_one_ring(polygon: Sequence[Sequence[float]]) -> bool:
    """Whether a checked polygon has one part and no holes, and is not nested deeper than that needs."""
    return len(polygon) == 1 and len(polygon[0]) > 0 and not isinstance(polygon[0][0], (list, tuple))


def _is_plain(mask: Shape, width: int, height: int) -> bool:
    """Whether it is coded as text, and its crop lies in the image."""
    rows, columns = mask["size"]
    x, y = mask.get("offset", (0, 0))
    inside: bool = x >= 0 and y >= 0 and x + columns <= width and y + rows <= height
    return inside and isinstance(mask["counts"], (str, bytes))


Placed = tuple[IntArray, IntArray, IntArray]  # starts and ends of spans, and the shape of each, which rises


def _in_order(drawn: list[Placed], n: int) -> ManySpans:
    none = np.empty(0, dtype=np.int64)
    starts, ends, of = (
        (np.concatenate([none, *columns]) for columns in zip(*drawn, strict=True)) if drawn else [none] * 3
    )
    if len(drawn) > 1:
        order = np.argsort(of, kind="stable")
        starts, ends, of = starts[order], ends[order], of[order]
    return ManySpans(starts, ends, _running(np.bincount(of, minlength=n)))


def _of_rings(shapes: Sequence[Shape], places: list[int], width: int, height: int) -> Placed:
    """Boxes and polygons of one ring each, in an image of this size, as pycocotools draws them."""
    from pycocotools import mask as coco

    # Below three points pycocotools would read four numbers as a box; three are the least it takes as a ring.
    rings = [ring if len(ring) > 4 else (list(ring) * 3)[:6] for ring in (_ring(shapes[k]) for k in places)]
    codes = coco.frPyObjects(rings, height, width)
    tall, zeros = np.full(len(places), height), np.zeros(len(places), dtype=np.int64)
    counts, first = decode([code["counts"] for code in codes], tall * width)
    return _placed(counts, first, np.array(places), tall, zeros, zeros)


def _ring(shape: Shape) -> Sequence[float]:
    if "box" not in shape:
        ring: Sequence[float] = shape["polygon"][0]
        return ring
    x, y, width, height = shape["box"]
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def _of_masks(shapes: Sequence[Shape], places: list[int]) -> Placed:
    masks = [shapes[k]["mask"] for k in places]
    size = np.array([mask["size"] for mask in masks], dtype=np.int64)
    offset = np.array([mask.get("offset", (0, 0)) for mask in masks], dtype=np.int64)
    counts, first = decode([mask["counts"] for mask in masks], size[:, 0] * size[:, 1])
    return _placed(counts, first, np.array(places), size[:, 0], offset[:, 0], offset[:, 1])


def _one_by_one(shapes: Sequence[Shape], places: list[int], widths: Sequence[int], heights: Sequence[int]) -> Placed:
    drawn = [spans.of_shape(shapes[k], widths[k], heights[k]) for k in places]
    of = np.repeat(places, [one.starts.size for one in drawn])
    return np.concatenate([one.starts for one in drawn]), np.concatenate([one.ends for one in drawn]), of


def decode(texts: Sequence[str | bytes], sizes: IntArray) -> tuple[IntArray, IntArray]:
    """The runs of several codes one after another, and where each code's begin; see spans.decode_counts.

    sizes: how many pixels each must have, shape (n,). Returns shapes (runs,) and (n + 1,). Raises
    Malformed("bad_counts") if one of them is not as it must be.
    """
    try:
        raw = [text.encode("ascii") if isinstance(text, str) else text for text in texts]
    except UnicodeEncodeError:
        raise Malformed("bad_counts") from None
    n = np.array([len(text) for text in raw], dtype=np.int64)
    if n.size and not n.all():
        raise Malformed("bad_counts")
    letters = np.frombuffer(b"".join(raw), dtype=np.uint8)
    values, last = spans.numbers_of(letters)
    text_ends = np.cumsum(n) - 1
    first = np.concatenate(([0], np.searchsorted(last, text_ends, side="right")))
    # A text must end where a number does, or its last number would be read together with the next one's first.
    if (last[first[1:] - 1] != text_ends).any():
        raise Malformed("bad_counts")
    values = _undone(values, first)
    most = np.repeat(sizes, np.diff(first))
    # Each run by itself first: a sum could overflow back to what is expected.
    if (values < 0).any() or (values > most).any():
        raise Malformed("bad_counts")
    total = _running(values)
    if (total[first[1:]] - total[first[:-1]] != sizes).any():
        raise Malformed("bad_counts")
    return values, first


def _undone(values: IntArray, first: IntArray) -> IntArray:
    """Runs from differences: from its fourth number on, each of a code is the difference to the one two before."""
    position = np.arange(values.size) - np.repeat(first[:-1], np.diff(first))
    is_odd = (position & 1).astype(bool)
    is_first = position == 0
    kept = np.where(is_first, values, 0)
    for rows in (is_odd, ~(is_odd | is_first)):
        total = _running(np.where(rows, values, 0))
        kept += np.where(rows, total[1:] - np.repeat(total[first[:-1]], np.diff(first)), 0)
    return kept


def _placed(counts: IntArray, first: IntArray, shape: IntArray, height: IntArray, x: IntArray, y: IntArray) -> Placed:
    """Spans of codes that were decoded: runs of 0 and 1 in turn down the columns of crops.

    counts, first: as of decode(). shape: number of each code's shape, rising. height: of its crop. x, y: column and row
    of its first pixel. All but counts of shape (n,).
    """
    n = np.diff(first)
    code = np.repeat(np.arange(n.size), n)
    total = np.cumsum(counts)
    edges = total - np.repeat(total[first[:-1]] - counts[first[:-1]], n)
    ends_at = np.flatnonzero(((np.arange(counts.size) - first[code]) & 1).astype(bool) & (counts > 0))
    starts, ends, code = edges[ends_at - 1], edges[ends_at], code[ends_at]
    tall = height[code]
    top_column, bottom_column = starts // tall, (ends - 1) // tall
    columns = bottom_column - top_column + 1
    # A run past the foot of a column goes on at the head of the next: cut there.
    source = np.repeat(np.arange(starts.size), columns)
    step = np.arange(source.size) - np.repeat(np.cumsum(columns) - columns, columns)
    code, tall = code[source], tall[source]
    base = (top_column[source] + step + x[code]) * COLUMN + y[code]
    top = np.where(step == 0, starts[source] - top_column[source] * tall, 0)
    bottom = np.where(step == columns[source] - 1, ends[source] - bottom_column[source] * tall, tall)
    starts, ends = base + top, base + bottom
    opens = np.ones(starts.size, dtype=bool)
    opens[1:] = (starts[1:] != ends[:-1]) | (code[1:] != code[:-1])  # runs of no pixel between two of 1
    closes = np.append(opens[1:], True)[: starts.size]
    return starts[opens], ends[closes], shape[code[opens]]
