"""Points with whiskers: two figures of each person, the size of a third, and the corner where one should look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from labeler.charts.axes import BOTTOM, LEFT, LETTER, RIGHT, TOP, Frame, axes, round_ticks, span, target_line
from labeler.charts.markup import Markup, Words, attributes, drawing, finite, number, place, text, twin

SMALLEST, LARGEST = 4.0, 10.0  # radii
LINE = 13.0  # the height of a name
LONGEST = 20  # letters of a name that is drawn; the table has all of it
SPARE = 5.0  # between a point and its name


@dataclass(frozen=True, slots=True)
class Point:
    """One person. low, high: the interval of y, None where there is none; size: what the area stands for, from 0."""

    name: str
    x: float
    y: float
    size: float
    low: float | None = None
    high: float | None = None
    href: str | None = None  # where the table leads


@dataclass(frozen=True, slots=True)
class Corner:
    """The region below both limits, shaded, and what it is called."""

    x: float
    y: float
    words: str


def scatter(
    title: str,
    sentence: str,
    points: Sequence[Point],
    *,
    words: Words,
    x_name: str,
    y_name: str,
    size_name: str,
    corner: Corner | None = None,
    target: tuple[float, str] | None = None,
    name_head: str | None = None,
    x_decimals: int = 1,
    width: int = 620,
    height: int = 300,
    empty: str | None = None,
) -> Markup:
    """A figure: the drawing, and the same numbers as a table. The x axis begins at 0.

    sentence: what the chart says, for those who do not see it. Points in the corner are drawn as such, and the table
    says so. A name that finds no room beside its point stands in the table only.
    Raises ValueError for NaN, infinity, and negative x or sizes; without points it is a sentence saying so.
    """
    if not points:
        return Markup(f'<p class="sm mut">{text(words.nothing if empty is None else empty)}</p>')
    if any(finite(value) < 0 for point in points for value in (point.x, point.size)):
        raise ValueError("what lies left of 0 cannot be drawn, nor a negative size")
    ys = [finite(point.y) for point in points]
    # A whisker that leaves the drawing below zero would press everything else to the top.
    floor = min(0.0, *ys)
    edges = [max(floor, finite(edge)) for point in points for edge in (point.low, point.high) if edge is not None]
    edges += [target[0]] if target else []
    y_marks = round_ticks(min(ys + edges), max(ys + edges), 5)
    x_marks = round_ticks(0.0, max([finite(point.x) for point in points] + ([corner.x] if corner else [])), 6)
    frame = Frame(span(x_marks), span(y_marks), LEFT, width - RIGHT - LARGEST, TOP, height - BOTTOM)
    most = max(point.size for point in points)
    inside = (
        _corner(frame, corner)
        + axes(frame, [(x, f"{x:g}") for x in x_marks], y_marks, x_name, y_name, False)
        + target_line(frame, target)
        + "".join(_whisker(frame, point, corner) for point in points)
        + "".join(_dot(frame, point, corner, most) for point in sorted(points, key=lambda point: -point.size))
        + _names(frame, points, corner, most)
    )
    head = [name_head or "", x_name, y_name, words.interval, size_name]
    head += [corner.words] if corner else []
    rows = [
        (
            _Link(point.name, point.href),
            number(point.x, x_decimals),
            number(point.y),
            _interval(point, words),
            number(point.size, 0),
            *([words.yes if _is_in(corner, point) else words.no] if corner else []),
        )
        for point in points
    ]
    return Markup(
        f"<figure>{drawing('chart', width, height, title, sentence, inside)}{twin(title, head, rows, words)}</figure>"
    )


@dataclass(frozen=True, slots=True)
class _Link:
    name: str
    href: str | None

    def __html__(self) -> str:
        return f"<a{attributes(href=self.href)}>{text(self.name)}</a>" if self.href else text(self.name)


def _interval(point: Point, words: Words) -> str:
    if point.low is None or point.high is None:
        return "–"
    return words.between % {"low": number(point.low), "high": number(point.high)}


def _is_in(corner: Corner | None, point: Point) -> bool:
    return corner is not None and point.x < corner.x and point.y < corner.y


def _tone(corner: Corner | None, point: Point) -> str:
    return "out" if _is_in(corner, point) else "in"


def _corner(frame: Frame, corner: Corner | None) -> str:
    if corner is None or corner.y <= frame.y[0]:
        return ""
    right, top = min(frame.at_x(corner.x), frame.right), max(frame.at_y(corner.y), frame.top)
    # Words that are wider than the corner reach over its edge: they are read against the page as well.
    return (
        f'<rect class="corner" x="{place(frame.left)}" y="{place(top)}" width="{place(right - frame.left)}"'
        f' height="{place(frame.bottom - top)}"/>'
        f'<text x="{place(frame.left + 6)}" y="{place(frame.bottom - 8)}">{text(corner.words)}</text>'
    )


def _whisker(frame: Frame, point: Point, corner: Corner | None) -> str:
    if point.low is None or point.high is None:
        return ""
    x = frame.across(point.x)
    low, high = max(point.low, frame.y[0]), min(point.high, frame.y[1])
    return (
        f'<line class="whisker {_tone(corner, point)}" x1="{x}" x2="{x}" y1="{frame.up(low)}" y2="{frame.up(high)}"/>'
    )


def _radius(point: Point, most: float) -> float:
    """The area grows with the size."""
    return SMALLEST + (LARGEST - SMALLEST) * math.sqrt(point.size / most) if most else SMALLEST


def _dot(frame: Frame, point: Point, corner: Corner | None, most: float) -> str:
    r = _radius(point, most)
    at = f'cx="{frame.across(point.x)}" cy="{frame.up(point.y)}" r="{place(r)}"'
    return f'<circle class="point {_tone(corner, point)}" {at}/>'


Box = tuple[float, float, float, float]  # left, top, right, bottom


def _names(frame: Frame, points: Sequence[Point], corner: Corner | None, most: float) -> str:
    """Each name beside its point: right, left, above or below, wherever nothing else is; else nowhere.

    Those in the corner first: they are whom the reader looks for.
    """
    radius = {point: _radius(point, most) for point in points}
    taken: list[Box] = []
    for point, r in radius.items():
        x, y = frame.at_x(point.x), frame.at_y(point.y)
        taken.append((x - r, y - r, x + r, y + r))
    written = []
    for point in sorted(points, key=lambda point: not _is_in(corner, point)):
        x, y, r = frame.at_x(point.x), frame.at_y(point.y), radius[point]
        name = point.name if len(point.name) <= LONGEST else point.name[: LONGEST - 1] + "…"
        wide = LETTER * len(name)
        for left, middle, anchor, at in (
            (x + r + SPARE, y, "start", x + r + SPARE),
            (x - r - SPARE - wide, y, "end", x - r - SPARE),
            (x - wide / 2, y - r - LINE, "middle", x),
            (x - wide / 2, y + r + LINE, "middle", x),
        ):
            box = (left, middle - LINE / 2, left + wide, middle + LINE / 2)
            inside = frame.left <= box[0] and box[2] <= frame.right + RIGHT and frame.top - LINE <= box[1]
            if inside and box[3] <= frame.bottom and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                where = f'x="{place(at)}" y="{place(middle)}" dy="4" text-anchor="{anchor}"'
                written.append(f'<text class="lab halo" {where}>{text(name)}</text>')
                break
    return "".join(written)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
