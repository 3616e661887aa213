"""What changed from one text to another: lines, and words within a line. Pure; knows no page.

Equal stretches shrink to a few lines around each change, as people know it from code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

Kind = Literal["same", "gone", "new"]

CONTEXT = 3  # equal lines shown on each side of a change
# Lines this alike are one line that was changed; others one that went and one that came.
ALIKE = 0.5
# Comparing costs up to the square of what is compared: a text of blank lines must not hold up a web process.
MOST_WORDS, MOST_PAIRS, MOST_LINES = 2000, 200, 2000
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the comparison, in pieces; `hidden` equal lines are left out where it stands for them."""

    pieces: tuple[tuple[Kind, str], ...] = ()
    hidden: int = 0

    @property
    def kind(self) -> Literal["same", "gone", "new", "changed", "hidden"]:
        kinds = {kind for kind, _ in self.pieces}
        if self.hidden:
            return "hidden"
        return kinds.pop() if len(kinds) == 1 else "changed" if kinds else "same"


def compare(old: str, new: str) -> list[Line]:
    """The lines of both texts in order, each said to be same, gone, new, or changed within. [] for equal texts."""
    before, after = old.splitlines(), new.splitlines()
    if before == after:
        return []
    lines: list[Line] = []
    steps = SequenceMatcher(None, before, after, autojunk=max(len(before), len(after)) > MOST_LINES).get_opcodes()
    for number, (step, a0, a1, b0, b1) in enumerate(steps):
        if step == "equal":
            lines += _shrunk(before[a0:a1], is_first=number == 0, is_last=number == len(steps) - 1)
        else:
            lines += _changed(before[a0:a1], after[b0:b1])
    return lines


def _shrunk(lines: Sequence[str], *, is_first: bool, is_last: bool) -> Iterator[Line]:
    head, tail = (0 if is_first else CONTEXT), (0 if is_last else CONTEXT)
    hidden = len(lines) - head - tail
    if hidden <= 1:  # to say that one line is left out takes a line
        head, hidden = len(lines), 0
    yield from (_whole("same", text) for text in lines[:head])
    if hidden:
        yield Line(hidden=hidden)
        yield from (_whole("same", text) for text in lines[len(lines) - tail :])


def _whole(kind: Kind, text: str) -> Line:
    return Line(((kind, text),))


def _changed(gone: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    if max(len(gone), len(new)) > MOST_PAIRS:
        yield from (_whole("gone", text) for text in gone)
        yield from (_whole("new", text) for text in new)
        return
    for before, after in zip_longest(gone, new):
        if before is None or after is None:
            yield _whole("new", after) if before is None else _whole("gone", before)
            continue
        pieces = _pieces(before, after)
        if pieces is None:
            yield _whole("gone", before)
            yield _whole("new", after)
        else:
            yield Line(tuple(pieces))


def _pieces(before: str, after: str) -> list[tuple[Kind, str]] | None:
    """Word by word what changed in a line; None where the two have too little in common to be one."""
    a, b = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(a), len(b)) > MOST_WORDS:
        return None
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < ALIKE:
        return None
    pieces: list[tuple[Kind, str]] = []
    for step, a0, a1, b0, b1 in matcher.get_opcodes():
        if step == "equal":
            pieces.append(("same", "".join(a[a0:a1])))
            continue
        if a1 > a0:
            pieces.append(("gone", "".join(a[a0:a1])))
        if b1 > b0:
            pieces.append(("new", "".join(b[b0:b1])))
    return pieces
