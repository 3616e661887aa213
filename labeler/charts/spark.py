"""A line as small as a word, for a cell of a table. Its numbers are its text: nothing is only drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from labeler.charts.markup import Markup, attributes, finite, place, text

EDGE = 4.0  # room for the last point's ring


def sparkline(
    values: Sequence[float | None],
    label: str,
    *,
    y_range: tuple[float, float],
    tone: Literal["l1", "l2", "l3"] = "l1",
    width: int = 96,
    height: int = 26,
) -> Markup:
    """values by rising time, None where there is none; label: what they are, with the numbers, for who does not see it.

    y_range: what the lowest and the highest place mean, the same for all lines of a table; values beyond are at the
    edge. Empty below two values: a point is no course.
    """
    known = [(i, finite(value)) for i, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return Markup("")
    low, high = y_range
    step = (width - 2 * EDGE) / max(len(values) - 1, 1)

    def at(i: int, value: float) -> str:
        share = min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.5
        return f"{place(EDGE + i * step)} {place(height - EDGE - share * (height - 2 * EDGE))}"

    points = [at(i, value) for i, value in known]
    x, y = points[-1].split()
    return Markup(
        f'<svg class="chart spark" viewBox="0 0 {width} {height}" role="img"{attributes(aria_label=label)}>'
        f"<title>{text(label)}</title>"
        f'<path class="{tone}" d="M{"L".join(points)}"/><circle class="{tone} dot" cx="{x}" cy="{y}" r="2.5"/></svg>'
    )
