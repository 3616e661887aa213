"""Near-duplicates: the share of altered copies that is found, false pairs among all photographs, and what it costs.

The clothing photographs, and an alteration of each of N of them, found by sketch (as at import) and by features and
pixels (as by a worker, with the small numbers of the index). `--sheet FILE` draws the pairs that come nearest.
"""

from __future__ import annotations

import io
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from bench import clothing
from worker.ml.device import pick_device, settle_process
from worker.ml.images import registration
from worker.ml.networks import backbones, features

if TYPE_CHECKING:
    from labeler.training.image_index import Index
    from worker.indexing.near_duplicate_search import Square

N, SEED = 200, 0
SHEET = 40  # pairs drawn
AXES = 128  # as worker/indexing/build_index.py
Picture = Image.Image


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeler.settings")
    import django

    django.setup()
    settle_process()
    files = clothing.sources()
    some = np.random.default_rng(SEED).choice(len(files), N, replace=False)
    found = clothing.kept_features()
    thumbs = [_thumbnail(path.read_bytes()) for path in files]
    squares = [_square(thumb) for thumb in thumbs]
    axes = _axes(found)
    index = _index(found, axes)
    _alterations([files[k] for k in some], some, thumbs, squares, index, axes)
    _pairs(index, squares, thumbs)
    _large(index)


# ---------------------------------------------------------------- alterations


def _alterations(
    files: list[Path], some: NDArray, thumbs: list[bytes], squares: list[Square], index: Index, axes: NDArray
) -> None:
    from labeler.intake import near_duplicates
    from worker.indexing import near_duplicate_search

    print(f"Found of {N} altered copies (seed {SEED}):\n")
    print("| altered | by sketch | proposed by features | by features and pixels | by either |\n|---|---|---|---|---|")
    originals = [near_duplicates.draw(thumbs[k]) for k in some]
    for name, alter in ALTERED.items():
        copies = [_thumbnail(_saved(alter(_opened(path)))) for path in files]
        sketches = [near_duplicates.draw(copy) for copy in copies]
        by_sketch = np.array(
            [
                (a.look ^ b.look).bit_count() <= near_duplicates.BITS and near_duplicates.is_nearly(a.pixels, b.pixels)
                for a, b in zip(originals, sketches, strict=True)
            ]
        )
        vectors = _features(copies)
        proposed = np.array([_proposed(vector, k, index, axes) for vector, k in zip(vectors, some, strict=True)])
        altered = [_square(copy) for copy in copies]
        laid = registration.register_pairs(
            near_duplicate_search.together([squares[k] for k in some]), near_duplicate_search.together(altered)
        )
        own = proposed & laid.same
        shares = (by_sketch.mean(), proposed.mean(), own.mean(), (by_sketch | own).mean())
        print(f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |", flush=True)


def _proposed(vector: NDArray, at: int, index: Index, axes: NDArray) -> bool:
    """Is the original among the neighbours of a copy that came in later?"""
    from worker.indexing import near_duplicate_search

    small = np.clip(np.rint(_unit(vector[None]) @ axes * (127 / index.scale)), -127, 127).astype(np.int8)
    n = len(index.ids)
    later = replace(index, ids=np.arange(n + 1), rows=np.concatenate([index.rows, small]))
    return (at, n) in later.alike([n], near_duplicate_search.NEIGHBOURS, near_duplicate_search.ALIKE)


def _saved(image: Picture, quality: int = 92) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _cropped(share: float) -> Callable[[Picture], Picture]:
    def crop(image: Picture) -> Picture:
        x, y = round(image.width * share), round(image.height * share)
        return image.crop((x, y, image.width - x, image.height - y))

    return crop


def _turned(degrees: float) -> Callable[[Picture], Picture]:
    """With black corners."""
    return lambda image: image.rotate(degrees, Image.Resampling.BICUBIC)


def _straightened(degrees: float) -> Callable[[Picture], Picture]:
    """Turned, and cut to the largest rectangle of the same shape without corners."""

    def turn(image: Picture) -> Picture:
        w, h, angle = image.width, image.height, math.radians(degrees)
        k = 1 / (math.cos(angle) + math.sin(angle) * max(w / h, h / w))
        x, y = round(w * (1 - k) / 2), round(h * (1 - k) / 2)
        return image.rotate(degrees, Image.Resampling.BICUBIC).crop((x, y, w - x, h - y))

    return turn


def _with_caption(image: Picture) -> Picture:
    """A black line of text over the lowest 8 %."""
    image, h = image.copy(), image.height
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, round(0.92 * h), image.width, h), fill=(0, 0, 0))
    draw.text((8, 0.93 * h), "www.example.com  4711", font=ImageFont.load_default(size=0.05 * h), fill=(255, 255, 255))
    return image


def _with_watermark(image: Picture) -> Picture:
    """Half-transparent letters across the middle."""
    over = Image.new("RGBA", image.size, (0, 0, 0, 0))
    font = ImageFont.load_default(size=0.1 * image.height)
    middle = (image.width / 2, image.height / 2)
    ImageDraw.Draw(over).text(middle, "© SHOP 2020", anchor="mm", font=font, fill=(255, 255, 255, 110))
    return Image.alpha_composite(image.convert("RGBA"), over).convert("RGB")


ALTERED: dict[str, Callable[[Picture], Picture]] = {
    "JPEG 40": lambda image: Image.open(io.BytesIO(_saved(image, 40))),
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "contrast + 15 %": lambda image: ImageEnhance.Contrast(image).enhance(1.15),
    "brightness + 15 %": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "2 % cropped on each side": _cropped(0.02),
    "5 % cropped on each side": _cropped(0.05),
    "10 % cropped on each side": _cropped(0.1),
    "10 % cropped on the left": lambda image: image.crop((image.width // 10, 0, image.width, image.height)),
    "turned by 2°, black corners": _turned(2),
    "turned by 5°, black corners": _turned(5),
    "turned by 2°, cut": _straightened(2),
    "turned by 5°, cut": _straightened(5),
    "mirrored": ImageOps.mirror,
    "caption": _with_caption,
    "watermark": _with_watermark,
}


# ---------------------------------------------------------------- false pairs


def _pairs(index: Index, squares: list[Square], thumbs: list[bytes]) -> None:
    from worker.indexing import near_duplicate_search

    n = len(squares)
    began = time.process_time()
    pairs: set[tuple[int, int]] = set()
    for start in range(0, n, near_duplicate_search.STEP):
        part = list(range(start, min(start + near_duplicate_search.STEP, n)))
        pairs |= index.alike(part, near_duplicate_search.NEIGHBOURS, near_duplicate_search.ALIKE)
    ordered = np.array(sorted(pairs))
    looked_up = time.process_time() - began
    began = time.process_time()
    laid = registration.register_pairs(
        *(near_duplicate_search.together([squares[k] for k in ordered[:, side]]) for side in (0, 1))
    )
    compared = time.process_time() - began
    print(
        f"\nOf {n:,} photographs ({n * (n - 1) // 2:,} pairs) features propose {len(ordered):,} in {looked_up:.1f} s; "
        f"their pixels take {compared:.0f} s, {compared / len(ordered) * 1e3:.1f} ms a pair (processor time, one core)."
    )
    for words, score in (
        ("in the same colours", np.where(laid.colours >= registration.SAME_COLOURS, laid.agreement, 0)),
        ("in any colours", laid.agreement),
        ("in the same colours, also pulled", np.where(laid.colours >= registration.SAME_COLOURS, laid.shapes, 0)),
    ):
        best = np.argsort(-score)
        told = ", ".join(f"{score[k]:.3f} ({ordered[k][0]}, {ordered[k][1]})" for k in best[:6])
        print(f"Nearest pairs {words}, same from {registration.SAME}: {told}.")
    print(f"Found: {int(laid.same.sum())}. Mirrored among the proposed ones: {int((laid.same & laid.mirrored).sum())}.")
    if "--sheet" in sys.argv:
        best = np.argsort(-np.where(laid.colours >= registration.SAME_COLOURS, laid.agreement, 0))[:SHEET]
        _sheet(Path(sys.argv[sys.argv.index("--sheet") + 1]), ordered[best], laid.agreement[best], thumbs)


def _sheet(file: Path, pairs: NDArray, shapes: NDArray, thumbs: list[bytes]) -> None:
    sheet = Image.new("RGB", (5 * 310, -(-len(pairs) // 5) * 215), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (pair, shape) in enumerate(zip(pairs, shapes, strict=True)):
        x, y = place % 5 * 310, place // 5 * 215
        draw.text((x, y), f"{shape:.3f}  {pair[0]}, {pair[1]}", fill="black")
        for k, at in enumerate(pair):
            image = Image.open(io.BytesIO(thumbs[at]))
            image.thumbnail((150, 195))
            sheet.paste(image, (x + 153 * k, y + 14))
    sheet.save(file)


def _large(index: Index, n: int = 100_000, steps: int = 5) -> None:
    """The neighbours of a few steps of images among so many."""
    from labeler.training.image_index import Index
    from worker.indexing import near_duplicate_search

    random = np.random.default_rng(SEED)
    rows = index.rows[random.integers(0, len(index.rows), n)]
    rows = np.clip(rows + random.integers(-20, 21, rows.shape), -127, 127).astype(np.int8)
    large = Index("", np.arange(n), rows, 1.0, np.zeros(n, np.float32), 0, n)
    began = time.process_time()
    for start in range(steps):
        large.alike(
            list(range(start * near_duplicate_search.STEP, (start + 1) * near_duplicate_search.STEP)),
            near_duplicate_search.NEIGHBOURS,
            near_duplicate_search.ALIKE,
        )
    each = (time.process_time() - began) / (steps * near_duplicate_search.STEP)
    print(f"Neighbours among {n:,} images: {each * 1e3:.1f} ms an image, {each * n / 60:.0f} minutes for all.")


# ---------------------------------------------------------------- as the product does it


def _opened(path: Path) -> Picture:
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def _thumbnail(content: bytes) -> bytes:
    from labeler.intake.check import Limits, decode_image
    from labeler.intake.renditions import make_renditions

    return make_renditions(decode_image(content, limits=Limits())).thumbnail


def _square(thumbnail: bytes) -> Square:
    from worker.indexing import near_duplicate_search

    return near_duplicate_search.squeezed(Image.open(io.BytesIO(thumbnail)))


def _features(thumbnails: list[bytes]) -> NDArray[np.float16]:
    found = np.zeros((len(thumbnails), backbones.EFFICIENTNET_LITE0.n_features), np.float16)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{k}.jpg" for k in range(len(thumbnails))]
        for file, content in zip(files, thumbnails, strict=True):
            file.write_bytes(content)
        for batch in features.embed(files, backbones.EFFICIENTNET_LITE0, pick_device(), size=clothing.SIZE):
            found[batch.indices] = batch.features
    return found


def _unit(vectors: NDArray) -> NDArray[np.float32]:
    rows = vectors.astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _axes(vectors: NDArray) -> NDArray[np.float32]:
    unit = _unit(vectors)
    values, directions = np.linalg.eigh((unit.T @ unit).astype(np.float64))
    return directions[:, np.argsort(-values)[:AXES]].astype(np.float32)


def _index(vectors: NDArray, axes: NDArray) -> Index:
    """In memory, the image's place as its id."""
    from labeler.training.image_index import Index

    small = _unit(vectors) @ axes
    scale = float(np.abs(small).max())
    rows = np.rint(small * (127 / scale)).astype(np.int8)
    return Index("", np.arange(len(rows)), rows, scale, np.zeros(len(rows), np.float32), 0, len(rows))


if __name__ == "__main__":
    main()
