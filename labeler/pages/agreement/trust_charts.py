"""What the agreement page shows of the trust report: figures become charts, tables and sentences.

Knows how they are shown; what they are is labeler/agreement/trust.py's, and who may see whom is decided there too
(of_person).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from statistics import median
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler import charts
from labeler.models import Project
from labeler.models.project import ConsensusMethod
from labeler.pages.overview.people_attention import FAST
from labeler.templatetags.figures import figure, interval, percent, points, thousands
from labeler.wording.sentences import chart_words

Report = Mapping[str, Any]

WEEK_TICKS = 6
SPEED_PEOPLE = 2  # fewer are no comparison
# A sign in a word, for a chip; its sentence stands beside it.
SIGNS = {
    "run": gettext_lazy("same answer in a row"),
    "order": gettext_lazy("answers follow an order"),
    "fast": gettext_lazy("faster than looking takes"),
    "chance": gettext_lazy("near chance"),
    "drift": gettext_lazy("drifts"),
}


def person_url(project: Project, username: str) -> str:
    return reverse("annotator", args=[project.pk, username])


# ---------------------------------------------------------------- sentences


def why(project: Project, found: Report, *, may_review: bool) -> str:
    """Guideline or person, in one sentence with its evidence; empty where nothing can be said."""
    sign = "α" if project.draws else "κ"
    says = {"pairs": thousands(found["pairs"]), "low": thousands(found["low"]), "target": figure(found["target"])}
    match found["kind"]:
        case "fine":
            return _("All %(pairs)s pairs of people agree to the target of %(target)s or better.") % says
        case "guideline":
            words = _(
                "All %(pairs)s pairs of people are below the target of %(target)s (mean %(sign)s %(mean)s), so nobody "
                "stands out: the guideline is unclear."
            ) % {**says, "sign": sign, "mean": figure(found["mean"])}
            return (
                f"{words} {_('Look at the classes that are confused, and settle them there.')}" if may_review else words
            )
        case "person":
            return format_html(
                _(
                    "{name} sees it otherwise: mean {sign} {own} with the others, who agree among themselves at "
                    "{others} (target {target}). Look at images together before the guideline is changed."
                ),
                name=_named(project, found["person"], may_review), sign=sign, own=figure(found["own"]),
                others=figure(found["others"]), target=says["target"],
            )  # fmt: skip
        case "several":
            words = _(
                "%(low)s of %(pairs)s pairs of people are below the target of %(target)s: people draw the line in "
                "different places."
            )
            words %= says
            return f"{words} {_('Settle the confused classes in the guideline.')}" if may_review else words
    return ""


def _named(project: Project, username: str, may_review: bool) -> str:
    return format_html('<a href="{}">{}</a>', person_url(project, username), username) if may_review else username


def paradox(found: Report | None) -> str:
    """One class holds nearly all labels: what kappa and alpha can say there."""
    if found is None:
        return ""
    words = _(
        "“%(name)s” holds %(prevalence)s of the labels, so chance alone makes most answers equal, and κ and α hang "
        "on the few other images: α is %(alpha)s although people agree on %(observed)s. Figures that mind this "
        "less: AC1 %(ac1)s, PABAK %(pabak)s. %(bias)s"
    )
    return words % {
        "name": found["category"], "prevalence": percent(found["prevalence"]), "alpha": figure(found["alpha"]),
        "observed": percent(found["observed"]["value"]), "ac1": figure(found["ac1"]), "pabak": figure(found["pabak"]),
        "bias": _bias(found["bias"]),
    }  # fmt: skip


def _bias(value: float | None) -> str:
    if value is None:
        return ""
    words = (
        _("People choose it about equally often (bias index %(bias)s).")
        if value < 0.05
        else _("Some choose it more often than others (bias index %(bias)s).")
    )
    return words % {"bias": figure(value)}


def plus(value: float | None) -> str:
    """A difference with its sign: +0.07."""
    return "–" if value is None else f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def signed(stat: Report) -> str:
    """A difference with its sign and interval: +0.07 (0.02 to 0.12)."""
    return f"{plus(stat['value'])} ({interval(stat)})" if interval(stat) else plus(stat["value"])


# ---------------------------------------------------------------- over time


def over_time(project: Project, report: Report) -> dict[str, Any]:
    weeks = [(0, row["alpha"]) for row in report["by_week"] if row["alpha"]["value"] is not None]
    return {"line": by_week(project, report), "better": better(weeks), "versions": versions(report)}


def by_week(project: Project, report: Report) -> charts.Markup:
    """Is it getting better? Blind alpha week by week with its band, the target, and versions of the guideline."""
    weeks = [(_day(row["week"]), row["alpha"]) for row in report["by_week"]]
    known = [(day, stat) for day, stat in weeks if stat["value"] is not None]
    # A version that began before the first week, or after the last, parts nothing.
    marks = [
        (float(day), _("guideline v%(n)s") % {"n": row["version"]})
        for row in report["by_guideline"]
        if known and row["began"] and known[0][0] < (day := _day(row["began"])) < known[-1][0] + 7
    ]
    line = charts.Series(
        _("α by week"),
        [(day, stat["value"]) for day, stat in weeks],
        band=[(day, stat["low"], stat["high"]) for day, stat in known if stat["low"] is not None],
    )
    return charts.line_chart(
        _("Is it getting better?"),
        better(known),
        [line],
        words=chart_words(),
        x_name="",
        y_name="",
        x_ticks=week_ticks([day for day, _stat in known], WEEK_TICKS),
        x_words=week_words,
        x_head=_("week"),
        target=(project.target_agreement, _("target %(target)s") % {"target": figure(project.target_agreement)}),
        marks=marks,
        height=260,
        empty=_("No week has images yet that two people judged without a suggestion."),
    )


def _day(when: str) -> int:
    return date.fromisoformat(when).toordinal()


def better(known: Sequence[tuple[int, Report]], *, as_share: bool = False) -> str:
    """What the line says, in words: for those who do not see it, and under the chart."""
    written = percent if as_share else figure
    if len(known) < 2:
        return _("One week so far: a course needs two.") if known else ""
    (_d, first), (_e, last) = known[0], known[-1]
    apart = None not in (first["low"], first["high"], last["low"], last["high"])
    told = _("From %(first)s in the first week to %(last)s in the last; the intervals overlap, so chance may do it.")
    if apart and (last["low"] > first["high"] or last["high"] < first["low"]):
        told = _("From %(first)s in the first week to %(last)s in the last: the intervals do not touch.")
    return told % {"first": written(first["value"]), "last": written(last["value"])}


def week_words(day: float) -> str:
    return _("week of %(day)s") % {"day": _short(int(day))}


def week_ticks(days: Sequence[int], most: int) -> list[tuple[float, str]]:
    """As many as fit beside each other, the last one among them."""
    step = -(-len(days) // most) or 1
    return [(float(day), _short(day)) for day in days[::-1][::step][::-1]]


def _short(day: int) -> str:
    return date_format(date.fromordinal(day), "j M")


def versions(report: Report) -> list[dict[str, Any]]:
    """The table under the line: agreement under each version of the guideline, and the change."""
    return [
        {
            **row,
            "began": date.fromisoformat(row["began"]) if row["began"] else None,
            "change_text": plus(row["change"]["value"]) if row["change"] else "",
            "is_sure": bool(row["change"] and _beyond_chance(row["change"])),
        }
        for row in report["by_guideline"]
    ]


def _beyond_chance(stat: Report) -> bool:
    return stat["low"] is not None and stat["high"] is not None and (stat["low"] > 0 or stat["high"] < 0)


# ---------------------------------------------------------------- people


def speed(project: Project, people: Sequence[Report]) -> charts.Markup:
    """Fast or careful? Seconds per label against agreement with the others, on labels without a suggestion."""
    rows = [row for row in people if row["kappa"]["value"] is not None and row["seconds_blind"] is not None]
    limit = fast_limit([row["seconds_blind"] for row in rows])
    corner = charts.Corner(limit, project.target_agreement, _("fast, low agreement")) if limit else None
    points = [
        charts.Point(
            row["username"], row["seconds_blind"], row["kappa"]["value"], row["n_blind"], row["kappa"]["low"],
            row["kappa"]["high"], person_url(project, row["username"]),
        )
        for row in rows
    ]  # fmt: skip
    inside = [p.name for p in points if corner and p.x < corner.x and p.y < corner.y]
    sentence = (
        _("Fast and below the target: %(names)s.") % {"names": ", ".join(inside)}
        if inside
        else _("Nobody is both fast and below the target.")
    )
    return charts.scatter(
        _("Fast or careful?"),
        sentence,
        points if len(points) >= SPEED_PEOPLE else [],
        words=chart_words(),
        x_name=_("seconds per label"),
        y_name=_("κ with the others"),
        size_name=_("labels"),
        corner=corner,
        target=(project.target_agreement, ""),
        name_head=_("person"),
        height=280,
        empty=_("Two people with measured times and images in common are needed."),
    )


def fast_limit(times: Sequence[float]) -> float | None:
    """Below it somebody is fast: FAST of the middle person's time, as the overview's cards have it."""
    return FAST * median(times) if times else None


def people(project: Project, agreement: Sequence[Report], report: Report | None) -> list[dict[str, Any]]:
    """Rows of the table: what the agreement report says of each person, and what the trust report adds."""
    of = {row["username"]: row for row in report["people"]} if report else {}
    beside = [(row, of.get(row["username"], {})) for row in agreement]
    return [
        {
            **row,
            "gold": more.get("gold"), "repeats": more.get("repeats"), "planted": more.get("planted"),
            "paused": more.get("paused", False), "signs": signs(more.get("signs", ())),
            "page": person_url(project, row["username"]),
        }
        for row, more in beside
    ]  # fmt: skip


def has(rows: Sequence[Report], name: str) -> bool:
    """Whether anybody has such a figure: a column of dashes is left out."""
    return any(row.get(name) and row[name]["n"] for row in rows)


def signs(found: Sequence[Report]) -> list[dict[str, str]]:
    return [{"word": str(SIGNS.get(sign["rule"], sign["rule"])), "sentence": sign["sentence"]} for sign in found]


# ---------------------------------------------------------------- the model, the method


def anchored(found: Report) -> dict[str, Any]:
    """Is anyone anchored by the model? The two shares, and what follows."""
    lines = [
        _line(_("suggestion seen"), found["shown"]),
        _line(_("suggestion not seen"), found["hidden"], quiet=True),
    ]
    caption = _("Labels equal to the model's suggestion")
    return {
        "has_any": bool(found["shown"]["n"]),  # without a suggestion that was seen there is no question
        "chart": charts.shares(
            caption, lines, words=chart_words(), name_head=_("Equal to the model"), n_head=_("Labels")
        ),
        "sentence": _anchored(found),
        "note": found["note"] if found["difference"]["value"] is not None else "",
    }


def _anchored(found: Report) -> str:
    difference, copied = found["difference"], found["copied"]
    if difference["value"] is None:
        return _("Labels with and without a visible suggestion are both needed for the comparison.")
    gap = points(difference["value"])
    within = _("95 %%: %(low)s to %(high)s") % {"low": points(difference["low"]), "high": points(difference["high"])}
    said = _("Difference %(gap)s points (%(within)s).") % {"gap": gap, "within": within}
    if difference["low"] is not None and difference["low"] > 0 and copied["value"] is not None:
        words = _(
            "Of the labels that would have differed, about %(share)s gave way to the suggestion (%(low)s to %(high)s)."
        )
        low, high = (percent(max(0.0, copied[end])) for end in ("low", "high"))
        return f"{said} {words % {'share': percent(copied['value']), 'low': low, 'high': high}}"
    return f"{said} {_('That is no sign of anchoring beyond chance.')}"


def _line(name: object, stat: Report, **more: Any) -> charts.Share:
    return charts.Share(name, stat["value"], stat["low"], stat["high"], stat["n"], stat["reason"], **more)


def methods(project: Project, found: Sequence[Report]) -> str:
    """Which consensus is right on gold? Empty without gold images that have votes."""
    if not any(row["right"]["n"] for row in found):
        return ""
    words = dict(ConsensusMethod.choices)
    chip = format_html('<span class="chip good">{}</span>', _("in use"))
    lines = [
        _line(
            str(words.get(row["method"], row["method"])), row["right"],
            note=chip if row["method"] == project.consensus_method else "",
            quiet=row["method"] != project.consensus_method,
        )
        for row in found
    ]  # fmt: skip
    return charts.shares(
        _("Right on gold, by method"),
        lines,
        words=chart_words(),
        name_head=_("Method"),
        n_head=_("Gold images"),
        value_head=_("Right"),
    )


def saved(found: Report) -> dict[str, str]:
    """What adaptive overlap saved, in words."""
    if not found["n_images"]:
        return {"figure": "–", "text": _("No image has all its labels yet.")}
    share = found["saved"] / found["fixed"] if found["fixed"] else 0.0
    text = _(
        "%(per_image)s labels an image on %(n)s images, where a fixed overlap would have asked for %(fixed)s in all."
    )
    error = found["expected_error"]
    more = _("Expected share of wrong answers among them: %(error)s.") % {"error": percent(error, 1)}
    return {
        "figure": thousands(found["saved"]),
        "share": percent(share),
        "text": text % {
            "per_image": figure(found["per_image"]), "n": thousands(found["n_images"]),
            "fixed": thousands(found["fixed"]),
        },
        "error": more if error is not None else "",
    }  # fmt: skip


def ordered(found: Report | None) -> dict[str, Any] | None:
    """Figures that know the order of the classes."""
    if found is None:
        return None
    words = {"linear": _("linear weights"), "quadratic": _("quadratic weights")}
    return {**found, "weights_words": words[found["weights"]]}
