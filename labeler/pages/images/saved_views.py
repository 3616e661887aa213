"""Saved views above the images: links for everybody, and for leads the form that keeps the present filters.

Knows addresses. labeler/curation/saved_views.py keeps them.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from labeler.curation import saved_views
from labeler.curation.image_list import Filters, number
from labeler.models import Role
from labeler.pages.asking import Access, person, project_action
from labeler.pages.refusals import refusal_as_message


def shown(access: Access, filters: Filters) -> list[dict[str, Any]]:
    """The views that the reader may follow, each with whether it is the list that is open."""
    here = filters.link()
    return [{"view": view, "on": view.query == here} for view in saved_views.visible(access.project)]


@project_action(Role.LEAD)
def change(request: HttpRequest, access: Access) -> HttpResponse:
    """Keep the filters of the list that was open, or forget a view."""
    project, by = access.project, person(request)
    here = saved_views.read(project, request.POST.get("filters", "")).link()
    with refusal_as_message(request):
        if "delete" in request.POST:
            pk = number(request.POST["delete"]) or 0
            name = saved_views.delete(project=project, by=by, pk=pk)
            messages.success(request, _("The view “%(name)s” is gone.") % {"name": name})
        else:
            view, _is_new = saved_views.save(project=project, by=by, name=request.POST.get("name", ""), query=here)
            messages.success(request, _("The view “%(name)s” is kept.") % {"name": view.name})
    return redirect(reverse("images", args=[project.pk]) + ("" if here == "?" else here))
