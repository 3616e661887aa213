"""Horizontal bars: <progress>, whose length is an attribute and not a style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labeler.charts.markup import Markup, attributes, finite, text


@dataclass(frozen=True, slots=True)
class Bar:
    """One line. name: text, or markup with `__html__`; note: written at the end instead of the value.

    maximum: the full length of this line, where lines have full lengths of their own.
    """

    name: object
    value: float
    note: str | None = None
    href: str | None = None
    maximum: float | None = None


def bars(lines: Sequence[Bar], *, empty: str, maximum: float | None = None) -> Markup:
    """A list of names, bars and numbers, in the given order.

    empty: what stands there without a line. maximum: the full length; the largest value where it is not given.
    Raises ValueError for a negative value.
    """
    if not lines:
        return Markup(f'<p class="sm mut">{text(empty)}</p>')
    if any(finite(bar.value) < 0 for bar in lines):
        raise ValueError("a bar cannot be negative")
    longest = maximum or max(bar.value for bar in lines) or 1
    return Markup('<ul class="bars">' + "".join(_line(bar, bar.maximum or longest) for bar in lines) + "</ul>")


def _line(bar: Bar, full: float) -> str:
    name = text(bar.name)
    named = f"<a{attributes(href=bar.href)}>{name}</a>" if bar.href else f"<span>{name}</span>"
    note = text(bar.note if bar.note is not None else f"{bar.value:,.10g}")
    # Hidden from screen readers: the number beside it says the same.
    length = attributes(max=f"{full:.10g}", value=f"{min(bar.value, full):.10g}", aria_hidden="true")
    return f'<li>{named}<progress{length}></progress><span class="v">{note}</span></li>'
