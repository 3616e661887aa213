"""Numbers as people read them: thousands separated, shares in percent, an undefined figure as a dash.

Knows how a number looks, not what it means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django import template
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _

from labeler.label_set.markers import Marker
from labeler.models import Category
from labeler.models.job import Leased
from labeler.templatetags.marks import marker

register = template.Library()

UNDEFINED = "–"
MINUS = "\N{MINUS SIGN}"  # a hyphen is half as wide, and a line may end after it
LIKELY = 0.7


def _rounded(value: float, decimals: int, *, grouped: bool = False) -> str:
    # Rounded here: number_format cuts digits off, and an agreement of 0.749 would read 0.74.
    words = number_format(round(value, decimals), decimal_pos=decimals, force_grouping=grouped)
    return words.replace("-", MINUS)


@register.filter
def thousands(value: int | float | None) -> str:
    """1234 -> 1,234; None -> a dash."""
    return UNDEFINED if value is None else _rounded(value, 0, grouped=True)


@register.filter
def figure(value: float | None) -> str:
    """A coefficient with two decimals: 0.74; None -> a dash."""
    return UNDEFINED if value is None else _rounded(value, 2, grouped=True)


@register.filter
def percent(share: float | None, decimals: int = 0) -> str:
    """0.912 -> 91 %, with a space that does not break; None -> a dash."""
    if share is None:
        return UNDEFINED
    return f"{_rounded(100 * share, decimals)}\N{NO-BREAK SPACE}%"


@register.filter
def sureness(probability: float | None, is_calibrated: bool) -> str:
    """How sure a model is: 91 % where its percentages mean frequencies, else a word, as the labeling screen has it
    (static/js/label/answers.js). Nothing where an outside model says nothing of it.
    """
    if probability is None:
        return ""
    if is_calibrated:
        return percent(probability)
    return _("likely") if probability >= LIKELY else _("unsure")


@register.filter
def seconds(value: float | None) -> str:
    """2.13 -> 2.1 s; None -> a dash."""
    return UNDEFINED if value is None else f"{_rounded(value, 1)}\N{NO-BREAK SPACE}s"


@register.filter
def day(when: datetime | date) -> str:
    """21 Nov 2026."""
    return date_format(_local(when), "j M Y")


@register.filter
def moment(when: datetime) -> str:
    """21 Nov 2026, 16:46."""
    return date_format(_local(when), "j M Y, H:i")


@register.filter
def as_of(when: datetime) -> str:
    """12:03 of today; with its day when it is another one."""
    return date_format(_local(when), "H:i") if localtime(when).date() == localdate() else moment(when)


def _local(when: datetime | date) -> datetime | date:
    return localtime(when) if isinstance(when, datetime) else when


def _between(stat: Mapping[str, Any] | None, low: Callable[[float], str], high: Callable[[float], str]) -> str:
    if not stat or stat.get("low") is None or stat.get("high") is None:
        return ""
    return _("%(low)s to %(high)s") % {"low": low(stat["low"]), "high": high(stat["high"])}


@register.filter
def interval(stat: Mapping[str, Any] | None) -> str:
    """`0.71 to 0.77` of a figure with `low` and `high`; empty where no interval is known."""
    return _between(stat, figure, figure)


@register.filter
def percent_interval(stat: Mapping[str, Any] | None) -> str:
    """`89.2 to 92.9 %` of a share with `low` and `high`; empty where no interval is known."""
    return _between(stat, lambda share: _rounded(100 * share, 1), lambda share: percent(share, 1))


@register.filter
def get(mapping: Mapping[Any, Any], key: Any) -> Any:
    """`{{ mapping|get:key }}`: None when it is not there."""
    return mapping.get(key)


@register.simple_tag
def class_tag(shown: Category | Marker | None, name: str) -> SafeString:
    """Marker and name of a class. None: it has left the label set and has no marker."""
    return format_html('<span class="tag">{}<b>{}</b></span>', marker(shown), name)


@register.simple_tag
def class_tags(markers: Mapping[str, Marker], names: Sequence[str]) -> SafeString:
    """Tags of several classes; `none of these` where there is none."""
    if not names:
        return format_html('<span class="tag dim">{}</span>', _("none of these"))
    return format_html_join(" ", "{}", ((class_tag(markers.get(name), name),) for name in names))


@register.filter
def how_far(row: Leased) -> str:
    """`63 %` or `1,421 / 2,000` of a row that is being worked on; empty before its size is known."""
    if not row.progress_total:
        return ""
    # A whole of 100 is a percentage, not a hundred things. static/js/pages/watch.js says the same.
    if row.progress_total == 100:
        return percent(row.progress_done / 100)
    return f"{thousands(row.progress_done)} / {thousands(row.progress_total)}"


@register.filter
def share(stat: Mapping[str, Any] | None) -> str:
    """The value of a share's figure in percent: 91.2 %."""
    return percent(stat.get("value") if stat else None, 1)


@register.filter
def points(difference: float | None) -> str:
    """A difference of shares in percentage points, with its sign: 0.021 -> +2.1; None -> a dash."""
    if difference is None:
        return UNDEFINED
    rounded = round(100 * difference, 1) or 0.0  # never -0.0
    return ("+" if rounded > 0 else "") + _rounded(rounded, 1)


@register.filter
def points_interval(stat: Mapping[str, Any] | None) -> str:
    """`−3.1 to +1.2` of a difference of shares with `low` and `high`; empty where no interval is known."""
    return _between(stat, points, points)


@register.filter
def coefficient(stat: Mapping[str, Any] | None) -> str:
    """The value of a figure that is no share: 0.74; a dash where it is undefined or absent."""
    return figure(stat.get("value") if stat else None)
