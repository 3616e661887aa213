"""Which colour and shape a class is drawn in. Knows numbers and their names, no table and no page.

The drawings are templates/shell/symbols.html (m1 … m12), the colours --c1 … --c6 of static/css/tokens.css.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol, TypeVar

from django.utils.translation import gettext_lazy as _

COLOURS = {1: _("orange"), 2: _("olive"), 3: _("blue"), 4: _("purple"), 5: _("green"), 6: _("grey")}
SHAPES = {
    1: _("disc"),
    2: _("diamond"),
    3: _("triangle"),
    4: _("square"),
    5: _("ring"),
    6: _("cross"),
    7: _("hollow diamond"),
    8: _("hollow triangle"),
    9: _("hollow square"),
    10: _("plus"),
    11: _("triangle pointing down"),
    12: _("half disc"),
}

T = TypeVar("T")


class Marker(NamedTuple):
    """What stands before a class's name, wherever the name stands."""

    colour: int  # 1..6
    shape: int  # 1..12

    def __str__(self) -> str:
        """In words, for people who do not see it."""
        return f"{COLOURS[self.colour]} {SHAPES[self.shape]}"


class Drawn(Protocol):
    """What a class says about its own marker: 0 where the place decides."""

    @property
    def colour(self) -> int: ...
    @property
    def shape(self) -> int: ...


def at(place: int) -> Marker:
    """The marker of a place among the classes in use, counted from 0.

    Twelve shapes in six colours; from the thirteenth place on the shapes move by one, so that a pair repeats only
    after 72 classes.
    """
    return Marker(place % len(COLOURS) + 1, (place + place // len(SHAPES)) % len(SHAPES) + 1)


def marker_of(category: Drawn, place: int) -> Marker:
    """A class's own colour and shape where they are set, else those of its place."""
    by_place = at(place)
    return Marker(category.colour or by_place.colour, category.shape or by_place.shape)


def alike(classes: Iterable[tuple[T, Marker]]) -> list[tuple[Marker, list[T]]]:
    """Classes that share colour and shape: only their names tell them apart. In the order given."""
    found: dict[Marker, list[T]] = {}
    for category, marker in classes:
        found.setdefault(marker, []).append(category)
    return [(marker, twins) for marker, twins in found.items() if len(twins) > 1]
