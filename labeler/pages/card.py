"""The card of a model as a page that prints. What it holds is model_card.py's; its words are model_card_text.py's."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from labeler import model_card, model_card_text
from labeler.errors import NotPossibleNow
from labeler.models import Role
from labeler.pages.access import Access, project_page


@project_page(Role.REVIEWER)
@require_GET
def card(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    run = access.project.runs.filter(number=number).first()
    if run is None:
        raise Http404(_("There is no such model in this project."))
    try:
        found = model_card.of(run)
    except NotPossibleNow as problem:
        raise Http404(problem.message) from problem
    context = {
        "run": run,
        "title": model_card_text.title_of(found),
        "sections": model_card_text.sections(found),
        "files": f"/api/runs/{run.pk}/",
    }
    return render(request, "project/card.html", access.context("model", **context))
