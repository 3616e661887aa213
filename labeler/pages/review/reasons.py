"""What was decided and why: the list of decisions, as a page and as text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from labeler.label_set import categories
from labeler.labeling import blindness
from labeler.models import Decision, Image, Role
from labeler.pages.asking import Access, project_page
from labeler.pages.images.images import thumbnail_url
from labeler.pages.review import decisions
from labeler.review import worklists
from labeler.stats import tally as votes

LISTED_REASONS = 500


@project_page(Role.REVIEWER)
def reasons(request: HttpRequest, access: Access) -> HttpResponse:
    """The reasons of the newest decisions by pair of classes, to be turned into a guideline."""
    project = access.project
    index = categories.index(project)
    found = list(
        Decision.objects.filter(image__project=project, withdrawn_at=None)
        .exclude(reason="")
        .select_related("image", "reviewer")
        .order_by("-id")[:LISTED_REASONS]
    )
    blindness.remember(request.user, others=[decision.image_id for decision in found])
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for decision in found:
        decision.image.project = project
        pairs = worklists.pairs_of(decision.image.tally)
        # Three answers are three pairs; the reason stands once, with the two classes said most often.
        pair = max(pairs, key=lambda ids: (_said(decision.image, ids), [-pk for pk in ids]), default=())
        groups[tuple(index.label(pair))].append(
            {
                "decision": decision,
                "names": None if decision.undecidable else index.label(index.resolve(decision.categories)),
                "in_words": decisions.in_words(decision.image, decision),
                "url": reverse("image", args=[project.pk, decision.image_id]),
                "thumb": thumbnail_url(decision.image_id),
            }
        )
    listed = sorted(groups.items(), key=lambda group: (not group[0], -len(group[1]), group[0]))
    return access.render(
        request,
        "adjudicate/reasons.html",
        "adjudicate",
        markers=categories.markers_by_name(project),
        groups=[{"names": names, "rows": rows, "text": _as_text(names, rows)} for names, rows in listed],
        n=len(found),
        is_cut=len(found) == LISTED_REASONS,
    )


def _said(image: Image, pair: Iterable[int]) -> int:
    """Votes that name one of the two."""
    wanted = set(pair)
    told = ((answer, n) for answer, n in image.tally.items() if answer != votes.CANNOT_TELL)
    return sum(n for answer, n in told if wanted & set(votes.categories_of(answer)))


def _as_text(names: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    """Lines for the guideline, in the Markdown it is written in."""
    title = _("%(a)s or %(b)s?") % {"a": names[0], "b": names[1]} if names else _("Other cases")
    lines = [f"- {row['in_words'][:1].upper()}{row['in_words'][1:]}: {row['decision'].reason.strip()}" for row in rows]
    return "\n".join([f"### {title}", "", *dict.fromkeys(lines)])
