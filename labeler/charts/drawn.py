"""Objects that people drew, as lines over an image: each person in a colour and a line style of their own.

Knows paths in pixels of the image, not how a shape becomes one. The picture lies under the drawing (parts/drawn.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labeler.charts.markup import Markup, attributes, text

STYLES = 6  # a colour and a line style together; the seventh person is drawn as the first


@dataclass(frozen=True, slots=True)
class Outline:
    """One object. path: the `d` of an SVG path, in pixels. style: 1 to STYLES. name: whose it is and what."""

    path: str
    style: int
    name: str
    faded: bool = False  # nothing to look at: everybody drew it alike


def drawn_svg(shapes: Sequence[Outline], width: int, height: int, label: str) -> Markup:
    """The objects of all people over each other, of an image of width x height px; label: what is said of it.

    Each line has a dark one under it: it stays readable on any picture.
    """
    lines = "".join(
        f'<g class="who{shape.style}{" faded" if shape.faded else ""}"><title>{text(shape.name)}</title>'
        f'<path class="under" d="{text(shape.path)}"/><path d="{text(shape.path)}"/></g>'
        for shape in shapes
    )
    return Markup(
        f'<svg class="drawn" viewBox="0 0 {width} {height}" preserveAspectRatio="xMidYMid meet" role="img"'
        f"{attributes(aria_label=label)}>{lines}</svg>"
    )


def known_svg(path: str, width: int, height: int, label: str) -> Markup:
    """Objects that are known, as one path over the thumbnail of an image of width x height px, which fills its frame.

    label: what is said of it. Other than people's: one line, in one colour (css/app.css: svg.known).
    """
    return Markup(
        f'<svg class="known" viewBox="0 0 {width} {height}" preserveAspectRatio="xMidYMid slice" role="img"'
        f'{attributes(aria_label=label)}><path class="under" d="{text(path)}"/><path d="{text(path)}"/></svg>'
    )


def line_of(style: int) -> Markup:
    """A short piece of a person's line, for the legend."""
    return Markup(
        f'<svg class="drawn piece who{style}" viewBox="0 0 28 8" width="28" height="8" aria-hidden="true">'
        '<path d="M1 4H27"/></svg>'
    )
