"""The frame of a drawing: from values to places, round ticks, axes and a target. What lines and points share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from labeler.charts.markup import place, text

LEFT, RIGHT, TOP, BOTTOM = 46, 16, 14, 46  # room for the ticks and the names of the axes, in viewBox units
# Ticks and names below the frame: on phones letters are 17 high, and the lowest tick beside it reaches 5 down.
TICKS_AT, NAMES_AT = 22, 40
NAMES = 17  # of BOTTOM: the line with the names of the axes
LETTER = 6.4  # about the width of a letter at 11.5 px; a legend breaks a little early rather than late


@dataclass(frozen=True, slots=True)
class Frame:
    """From values to places in the drawing."""

    x: tuple[float, float]
    y: tuple[float, float]
    left: float
    right: float
    top: float
    bottom: float

    def across(self, value: float) -> str:
        return place(self.at_x(value))

    def up(self, value: float) -> str:
        return place(self.at_y(value))

    def at_x(self, value: float) -> float:
        low, high = self.x
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def at_y(self, value: float) -> float:
        low, high = self.y
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)


def round_ticks(low: float, high: float, about: int, *, whole: bool = False) -> list[float]:
    """Round numbers that contain low..high, about so many: steps of 1, 2, 2.5 or 5 times a power of ten.

    whole: only whole numbers.
    """
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):  # all the same, but for the last digits
        low, high = (low - 1, low + 1) if whole else (low - 0.5, low + 0.5)
    raw = (high - low) / max(about - 1, 1)
    raw = max(raw, 1.0) if whole else raw
    power = 10.0 ** math.floor(math.log10(raw))
    steps = (power * factor for factor in (1, 2, 2.5, 5, 10))
    step = next(step for step in steps if step >= raw * (1 - 1e-9) and not (whole and step % 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def tick_words(value: float, percent: bool) -> str:
    if percent:
        return f"{round(100 * value, 6):g} %"
    return f"{value / 1000:,g}k" if abs(value) >= 100_000 else f"{value:,g}"


def axes(
    frame: Frame,
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
        f'<text {tick} y="{frame.up(y)}">{tick_words(y, percent)}</text>'
        for y in y_marks
    )
    below = "".join(
        f'<text x="{frame.across(x)}" y="{place(bottom + TICKS_AT)}" text-anchor="{_anchor(frame, x, words)}">'
        f"{text(words)}</text>"
        for x, words in x_marks
    )
    at = place(bottom + NAMES_AT)
    names = f'<text x="{right}" y="{at}" text-anchor="end">{text(x_name)}</text>' if x_name else ""
    if y_name:
        names += f'<text x="0" y="{at}">↑ {text(y_name)}</text>'
    return lines + below + names


def _anchor(frame: Frame, x: float, words: str) -> str:
    """Long words at the right edge end there: the middle of them would push the rest out of the drawing."""
    return "end" if x >= frame.x[1] and LETTER * len(words) / 2 > RIGHT else "middle"


def target_line(frame: Frame, target: tuple[float, str] | None) -> str:
    if target is None:
        return ""
    level, name = target
    y = frame.up(level)
    return (
        f'<line class="tgt" x1="{place(frame.left)}" x2="{place(frame.right)}" y1="{y}" y2="{y}"/>'
        f'<text x="{place(frame.left + 4)}" y="{y}" dy="-6">{text(name)}</text>'
    )
