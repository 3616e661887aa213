"""Pictures made ready for a training elsewhere: cut, scaled, in grey, in another file format; copies and sampling
lists.

Without any of it a picture goes out as its original bytes, without metadata. Deterministic: the same bytes and the same
Preparation give the same file. Knows pixels; torch is not loaded.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from PIL import Image, ImageEnhance, ImageOps

from labeler.errors import Invalid
from labeler.intake.renditions import bare, on_white
from labeler.releases.clean_files import NO_PICTURE, Unreadable

FIT, FILL, STRETCH = "fit", "fill", "stretch"
WAYS = (FIT, FILL, STRETCH)
FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}
LARGEST_SIDE = 8192
MOST_COPIES = 20
OVER, UNDER = "over", "under"
# Of what keeps a picture of these within reason in memory; import refuses more than this anyway.
MOST_PIXELS = 200_000_000


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is done, in this order: crop, resize, grey. All empty: nothing."""

    crop: tuple[float, float, float, float] | None = None  # left, top, right, bottom as shares of the upright picture
    width: int | None = None
    height: int | None = None
    way: str = FIT  # FIT: within, never enlarged · FILL: exactly so, the middle is cut out · STRETCH: exactly so, bent
    grey: bool = False
    file_format: str = ""  # jpg, png or webp; "": as it was, PNG where that cannot be written
    quality: int = 90  # of jpg and webp
    copies: int = 0  # turned, mirrored and re-lit copies of each training image
    sampling: str = ""  # OVER or UNDER: a list with which classes come equally often
    seed: int = 0

    @property
    def changes_pixels(self) -> bool:
        return bool(self.crop or self.width or self.height or self.grey or self.file_format)


AS_IT_IS = Preparation()
NAMES = tuple(field.name for field in fields(Preparation))


def parse(values: Mapping[str, Any]) -> Preparation:
    """From what a client sent. Raises Invalid, with the fields that are wrong."""
    wrong: dict[str, list[str]] = {name: ["unknown"] for name in values if name not in NAMES}
    crop = values.get("crop")
    if crop is not None and not _is_crop(crop):
        wrong["crop"] = [_("four shares from 0 to 1: left, top, right, bottom, with left < right and top < bottom")]
    for name, low, high in (
        ("width", 1, LARGEST_SIDE), ("height", 1, LARGEST_SIDE), ("quality", 1, 100), ("copies", 0, MOST_COPIES),
        ("seed", 0, 2**31 - 1),
    ):  # fmt: skip
        value = values.get(name)
        if value is not None and not (type(value) is int and low <= value <= high):
            wrong[name] = [_("a whole number from %(low)s to %(high)s") % {"low": low, "high": high}]
    for name, allowed in (("way", WAYS), ("file_format", ("", *FORMATS)), ("sampling", ("", OVER, UNDER))):
        if (value := values.get(name)) is not None and value not in allowed:
            wrong[name] = [_("one of %(allowed)s") % {"allowed": ", ".join(word for word in allowed if word)}]
    if not isinstance(values.get("grey", False), bool):
        wrong["grey"] = [_("true or false")]
    sizes = values.get("width"), values.get("height")
    if not wrong and values.get("way", FIT) != FIT and (sizes[0] is None) != (sizes[1] is None):
        wrong["height" if sizes[1] is None else "width"] = [_("fill and stretch need a width and a height")]
    if wrong:
        raise Invalid(_("The pictures cannot be prepared that way."), fields=wrong)
    given = {name: value for name, value in values.items() if value is not None}
    return Preparation(**given | ({"crop": tuple(map(float, crop))} if crop is not None else {}))


def parse_texts(texts: Mapping[str, str]) -> Preparation:
    """As parse(), from the texts of a form or an address; others than NAMES and empty ones are passed over.

    crop: four numbers with commas between; grey: true or 1. Raises Invalid.
    """
    values: dict[str, Any] = {}
    for name in NAMES:
        text = texts.get(name, "").strip()
        if not text:
            continue
        if name in ("width", "height", "quality", "copies", "seed"):
            values[name] = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else text
        elif name == "grey":
            values[name] = {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
        elif name == "crop":
            values[name] = _numbers(text)
        else:
            values[name] = text
    return parse(values)


def as_texts(how: Preparation) -> dict[str, str]:
    """What parse_texts() reads: only what is not as it is anyhow, in one way of writing it."""
    texts = {}
    for name in NAMES:
        value = getattr(how, name)
        if value != getattr(AS_IT_IS, name):
            texts[name] = ",".join(f"{side:.6g}" for side in value) if name == "crop" else str(value).lower()
    return texts


def _numbers(text: str) -> list[float] | str:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        return text


def _is_crop(crop: Any) -> bool:
    if not isinstance(crop, list | tuple) or len(crop) != 4:
        return False
    if not all(type(side) in (int, float) and 0 <= side <= 1 for side in crop):
        return False
    return bool(crop[0] < crop[2] and crop[1] < crop[3])


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture file. width, height: pixels, upright."""

    content: bytes
    extension: str
    width: int
    height: int


def prepare(content: bytes, extension: str, how: Preparation, copy: int = 0, key: str = "") -> Prepared:
    """A picture as it goes out, upright and without metadata. copy: from 1, an augmented one; key: what it is drawn by.

    Raises Unreadable.
    """
    image = shaped(_upright(content), how)
    if copy:
        image = augmented(image, random.Random(f"{how.seed} {key} {copy}"))  # noqa: S311 (no secret hangs on it)
    wanted = how.file_format or (extension if extension in FORMATS else "png")
    out = io.BytesIO()
    if wanted == "jpg":
        image.convert(image.mode if image.mode in ("L", "RGB") else "RGB").save(out, "JPEG", quality=how.quality)
    elif wanted == "webp":
        image.save(out, "WEBP", quality=how.quality)
    else:
        image.save(out, "PNG")
    return Prepared(out.getvalue(), wanted, *image.size)


def shaped(image: Image.Image, how: Preparation) -> Image.Image:
    """Cut, scaled and in grey. image: upright, in L, RGB or RGBA."""
    if how.crop:
        image = image.crop(cut_out(how, image.width, image.height))
    if how.width or how.height:
        image = _sized(image, how)
    if how.grey and image.mode != "L":
        image = on_white(image).convert("L")
    return image


def cut_out(how: Preparation, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what stays of a picture of this size, in px."""
    left, top, right, bottom = how.crop or (0, 0, 1, 1)
    x, y = round(left * width), round(top * height)
    return x, y, max(x + 1, round(right * width)), max(y + 1, round(bottom * height))


def _sized(image: Image.Image, how: Preparation) -> Image.Image:
    width, height = how.width or LARGEST_SIDE, how.height or LARGEST_SIDE
    if how.way == STRETCH:
        return image.resize((width, height), Image.Resampling.LANCZOS)
    if how.way == FILL:
        return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    scale = min(1.0, width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def augmented(image: Image.Image, dice: random.Random) -> Image.Image:
    """Mirrored or not, turned by up to 15 degrees, up to a tenth cut off each side, brighter or darker, other colours.

    Its size stays. What is turned in from outside is filled with the mean colour.
    """
    size = image.size
    if dice.random() < 0.5:
        image = ImageOps.mirror(image)
    mean = tuple(int(value) for value in np.asarray(image.resize((1, 1), Image.Resampling.BOX)).reshape(-1))
    fill = mean[0] if image.mode == "L" else mean
    image = image.rotate(dice.uniform(-15, 15), Image.Resampling.BICUBIC, fillcolor=fill)
    cut = [dice.uniform(0, 0.1) for _side in range(4)]
    box = (cut[0] * size[0], cut[1] * size[1], (1 - cut[2]) * size[0], (1 - cut[3]) * size[1])
    image = image.resize(size, Image.Resampling.BICUBIC, box=box)
    image = ImageEnhance.Brightness(image).enhance(dice.uniform(0.8, 1.2))
    image = ImageEnhance.Contrast(image).enhance(dice.uniform(0.8, 1.2))
    return image if image.mode == "L" else ImageEnhance.Color(image).enhance(dice.uniform(0.8, 1.2))


def _upright(content: bytes) -> Image.Image:
    """In L, RGB or RGBA, as EXIF turns it, with nothing else that the file says."""
    try:
        with Image.open(io.BytesIO(content)) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise Unreadable("too many pixels")
            image = ImageOps.exif_transpose(opened)
    except NO_PICTURE as error:
        raise Unreadable(str(error)) from error
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        low, high = (0.0, 65535.0) if image.mode.startswith("I") else (float(values.min()), float(values.max()))
        grey = (np.nan_to_num(values) - low) * (255.0 / max(high - low, 1e-12))
        image = Image.fromarray((grey + 0.5).clip(0, 255).astype(np.uint8))
    elif image.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    return bare(image)


# ---------------------------------------------------------------- figures and lists


class ChannelFigures:
    """Mean and standard deviation of each colour channel, over all pixels added, on a scale from 0 to 1."""

    def __init__(self) -> None:
        self.n_images = 0
        self._n = 0
        self._sum = np.zeros(3)
        self._squares = np.zeros(3)

    def add(self, content: bytes) -> None:
        """A picture file; each image counts by its pixels. What cannot be read is left out."""
        try:
            pixels = np.asarray(on_white(_upright(content)), dtype=np.uint8).reshape(-1, 3)
        except Unreadable:
            return
        # Counted by value: exact in whole numbers, and without a copy of the picture in floats.
        for channel in range(3):
            counts = np.bincount(pixels[:, channel], minlength=256)
            levels = np.arange(256) / 255
            self._sum[channel] += counts @ levels
            self._squares[channel] += counts @ levels**2
        self._n += len(pixels)
        self.n_images += 1

    def figures(self) -> dict[str, Any]:
        """mean and deviation as red, green, blue; None where there was no picture."""
        if not self._n:
            return {"images": 0, "mean": None, "deviation": None}
        mean = self._sum / self._n
        deviation = np.sqrt(np.maximum(self._squares / self._n - mean**2, 0))
        return {
            "images": self.n_images,
            "mean": [round(float(value), 6) for value in mean],
            "deviation": [round(float(value), 6) for value in deviation],
        }


def sampling_list(files: Iterable[tuple[str, str]], how: str, seed: int) -> list[str]:
    """Names of files, with each class equally often. files: (name, class).

    OVER: all, those of smaller classes repeated in turn up to the largest class; UNDER: of each class as many as the
    smallest has, drawn by the seed. Sorted by class, then in the order drawn.
    """
    by_class: dict[str, list[str]] = {}
    for name, class_ in files:
        by_class.setdefault(class_, []).append(name)
    if not by_class:
        return []
    sizes = [len(names) for names in by_class.values()]
    found = []
    for class_ in sorted(by_class):
        names = sorted(by_class[class_])
        random.Random(f"{seed} {class_}").shuffle(names)  # noqa: S311 (no secret hangs on it)
        wanted = max(sizes) if how == OVER else min(sizes)
        found += [names[place % len(names)] for place in range(wanted)]
    return found
