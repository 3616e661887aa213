"""Values that files of several formats have: splits, names of classes, sizes, probabilities, whose folder it is."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.geometry.shapes import Shape
from labeler.intake.formats.item import Object, Options, Unreadable
from labeler.intake.formats.metadata import shown_text

T = TypeVar("T")
SPLITS = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
    "dev": "validation", "test": "test", "testing": "test",
}  # fmt: skip
LONGEST_CLASS = 500
LEADS_OUT = gettext_lazy(
    "“%(name)s” leads out of the file: write where the image lies inside of it, or its name alone."
)


def split_of(text: str) -> tuple[str, str]:
    """The split as it is called here, and "", or "" and what is wrong."""
    if not text:
        return "", ""
    if found := SPLITS.get(text.strip().casefold(), ""):
        return found, ""
    shown = "".join(c if c.isprintable() else "?" for c in text[:100])
    return "", _("“%(split)s” is no split: write train, validation or test.") % {"split": shown}


def split_in_folders(name: str) -> str:
    """The split that a folder in a path is called after, or ""."""
    return next((SPLITS[part] for part in name.casefold().split("/")[:-1] if part in SPLITS), "")


def stem_of(name: str) -> str:
    """The last part of a path without its suffix."""
    last = name.rpartition("/")[2]
    return last.rpartition(".")[0] or last


def person_of_folder(name: str, folder: str, options: Options) -> str | None:
    """Whose folder it is, as our own files have one for each person: zoe/labels/train/a.txt."""
    parts = name.split("/")
    return parts[parts.index(folder) - 1] if options.people and folder in parts[1:] else None


def class_name(text: str) -> str:
    """As it can be shown and looked up."""
    return shown_text(text.strip(), LONGEST_CLASS)


def readable(said: Iterable[T], read: Callable[[int, T], Object]) -> tuple[list[Object], list[tuple[int, str]]]:
    """The objects that can be read, and of the others number, from 1, and sentence."""
    objects: list[Object] = []
    unusable: list[tuple[int, str]] = []
    for number, one in enumerate(said, start=1):
        try:
            objects.append(read(number, one))
        except Unreadable as error:
            unusable.append((number, str(error)))
    return objects, unusable


def outline_of(shares: Sequence[float], width: int, height: int) -> Shape:
    """A polygon of an image of this size, from shares of it: x, y, x, y, …"""
    return {"polygon": [[one * (height if at % 2 else width) for at, one in enumerate(shares)]]}


def size_of(width: str, height: str) -> tuple[int, int] | None:
    """In px; None for what is no size."""
    is_size = width.isdigit() and height.isdigit() and int(width) > 0 and int(height) > 0
    return (int(width), int(height)) if is_size else None


def probability_of(value: Any) -> float | None:
    """A number from 0 to 1; None for anything else."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return float(value) if is_one else None


def said_probability(value: Any) -> float | None:
    """Of a table, from 0 to 1; None where nothing stands. Raises ValueError."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError
    number = float(value)
    if not (math.isfinite(number) and 0 <= number <= 1):
        raise ValueError
    return number


def said_probabilities(value: Any) -> dict[str, float]:
    """By the name of the class, from an object or its JSON; empty where nothing stands. Raises ValueError."""
    given = json.loads(value) if isinstance(value, str) and value else value or {}
    if not isinstance(given, dict):
        raise ValueError
    return {str(name): said_probability(one) or 0.0 for name, one in given.items()}
