"""How far people agree, and whether to trust it: figures with their intervals, who with whom, over time, on what.

Reviewers and leads see everyone; an annotator sees the project's figures and their own. Knows how figures are shown;
what they are is labeler/agreement/reports.py's and labeler/agreement/trust.py's (trust_charts.py shows the latter).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from labeler import charts
from labeler.agreement import reports, trust
from labeler.label_set import categories
from labeler.labeling.label_arrays import LABELS, SAMPLES, Selection
from labeler.models import Project
from labeler.pages.agreement import trust_charts
from labeler.pages.asking import Access, person, project_page
from labeler.pages.images import filters
from labeler.pages.images.images import tile
from labeler.progress import cached_reports
from labeler.stats.results import FEW_IMAGES
from labeler.templatetags.figures import class_tag, figure, interval, percent, percent_interval
from labeler.wording.sentences import chart_words, in_words

# A larger matrix is a carpet nobody reads; then the pairs that agree least are listed.
MATRIX_PEOPLE = 16
LISTED_PAIRS = 40
LISTED_CONFUSIONS = 12
LISTED_IMAGES = 24
# What a figure's n counts.
IMAGES, COMPARISONS = gettext_lazy("n %(n)s images"), gettext_lazy("n %(n)s comparisons of two people")


@project_page()
@require_GET
def agreement(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    selection = _selection(request)
    found = cached_reports.agreement_figures(project, selection, wait=False)
    report, figures = in_words(found.value), in_words(cached_reports.trust_figures(project).value)
    if figures is not None and not access.may_review:
        figures = trust.of_person(figures, person(request).get_username())
    context: dict[str, Any] = {
        "selection": selection,
        "label_choices": _choices(request, "labels", selection.labels, LABELS),
        "sample_choices": _choices(request, "sample", selection.sample, SAMPLES),
        "report": report,
        "as_of": found.as_of if found.is_kept else None,
        "is_counted": report is not None and figures is not None,
    }
    if report is not None:
        name = person(request).get_username()
        context |= {
            "summary": _summary(report),
            "cards": headline_cards(project, report, selection, figures),
            "own": next((row for row in report["annotators"] if row["username"] == name), None),
        }
        if access.may_review:
            context |= _everyone(project, report, figures)
        if figures is not None:
            context |= _trust(access, figures)
            context["notes"] = _notes(access, found.value or {}, figures, selection)
        else:
            context["notes"] = report["notes"]
    return render(request, "agreement/agreement.html", access.context("agreement", **context))


def _trust(access: Access, figures: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows beside agreement itself, of labels without a suggestion whatever is selected above."""
    project = access.project
    weeks = [row for row in figures["by_week"] if row["alpha"]["value"] is not None]
    anchored, methods = trust_charts.anchored(figures["anchoring"]), trust_charts.methods(project, figures["methods"])
    saved = trust_charts.saved(figures["overlap"]) if figures["overlap"] else None
    return {
        "trust": figures,
        "spans": _spans(
            speed=access.may_review, anchored=anchored["has_any"], methods=bool(methods), saved=saved is not None
        ),
        "line": trust_charts.by_week(project, figures),
        "better": trust_charts.better([(0, row["alpha"]) for row in weeks]),
        "versions": trust_charts.versions(figures),
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


def _notes(
    access: Access, report: Mapping[str, Any], figures: Mapping[str, Any], selection: Selection
) -> list[SafeString | str]:
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
    notes: list[SafeString | str] = in_words(told)
    if large is not None:
        notes.insert(0, trust_charts.paradox(large))
    if selection.labels == "blind":
        notes.insert(0, trust_charts.why(access.project, figures["why"], may_review=access.may_review))
    return [note for note in notes if note]


def _selection(request: HttpRequest) -> Selection:
    labels = request.GET.get("labels")
    sample = request.GET.get("sample")
    labels = labels if labels in LABELS else "blind"
    return Selection.with_default_sample(labels, sample if sample in SAMPLES else None)


def _choices(request: HttpRequest, name: str, chosen: str, values: Sequence[str]) -> list[dict[str, Any]]:
    """Links that change one part of the selection and keep the other."""
    words = {
        "blind": _("no suggestion shown"),
        "assisted": _("suggestion shown"),
        "random": _("chosen at random"),
    }
    all_words = {"labels": _("all labels"), "sample": _("all images")}
    kept = {key: value for key, value in request.GET.items() if key in ("labels", "sample")}
    return [
        {
            "url": "?" + urlencode({**kept, name: value}),
            "label": all_words[name] if value == "all" else words[value],
            "on": value == chosen,
        }
        for value in values
    ]


def _summary(report: Mapping[str, Any]) -> str:
    return _("%(labels)s labels on %(images)s images, %(shared)s of them judged by two people or more") % {
        "labels": f"{report['n_labels']:,}",
        "images": f"{report['n_images']:,}",
        "shared": f"{report['n_shared_images']:,}",
    }


def headline_cards(
    project: Project, report: Mapping[str, Any], selection: Selection, figures: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The figures on top, each with interval, n and, where it is undefined, the reason. figures:
    labeler/agreement/trust.py."""
    alpha, observed = report["alpha"], report["observed"]
    is_headline = figures is not None and selection == Selection()
    cards = [
        _card("alpha", _("Krippendorff's α"), alpha, _("beyond chance; 1 is perfect, 0 is chance"))
        # What it takes to know more exactly: of the labels that speak for the project.
        | {"plan": figures["plan"]["sentence"] if figures and is_headline and figures["plan"]["more"] else ""},
        _card("observed", _("Equal answers"), observed, _("of two people, chance included"), as_percent=True),
        _card("light", _("Mean κ of the pairs"), report["light"], _("Cohen's κ of each two (Light)"), of=COMPARISONS),
    ]
    if figures and is_headline:
        cards.append(_card("ac1", _("Gwet's AC1"), figures["ac1"], _("minds one large class less than α")))
    if not project.is_multi:
        cards.append(_card("fleiss", _("Fleiss' κ"), report["fleiss"], _("everyone as one group")))
    if figures and selection.labels == "blind" and figures["assisted"]["n"]:
        hint = _("α where the suggestion was shown")
        if figures["assisted_minus_blind"]["value"] is not None:
            hint = _("α where the suggestion was shown: %(difference)s against unaided") % {
                "difference": trust_charts.signed(figures["assisted_minus_blind"])
            }
        cards.append(_card("assisted", _("With suggestions"), figures["assisted"], hint))
    elif figures is None and selection.labels == "blind":
        others = in_words(
            cached_reports.agreement_figures(
                project, Selection.with_default_sample("assisted", "all"), wait=False
            ).value
        )
        if others is not None and others["alpha"]["n"]:
            assisted = others["alpha"]
            hint = _("α where the suggestion was shown: higher when people follow it")
            if assisted["value"] is not None and alpha["value"] is not None:
                hint = _("α where the suggestion was shown: %(difference)s against blind") % {
                    "difference": f"{assisted['value'] - alpha['value']:+.2f}"
                }
            cards.append(_card("assisted", _("With suggestions"), assisted, hint))
    return cards


def _card(
    name: str, title: str, stat: dict[str, Any], hint: str, *, as_percent: bool = False, of: Any = IMAGES
) -> dict[str, Any]:
    return {
        "evidence": of % {"n": f"{stat['n']:,}"},
        "id": f"figure-{name}",
        "title": title,
        "stat": stat,
        "text": percent(stat["value"], 1) if as_percent else figure(stat["value"]),
        "interval": percent_interval(stat) if as_percent else interval(stat),
        "hint": hint,
    }


def _everyone(project: Project, report: Mapping[str, Any], figures: Mapping[str, Any] | None) -> dict[str, Any]:
    """What only reviewers and leads see: other people by name, and what they answered."""
    markers, index = categories.markers_by_name(project), categories.index(project)
    ids = {name: pk for pk, name in index.names.items()}
    people = trust_charts.people(project, [row for row in report["annotators"] if row["n"]], figures)
    divided = list(reports.disagreements(project).order_by("-disagreement", "id")[: LISTED_IMAGES + 1])
    with_kappa = [row for row in report["categories"] if row["n"] or row["kappa"]["value"] is not None]
    model = (figures and figures["model"]) or {"number": None, "pairs": []}
    return {
        "matrix": matrix(project, report, model["pairs"], model["number"]) if len(people) <= MATRIX_PEOPLE else "",
        "least": _least(project, report) if len(people) > MATRIX_PEOPLE else [],
        "people": [
            {**row, "url": filters.url(project, by=row["username"])}
            for row in sorted(people, key=lambda row: (row["mean_kappa"] is None, row["mean_kappa"] or 0.0))
        ],
        "columns": [name for name in ("gold", "repeats", "planted") if trust_charts.has(people, name)],
        "has_signs": any(row["signs"] or row["paused"] for row in people),
        "classes": [
            {**row, "marker": markers.get(row["name"]), "url": filters.url(project, class_=ids.get(row["name"]))}
            for row in with_kappa
        ],
        "confusions": confusions(project, report, LISTED_CONFUSIONS),
        "markers": markers,
        "tiles": [tile(image, index) for image in divided[:LISTED_IMAGES]],
        "more_images": len(divided) > LISTED_IMAGES,
    }


def matrix(
    project: Project,
    report: Mapping[str, Any],
    with_model: Sequence[Mapping[str, Any]] = (),
    model: int | None = None,
) -> SafeString:
    """Cohen's kappa of every pair as a heat table that leads to their images; empty below two people.

    with_model: kappa of people with the model of this number, as labeler/progress/overview.py counts it: a row of its
    own.
    """
    names = [row["username"] for row in report["annotators"] if row["n"]]
    if len(names) < 2:
        return mark_safe("")
    at = {name: place for place, name in enumerate(names)}
    cells = {
        (at[pair["a"]], at[pair["b"]]): charts.PairCell(
            pair["kappa"]["value"],
            pair["kappa"]["low"],
            pair["kappa"]["high"],
            pair["n"],
            pair["kappa"]["reason"],
            filters.url(project, people=f"{pair['a']},{pair['b']}"),
        )
        for pair in report["pairs"]
        if pair["a"] in at and pair["b"] in at
    }
    if with_model:
        place = len(names)
        names.append(_("Model %(n)s") % {"n": model})
        for row in with_model:
            stat = row["kappa"]
            if row["username"] in at:
                # Without a link: what the model says of single blind images is not shown before they are decided.
                cells[at[row["username"]], place] = charts.PairCell(
                    stat["value"], stat["low"], stat["high"], stat["n"], stat["reason"]
                )
    caption = _("Cohen's kappa for each pair of people")
    drawn = charts.pair_matrix(
        names, cells, project.target_agreement, words=chart_words(), caption=caption, few=FEW_IMAGES
    )
    return mark_safe(drawn)  # noqa: S308  (escaped there)


def _least(project: Project, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    defined = [pair for pair in report["pairs"] if pair["kappa"]["value"] is not None]
    return [
        {**pair, "url": filters.url(project, people=f"{pair['a']},{pair['b']}")}
        for pair in sorted(defined, key=lambda pair: pair["kappa"]["value"])[:LISTED_PAIRS]
    ]


def confusions(project: Project, report: Mapping[str, Any], most: int) -> SafeString:
    """The pairs of classes that are taken for each other, as bars that lead to the images."""
    markers = categories.markers_by_name(project)
    ids = {name: pk for pk, name in categories.index(project).names.items()}
    lines = [
        charts.Bar(
            name=format_html(
                '{} <span class="dim">↔</span> {}',
                class_tag(markers.get(row["a"]), row["a"]),
                class_tag(markers.get(row["b"]), row["b"]),
            ),
            value=row["count"],
            note=f"{row['count']:,}",
            href=filters.url(project, pair=f"{ids[row['a']]},{ids[row['b']]}")
            if {row["a"], row["b"]} <= ids.keys()
            else None,
        )
        for row in report["confusion"][:most]
    ]
    return mark_safe(charts.bars(lines, empty=_("No two people chose different classes.")))  # noqa: S308  (escaped there)
