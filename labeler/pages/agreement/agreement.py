"""How far people agree, and whether to trust it: figures with their intervals, who with whom, over time, on what.

Reviewers and leads see everyone; an annotator sees the project's figures and their own. Knows how figures are shown;
what they are is labeler/agreement/reports.py's and labeler/agreement/trust.py's (trust_charts.py shows the latter).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from labeler.agreement import trust
from labeler.labeling.label_arrays import Selection
from labeler.models import Project
from labeler.pages.agreement import drawn_agreement, trust_charts
from labeler.pages.agreement.pair_tables import matrix, pairs_that_agree_least
from labeler.pages.agreement.selecting import (
    COMPARISONS,
    MATRIX_PEOPLE,
    everyone,
    figure_card,
    selection_of,
    shared_context,
    summary_of,
)
from labeler.pages.asking import Access, person, project_page
from labeler.progress import cached_reports
from labeler.wording.sentences import in_words


@project_page()
def agreement(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    selection = selection_of(request)
    found = cached_reports.agreement_figures(project, selection, wait=False)
    report, figures = in_words(found.value), in_words(cached_reports.figures(project, "trust").value)
    if figures is not None and not access.may_review:
        figures = trust.of_person(figures, person(request).get_username())
    if project.draws:
        return drawn_agreement.page(request, access, selection, found, figures)
    context = shared_context(request, selection, found, report, figures)
    if report is not None:
        context |= {"summary": summary_of(report), "cards": headline_cards(project, report, selection, figures)}
        if access.may_review:
            context |= _everyone(project, report, figures)
        if figures is not None:
            context |= _trust(access, figures)
            context["notes"] = _notes(access, found.value or {}, figures, selection)
        else:
            context["notes"] = report["notes"]
    return access.render(request, "agreement/agreement.html", "agreement", **context)


def _trust(access: Access, figures: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows beside agreement itself, of labels without a suggestion whatever is selected above."""
    project = access.project
    anchored, methods = trust_charts.anchored(figures["anchoring"]), trust_charts.methods(project, figures["methods"])
    saved = trust_charts.saved(figures["overlap"]) if figures["overlap"] else None
    return {
        "trust": figures,
        "spans": _spans(
            speed=access.may_review, anchored=anchored["has_any"], methods=bool(methods), saved=saved is not None
        ),
        **trust_charts.over_time(project, figures),
        "speed": trust_charts.speed(project, figures["people"]) if access.may_review else "",
        "anchored": anchored,
        "methods": methods,
        "saved": saved,
        "ordered": trust_charts.ordered(figures["ordered"]),
    }


def _spans(**shown_cards: bool) -> dict[str, str]:
    """The widths of cards that may be missing: two in a row, and one that is alone takes all of it."""
    there = [name for name, is_there in shown_cards.items() if is_there]
    spans = {name: "k12" if len(there) % 2 and name == there[-1] else "k6" for name in there}
    # By itself the chart of speed stands beside the table of classes.
    return spans | {"speed": "k7", "confused": "k12"} if there == ["speed"] else spans


def _notes(access: Access, report: Mapping[str, Any], figures: Mapping[str, Any], selection: Selection) -> list[str]:
    """The page in words: why people differ, what one large class does to the figures, and what to know of these.

    report: as it was counted, with codes.
    The first two speak of labels without a suggestion (the second of random images too) and are told beside those.
    """
    large = figures["paradox"] if selection == Selection() else None
    told = report["notes"]
    if large is not None:
        # The report says it too, in fewer figures: once is enough.
        same = {"code": "one_class_dominates", "name": large["category"]}
        told = [note for note in told if not same.items() <= note.items()]
    notes: list[str] = in_words(told)
    if large is not None:
        notes.insert(0, trust_charts.paradox(large))
    if selection.labels == "blind":
        notes.insert(0, trust_charts.why(access.project, figures["why"], may_review=access.may_review))
    return [note for note in notes if note]


def headline_cards(
    project: Project, report: Mapping[str, Any], selection: Selection, figures: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The figures on top, each with interval, n and, where it is undefined, the reason. figures:
    labeler/agreement/trust.py."""
    alpha, observed = report["alpha"], report["observed"]
    is_headline = figures is not None and selection == Selection()
    cards = [
        figure_card("alpha", _("Krippendorff's α"), alpha, _("beyond chance; 1 is perfect, 0 is chance"))
        # What it takes to know more exactly: of the labels that speak for the project.
        | {"plan": figures["plan"]["sentence"] if figures and is_headline and figures["plan"]["more"] else ""},
        figure_card("observed", _("Equal answers"), observed, _("of two people, chance included"), as_percent=True),
        figure_card(
            "light", _("Mean κ of the pairs"), report["light"], _("Cohen's κ of each two (Light)"), of=COMPARISONS
        ),
    ]
    if figures and is_headline:
        cards.append(figure_card("ac1", _("Gwet's AC1"), figures["ac1"], _("minds one large class less than α")))
    if not project.is_multi:
        cards.append(figure_card("fleiss", _("Fleiss' κ"), report["fleiss"], _("everyone as one group")))
    if figures and selection.labels == "blind" and figures["assisted"]["n"]:
        hint = _("α where the suggestion was shown")
        if figures["assisted_minus_blind"]["value"] is not None:
            hint = _("α where the suggestion was shown: %(difference)s against unaided") % {
                "difference": trust_charts.signed(figures["assisted_minus_blind"])
            }
        cards.append(figure_card("assisted", _("With suggestions"), figures["assisted"], hint))
    elif figures is None and selection.labels == "blind":
        with_suggestions = Selection.with_default_sample("assisted", "all")
        others = in_words(cached_reports.agreement_figures(project, with_suggestions, wait=False).value)
        if others is not None and others["alpha"]["n"]:
            assisted = others["alpha"]
            hint = _("α where the suggestion was shown: higher when people follow it")
            if assisted["value"] is not None and alpha["value"] is not None:
                hint = _("α where the suggestion was shown: %(difference)s against blind") % {
                    "difference": f"{assisted['value'] - alpha['value']:+.2f}"
                }
            cards.append(figure_card("assisted", _("With suggestions"), assisted, hint))
    return cards


def _everyone(project: Project, report: Mapping[str, Any], figures: Mapping[str, Any] | None) -> dict[str, Any]:
    with_kappa = [row for row in report["categories"] if row["n"] or row["kappa"]["value"] is not None]
    found = everyone(project, report, figures, with_kappa, lambda row: row["mean_kappa"])
    are_few = len(found["people"]) <= MATRIX_PEOPLE
    model = (figures and figures["model"]) or {"number": None, "pairs": []}
    return found | {
        "matrix": matrix(project, report, model["pairs"], model["number"]) if are_few else "",
        "least": [] if are_few else pairs_that_agree_least(project, report),
        "has_signs": any(row["signs"] or row["paused"] for row in found["people"]),
    }
