"""How far a project is, as the overview shows it: the bar, the pace, when it is done, the burn-up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler import charts
from labeler.models import Project
from labeler.models.image import Status
from labeler.pages.images import filters
from labeler.templatetags.figures import thousands
from labeler.wording.sentences import chart_words

DAYS_DRAWN = 120
Figures = Mapping[str, Any]


def progress_context(project: Project, figures: Figures, as_of: datetime) -> dict[str, Any]:
    progress = figures["progress"]
    return {
        "progress": progress,
        "bar": _bar(project, progress),
        "chart": burn_up(figures, as_of),
        "pace": _pace(figures, as_of),
        "done": when_done(project, figures, as_of),
    }


def _bar(project: Project, progress: Figures) -> dict[str, Any]:
    """The parts of the stacked bar, in thousandths of its width, each with its images, and the share beside it."""
    images = progress["images"]
    final, wanted = progress["wanted"]["settled"], progress["wanted"]["images"]
    whole = max(images["total"], wanted or 0)
    parts, left = [], 0.0
    unseen = progress.get("accepted", 0)
    rows = [
        (Status.SETTLED.value, Status.SETTLED.label, "done", images[Status.SETTLED]),
        (Status.DISPUTED.value, Status.DISPUTED.label, "split", images[Status.DISPUTED]),
        (Status.PARTLY.value, Status.PARTLY.label, "some", images[Status.PARTLY]),
        (filters.ACCEPTED, _("accepted by the model"), "unseen", unseen),
        (Status.UNLABELED.value, Status.UNLABELED.label, "left", images[Status.UNLABELED] - unseen),
    ]
    for value, name, style, n in rows:
        if value == filters.ACCEPTED and not n:
            continue
        width = 1000 * n / whole if whole else 0.0
        parts.append(
            {
                "name": name,
                "style": style,
                "n": n,
                # SVG reads a dot, whatever the language of the page writes.
                "x": f"{left:.1f}",
                "width": f"{width:.1f}",
                "href": filters.url(project, status=value),
            }
        )
        left += width
    of = wanted or images["total"]
    return {
        "parts": parts,
        "share": min(1.0, final / of) if of else None,
        "final": final,
        "wanted": wanted,
        "missing": max(0, wanted - images["total"]) if wanted else 0,
        "labeled": images["total"] - images["unlabeled"],
    }


def _pace(figures: Figures, as_of: datetime) -> dict[str, Any]:
    progress, accepted = figures["progress"], figures["accepted"]
    today = as_of.astimezone(UTC).date().isoformat()
    return {
        "seconds": figures["seconds_median"],
        "per_day": progress["pace"]["labels_per_day"],
        "today": next((row["labels"] for row in progress["by_day"] if row["day"] == today), 0),
        "accepted": accepted["same"] / accepted["shown"] if accepted["shown"] else None,
        "shown": accepted["shown"],
    }


def when_done(project: Project, figures: Figures, as_of: datetime) -> dict[str, Any]:
    """When the wanted images will have their labels: never one date without a range."""
    forecast, progress = figures["forecast"], figures["progress"]
    words: dict[str, Any] = {"range": "", "middle": "", "note": ""}
    if not progress["images"]["total"]:
        return words
    if forecast["days"] is None:
        words["note"] = forecast["reason"]
    elif forecast["days"] == 0:
        words["note"] = _("all labels are there")
    else:
        words["range"] = _range(forecast, as_of)
        if forecast["high"] is None or _date(forecast["low"], as_of) != _date(forecast["high"], as_of):
            words["middle"] = date_format(_date(forecast["days"], as_of), "j F")
    disputed = progress["images"]["disputed"]
    if disputed and forecast["reach"] < (progress["wanted"]["images"] or progress["images"]["total"]):
        words["settle"] = ngettext(
            "%(n)s disagreement is to be settled besides", "%(n)s disagreements are to be settled besides", disputed
        ) % {"n": thousands(disputed)}
    if project.wanted_images and progress["images"]["total"] < project.wanted_images:
        missing = project.wanted_images - progress["images"]["total"]
        words["missing"] = ngettext(
            "%(n)s image is still to be brought in", "%(n)s images are still to be brought in", missing
        ) % {"n": thousands(missing)}
    return words


def _date(days: float, as_of: datetime) -> date:
    return timezone.localtime(as_of + timedelta(days=days)).date()


def _range(forecast: Figures, as_of: datetime) -> str:
    """`likely 30 Nov to 14 Dec`."""
    low = _short(_date(forecast["low"], as_of))
    if forecast["high"] is None:
        return _("%(low)s at the earliest; it may take much longer") % {"low": low}
    high = _short(_date(forecast["high"], as_of))
    return _("likely %(low)s to %(high)s") % {"low": low, "high": high} if low != high else _("likely %s") % low


def _short(when: date) -> str:
    """With the year where it is not this one."""
    return date_format(when, "j M" if when.year == timezone.localdate().year else "j M Y")


def burn_up(figures: Figures, as_of: datetime) -> charts.Markup:
    """Images with an answer and final ones, day by day, against what is wanted, and what may come."""
    progress, forecast = figures["progress"], figures["forecast"]
    labeled, final = (
        [(date.fromisoformat(when), n) for when, n in figures[name]] for name in ("labeled_by_day", "final_by_day")
    )
    if not labeled:
        return charts.Markup()
    today = as_of.astimezone(UTC).date()
    # A day before the first answer, at zero: with answers of one day only there would be no line.
    first = max(labeled[0][0] - timedelta(days=1), today - timedelta(days=DAYS_DRAWN))
    wanted = progress["wanted"]["images"] or progress["images"]["total"]
    have, done = labeled[-1][1], final[-1][1] if final else 0
    fan = None
    if forecast["days"] and forecast["fan"] and forecast["reach"] > done:
        # The fan counts labels; a final image is what a certain number of them makes.
        per_label = (forecast["reach"] - done) / forecast["left"]
        points = [(t, *(done + per_label * n for n in (low, middle, high))) for t, low, middle, high in forecast["fan"]]
        fan = charts.Fan(points, forecast["days"], _range(forecast, as_of), forecast["reach"])
    sentence = _("%(labeled)s images have an answer and %(final)s are final, of %(wanted)s wanted.") % {
        "labeled": thousands(have),
        "final": thousands(done),
        "wanted": thousands(wanted),
    }
    if fan is not None:
        sentence += " " + _("At the present pace all have their labels: %(range)s.") % {
            "range": _range(forecast, as_of)
        }
    return charts.burn_up(
        _("Progress over time"),
        sentence,
        words=chart_words(),
        labeled=_daily(labeled, first, today),
        final=_daily(final, first, today),
        today=(today - first).days,
        wanted=wanted,
        day_words=lambda n: _short(first + timedelta(days=round(n))),
        fan=fan,
    )


def _daily(so_far: list[tuple[date, int]], first: date, today: date) -> list[tuple[int, int]]:
    """(day since the first, so far) for each day: a day without change is a flat piece, not a slope."""
    known = dict(so_far)
    count = max((n for when, n in so_far if when < first), default=0)
    rows = []
    for place in range((today - first).days + 1):
        count = known.get(first + timedelta(days=place), count)
        rows.append((place, count))
    return rows
