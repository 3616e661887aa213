"""Small drawings in templates: the marker of a class, an icon. Knows templates/shell/symbols.html."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from labeler.label_set import categories
from labeler.label_set.markers import Marker
from labeler.models import Category

register = template.Library()


@register.simple_tag
def marker(shown: Category | Marker | None) -> SafeString:
    """`{% marker category %}`: the marker of a class; write its name beside it. None: it has left the label set."""
    if shown is None:
        return mark_safe("")
    # No number: the place of a class does not tell its marker, a lead may have chosen another.
    colour, shape = categories.marker_of(shown) if isinstance(shown, Category) else shown
    return format_html('<svg class="mk c{}" aria-hidden="true"><use href="#m{}"/></svg>', colour, shape)


@register.simple_tag
def icon(name: str) -> SafeString:
    """`{% icon "back" %}`: a line drawing, hidden from screen readers; its control needs a name."""
    return format_html('<svg class="ic" aria-hidden="true"><use href="#i-{}"/></svg>', name)
