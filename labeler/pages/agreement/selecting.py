"""What the pages on agreement share: which labels they speak of, figures as cards, and people, classes and images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.agreement import reports
from labeler.label_set import categories
from labeler.labeling.label_arrays import LABELS, SAMPLES, Selection, Until
from labeler.models import Project
from labeler.pages.agreement import trust_charts
from labeler.pages.agreement.pair_tables import confusions
from labeler.pages.asking import person
from labeler.pages.images import filters
from labeler.pages.images.images import tile
from labeler.progress.cache import Figures
from labeler.templatetags.figures import figure, interval, percent, percent_interval

Report = Mapping[str, Any]

# A larger matrix is a carpet nobody reads; then the pairs that agree least are listed.
MATRIX_PEOPLE = 16
LISTED_CONFUSIONS, LISTED_IMAGES = 12, 24
# What a figure's n counts.
IMAGES, COMPARISONS = gettext_lazy("n %(n)s images"), gettext_lazy("n %(n)s comparisons of two people")


def selection_of(request: HttpRequest, until: Until | None = None) -> Selection:
    labels = request.GET.get("labels")
    sample = request.GET.get("sample")
    labels = labels if labels in LABELS else "blind"
    return Selection.with_default_sample(labels, sample if sample in SAMPLES else None, until=until)


def shared_context(
    request: HttpRequest, selection: Selection, found: Figures, report: Report | None, figures: Report | None
) -> dict[str, Any]:
    """report: found in words; figures: the trust report."""
    name = person(request).get_username()
    return {
        "selection": selection,
        "label_choices": _choices(request, "labels", selection.labels, LABELS),
        "sample_choices": _choices(request, "sample", selection.sample, SAMPLES),
        "report": report,
        "as_of": found.as_of if found.is_kept else None,
        "is_counted": report is not None and figures is not None,
        "own": next((row for row in report["annotators"] if row["username"] == name), None) if report else None,
    }


def everyone(
    project: Project,
    report: Report,
    figures: Report | None,
    classes: Iterable[Report],
    score: Callable[[Report], float | None],
) -> dict[str, Any]:
    """What only reviewers and leads see: other people by name, the lowest score first, and what they answered."""
    markers, index = categories.markers_by_name(project), categories.index(project)
    ids = {name: pk for pk, name in index.names.items()}
    people = trust_charts.people(project, [row for row in report["annotators"] if row["n"]], figures)
    divided = list(reports.disagreements(project).order_by("-disagreement", "id")[: LISTED_IMAGES + 1])
    return {
        "people": sorted(
            ({**row, "url": filters.url(project, by=row["username"])} for row in people),
            key=lambda row: (score(row) is None, score(row) or 0.0),
        ),
        "columns": [name for name in ("gold", "repeats", "planted") if trust_charts.has(people, name)],
        "classes": [
            {**row, "marker": markers.get(row["name"]), "url": filters.url(project, class_=ids.get(row["name"]))}
            for row in classes
        ],
        "confusions": confusions(project, report, LISTED_CONFUSIONS),
        "markers": markers,
        "tiles": [tile(image, index) for image in divided[:LISTED_IMAGES]],
        "more_images": len(divided) > LISTED_IMAGES,
    }


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


def summary_of(report: Mapping[str, Any]) -> str:
    return _("%(labels)s labels on %(images)s images, %(shared)s of them judged by two people or more") % {
        "labels": f"{report['n_labels']:,}",
        "images": f"{report['n_images']:,}",
        "shared": f"{report['n_shared_images']:,}",
    }


def figure_card(
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
