"""The agreement page of a project that draws: where people see things, what they call them, how well outlines fit.

The same questions as on the page of classes (agreement.py, which hands over to this one). Knows how figures are shown;
what they are is labeler/agreement/objects.py's and object_trust.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler import charts
from labeler.labeling.label_arrays import Selection
from labeler.models import Project
from labeler.models.project import Task
from labeler.pages.agreement import trust_charts
from labeler.pages.agreement.pair_tables import matrix
from labeler.pages.agreement.selecting import MATRIX_PEOPLE, everyone, figure_card, shared_context
from labeler.pages.asking import Access
from labeler.pages.images import filters
from labeler.progress.cache import Figures
from labeler.stats.objects.differences import KINDS
from labeler.stats.objects.place_then_class import HEADLINE
from labeler.templatetags.figures import figure, thousands
from labeler.wording.sentences import chart_words, in_words

Report = Mapping[str, Any]

LISTED_PAIRS = 40
# Alpha of tight outlines falls from .5 to .7 by little; from here on they are called loose.
LOOSE = 0.1
KIND_WORDS = {
    "missed": (gettext_lazy("Missed"), gettext_lazy("others drew an object, this person did not")),
    "extra": (gettext_lazy("Too many"), gettext_lazy("an object that most others did not draw")),
    "doubled": (gettext_lazy("Drawn twice"), gettext_lazy("a second object on one thing")),
    "other_class": (gettext_lazy("Another class"), gettext_lazy("the same thing, called otherwise")),
    "shifted": (gettext_lazy("Shifted"), gettext_lazy("the same size, beside it")),
    "too_large": (gettext_lazy("Too large"), gettext_lazy("the same place, larger")),
    "too_small": (gettext_lazy("Too small"), gettext_lazy("the same place, smaller")),
}


def page(
    request: HttpRequest, access: Access, selection: Selection, found: Figures, figures: dict[str, Any] | None
) -> HttpResponse:
    """found: the agreement report; figures: the trust report in words, of a person's own where they see no others."""
    project, report = access.project, in_words(found.value)
    context = shared_context(request, selection, found, report, figures) | {"trust": figures}
    if report is not None:
        context |= {
            "summary": _summary(report),
            "cards": _cards(report, selection, figures),
            "notes": _notes(access, report, selection, figures),
            "curve": _curve(project, report),
        }
        if access.may_review:
            context |= _everyone(project, report, selection, figures)
    if figures is not None:
        context |= trust_charts.over_time(project, figures)
    return access.render(request, "agreement/drawn.html", "agreement", **context)


def _summary(report: Report) -> str:
    return _("%(objects)s objects in %(labels)s answers on %(images)s images, %(shared)s of them with two or more") % {
        "objects": thousands(report["n_objects"]), "labels": thousands(report["n_labels"]),
        "images": thousands(report["n_images"]), "shared": thousands(report["n_shared_images"]),
    }  # fmt: skip


def _cards(report: Report, selection: Selection, figures: Report | None) -> list[dict[str, Any]]:
    is_headline = figures is not None and selection == Selection()
    plan = figures["plan"] if figures and is_headline else None
    cards = [
        figure_card(
            "alpha", _("Krippendorff's α"), report["alpha"],
            _("same things, same names, beyond chance; from IoU %(iou)s on two objects are the same")
            % {"iou": figure(report["iou"])},
        )
        | {"plan": plan["sentence"] if plan and plan["more"] else ""},
        figure_card(
            "distance", _("Distance α"), report["distance_alpha"],
            _("answers as wholes: outlines count, classes and a threshold do not"),
        ),
    ]  # fmt: skip
    people = [row["second_annotator_ap"] for row in report["annotators"] if row["second_annotator_ap"]["n"]]
    known = [stat for stat in people if stat["value"] is not None]
    if known:
        lowest = min(known, key=lambda stat: stat["value"])
        highest = max(known, key=lambda stat: stat["value"])
        card = figure_card(
            "ap", _("Second-annotator AP"), highest,
            _("a person scored as if a model; the best of %(n)s, the lowest %(low)s. No model is judged above it")
            % {"n": len(known), "low": figure(lowest["value"])},
        )  # fmt: skip
        cards.append(card)
    if figures and selection.labels == "blind" and figures["assisted"]["n"]:
        cards.append(
            figure_card("assisted", _("With suggestions"), figures["assisted"], _("α where the suggestion was shown"))
        )
    return cards


def _notes(access: Access, report: Report, selection: Selection, figures: Report | None) -> list[str]:
    """The page in words: what alpha means here, what the curve says, guideline or person, and what to know of it."""
    found: list[str] = [_meaning(access.project, report), _reading(report)]
    if figures is not None and selection.labels == "blind":
        found.append(trust_charts.why(access.project, figures["why"], may_review=access.may_review))
    return [note for note in [*found, *report["notes"]] if note]


def _meaning(project: Project, report: Report) -> str:
    alpha = report["alpha"]
    if alpha["value"] is None:
        return ""
    words = {"value": figure(alpha["value"]), "target": figure(project.target_agreement)}
    if alpha["low"] is not None and alpha["low"] >= project.target_agreement:
        return _("People draw the same things and give them the same names: α %(value)s, target %(target)s.") % words
    if alpha["high"] is not None and alpha["high"] < project.target_agreement:
        told = _(
            "People do not see the same things, or do not give them the same names: α %(value)s, target %(target)s. "
            "What differs is listed below."
        )
        return told % words
    return _("Whether people reach the target cannot be told yet: α %(value)s, target %(target)s.") % words


def _reading(report: Report) -> str:
    """What the curve over IoU says: loose outlines, or other things altogether."""
    at = {step["iou"]: step["alpha"]["value"] for step in report["curve"]}
    low, middle, high = at.get(0.3), at.get(HEADLINE), at.get(0.7)
    if low is None or middle is None or high is None:
        return ""
    words = {"low": figure(low), "middle": figure(middle), "high": figure(high)}
    if middle - high >= LOOSE:
        told = _(
            "α falls from %(middle)s at IoU .5 to %(high)s at .7: people mean the same things, and draw them loosely. "
            "Say in the guideline where an outline runs."
        )
        return told % words
    return _("α hardly depends on how exactly outlines must fit (%(low)s at IoU .3, %(high)s at .7).") % words


def _curve(project: Project, report: Report) -> charts.Markup:
    steps = report["curve"]
    line = charts.Series(
        _("α by IoU"),
        [(step["iou"], step["alpha"]["value"]) for step in steps],
        band=[
            (step["iou"], step["alpha"]["low"], step["alpha"]["high"])
            for step in steps
            if step["alpha"]["low"] is not None
        ],
    )
    return charts.line_chart(
        _("How exactly do people draw?"),
        _reading(report),
        [line] if any(step["alpha"]["value"] is not None for step in steps) else [],
        words=chart_words(),
        x_name=_("IoU from which on two objects are the same"),
        y_name="α",
        x_ticks=[(step["iou"], f"{step['iou']:g}") for step in steps],
        target=(project.target_agreement, _("target %(target)s") % {"target": figure(project.target_agreement)}),
        marks=[(report["iou"], "")],
        height=280,
        empty=_("No image has been drawn on by two people yet, or all drew the same one class."),
    )


def _everyone(project: Project, report: Report, selection: Selection, figures: Report | None) -> dict[str, Any]:
    pairs = sorted(
        (pair for pair in report["pairs"] if pair["n"]),
        key=lambda pair: (pair["f1"]["value"] is None, pair["f1"]["value"] or 0.0),
    )
    drawn = [row for row in report["per_class"] if row["n"]]
    found = everyone(project, report, figures, drawn, lambda row: row["f1"]["value"])
    return found | {
        "matrix": matrix(project, report) if len(found["people"]) <= MATRIX_PEOPLE else "",
        "pairs": [
            pair | {"url": filters.url(project, people=f"{pair['a']},{pair['b']}")} for pair in pairs[:LISTED_PAIRS]
        ],
        "has_outlines": project.task != Task.BOXES,
        "kinds": kinds(project, report, selection),
    }


def kinds(project: Project, report: Report, selection: Selection) -> Sequence[dict[str, Any]]:
    """The kinds of differences with their numbers, each with the page of its images."""
    address = reverse("differences", args=[project.pk])
    kept = {"labels": selection.labels, "sample": selection.sample}
    return [
        {
            "kind": kind,
            "name": KIND_WORDS[kind][0],
            "meaning": KIND_WORDS[kind][1],
            "n": report["differences"][kind]["n"],
            "n_images": report["differences"][kind]["n_images"],
            "people": report["differences"][kind]["people"][:3],
            "url": f"{address}?{urlencode({**kept, 'kind': kind})}",
        }
        for kind in KINDS
    ]
