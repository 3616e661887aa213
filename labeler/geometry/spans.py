"""Sets of pixels as runs down their columns: small for large objects, and exact.

Knows run-length codes and set operations. Takes nothing on trust: a code is decoded here within the bounds of its size,
for the decoder of pycocotools reads past the end of a text that stops amid a number. Does not know what the pixels are
of. A mask of 10,000 x 5,000 px is 50 MB as bits and at most some hundred kB as runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeler.geometry.shapes import BoolArray, FloatArray, IntArray, Malformed, Part, Shape, parts_of, rings_of_box

# Column x, row y is number x * COLUMN + y: independent of the image's height, so that sets of any crop can be compared.
COLUMN = 1 << 31
LONGEST_NUMBER = 7  # characters of 5 bits: enough for 32 bits


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Pixels starts[k] .. ends[k] - 1 for each k, numbered column * COLUMN + row.

    starts, ends: shape (n,), ascending; each span lies in one column, and no two touch.
    """

    starts: IntArray
    ends: IntArray

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int((self.ends - self.starts).sum())

    def bounds(self) -> tuple[int, int, int, int]:
        """(x0, y0, x1, y1) of the smallest crop with all pixels; four zeros where there are none."""
        if not self.starts.size:
            return 0, 0, 0, 0
        return (
            int(self.starts[0] // COLUMN),
            int((self.starts % COLUMN).min()),
            int(self.starts[-1] // COLUMN) + 1,
            int((self.ends % COLUMN).max()),
        )


def empty() -> Spans:
    none = np.empty(0, dtype=np.int64)
    return Spans(none, none)


def _merged(starts: IntArray, ends: IntArray) -> Spans:
    """Spans of sorted starts, joined where they overlap or touch."""
    if starts.size < 2:
        return Spans(starts, ends)
    reach = np.maximum.accumulate(ends)
    opens = np.ones(starts.size, dtype=bool)
    opens[1:] = starts[1:] > reach[:-1]
    if opens.all():
        return Spans(starts, ends)
    first = np.flatnonzero(opens)
    return Spans(starts[first], np.maximum.reduceat(ends, first))


def from_runs(counts: IntArray, height: int, x: int = 0, y: int = 0) -> Spans:
    """The set of a run-length code: runs of 0 and 1 in turn, down the columns of a crop of this height at (x, y).

    counts: shape (n,), none negative; x, y: column and row of the crop's first pixel, y not negative.
    """
    edges = np.cumsum(counts)
    starts = edges[0::2][: edges.size // 2]
    ends = edges[1::2]
    kept = ends > starts
    return _from_flat(starts[kept], ends[kept], height, x, y)


def _from_flat(starts: IntArray, ends: IntArray, height: int, x: int, y: int) -> Spans:
    """Spans of runs numbered down the columns of a crop: each is cut where its column ends."""
    if not starts.size:
        return empty()
    first, last = starts // height, (ends - 1) // height
    columns = last - first + 1
    if int(columns.max()) == 1:
        base = (first + x) * COLUMN + y - first * height
        return _merged(starts + base, ends + base)
    source = np.repeat(np.arange(starts.size), columns)
    step = np.arange(source.size) - np.repeat(np.cumsum(columns) - columns, columns)
    base = (first[source] + step + x) * COLUMN + y
    top = np.where(step == 0, starts[source] % height, 0)
    bottom = np.where(step == columns[source] - 1, (ends[source] - 1) % height + 1, height)
    return _merged(base + top, base + bottom)


def runs(spans: Spans, x: int, y: int, width: int, height: int) -> IntArray:
    """The run-length code of the set in the crop at (x, y), which must hold all of it; never with an empty last run."""
    size = width * height
    if not spans.starts.size:
        return np.array([size], dtype=np.int64)
    column = spans.starts // COLUMN
    base = (column - x) * height - y - column * COLUMN
    starts, ends = spans.starts + base, spans.ends + base
    joined = _merged(starts, ends)  # a column that ends at the crop's bottom runs on at the next one's top
    edges = np.empty(2 * joined.starts.size + 1, dtype=np.int64)
    edges[0:-1:2], edges[1:-1:2], edges[-1] = joined.starts, joined.ends, size
    counts = np.diff(edges, prepend=0)
    return counts if counts[-1] else counts[:-1]


def from_bits(bits: BoolArray, x: int = 0, y: int = 0) -> Spans:
    """The set of the true pixels of a crop, shape (height, width), whose first pixel is column x, row y."""
    height, width = bits.shape
    flat = np.zeros(height * width + 2, dtype=np.int8)
    flat[1:-1] = np.asarray(bits, dtype=bool).T.ravel()
    edges = np.flatnonzero(np.diff(flat))
    return _from_flat(edges[0::2], edges[1::2], height, x, y)


def to_bits(spans: Spans, x: int, y: int, width: int, height: int) -> BoolArray:
    """The pixels of the set within a crop, shape (height, width); others are left out."""
    inside = within(spans, x, y, x + width, y + height)
    column = inside.starts // COLUMN
    base = (column - x) * height - y - column * COLUMN
    change = np.zeros(width * height + 1, dtype=np.int8)
    change[inside.starts + base] += 1
    change[inside.ends + base] -= 1
    flat = np.cumsum(change[:-1], dtype=np.int8)
    return np.ascontiguousarray(flat.reshape(width, height).T.astype(bool))


def within(spans: Spans, x0: int, y0: int, x1: int, y1: int) -> Spans:
    """Those pixels of the set with x0 <= x < x1 and y0 <= y < y1."""
    column = spans.starts // COLUMN
    base = column * COLUMN
    starts = np.maximum(spans.starts, base + y0)
    ends = np.minimum(spans.ends, base + y1)
    kept = (ends > starts) & (column >= x0) & (column < x1)
    return Spans(starts[kept], ends[kept])


def moved(spans: Spans, dx: int, dy: int) -> Spans:
    """The set moved by whole pixels; no row may become negative."""
    return Spans(spans.starts + (dx * COLUMN + dy), spans.ends + (dx * COLUMN + dy))


def union(sets: Sequence[Spans]) -> Spans:
    """Pixels of any of the sets."""
    if len(sets) == 1:
        return sets[0]
    if not sets:
        return empty()
    starts = np.concatenate([spans.starts for spans in sets])
    ends = np.concatenate([spans.ends for spans in sets])
    order = np.argsort(starts, kind="stable")
    return _merged(starts[order], ends[order])


def _holds(spans: Spans, places: IntArray) -> BoolArray:
    if not spans.starts.size:
        return np.zeros(places.size, dtype=bool)
    before = np.searchsorted(spans.starts, places, side="right") - 1
    held: BoolArray = (before >= 0) & (places < spans.ends[before])
    return held


def intersection(first: Spans, second: Spans) -> Spans:
    """Pixels of both sets."""
    if not first.starts.size or not second.starts.size:
        return empty()
    edges = np.unique(np.concatenate([first.starts, first.ends, second.starts, second.ends]))
    kept = _holds(first, edges[:-1]) & _holds(second, edges[:-1])
    return _merged(edges[:-1][kept], edges[1:][kept])


def difference(first: Spans, second: Spans) -> Spans:
    """Pixels of the first set that are not in the second."""
    if not first.starts.size or not second.starts.size:
        return first
    edges = np.unique(np.concatenate([first.starts, first.ends, second.starts, second.ends]))
    kept = _holds(first, edges[:-1]) & ~_holds(second, edges[:-1])
    return _merged(edges[:-1][kept], edges[1:][kept])


def decode_counts(counts: Any, size: int) -> IntArray:
    """The runs of a code, shape (n,): of COCO's compressed text, or a list that already holds them.

    size: height * width, which the runs must add up to. Raises Malformed("bad_counts").
    """
    if isinstance(counts, (str, bytes)):
        found = _from_text(counts)
    elif isinstance(counts, (list, tuple)) and not set(map(type, counts)) - {int}:
        try:
            found = np.array(counts, dtype=np.int64)
        except OverflowError:
            raise Malformed("bad_counts") from None
    else:
        raise Malformed("bad_counts")
    # Each run by itself first: a sum could overflow back to what is expected.
    if found.size == 0 or found.min() < 0 or found.max() > size or int(found.sum()) != size:
        raise Malformed("bad_counts")
    return found


def _from_text(counts: str | bytes) -> IntArray:
    """The runs of a compressed code: from the fourth number on, each is the difference to the one two before."""
    try:
        raw = counts.encode("ascii") if isinstance(counts, str) else counts
    except UnicodeEncodeError:
        raise Malformed("bad_counts") from None
    letters = np.frombuffer(raw, dtype=np.uint8)
    values, last = numbers_of(letters)
    if not last.size or last[-1] + 1 != letters.size:
        raise Malformed("bad_counts")
    # A hostile text has differences of 2^34 in each of its millions of numbers: still far from 2^63.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def numbers_of(letters: NDArray[np.uint8]) -> tuple[IntArray, IntArray]:
    """The numbers of compressed text, and the place of each one's last letter; shapes (n,).

    Letters from "0" on hold 5 bits each, lowest first, and a bit for "more"; the highest bit of a number's last letter
    is its sign. Raises Malformed("bad_counts") for other letters and for numbers of more than LONGEST_NUMBER.
    """
    bits = letters - np.uint8(48)  # letters below "0" become large
    if bits.size == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    if bits.max() > 63:
        raise Malformed("bad_counts")
    last = np.flatnonzero(bits < 32)
    if not last.size:
        raise Malformed("bad_counts")
    first = np.concatenate([[0], last[:-1] + 1])
    length = last - first + 1
    if int(length.max()) > LONGEST_NUMBER:
        raise Malformed("bad_counts")
    place = np.arange(int(last[-1]) + 1) - np.repeat(first, length)
    values = np.add.reduceat((bits[: place.size] & np.uint8(0x1F)).astype(np.int64) << (5 * place), first)
    values -= np.where(bits[last] & 0x10, np.int64(1) << (5 * length), 0)
    return values, last


def encode_counts(counts: IntArray, height: int, width: int) -> str:
    """COCO's compressed text of runs that add up to height * width."""
    from pycocotools import mask as coco

    code = coco.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return str(code["counts"].decode("ascii"))


def of_rings(parts: Sequence[Part], width: int, height: int) -> Spans:
    """Pixels of polygons in an image of width x height px, as pycocotools draws each ring; holes are taken out."""
    from pycocotools import mask as coco

    rings: list[FloatArray] = [ring.ravel() for part in parts for ring in part]
    # Below three points pycocotools would read four numbers as a box; three are the least it takes as a ring.
    codes = iter(coco.frPyObjects([ring if ring.size > 4 else np.resize(ring, 6) for ring in rings], height, width))
    drawn = []
    for part in parts:
        outer, *holes = [from_runs(_from_text(next(codes)["counts"]), height) for _ in part]
        drawn.append(difference(outer, union(holes)) if holes else outer)
    return union(drawn)


def of_shape(shape: Shape, width: int, height: int) -> Spans:
    """Pixels of a checked shape in its image of width x height px; a box's are those of its ring."""
    if "mask" in shape:
        return of_mask(shape["mask"], width, height)
    parts = [rings_of_box(shape["box"])] if "box" in shape else parts_of(shape["polygon"])
    return of_rings(parts, width, height)


def of_mask(mask: Shape, width: int, height: int) -> Spans:
    """Pixels of a mask's crop that lie in the image. Raises Malformed if its code cannot be read."""
    rows, columns = mask["size"]
    return place(decode_counts(mask["counts"], rows * columns), mask, width, height)


def place(counts: IntArray, mask: Shape, width: int, height: int) -> Spans:
    """of_mask for runs that are already decoded."""
    rows, columns = mask["size"]
    x, y = mask.get("offset", (0, 0))
    if x >= width or y >= height or x + columns <= 0 or y + rows <= 0:
        return empty()
    spans = from_runs(counts, rows, x, max(y, 0))
    if y < 0:  # rows above the image: numbers of rows are never negative, so they are cut before they are moved
        spans = moved(within(spans, x, -y, x + columns, rows), 0, y)
    return within(spans, 0, 0, width, height)


def to_mask(spans: Spans) -> Shape:
    """The set as a mask in its smallest crop: {"mask": {"size", "counts", "offset"}}; ValueError if it is empty."""
    if not spans.starts.size:
        raise ValueError("a mask needs a pixel")
    x0, y0, x1, y1 = spans.bounds()
    width, height = x1 - x0, y1 - y0
    text = encode_counts(runs(spans, x0, y0, width, height), height, width)
    return {"mask": {"size": [height, width], "counts": text, "offset": [x0, y0]}}
