"""The card of a model as a page that prints. What it holds is training/model_card.py's; its words are
training/model_card_text.py's."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.models import Role
from labeler.pages.asking import Access, project_page
from labeler.pages.refusals import first_or_404
from labeler.training import model_card, model_card_text
from labeler.training.model_card_text import Table

# "75 % (50.5 to 89.8 %)", or "1.6 s": a number with its unit, and perhaps its interval.
SHARE = re.compile(r"(\d\S*\s\S+)(?: (\(.+\)))?")


@project_page(Role.REVIEWER)
def card(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    run = first_or_404(access.project.runs.filter(number=number), _("There is no such model in this project."))
    try:
        found = model_card.card_of(run)
    except NotPossibleNow as problem:
        raise Http404(problem.message) from problem
    context: dict[str, Any] = {
        "run": run,
        "title": model_card_text.title_of(found),
        "sections": [
            replace(section, tables=[_in_parts(table) for table in section.tables])
            for section in model_card_text.sections(found)
        ],
        "files": f"/api/runs/{run.pk}/",
    }
    return access.render(request, "model/card.html", "model", **context)


def _in_parts(table: Table) -> Table:
    """The table with cells of figures that break in the right place where a column is narrow."""
    figures = range(table.figures, min(table.words, len(table.head)))
    rows = [[_unbroken(cell) if at in figures else cell for at, cell in enumerate(row)] for row in table.rows]
    return replace(table, rows=rows)


def _unbroken(cell: str) -> str | SafeString:
    """A share and its interval, each of them whole; other cells as they are."""
    found = SHARE.fullmatch(cell)
    if found is None:
        return cell
    value, interval = found.groups()
    if interval is None:
        return format_html('<span class="whole">{}</span>', value)
    return format_html('<span class="whole">{}</span> <span class="whole">{}</span>', value, interval)
