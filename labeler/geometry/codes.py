"""Masks and polygons as other tools write them: COCO, CVAT (runs along rows) and Label Studio (a stream of bits).

Knows codes, not files, classes or images. What comes in is read within the size of its image and not trusted
otherwise: checks.py says whether the shape can be stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from labeler.geometry import spans
from labeler.geometry.masks import raster
from labeler.geometry.shapes import BoolArray, IntArray, Malformed, Shape


def from_coco(segmentation: Any) -> Shape | None:
    """The shape of COCO's "segmentation"; None where it is empty. Nothing in it is checked yet.

    Rings, [[x1, y1, ...], ...], become a polygon: several are parts, for in COCO they mean their union and never a
    hole. A run-length code, compressed or a list, becomes a mask of the whole image.
    """
    if not segmentation:
        return None
    if isinstance(segmentation, dict):
        counts = segmentation.get("counts")
        text = counts.decode("ascii", "replace") if isinstance(counts, bytes) else counts
        return {"mask": {"size": segmentation.get("size"), "counts": text}}
    if not isinstance(segmentation, (list, tuple)):
        raise Malformed("not_a_shape")
    if not isinstance(segmentation[0], (list, tuple)):  # some write a single ring without the list around it
        return {"polygon": [segmentation]}
    if len(segmentation) == 1:
        return {"polygon": list(segmentation)}
    return {"polygon": [[ring] for ring in segmentation]}


def to_coco(shape: Shape, width: int, height: int, *, compressed: bool = True) -> list[Any] | dict[str, Any]:
    """COCO's "segmentation" of a checked shape: rings where it is a polygon without holes, else a run-length code.

    A box has none: []. width, height: of the image, which every run-length code in COCO covers whole.
    compressed: text; else the list of runs that COCO uses with iscrowd 1.
    """
    if "box" in shape:
        return []
    if "polygon" in shape:
        parts = shape["polygon"] if isinstance(shape["polygon"][0][0], (list, tuple)) else [shape["polygon"]]
        if all(len(part) == 1 for part in parts):
            return [list(part[0]) for part in parts]
    counts = spans.runs(spans.of_shape(shape, width, height), 0, 0, width, height)
    code = spans.encode_counts(counts, height, width) if compressed else counts.tolist()
    return {"size": [height, width], "counts": code}


class RowRuns(NamedTuple):
    """A crop's pixels as runs of 0 and 1 in turn along its rows, as CVAT writes a mask."""

    runs: list[int]
    left: int
    top: int
    width: int
    height: int


def to_row_runs(shape: Shape, width: int, height: int) -> RowRuns:
    """The pixels of a checked shape along the rows of their smallest crop; width, height: of the image."""
    crop = raster(shape, width, height)
    rows, columns = crop.bits.shape
    return RowRuns(_runs(crop.bits.ravel()).tolist(), crop.x, crop.y, columns, rows)


def _runs(flat: BoolArray) -> IntArray:
    """Lengths of the runs of false and true in turn, the first of false and maybe 0."""
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], changes, [flat.size]]) if flat.size else np.zeros(1, dtype=np.int64)
    lengths = np.diff(edges)
    return np.concatenate([[0], lengths]) if flat.size and flat[0] else lengths


def from_row_runs(
    runs: Sequence[int], left: int, top: int, width: int, height: int, *, image_width: int, image_height: int
) -> Shape:
    """The mask of runs along the rows of a crop of width x height px at (left, top).

    Raises Malformed: "bad_counts", "bad_size", "bad_offset", or "mask_too_large" where the crop is larger than the
    image. A crop that reaches over the border is kept: check() cuts it.
    """
    if any(type(number) is not int or number < 1 for number in (width, height)):
        raise Malformed("bad_size")
    if any(type(number) is not int for number in (left, top)):
        raise Malformed("bad_offset")
    if width > image_width or height > image_height:
        raise Malformed("mask_too_large")
    counts = spans.decode_counts(list(runs), width * height)
    flat = np.repeat(np.arange(counts.size) % 2 == 1, counts)
    return _whole_crop(flat.reshape(height, width), left, top)


def _whole_crop(bits: BoolArray, left: int, top: int) -> Shape:
    """The mask of these bits in just this crop, empty ones and negative places included: check() refuses or cuts."""
    height, width = bits.shape
    counts = spans.runs(spans.from_bits(bits), 0, 0, width, height)
    return {
        "mask": {
            "size": [height, width],
            "counts": spans.encode_counts(counts, height, width),
            "offset": [left, top],
        }
    }


# Label Studio's code (thi.ng/rle-pack): 32 bits length, 5 bits word size less 1, four times 4 bits run size less 1;
# then blocks: 1 bit (1: one word for all, 0: a word for each), 2 bits choose a run size, length less 1, words. Words
# are the bytes red, green, blue, alpha of each pixel along the rows; what has any alpha is inside.
CHANNELS = 4
WORD = 8
RUN_SIZES = (3, 4, 8, 16)
HEADER = 32 + 5 + 4 * 4


def from_label_studio(code: Any, width: int, height: int) -> Shape:
    """The mask of Label Studio's "rle", a list of bytes, for an image of width x height px.

    Raises Malformed("bad_counts") where the code cannot be read or is of another size. The mask covers the whole image
    and may be empty: check() refuses it then.
    """
    try:
        data = bytes(code) if isinstance(code, (list, tuple, bytes)) else b""
    except (TypeError, ValueError):
        raise Malformed("bad_counts") from None
    length = width * height * CHANNELS
    if len(data) * 8 < HEADER or _bits(data, 0, 32) != length:
        raise Malformed("bad_counts")
    word = _bits(data, 32, 5) + 1
    sizes = [_bits(data, 37 + 4 * k, 4) + 1 for k in range(4)]
    stream = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    inside = np.zeros(width * height, dtype=bool)
    at, done = HEADER, 0
    while done < length:
        if at + 3 > stream.size:
            raise Malformed("bad_counts")
        same, size = stream[at], sizes[2 * int(stream[at + 1]) + int(stream[at + 2])]
        count = _bits(data, at + 3, size) + 1
        at += 3 + size
        words = 1 if same else count
        if done + count > length or at + words * word > stream.size:
            raise Malformed("bad_counts")
        some: BoolArray = np.any(stream[at : at + words * word].reshape(words, word), axis=1)
        # Pixel p has its alpha at word 4 p + 3: words done .. done + count - 1 hold that of these pixels.
        first, last = done // CHANNELS, (done + count) // CHANNELS
        if same:
            inside[first:last] = some[0]
        elif last > first:
            alpha = CHANNELS * first + CHANNELS - 1 - done
            inside[first:last] = some[alpha::CHANNELS]
        at += words * word
        done += count
    return _whole_crop(inside.reshape(height, width), 0, 0)


def _bits(data: bytes, at: int, count: int) -> int:
    """`count` bits from bit `at` on, the highest first; those past the end are missing, and the caller looks there."""
    last = (at + count + 7) // 8
    number = int.from_bytes(data[at // 8 : last], "big")
    return (number >> (8 * last - at - count)) & ((1 << count) - 1)


def to_label_studio(shape: Shape, width: int, height: int) -> list[int]:
    """Label Studio's "rle" of a checked shape: bytes from 0 to 255; inside all four channels are 255, outside 0."""
    bits = spans.to_bits(spans.of_shape(shape, width, height), 0, 0, width, height)
    blocks = [f"{bits.size * CHANNELS:032b}{WORD - 1:05b}", *(f"{size - 1:04b}" for size in RUN_SIZES)]
    for k, pixels in enumerate(_runs(bits.ravel()).tolist()):
        value = "1" * WORD if k % 2 else "0" * WORD
        left = pixels * CHANNELS
        while left:
            count = min(left, 1 << RUN_SIZES[-1])
            choice = next(place for place, size in enumerate(RUN_SIZES) if count <= 1 << size)
            blocks.append(f"1{choice:02b}{count - 1:0{RUN_SIZES[choice]}b}{value}")
            left -= count
    text = np.frombuffer("".join(blocks).encode("ascii"), dtype=np.uint8) - ord("0")
    return [int(byte) for byte in np.packbits(text)]
