"""Small drawings side by side, one per class, each a square from 0 to 1: ROC curves, precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labeler.charts.markup import Markup, attributes, finite, place, text

SIDE = 150  # of a drawing, in viewBox units
EDGE = 3.0  # room for the width of the line


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve. points: (x, y) in 0..1; name: text or markup with `__html__`; figure: the number it comes to."""

    name: object
    words: str  # the curve for who does not see it
    figure: str
    points: Sequence[tuple[float, float]]


def panels(items: Sequence[Panel], *, x_name: str, y_name: str, diagonal: bool = False) -> Markup:
    """A list of small figures; empty without items. The caller brings the table with the numbers.

    diagonal: a dotted line from corner to corner, what guessing gives. Raises ValueError for NaN or infinity.
    """
    if not items:
        return Markup("")
    axes = f'<p class="xs dim">→ {text(x_name)} · ↑ {text(y_name)}</p>'
    return Markup(f'<ul class="panels">{"".join(_panel(item, diagonal) for item in items)}</ul>{axes}')


def _panel(item: Panel, diagonal: bool) -> str:
    inside = SIDE - 2 * EDGE

    def at(x: float, y: float) -> str:
        return f"{place(EDGE + finite(x) * inside)} {place(SIDE - EDGE - finite(y) * inside)}"

    path = [at(x, y) for x, y in item.points]
    low, high = place(EDGE), place(SIDE - EDGE)
    frame = f'<path class="ax" d="M{low} {low}L{low} {high}L{high} {high}"/>'
    guess = f'<path class="tgt" d="M{at(0, 0)}L{at(1, 1)}"/>' if diagonal else ""
    line = f'<path class="l1" d="M{"L".join(path)}"/>' if len(path) > 1 else ""
    return (
        f'<li><p class="name">{text(item.name)}</p>'
        f'<svg class="chart panel" viewBox="0 0 {SIDE} {SIDE}" role="img"{attributes(aria_label=item.words)}>'
        f"<title>{text(item.words)}</title>{frame}{guess}{line}</svg>"
        f'<p class="xs mut num">{text(item.figure)}</p></li>'
    )
