"""Escaping, number formats and the table twin: what all charts share."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

UNDEFINED = "–"


class Markup(str):
    """What a chart is: text that says by `__html__` that nothing in it needs escaping, as Django's safe strings do."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class Words:
    """What charts write by themselves, in the reader's language: whoever draws hands them in.

    Where names stand in %(...)s, a chart fills in numbers as text, or names.
    """

    show_as_table: str
    as_table: str  # %(name)s: of the chart
    nothing: str  # in place of a chart without points
    interval: str  # what heads a column of intervals
    between: str  # %(low)s and %(high)s
    share_between: str  # the same in percent
    with_band: str  # %(value)s, and its interval from %(low)s to %(high)s
    share: str
    yes: str
    no: str
    # heat tables
    pair: str
    kappa: str
    shared_images: str
    note: str
    both: str  # %(a)s and %(b)s
    undefined: str
    no_shared_images: str
    neutral: str  # %(target)s
    low: str
    high: str
    n_shared: Callable[[int], str]
    called: Callable[[str, str, int], str]  # what one class was called, and on how many images
    # the burn-up
    day: str
    today: str
    labeled: str
    final: str
    forecast: str
    n_labeled: str  # %(n)s
    n_final: str
    n_wanted: str


def text(value: object) -> str:
    """value as escaped text; markup that says so itself (`__html__`) stays as it is."""
    markup = getattr(value, "__html__", None)
    return str(markup()) if markup is not None else html.escape(str(value), quote=True)


def attributes(**values: object) -> str:
    """` name="value"` for each value that is not None; class_ is class, aria_label is aria-label."""
    return "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value), quote=True)}"'
        for name, value in values.items()
        if value is not None
    )


def finite(value: float) -> float:
    """value, or ValueError: a NaN in a path draws nothing and says nothing."""
    if not math.isfinite(value):
        raise ValueError(f"cannot draw {value}")
    return float(value)


def number(value: float | None, decimals: int = 2) -> str:
    """1234.5 -> 1,234.50; None -> a dash."""
    return UNDEFINED if value is None else f"{finite(value):,.{decimals}f}"


def place(value: float) -> str:
    """A coordinate, short: 12, 12.5."""
    return f"{value:.1f}".removesuffix(".0")


def drawing(look: str, width: int, height: int, title: str, sentence: str, inside: str) -> str:
    """An SVG with what it is called, and what it says for those who do not see it."""
    return (
        f'<svg class="{look}" viewBox="0 0 {width} {height}" role="img"{attributes(aria_label=f"{title}. {sentence}")}>'
        f"<title>{text(title)}</title><desc>{text(sentence)}</desc>{inside}</svg>"
    )


def table(caption: str, head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A plain table; the first cell of each row names it."""
    columns = "".join(f'<th scope="col"{"" if i == 0 else RIGHT}>{text(cell)}</th>' for i, cell in enumerate(head))
    body = "".join(
        f'<tr><th scope="row">{text(name)}</th>' + "".join(f"<td{RIGHT}>{text(cell)}</td>" for cell in cells) + "</tr>"
        for name, *cells in rows
    )
    return (
        f'<table class="tbl"><caption class="vh">{text(caption)}</caption>'
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>"
    )


RIGHT = ' class="r"'


def twin(caption: str, head: Sequence[object], rows: Iterable[Sequence[object]], words: Words) -> str:
    """The same numbers as a table, folded away: complete for readers who do not see the drawing."""
    # Another name than the drawing has: two regions of one name are one too many for who walks by them.
    inside = scrolling(words.as_table % {"name": caption}, table(caption, head, rows))
    return f'<details class="twin"><summary class="sm">{text(words.show_as_table)}</summary>{inside}</details>'


def scrolling(name: str, content: str) -> str:
    """A wide table scrolls by itself, also by keyboard, instead of pushing the page sideways."""
    return f'<div class="scroll-x" tabindex="0" role="region"{attributes(aria_label=name)}>{content}</div>'
