"""Line charts with axes, bands, marks, notes and a legend: training curves, agreement over time, burn-up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labeler.charts.axes import (
    BOTTOM,
    LEFT,
    NAMES,
    RIGHT,
    TOP,
    Frame,
    axes,
    round_ticks,
    span,
    target_line,
    tick_words,
)
from labeler.charts.markup import UNDEFINED, Markup, Words, drawing, finite, number, place, text, twin

HEADROOM = 12
LEGEND_ROW = 20
WORDS = 18  # the height of a line of words, on a phone
MIDDLE = 5  # of a line of words, above the height it is placed at
LARGE_LETTER = 9.0  # about the width of a letter of the legend on a phone, where it is 17 px high
DOTTED_POINTS = 15  # up to here each point gets a dot
SMALL = 480  # a drawing of at most this width is shown beside others, and shrinks less on a phone


@dataclass(frozen=True, slots=True)
class Series:
    """One line. points: (x, y) by rising x; y None leaves a gap. band: (x, low, high), e.g. an interval.

    dots: a ring at each point while they are few.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    band: Sequence[tuple[float, float, float]] = ()
    tone: Literal["l1", "l2", "l3"] = "l1"  # accent, good, attention
    dashed: bool = False
    dots: bool = True


@dataclass(frozen=True, slots=True)
class Note:
    """Words at a point of the chart, perhaps with a ring round it. What they say stands in the table too."""

    x: float
    y: float
    words: str
    anchor: Literal["start", "middle", "end"] = "start"  # where in the words the point is
    down: float = -8  # how far below the point the words stand; negative: above it
    ring: Literal["l1", "l2", "l3"] | None = None


def line_chart(
    title: str,
    sentence: str,
    series: Sequence[Series],
    *,
    words: Words,
    x_name: str,
    y_name: str,
    x_ticks: Sequence[tuple[float, str]] | None = None,
    y_range: tuple[float, float] | None = None,
    target: tuple[float, str] | None = None,
    marks: Sequence[tuple[float, str]] = (),
    notes: Sequence[Note] = (),
    x_words: Callable[[float], str] | None = None,
    x_head: str | None = None,
    percent: bool = False,
    width: int = 620,
    height: int = 300,
    empty: str | None = None,
) -> Markup:
    """A figure: the drawing, and the same numbers as a table.

    sentence: what the chart says, for those who do not see it. x_ticks: (value, words) instead of round
    numbers. y_range: at least this much of the y axis. target: a dotted level and its name. marks: vertical
    lines with names; an empty name draws the line alone. notes: words at points. x_words: what an x is called
    in the table, where the ticks do not name each; x_head: what heads them there, if not x_name. percent: y
    values are shares and are written as percent.
    Raises ValueError for NaN or infinity; without any point it is a sentence saying so.
    """
    drawn = [point for one in series for point in one.points if point[1] is not None]
    if not drawn:
        return Markup(f'<p class="sm mut">{text(words.nothing if empty is None else empty)}</p>')
    legend, legend_height = _legend(series, width)
    bands = [edge for one in series for x, low, high in one.band for edge in ((x, low), (x, high))]
    xs = [finite(x) for x, _y in (*drawn, *bands)] + [finite(x) for x, _name in marks] + [note.x for note in notes]
    ys = [finite(y) for _x, y in (*drawn, *bands) if y is not None] + list(y_range or ()) + [note.y for note in notes]
    ys += [finite(target[0])] if target else []
    whole = all(x == int(x) for x in xs)  # epoch 2.5 does not exist
    x_marks = list(x_ticks or ((x, tick_words(x, False)) for x in round_ticks(min(xs), max(xs), 6, whole=whole)))
    y_marks = round_ticks(min(ys), max(ys), 5)
    # The name of a target at the top would touch the legend.
    top = TOP + legend_height + (HEADROOM if legend and target else 0)
    frame = Frame(
        span([*xs, *(x for x, _called in x_marks)]),
        span([*ys, *y_marks]),
        LEFT,
        width - RIGHT,
        top,
        height + legend_height - (BOTTOM if x_name or y_name else BOTTOM - NAMES),
    )
    inside = (
        legend
        + axes(frame, x_marks, y_marks, x_name, y_name, percent)
        + target_line(frame, target)
        + "".join(_mark(frame, x, name, target, series) for x, name in marks)
        + "".join(_band(frame, one) for one in series)
        + "".join(_line(frame, one) for one in series)
        + "".join(_note(frame, one) for one in notes)
    )
    look = "chart small" if width <= SMALL else "chart"
    table = _as_table(title, series, x_head or x_name, dict(x_marks), x_words, percent, words)
    return Markup(f"<figure>{drawing(look, width, height + legend_height, title, sentence, inside)}{table}</figure>")


def _mark(frame: Frame, x: float, name: str, target: tuple[float, str] | None, series: Sequence[Series]) -> str:
    at = frame.across(x)
    y = frame.bottom - 8
    if target is not None and frame.bottom - frame.at_y(target[0]) < 2 * WORDS:
        y = frame.at_y(target[0]) - 6 - WORDS  # a target so low has its own name where this would be
    # Beyond the middle the name stands left of its line, or it would leave the drawing.
    left_of_it = float(at) > (frame.left + frame.right) / 2
    anchor, shift = ("end", -6) if left_of_it else ("start", 6)
    edge = float(at) + shift
    ends = sorted((edge, edge + math.copysign(LARGE_LETTER * len(name), shift)))
    # At the bottom, unless a line runs through the words there and through less of them higher up.
    heights = (y, frame.top + WORDS, (frame.top + frame.bottom) / 2)
    y = min(heights, key=lambda height: _crossed(frame, series, ends[0], ends[1], height - MIDDLE))
    line = f'<line class="now" x1="{at}" x2="{at}" y1="{place(frame.bottom)}" y2="{place(frame.top)}"/>'
    if not name:
        return line
    return f'{line}<text x="{at}" dx="{shift}" y="{place(y)}" text-anchor="{anchor}">{text(name)}</text>'


def _crossed(frame: Frame, series: Sequence[Series], left: float, right: float, y: float) -> int:
    """On how many units between two places a line runs through words at this height."""
    across = np.arange(left, right)
    n = 0
    for one in series:
        points = [(frame.at_x(x), frame.at_y(value)) for x, value in one.points if value is not None]
        if points:
            xs, ys = zip(*points, strict=True)
            n += int((np.abs(np.interp(across, xs, ys, left=np.inf, right=np.inf) - y) < WORDS / 2 + 2).sum())
    return n


def _note(frame: Frame, note: Note) -> str:
    x, y = frame.across(finite(note.x)), frame.up(finite(note.y))
    aside = {"start": 6, "middle": 0, "end": -6}[note.anchor]
    ring = f'<circle class="{note.ring} dot" cx="{x}" cy="{y}" r="4"/>' if note.ring else ""
    # A halo in the colour of the page: the words stay readable where a line or a grid runs under them.
    return ring + (
        f'<text class="lab halo" x="{x}" y="{y}" dx="{aside}" dy="{place(note.down)}" text-anchor="{note.anchor}">'
        f"{text(note.words)}</text>"
    )


def _band(frame: Frame, series: Series) -> str:
    if not series.band:
        return ""
    there = [f"{frame.across(x)} {frame.up(high)}" for x, _, high in series.band]
    back = [f"{frame.across(x)} {frame.up(low)}" for x, low, _ in reversed(series.band)]
    return f'<path class="{"band2" if series.tone == "l2" else "band"}" d="M{"L".join(there + back)}Z"/>'


def _line(frame: Frame, series: Series) -> str:
    runs: list[list[str]] = [[]]
    for x, y in series.points:
        if y is None:
            runs.append([])
        else:
            runs[-1].append(f"{frame.across(x)} {frame.up(y)}")
    style = series.tone + (" dash" if series.dashed else "")
    lines = "".join(f'<path class="{style}" d="M{"L".join(run)}"/>' for run in runs if len(run) > 1)
    places = [at.split() for run in runs for at in run]
    # A point between two gaps has no line: its dot is all that shows it.
    alone = [run[0].split() for run in runs if len(run) == 1]
    dots = places if series.dots and len(places) <= DOTTED_POINTS else alone
    return lines + "".join(f'<circle class="{series.tone} dot" cx="{x}" cy="{y}" r="3"/>' for x, y in dots)


def _legend(series: Sequence[Series], width: int) -> tuple[str, int]:
    """A short piece of each line with its name, in as many rows as they need; nothing for a single line."""
    if len(series) < 2:
        return "", 0
    items, x, row = [], float(LEFT), 0
    for one in series:
        length = 34 + LARGE_LETTER * len(one.name)
        if x > LEFT and x + length > width - RIGHT:
            x, row = float(LEFT), row + 1
        y = row * LEGEND_ROW + 10
        style = one.tone + (" dash" if one.dashed else "")
        items.append(
            f'<line class="{style}" x1="{place(x)}" x2="{place(x + 20)}" y1="{y}" y2="{y}"/>'
            f'<text class="lab" x="{place(x + 26)}" y="{y + 4}">{text(one.name)}</text>'
        )
        x += length + 16
    return "".join(items), (row + 1) * LEGEND_ROW


def _as_table(
    title: str,
    series: Sequence[Series],
    x_name: str,
    ticks: dict[float, str],
    x_words: Callable[[float], str] | None,
    percent: bool,
    words: Words,
) -> str:
    values: list[dict[float, float]] = [{x: y for x, y in one.points if y is not None} for one in series]
    bands = [{x: (low, high) for x, low, high in one.band} for one in series]
    xs = {x for points in values for x in points} | {x for edges in bands for x in edges}
    rows: list[tuple[str, ...]] = [
        (
            x_words(x) if x_words else ticks.get(x, f"{x:,.10g}"),
            *(_with_band(y.get(x), band.get(x), percent, words) for y, band in zip(values, bands, strict=True)),
        )
        for x in sorted(xs)
    ]
    return twin(title, (x_name, *(one.name for one in series)), rows, words)


def _with_band(value: float | None, band: tuple[float, float] | None, percent: bool, words: Words) -> str:
    def written(y: float) -> str:
        return f"{number(100 * y, 1)} %" if percent else f"{round(y, 4):,g}"

    said = UNDEFINED if value is None else written(value)
    if band is None:
        return said
    return words.with_band % {"value": said, "low": written(band[0]), "high": written(band[1])}
