"""Shares with their intervals, one under the other: a table with a bar and a whisker in each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labeler.charts.markup import UNDEFINED, Markup, Words, finite, number, place, scrolling, text

WIDE, HIGH = 120, 16


@dataclass(frozen=True, slots=True)
class Share:
    """One line. name: text, or markup with `__html__`. value: in [0, 1]; None: undefined, and reason says why.

    note: beside the name. quiet: the bar is drawn in grey, because something else is what the reader should look at.
    """

    name: object
    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None
    note: object = ""
    quiet: bool = False


def shares(
    caption: str, lines: Sequence[Share], *, words: Words, name_head: str, n_head: str, value_head: str | None = None
) -> Markup:
    """The lines in the given order. The bars are hidden from screen readers: the numbers beside them say the same.

    Raises ValueError for a share outside [0, 1].
    """
    head = (
        f'<th scope="col">{text(name_head)}</th><td class="sp"></td>'
        f'<th scope="col" class="r">{text(words.share if value_head is None else value_head)}</th>'
        f'<th scope="col" class="r">{text(n_head)}</th>'
    )
    body = "".join(_line(line, words) for line in lines)
    table = (
        f'<table class="tbl shares"><caption class="vh">{text(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    return Markup(scrolling(caption, table))


def _line(line: Share, words: Words) -> str:
    note = f" {text(line.note)}" if line.note else ""
    interval = ""
    if line.low is not None and line.high is not None:
        said = words.share_between % {"low": number(100 * line.low, 1), "high": number(100 * line.high, 1)}
        interval = f'<span class="iv">{text(said)}</span>'
    reason = f'<span class="iv wraps">{text(line.reason)}</span>' if line.value is None and line.reason else ""
    value = UNDEFINED if line.value is None else f"{number(100 * line.value, 1)}\N{NO-BREAK SPACE}%"
    return (
        f'<tr><th scope="row">{text(line.name)}{note}</th><td class="sp">{_bar(line)}</td>'
        f'<td class="r">{value}{interval}{reason}</td><td class="r">{line.n:,}</td></tr>'
    )


def _bar(line: Share) -> str:
    if line.value is None:
        return ""
    if not 0 <= finite(line.value) <= 1:
        raise ValueError(f"{line.value} is no share")
    bar = f'<rect class="bar{" quiet" if line.quiet else ""}" width="{place(WIDE * line.value)}" height="{HIGH}"/>'
    whisker = ""
    if line.low is not None and line.high is not None:
        low, high, middle = place(WIDE * finite(line.low)), place(WIDE * finite(line.high)), HIGH / 2
        ends = "".join(f'<line x1="{x}" x2="{x}" y1="{middle - 4:g}" y2="{middle + 4:g}"/>' for x in (low, high))
        whisker = f'<g class="ends"><line x1="{low}" x2="{high}" y1="{middle:g}" y2="{middle:g}"/>{ends}</g>'
    return (
        f'<svg class="share" viewBox="0 0 {WIDE} {HIGH}" aria-hidden="true">'
        f'<rect class="rail" width="{WIDE}" height="{HIGH}"/>{bar}{whisker}</svg>'
    )
