"""Line charts with axes, bands, marks and a legend: training curves, agreement over time, burn-up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from labeler.charts.markup import UNDEFINED, attributes, finite, number, place, text, twin
from labeler.charts.words import gettext as _

LEFT, RIGHT, TOP, BOTTOM = 46, 16, 14, 40  # room for the ticks and the names of the axes, in viewBox units
LEGEND_ROW = 20
LETTER = 6.4  # about the width of a letter at 11.5 px; a legend breaks a little early rather than late
DOTTED_POINTS = 15  # up to here each point gets a dot


@dataclass(frozen=True, slots=True)
class Series:
    """One line. points: (x, y) by rising x; y None leaves a gap. band: (x, low, high), e.g. an interval."""

    name: str
    points: Sequence[tuple[float, float | None]]
    band: Sequence[tuple[float, float, float]] = ()
    tone: Literal["l1", "l2", "l3"] = "l1"  # accent, good, attention
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class _Frame:
    """From values to places in the drawing."""

    x: tuple[float, float]
    y: tuple[float, float]
    left: float
    right: float
    top: float
    bottom: float

    def across(self, value: float) -> str:
        low, high = self.x
        return place(self.left + (value - low) / (high - low) * (self.right - self.left))

    def up(self, value: float) -> str:
        low, high = self.y
        return place(self.bottom - (value - low) / (high - low) * (self.bottom - self.top))


def line_chart(
    title: str,
    sentence: str,
    series: Sequence[Series],
    *,
    x_name: str,
    y_name: str,
    x_ticks: Sequence[tuple[float, str]] | None = None,
    y_range: tuple[float, float] | None = None,
    target: tuple[float, str] | None = None,
    marks: Sequence[tuple[float, str]] = (),
    percent: bool = False,
    width: int = 620,
    height: int = 300,
    empty: str | None = None,
) -> str:
    """A figure: the drawing, and the same numbers as a table.

    sentence: what the chart says, for those who do not see it. x_ticks: (value, words) instead of round
    numbers. y_range: at least this much of the y axis. target: a dotted level and its name. marks: vertical
    lines with names. percent: y values are shares and are written as percent.
    Raises ValueError for NaN or infinity; without any point it is a sentence saying so.
    """
    drawn = [point for one in series for point in one.points if point[1] is not None]
    if not drawn:
        return f'<p class="sm mut">{text(_("Nothing to draw yet.") if empty is None else empty)}</p>'
    legend, legend_height = _legend(series, width)
    bands = [edge for one in series for x, low, high in one.band for edge in ((x, low), (x, high))]
    xs = [finite(x) for x, _ in (*drawn, *bands)] + [finite(x) for x, _ in marks]
    ys = [finite(y) for _, y in (*drawn, *bands) if y is not None] + list(y_range or ())
    ys += [finite(target[0])] if target else []
    whole = all(x == int(x) for x in xs)  # epoch 2.5 does not exist
    x_marks = list(x_ticks or ((x, _words(x, False)) for x in round_ticks(min(xs), max(xs), 6, whole=whole)))
    y_marks = round_ticks(min(ys), max(ys), 5)
    frame = _Frame(
        _span([*xs, *(x for x, _ in x_marks)]),
        _span([*ys, *y_marks]),
        LEFT,
        width - RIGHT,
        TOP + legend_height,
        height + legend_height - BOTTOM,
    )
    inside = (
        legend
        + _axes(frame, x_marks, y_marks, x_name, y_name, percent)
        + _target(frame, target)
        + "".join(_mark(frame, x, name) for x, name in marks)
        + "".join(_band(frame, one) for one in series)
        + "".join(_line(frame, one) for one in series)
    )
    drawing = (
        f'<svg class="chart" viewBox="0 0 {width} {height + legend_height}" role="img"'
        f"{attributes(aria_label=f'{title}. {sentence}')}>"
        f"<title>{text(title)}</title><desc>{text(sentence)}</desc>{inside}</svg>"
    )
    return f"<figure>{drawing}{_as_table(title, series, x_name, dict(x_marks), percent)}</figure>"


def round_ticks(low: float, high: float, about: int, *, whole: bool = False) -> list[float]:
    """Round numbers that contain low..high, about so many: steps of 1, 2, 2.5 or 5 times a power of ten.

    whole: only whole numbers.
    """
    if high <= low:
        low, high = (low - 1, low + 1) if whole else (low - 0.5, low + 0.5)
    raw = (high - low) / max(about - 1, 1)
    raw = max(raw, 1.0) if whole else raw
    power = 10.0 ** math.floor(math.log10(raw))
    steps = (power * factor for factor in (1, 2, 2.5, 5, 10))
    step = next(step for step in steps if step >= raw * (1 - 1e-9) and not (whole and step % 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _words(value: float, percent: bool) -> str:
    if percent:
        return f"{round(100 * value, 6):g} %"
    return f"{value / 1000:,g}k" if abs(value) >= 100_000 else f"{value:,g}"


def _axes(
    frame: _Frame,
    x_marks: Sequence[tuple[float, str]],
    y_marks: Sequence[float],
    x_name: str,
    y_name: str,
    percent: bool,
) -> str:
    left, right, bottom = place(frame.left), place(frame.right), frame.bottom
    tick = f'x="{place(frame.left - 8)}" dy="4" text-anchor="end"'
    lines = "".join(
        f'<line class="ax" x1="{left}" x2="{right}" y1="{frame.up(y)}" y2="{frame.up(y)}"/>'
        f'<text {tick} y="{frame.up(y)}">{_words(y, percent)}</text>'
        for y in y_marks
    )
    below = "".join(
        f'<text x="{frame.across(x)}" y="{place(bottom + 17)}" text-anchor="middle">{text(words)}</text>'
        for x, words in x_marks
    )
    names = (
        f'<text x="{right}" y="{place(bottom + 34)}" text-anchor="end">{text(x_name)}</text>'
        f'<text x="0" y="{place(bottom + 34)}">↑ {text(y_name)}</text>'
    )
    return lines + below + names


def _target(frame: _Frame, target: tuple[float, str] | None) -> str:
    if target is None:
        return ""
    level, name = target
    y = frame.up(level)
    return (
        f'<line class="tgt" x1="{place(frame.left)}" x2="{place(frame.right)}" y1="{y}" y2="{y}"/>'
        f'<text x="{place(frame.left + 4)}" y="{y}" dy="-6">{text(name)}</text>'
    )


def _mark(frame: _Frame, x: float, name: str) -> str:
    at = frame.across(x)
    # Beyond the middle the name stands left of its line, or it would leave the drawing.
    left_of_it = float(at) > (frame.left + frame.right) / 2
    anchor, shift = ("end", -6) if left_of_it else ("start", 6)
    return (
        f'<line class="now" x1="{at}" x2="{at}" y1="{place(frame.bottom)}" y2="{place(frame.top)}"/>'
        f'<text x="{at}" dx="{shift}" y="{place(frame.bottom - 8)}" text-anchor="{anchor}">'
        f"{text(name)}</text>"
    )


def _band(frame: _Frame, series: Series) -> str:
    if not series.band:
        return ""
    there = [f"{frame.across(x)} {frame.up(high)}" for x, _, high in series.band]
    back = [f"{frame.across(x)} {frame.up(low)}" for x, low, _ in reversed(series.band)]
    return f'<path class="{"band2" if series.tone == "l2" else "band"}" d="M{"L".join(there + back)}Z"/>'


def _line(frame: _Frame, series: Series) -> str:
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
    dots = places if len(places) <= DOTTED_POINTS else alone
    return lines + "".join(f'<circle class="{series.tone} dot" cx="{x}" cy="{y}" r="3"/>' for x, y in dots)


def _legend(series: Sequence[Series], width: int) -> tuple[str, int]:
    """A short piece of each line with its name, in as many rows as they need; nothing for a single line."""
    if len(series) < 2:
        return "", 0
    items, x, row = [], float(LEFT), 0
    for one in series:
        length = 34 + LETTER * len(one.name)
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


def _as_table(title: str, series: Sequence[Series], x_name: str, x_words: dict[float, str], percent: bool) -> str:
    values: list[dict[float, float]] = [{x: y for x, y in one.points if y is not None} for one in series]
    bands = [{x: (low, high) for x, low, high in one.band} for one in series]
    xs = {x for points in values for x in points} | {x for edges in bands for x in edges}
    rows: list[tuple[str, ...]] = [
        (
            x_words.get(x, f"{x:,.10g}"),
            *(_with_band(y.get(x), band.get(x), percent) for y, band in zip(values, bands, strict=True)),
        )
        for x in sorted(xs)
    ]
    return twin(title, (x_name, *(one.name for one in series)), rows)


def _with_band(value: float | None, band: tuple[float, float] | None, percent: bool) -> str:
    def written(y: float) -> str:
        return f"{number(100 * y, 1)} %" if percent else f"{round(y, 4):,g}"

    said = UNDEFINED if value is None else written(value)
    if band is None:
        return said
    return _("%(value)s (%(low)s to %(high)s)") % {"value": said, "low": written(band[0]), "high": written(band[1])}
