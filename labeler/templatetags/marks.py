"""Small drawings in templates: the marker of a class, an icon. Knows templates/shell/symbols.html."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

COLOURS = 6
SHAPES = 12


def marker_of(index: int) -> tuple[int, int]:
    """(colour 1..6, shape 1..12) of the class at this place, counted from 0.

    Twelve shapes in six colours; from the thirteenth class on the shapes move by one, so that a pair
    repeats only after 72 classes. static/js/label/markers.js computes the same.
    """
    return index % COLOURS + 1, (index + index // SHAPES) % SHAPES + 1


@register.simple_tag
def marker(index: int) -> SafeString:
    """`{% marker forloop.counter0 %}`: the marker of the class at this place; write its name beside it."""
    colour, shape = marker_of(int(index))
    return format_html('<svg class="mk c{}" aria-hidden="true"><use href="#m{}"/></svg>', colour, shape)


@register.simple_tag
def icon(name: str) -> SafeString:
    """`{% icon "back" %}`: a line drawing, hidden from screen readers; its control needs a name."""
    return format_html('<svg class="ic" aria-hidden="true"><use href="#i-{}"/></svg>', name)
