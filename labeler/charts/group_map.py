"""A map: images as small shapes where they lie, groups as outlines with a numbered badge that leads to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labeler.charts.markup import Markup, Words, attributes, finite, place, text, twin

WIDTH, TALLEST, MARGIN = 640, 460, 24  # of the drawing, in viewBox units
DOT = 12
BADGE = 13  # radius: 26 across, above the 24 px that a target needs
APART = 30  # between the middles of two badges
ROUNDS = 40  # of pushing badges apart


@dataclass(frozen=True, slots=True)
class Dot:
    """One image. x, y in [0, 1]; colour 1..6 and shape 1..12 as labeler/label_set/markers.py has them."""

    x: float
    y: float
    colour: int
    shape: int
    name: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """One group. outline: corners of its hull, in the units of the dots."""

    number: int
    name: str
    href: str
    dots: Sequence[Dot]
    outline: Sequence[tuple[float, float]] = ()


def group_map(
    title: str,
    sentence: str,
    areas: Sequence[Area],
    *,
    words: Words,
    head: Sequence[object],
    rows: Sequence[Sequence[object]],
) -> Markup:
    """A figure: the drawing, and what it says as a table (head, rows; the first cell of a row names it).

    sentence: what the map says, for those who do not see it. Dots are links for the pointer; by keyboard one walks
    from group to group. Raises ValueError for NaN or infinity.
    """
    dots = [dot for area in areas for dot in area.dots]
    if not dots:
        return Markup("")
    low = min(finite(dot.y) for dot in dots)
    span = max(max(dot.y for dot in dots) - low, 0.2)
    scale = min(WIDTH - 2 * MARGIN, (TALLEST - 2 * MARGIN) / span)
    left = (WIDTH - scale) / 2
    height = span * scale + 2 * MARGIN

    def at(x: float, y: float) -> tuple[float, float]:
        # y grows upwards on a map and downwards on a screen.
        return left + finite(x) * scale, height - MARGIN - (finite(y) - low) * scale

    outlines = "".join(_outline(area, [at(x, y) for x, y in area.outline]) for area in areas)
    drawn = "".join(_dot(dot, *at(dot.x, dot.y)) for dot in dots)
    middles = [at(_median([d.x for d in area.dots]), _median([d.y for d in area.dots])) for area in areas]
    badges = "".join(
        f'<a class="badge" href="{text(area.href)}"><title>{text(area.name)}</title>'
        f'<circle cx="{place(x)}" cy="{place(y)}" r="{BADGE}"/>'
        f'<text x="{place(x)}" y="{place(y + 4)}" text-anchor="middle" aria-hidden="true">{area.number}</text></a>'
        for area, (x, y) in zip(areas, _pushed_apart(middles, height), strict=True)
    )
    # On a phone the drawing keeps the size at which a finger finds a badge, and scrolls by itself.
    return Markup(
        f'<figure class="map"><div class="scroll-x" tabindex="0" role="group"{attributes(aria_label=title)}>'
        f'<svg class="chart" viewBox="0 0 {WIDTH} {place(height)}" role="group"'
        f"{attributes(aria_label=f'{title}. {sentence}')}>{outlines}"
        f'<g aria-hidden="true">{drawn}</g>{badges}</svg></div>{twin(title, head, rows, words)}</figure>'
    )


def _outline(area: Area, corners: Sequence[tuple[float, float]]) -> str:
    if len(corners) < 3:
        return ""
    path = "L".join(f"{place(x)} {place(y)}" for x, y in corners)
    return f'<path class="area a{(area.number - 1) % 2}" d="M{path}Z"/>'


def _dot(dot: Dot, x: float, y: float) -> str:
    drawn = (
        f'<use class="c{dot.colour}" href="#m{dot.shape}" x="{place(x - DOT / 2)}" y="{place(y - DOT / 2)}"'
        f' width="{DOT}" height="{DOT}"/>'
    )
    if dot.href is None:
        return drawn
    return f'<a href="{text(dot.href)}" tabindex="-1"><title>{text(dot.name)}</title>{drawn}</a>'


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def _pushed_apart(middles: Sequence[tuple[float, float]], height: float) -> list[tuple[float, float]]:
    """The same places, moved as little as it takes for no badge to lie on another."""
    found = [list(middle) for middle in middles]
    for _round in range(ROUNDS):
        for n, one in enumerate(found):
            for other in found[n + 1 :]:
                dx, dy = other[0] - one[0], other[1] - one[1]
                distance = (dx * dx + dy * dy) ** 0.5
                if distance >= APART:
                    continue
                # Two in one place part sideways.
                ux, uy = (dx / distance, dy / distance) if distance > 1e-6 else (1.0, 0.0)
                step = (APART - distance) / 2
                one[0], one[1] = one[0] - ux * step, one[1] - uy * step
                other[0], other[1] = other[0] + ux * step, other[1] + uy * step
        for one in found:
            one[0] = min(max(one[0], BADGE + 2), WIDTH - BADGE - 2)
            one[1] = min(max(one[1], BADGE + 2), height - BADGE - 2)
    return [(x, y) for x, y in found]
