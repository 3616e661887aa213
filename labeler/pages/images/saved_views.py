"""Saved views above the images: links for everybody, and for leads the form that keeps the present filters.

Knows addresses. labeler/curation/saved_views.py keeps them.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from labeler.curation import saved_views
from labeler.errors import LabelerError
from labeler.models import Role, SavedView
from labeler.pages.asking import Access, person, project_page
from labeler.pages.images import filters as image_filters


def shown(access: Access, filters: image_filters.Filters) -> list[dict[str, Any]]:
    """The views that the reader may follow: one that asks for what leads alone see would show others another list."""
    here = filters.link()
    rows = []
    for view in SavedView.objects.filter(project=access.project):
        if access.may_lead or _read(access, view.query).link() == view.query:
            rows.append({"view": view, "on": view.query == here})
    return rows


def _read(access: Access, query: str) -> image_filters.Filters:
    asked = QueryDict(query.removeprefix("?")).dict()
    return image_filters.Filters.read(access.project, asked, may_lead=access.may_lead)


@project_page(Role.LEAD)
@require_POST
def change(request: HttpRequest, access: Access) -> HttpResponse:
    """Keep the filters of the list that was open, or forget a view."""
    project, by = access.project, person(request)
    here = _read(access, request.POST.get("filters", "")).link()
    try:
        if "delete" in request.POST:
            pk = image_filters.number(request.POST["delete"]) or 0
            name = saved_views.delete(project=project, by=by, pk=pk)
            messages.success(request, _("The view “%(name)s” is gone.") % {"name": name})
        else:
            view = saved_views.save(project=project, by=by, name=request.POST.get("name", ""), query=here)
            messages.success(request, _("The view “%(name)s” is kept.") % {"name": view.name})
    except LabelerError as problem:
        messages.error(request, problem.message)
    return redirect(reverse("images", args=[project.pk]) + ("" if here == "?" else here))
