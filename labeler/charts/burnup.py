"""The burn-up: images with an answer and final ones, day by day, against what is wanted, and a fan of what may come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labeler.charts.lines import Note, Series, line_chart
from labeler.charts.markup import Markup, Words

LETTER = 0.0165  # of the width, on a phone, where the words of a tick are largest
APART = 0.03  # of the width, between the words of two ticks
FUTURE = 2.0  # times the history: further ahead is not drawn, or the history would be a needle
FUTURE_DAYS = 28  # at least
NEAR = 0.85  # of what is wanted


@dataclass(frozen=True, slots=True)
class Fan:
    """What may come. points: (days from today, low, median, high) of what is final by then; words: when it may end.

    reach: what is final at the end: not all that is wanted, where something else than labels is missing too.
    """

    points: Sequence[tuple[float, float, float, float]]
    end: float  # days from today at which the median is done
    words: str
    reach: float


def burn_up(
    title: str,
    sentence: str,
    *,
    words: Words,
    labeled: Sequence[tuple[int, int]],
    final: Sequence[tuple[int, int]],
    today: int,
    wanted: int,
    day_words: Callable[[float], str],
    fan: Fan | None = None,
    width: int = 620,
    height: int = 300,
    empty: str | None = None,
) -> Markup:
    """A figure. labeled, final: (day, so far), by rising day, on any scale of whole days; today: the last of them.

    wanted: where it shall end. day_words: what a day is called. Without a fan it ends today.
    """
    if not labeled:
        return line_chart(title, sentence, [], words=words, x_name="", y_name="", empty=empty)
    first = labeled[0][0]
    series = [
        Series(words.labeled, list(labeled), tone="l1", dots=False),
        Series(words.final, list(final), tone="l2", dots=False),
    ]
    have, done = labeled[-1][1], final[-1][1] if final else 0
    last = today
    # Near the level that is wanted there is no room above the line.
    below = wanted > 0 and have >= NEAR * wanted
    notes = [Note(today, have, words.n_labeled % {"n": f"{have:,}"}, "end", down=20 if below else -10, ring="l1")]
    if fan is not None:
        ahead = max(FUTURE * (today - first), FUTURE_DAYS)
        drawn = [point for point in fan.points if point[0] <= ahead]
        last = today + round(drawn[-1][0])
        middle = [(today + day, value) for day, _low, value, _high in drawn]
        band = [(today + day, low, high) for day, low, _value, high in drawn]
        series.append(Series(words.forecast, middle, band=band, tone="l2", dashed=True, dots=False))
        if today + fan.end <= last:
            notes.append(Note(today + fan.end, fan.reach, "", ring="l2"))
    if final:
        # Right of today nothing runs below the line: there is room, if there is a future.
        right = last > today
        crowded = below and not right and have - done < (1 - NEAR) * wanted
        said, down = words.n_final % {"n": f"{done:,}"}, 38 if crowded else 20
        notes.append(Note(today, done, said, "start" if right else "end", down, ring="l2"))
    if fan is not None:
        notes.append(Note(last, wanted, fan.words, anchor="end", down=-8))
    return line_chart(
        title,
        sentence,
        series,
        words=words,
        x_name="",
        y_name="",
        x_ticks=_ticks(first, today, last, fan, day_words, words.today),
        y_range=(0, max(wanted, have)),
        target=(wanted, words.n_wanted % {"n": f"{wanted:,}"}) if wanted else None,
        marks=[(today, "")] if last > today else [],
        notes=notes,
        x_words=day_words,
        x_head=words.day,
        width=width,
        height=height,
    )


def _ticks(
    first: int, today: int, last: int, fan: Fan | None, day_words: Callable[[float], str], today_word: str
) -> list[tuple[float, str]]:
    """Today, the likely end, and days between, none too close to another; the most telling ones first."""
    span = max(last - first, 1)
    asked: list[tuple[float, str]] = [(today, today_word)]
    if fan is not None and today + fan.end <= last:
        asked.append((today + round(fan.end), day_words(today + round(fan.end))))
    asked += [(day, day_words(day)) for day in (first, last)]
    asked += [(round(first + span * part / 8), day_words(round(first + span * part / 8))) for part in (4, 2, 6, 3, 5)]
    chosen: list[tuple[float, str]] = []

    def reaches(day: float, words: str) -> tuple[float, float]:
        """From where to where the words of a tick stand, in shares of the width; the last one's end at the edge."""
        at, width = (day - first) / span, LETTER * len(words)
        return (at - width, at) if day == last else (at - width / 2, at + width / 2)

    for tick in asked:
        begin, end = reaches(*tick)
        if all(end + APART <= other[0] or other[1] + APART <= begin for other in (reaches(*one) for one in chosen)):
            chosen.append(tick)
    return sorted(chosen)
