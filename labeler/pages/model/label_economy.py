"""The label economy of a project: what share of its labels is right, how that grew, what the next hour buys.

Knows how it is shown; the figures are labeler/progress/label_economy.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from labeler import charts
from labeler.consensus.economy_standing import FEWEST_CHECKS
from labeler.models import Role
from labeler.pages.asking import Access, project_page
from labeler.pages.classes_only import classes_only
from labeler.progress import cached_reports
from labeler.templatetags.figures import figure, percent, thousands
from labeler.training import prelabels
from labeler.wording.sentences import chart_words, in_words

Report = Mapping[str, Any]


@project_page(Role.REVIEWER)
@classes_only(
    "model",
    gettext_lazy("Label economy"),
    gettext_lazy(
        "It is estimated from how probable each class of an image is. Drawn objects have no such figure yet: the "
        "agreement page says how far people agree, and adaptive overlap asks one more person where they do not."
    ),
)
def economy(request: HttpRequest, access: Access) -> HttpResponse:
    figures = cached_reports.figures(access.project, "economy")
    found = in_words(figures.value)
    context: dict[str, Any] = {"found": found, "as_of": figures.as_of if figures.is_kept else None}
    if found is not None:
        context |= {
            "verdict": _verdict(found),
            "missing": max(0, found["checks_wanted"] - found["checks"]),
            "first_missing": max(0, FEWEST_CHECKS - found["checks"]),
            "against_quota": _against_quota(found),
            "points": _points(found["next_hour"]["gain"]) if found["next_hour"] else "",
            "hours": _time(found["until_goal"]),
            "each": _each(found["pace"]["seconds_per_judgement"]),
            "course": _course(found),
            "course_title": _course_title(found),
            "has_band": len(found["history"]) > 1,
            "notes": _notes(found),
            "is_looking": found["model"] is not None and prelabels.are_under_way(access.project),
        }
    return access.render(request, "model/economy.html", "model", **context)


def _points(share: float) -> str:
    """0.0123 -> +1.2 points; what rounds to nothing says so."""
    points = round(100 * share, 1)
    return _("less than 0.1 points") if points < 0.1 else _("+%(n)s points") % {"n": f"{points:.1f}"}


def _verdict(found: Report) -> str:
    """How far the goal is, in words."""
    goal, value = found["goal"], found["right"]["value"]
    if value is None:
        return ""
    words = {"goal": percent(goal, 1 if round(1000 * goal) % 10 else 0)}
    if found["surely"]:
        return _("The goal of %(goal)s is reached, and the whole interval lies above it.") % words
    if found["reached"]:
        return _("The goal of %(goal)s is reached; the interval still goes below it.") % words
    if value >= goal and found["checks"] < found["checks_wanted"]:
        return _("At the goal of %(goal)s by the posterior's own word: too few blind images bear it out yet.") % words
    if value >= goal:
        words |= {"half": _hundredths(value - found["right"]["low"]), "wanted": _hundredths(found["near_enough"])}
        told = _(
            "At the goal of %(goal)s, but known only to %(half)s points (%(wanted)s at most are wanted): "
            "more answers decide it."
        )
        if not found["askable"]:
            told = _(
                "At the goal of %(goal)s, but known only to %(half)s points (%(wanted)s at most are wanted), and "
                "everybody has answered what may be asked: allow more labels per image."
            )
        return told % words
    words["left"] = f"{100 * (goal - value):.1f}"
    return _("%(left)s points below the goal of %(goal)s.") % words


def _hundredths(share: float) -> str:
    """0.0125 -> 1.25; 0.02 -> 2"""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".")


def _against_quota(found: Report) -> str:
    """What a fixed quota would ask in all; and once the goal is reached, what was saved of that.

    Before, fewer judgements are work that is left. Empty where the quota would have asked no more.
    """
    asked = found["images"] * found["fixed_per_image"]
    saved = asked - found["judgements"]
    if not found["reached"]:
        return ngettext(
            "%(n)s judgement in all, if every image were asked that often",
            "%(n)s judgements in all, if every image were asked that often",
            asked,
        ) % {"n": thousands(asked)}
    if saved <= 0:
        return ""
    return ngettext(
        "%(n)s judgement saved of the %(asked)s that a fixed quota asks",
        "%(n)s judgements saved of the %(asked)s that a fixed quota asks",
        saved,
    ) % {"n": thousands(saved), "asked": thousands(asked)}


def _time(until: Report | None) -> str:
    """How long until the goal: work of one person, and days as the project goes."""
    if until is None or not until["judgements"] or until["hours"] is None:
        return ""
    minutes = round(60 * until["hours"])
    # "about less than a minute" is no sentence.
    if minutes < 1:
        work = _("less than a minute of one person's work")
    elif minutes < 100:
        work = ngettext("about %(n)s minute of one person's work", "about %(n)s minutes of one person's work", minutes)
        work %= {"n": minutes}
    else:
        hours = round(until["hours"])
        work = ngettext("about %(n)s hour of one person's work", "about %(n)s hours of one person's work", hours)
        work %= {"n": thousands(hours)}
    if until["days"] is None or until["days"] < 1:
        return work
    days = round(until["days"])
    paced = ngettext("%(n)s day of labeling at the present pace", "%(n)s days of labeling at the present pace", days)
    return f"{work}, {paced % {'n': thousands(days)}}"


def _each(stat: Report) -> str:
    """Seconds per judgement in words, with their interval where there is one; empty where they are not known."""
    if stat["value"] is None:
        return ""
    if stat["low"] is None:
        return _("%(n)s s each") % {"n": f"{stat['value']:.1f}"}
    return _("%(n)s s each (95 %%: %(low)s to %(high)s)") % {
        "n": f"{stat['value']:.1f}", "low": f"{stat['low']:.1f}", "high": f"{stat['high']:.1f}",
    }  # fmt: skip


def _is_foretold(found: Report) -> bool:
    return bool(found["ahead"]) and found["right"]["value"] is not None


def _course_title(found: Report) -> str:
    """What the drawing is of: readings, the look ahead, or both."""
    if not _is_foretold(found):
        return _("How it grew")
    return _("How it grew, and what more brings") if found["history"] else _("What more brings")


def _course(found: Report) -> charts.Markup:
    """Share right by judgements: what was estimated, and what more are expected to bring."""
    past = [(row["judgements"], row["right"]) for row in found["history"]]
    band = [(row["judgements"], row["low"], row["high"]) for row in found["history"]]
    now = found["judgements"]
    series = []
    said = []
    if past:
        series.append(charts.Series(_("estimated"), past, band=band))
        said.append(_("Each reading with its 95 % interval."))
    if _is_foretold(found):
        coming = [(now + row["judgements"], row["right"]) for row in found["ahead"]]
        series.append(charts.Series(_("expected, if the model learned nothing more"), coming, tone="l2", dashed=True))
        said.append(_("What more judgements are expected to bring, if the model learned nothing more."))
    return charts.line_chart(
        _("Share of labels right by judgements"), " ".join(said),
        series, words=chart_words(), x_name=_("judgements"), y_name=_("share right"), percent=True,
        target=(found["goal"], _("goal %(goal)s") % {"goal": percent(found["goal"])}),
        marks=[(float(now), _("now"))] if past and found["ahead"] else [],
        width=620, height=310, empty=_("A first reading is kept when a worker has looked at the first answers."),
    )  # fmt: skip


def _notes(found: Report) -> list[str]:
    """What a reader of the figures must know."""
    notes = []
    if not found["decides_together"]:
        notes.append(
            _(
                "This project decides by another method: the figures say what people and model together would give. "
                "Settings, “Consensus and overlap”, has the choice."
            )
        )
    if not found["asks_by_gain"]:
        notes.append(
            _("The queue does not ask where one more answer gains most, so the course is not kept, and more is asked.")
        )
    if found["model"] is None:
        notes.append(_("There is no model yet: images without a label count as guessed by the shares of the classes."))
    if found["assisted"]:
        notes.append(
            ngettext(
                "On %(n)s image somebody saw the suggestion before answering: the model has no vote there.",
                "On %(n)s images somebody saw the suggestion before answering: the model has no vote there.",
                found["assisted"],
            )
            % {"n": thousands(found["assisted"])}
        )
    if found["accuracy"] is not None:
        notes.append(
            _("People are estimated right with a chance of %(accuracy)s.") % {"accuracy": figure(found["accuracy"])}
        )
    return notes
