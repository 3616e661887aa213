"""What the pages on agreement share above their tables: which labels they speak of, and figures as cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.labeling.label_arrays import LABELS, SAMPLES, Selection
from labeler.templatetags.figures import figure, interval, percent, percent_interval

# What a figure's n counts.
IMAGES, COMPARISONS = gettext_lazy("n %(n)s images"), gettext_lazy("n %(n)s comparisons of two people")


def selection_of(request: HttpRequest) -> Selection:
    labels = request.GET.get("labels")
    sample = request.GET.get("sample")
    labels = labels if labels in LABELS else "blind"
    return Selection.with_default_sample(labels, sample if sample in SAMPLES else None)


def choices(request: HttpRequest, name: str, chosen: str, values: Sequence[str]) -> list[dict[str, Any]]:
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
