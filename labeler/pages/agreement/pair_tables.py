"""Who disagrees with whom, and which classes are taken for each other: tables of agreement and overview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _

from labeler import charts
from labeler.label_set import categories
from labeler.models import Project
from labeler.pages.images import filters
from labeler.stats.results import FEW_IMAGES
from labeler.templatetags.figures import class_tag
from labeler.wording.sentences import chart_words

LISTED_PAIRS = 40


def matrix(
    project: Project,
    report: Mapping[str, Any],
    with_model: Sequence[Mapping[str, Any]] = (),
    model: int | None = None,
) -> str:
    """Cohen's kappa of every pair as a heat table that leads to their images; empty below two people. Where people
    draw, alpha of every pair.

    with_model: kappa of people with the model of this number, as labeler/progress/overview.py counts it: a row of its
    own.
    """
    names = [row["username"] for row in report["annotators"] if row["n"]]
    if len(names) < 2:
        return ""
    at = {name: place for place, name in enumerate(names)}
    which = "alpha" if project.draws else "kappa"
    cells = {
        (at[pair["a"]], at[pair["b"]]): charts.PairCell(
            pair[which]["value"],
            pair[which]["low"],
            pair[which]["high"],
            pair["n"],
            pair[which]["reason"],
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
    caption, words, sign = _("Cohen's kappa for each pair of people"), chart_words(), "κ"
    if project.draws:
        caption, sign = _("Krippendorff's alpha for each pair of people"), "α"
        words = replace(words, kappa=sign, neutral=words.neutral.replace("κ", sign))
    return charts.pair_matrix(
        names, cells, project.target_agreement, words=words, caption=caption, few=FEW_IMAGES, sign=sign
    )


def pairs_that_agree_least(project: Project, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    defined = [pair for pair in report["pairs"] if pair["kappa"]["value"] is not None]
    return [
        {**pair, "url": filters.url(project, people=f"{pair['a']},{pair['b']}")}
        for pair in sorted(defined, key=lambda pair: pair["kappa"]["value"])[:LISTED_PAIRS]
    ]


def confusions(project: Project, report: Mapping[str, Any], most: int) -> charts.Markup:
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
    return charts.bars(lines, empty=_("No two people chose different classes."))
