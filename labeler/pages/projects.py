"""The list of a person's projects, and the form that makes a new one. Knows what a card shows."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from labeler import projects as verbs
from labeler.errors import LabelerError
from labeler.models import Image, Membership, Project, TrainingRun
from labeler.models.image import Status
from labeler.pages.access import person
from labeler.pages.forms import NewProject, refuse


@login_required
@require_GET
def projects(request: HttpRequest) -> HttpResponse:
    """All projects of the person; of everybody, for an admin."""
    context = {"cards": cards(person(request)), "may_create": person(request).is_superuser}
    return render(request, "projects/list.html", context)


def cards(user: Any) -> list[dict[str, Any]]:
    """One card per project, newest first: five queries, however many projects there are."""
    shown = list(Project.objects.visible_to(user))
    ids = [project.pk for project in shown]
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    by_status = Image.objects.filter(project__in=ids).order_by().values("project_id", "status")
    for row in by_status.annotate(n=Count("id")):
        counts[row["project_id"]][row["status"]] = row["n"]
    people = dict(
        Membership.objects.filter(project__in=ids).order_by().values_list("project_id").annotate(n=Count("id"))
    )
    own = {m.project_id: m for m in Membership.objects.filter(project__in=ids, user=user)}
    models = dict(TrainingRun.objects.active().filter(project__in=ids).values_list("project_id", "number"))
    return [
        _card(project, counts[project.pk], own.get(project.pk), bool(user.is_superuser))
        | {"people": people.get(project.pk, 0), "model": models.get(project.pk)}
        for project in shown
    ]


def _card(project: Project, counts: dict[str, int], member: Membership | None, is_admin: bool) -> dict[str, Any]:
    images, settled = sum(counts.values()), counts.get(Status.SETTLED, 0)
    return {
        "project": project,
        "images": images,
        "settled": settled,
        "share": settled / images if images else None,
        "disputed": counts.get(Status.DISPUTED, 0),
        "role": member.get_role_display() if member else None,
        "may_review": is_admin or (member is not None and member.may_review),
    }


@login_required
@require_http_methods(["GET", "POST"])
def new_project(request: HttpRequest) -> HttpResponse:
    if not person(request).is_superuser:
        raise PermissionDenied(_("Only an administrator may create projects. Ask one to make you its lead."))
    form = NewProject(request.POST or None)
    if request.method == "POST" and form.is_valid() and (project := _create(request, form)):
        messages.success(request, _("“%(name)s” is ready. Now bring in the images.") % {"name": project.name})
        return redirect("import", project.pk)
    return render(request, "projects/new.html", {"form": form})


def _create(request: HttpRequest, form: NewProject) -> Project | None:
    wanted = dict(form.cleaned_data)
    try:
        return verbs.create(created_by=person(request), categories=wanted.pop("classes"), **wanted)
    except LabelerError as error:
        refuse(form, error)
        return None
