"""Simulated annotators who draw boxes, and err as people do: shifted, too large, missed, twice, of another class.

Pure: knows no database and no project. What is there is given as (class, side, box); what comes back is what the person
draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Piece = tuple[str, str, tuple[float, float, float, float]]  # kind, side, (left, top, width, height) in pixels


@dataclass(frozen=True, slots=True)
class Drawer:
    """How one annotator draws. Shares are probabilities in [0, 1]; lengths are shares of the object's own size."""

    name: str
    manner: str  # in words, for the project's description
    shaky: float  # standard deviation of each edge
    grows: float = 0.0  # drawn so much wider and higher than it is
    misses: float = 0.0  # share of objects not drawn, twice as many of the small ones
    doubles: float = 0.0  # share of objects drawn twice
    mistakes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # seen -> said instead, with what share
    seconds: float = 6.0  # for a box


DRAWERS = (
    Drawer("Amara", "draws tight boxes", shaky=0.03, misses=0.01, seconds=7.5),
    Drawer(
        "Ben", "misses small pieces and mixes up bishop and pawn", shaky=0.04, misses=0.09,
        mistakes={"bishop": {"pawn": 0.3}, "pawn": {"bishop": 0.05}}, seconds=5.0,
    ),
    Drawer(
        "Chen", "draws boxes too large and some pieces twice", shaky=0.04, grows=0.16, misses=0.03, doubles=0.04,
        mistakes={"king": {"queen": 0.2}, "bishop": {"knight": 0.15}}, seconds=4.5,
    ),
)  # fmt: skip


def draw(person: Drawer, pieces: Sequence[Piece], rng: np.random.Generator) -> list[dict[str, Any]]:
    """The objects that this person draws on an image with these pieces, as an answer has them."""
    if not pieces:
        return []
    median = float(np.median([box[2] * box[3] for _kind, _side, box in pieces]))
    drawn = []
    for kind, side, box in pieces:
        share = person.misses * (2 if box[2] * box[3] < median else 1)
        if rng.random() < share:
            continue
        said = _said(person, kind, rng)
        for _again in range(2 if rng.random() < person.doubles else 1):
            drawn.append({"category": said, "box": _box(person, box, rng), "attributes": {"side": side}})
    return drawn


def _said(person: Drawer, kind: str, rng: np.random.Generator) -> str:
    for other, share in person.mistakes.get(kind, {}).items():
        if rng.random() < share:
            return other
    return kind


def _box(person: Drawer, box: tuple[float, float, float, float], rng: np.random.Generator) -> list[float]:
    x, y, width, height = box
    left, top, right, bottom = rng.normal(0, person.shaky, 4)
    x0, y0 = x + (left - person.grows / 2) * width, y + (top - person.grows / 2) * height
    x1, y1 = x + (1 + right + person.grows / 2) * width, y + (1 + bottom + person.grows / 2) * height
    return [round(float(v), 1) for v in (x0, y0, max(x1 - x0, 1), max(y1 - y0, 1))]
