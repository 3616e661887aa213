"""Heat tables: kappa of every pair of people, and a confusion matrix.

HTML tables, so every number is text; the colour only helps the eye.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from labeler.charts.markup import UNDEFINED, Markup, Words, attributes, number, scrolling, text, twin

# Letters that the columns have room for side by side, beside the heads of the rows: in a card of 1280 px, on a phone.
ROOM, ROOM_ON_PHONES = 80, 35
MARK = 4  # letters that a class's marker and the gaps of a column take


@dataclass(frozen=True, slots=True)
class PairCell:
    """The agreement of two people. value None: undefined, and reason says why."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None
    href: str | None = None  # to the images of the two


def pair_matrix(
    names: Sequence[str],
    cells: Mapping[tuple[int, int], PairCell],
    target: float,
    *,
    words: Words,
    caption: str,
    few: int,
    sign: str = "κ",
) -> Markup:
    """Who disagrees with whom: kappa, or a figure of another sign, with half its interval, coloured by how far it is
    from the target.

    cells: by the places (i, j) of two names, in either order. A pair without a cell shares no images. few: below so
    many images a kappa is not coloured: its value says little.
    """

    def cell_of(i: int, j: int) -> str:
        if i == j:
            return '<td class="diag"></td>'
        return f"<td>{_pair_cell(names, cells, i, j, target, few, words, sign)}</td>"

    matrix = _matrix(names, caption, "<td></td>", names, cell_of)
    rows = [
        (
            words.both % {"a": names[i], "b": names[j]},
            number(cell.value),
            _interval(cell, words) or UNDEFINED,
            f"{cell.n:,}",
            cell.reason or "",
        )
        for (i, j), cell in sorted(cells.items())
    ]
    head_of_list = (words.pair, words.kappa, words.interval, words.shared_images, words.note)
    listed = twin(caption, head_of_list, rows, words) if rows else ""
    neutral = words.neutral % {"target": number(target)}
    return Markup(matrix + heat_scale(neutral, words) + listed)


def _pair_cell(
    names: Sequence[str],
    cells: Mapping[tuple[int, int], PairCell],
    i: int,
    j: int,
    target: float,
    few: int,
    words: Words,
    sign: str,
) -> str:
    cell = cells.get((i, j)) or cells.get((j, i)) or PairCell(None, None, None, 0, words.no_shared_images)
    pair = words.both % {"a": names[i], "b": names[j]} + ": "
    if cell.value is None:
        return _cell(UNDEFINED, "none", pair + (cell.reason or words.undefined), cell.href if cell.n else None)
    interval = _interval(cell, words)
    said = f"{sign} {number(cell.value)}" + (f" (95 % {interval})" if interval else "")
    said += ", " + words.n_shared(cell.n)
    if cell.reason:
        said += f"; {cell.reason}"
    note = f"±{(cell.high - cell.low) / 2:.2f}" if cell.low is not None and cell.high is not None else f"n {cell.n:,}"
    level = "none" if cell.n < few else f"d{level_around(cell.value, target)}"
    return _cell(f"{number(cell.value)}<small>{note}</small>", level, pair + said, cell.href)


def _interval(cell: PairCell, words: Words) -> str:
    if cell.low is None or cell.high is None:
        return ""
    return words.between % {"low": number(cell.low), "high": number(cell.high)}


def _cell(content: str, level: str, title: str, href: str | None) -> str:
    if href:
        return f"<a{attributes(class_=level, href=href, title=title)}>{content}</a>"
    return f"<span{attributes(class_=f'cell {level}', title=title)}>{content}</span>"


def level_around(value: float, target: float) -> int:
    """-3 (far below) .. 0 (at the target) .. 3 (far above): one step is .055 below, .045 above."""
    if value < target:
        return max(-3, round((value - target) / 0.055))
    return min(3, max(0, math.ceil((value - target - 0.02) / 0.045)))


def heat_scale(note: str, words: Words) -> Markup:
    """The colours of level_around, from low to high, with a word on what is neutral."""
    steps = "".join(f'<i class="d{level}"></i>' for level in range(-3, 4))
    said = f'<span class="dim">· {text(note)}</span>'
    return Markup(
        f'<div class="scale"><span>{text(words.low)}</span>{steps}<span>{text(words.high)}</span>{said}</div>'
    )


def confusion_matrix(
    names: Sequence[str],
    counts: Sequence[Sequence[int]],
    *,
    words: Words,
    caption: str,
    row_name: str,
    column_name: str,
    tags: Sequence[object] | None = None,
    href: Callable[[int, int], str | None] | None = None,
) -> Markup:
    """Which classes are taken for which: counts[i][j] images of row class i answered as column class j.

    The shade counts errors only; the diagonal is hatched, or its large numbers would drown them.
    row_name, column_name: who says the rows and the columns ("truth", "model"). tags: what heads a column
    instead of its name (markup with `__html__`), one each. href: the page of a cell's images.
    Raises ValueError unless counts is a square of len(names) with no negative number.
    """
    k = len(names)
    if len(counts) != k or any(len(row) != k for row in counts):
        raise ValueError(f"counts must be {k} x {k}")
    if any(n < 0 for row in counts for n in row):
        raise ValueError("counts cannot be negative")
    most = max((counts[i][j] for i in range(k) for j in range(k) if i != j), default=0)
    corner = f'<td class="xs dim r">{text(row_name)}\N{NO-BREAK SPACE}↓ {text(column_name)}\N{NO-BREAK SPACE}→</td>'

    def cell_of(i: int, j: int) -> str:
        return _confused(names, int(counts[i][j]), i, j, most, href, words)

    return Markup(_matrix(names, caption, corner, tags or names, cell_of))


def _matrix(
    names: Sequence[str], caption: str, corner: str, tags: Sequence[object], cell_of: Callable[[int, int], str]
) -> str:
    """A square table. tags: what heads the columns. cell_of: the markup of a cell, by row and column."""
    head = "".join(_head("col", name, tag) for name, tag in zip(names, tags, strict=True))
    body = "".join(
        f"<tr>{_head('row', name)}{''.join(cell_of(i, j) for j in range(len(names)))}</tr>"
        for i, name in enumerate(names)
    )
    return scrolling(
        caption,
        f'<table class="{_look(names)}"><caption class="vh">{text(caption)}</caption>'
        f"<thead><tr>{corner}{head}</tr></thead><tbody>{body}</tbody></table>",
    )


def _head(scope: str, name: str, shown: object = None) -> str:
    """What heads a column or a row. The title has what is too long to be shown; nothing of it is cut for readers of
    the markup.
    """
    inside = text(name if shown is None else shown)
    return f'<th{attributes(scope=scope, title=name)}><span class="called">{inside}</span></th>'


def _look(names: Sequence[str]) -> str:
    """The classes of the table: names that would not fit side by side stand upright, on all screens or on phones."""
    letters = len(names) * (max(map(len, names), default=0) + MARK)
    return "heat turned" if letters > ROOM else "heat turned-s" if letters > ROOM_ON_PHONES else "heat"


def _confused(
    names: Sequence[str], n: int, i: int, j: int, most: int, href: Callable[[int, int], str | None] | None, words: Words
) -> str:
    if i == j:
        return f'<td class="diag"><span class="cell">{n:,}</span></td>'
    if n == 0:
        return '<td><span class="cell none">·</span></td>'
    title = words.called(names[i], names[j], n)
    return f"<td>{_cell(f'{n:,}', f'q{math.ceil(n / most * 5)}', title, href(i, j) if href else None)}</td>"
