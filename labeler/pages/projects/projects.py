"""The list of a person's projects, the trash, and the form that makes a new one. Knows what a card shows."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from labeler import access
from labeler.models import Image, Membership, Project, Role, Thread, TrainingRun
from labeler.models.image import Status
from labeler.pages.asking import person
from labeler.pages.forms import NewProject
from labeler.pages.refusals import first_or_404, refusal_as_message, refusal_in
from labeler.projects import projects as verbs

CARDS = 48
SEARCH_FROM = 8  # below that a look finds it
TRASH_SHOWN = 50
NEWEST, OLDEST, BY_NAME = "newest", "oldest", "name"
ORDERS: dict[str, tuple[Any, ...]] = {
    NEWEST: ("-created_at", "-id"),
    OLDEST: ("created_at", "id"),
    BY_NAME: (Lower("name"), "id"),
}


@login_required
@require_GET
def projects(request: HttpRequest) -> HttpResponse:
    """All projects of the person; of everybody, for an admin. Searched, ordered and paged once there are many."""
    user = person(request)
    words, order = request.GET.get("q", "").strip()[:200].replace("\0", ""), request.GET.get("order", "")
    order = order if order in ORDERS else NEWEST
    every = access.projects_of(user)
    total = every.count()
    found = every.filter(Q(name__icontains=words) | Q(question__icontains=words)) if words else every
    paginator = Paginator(found.order_by(*ORDERS[order]), CARDS)
    if not words:
        paginator.count = total  # the same number: not counted twice
    page = paginator.get_page(request.GET.get("page"))
    context = {
        "cards": cards(user, list(page.object_list)),
        "page": page,
        "total": total,
        "may_create": access.administers(user),
        "words": words,
        "order": order,
        "orders": [(NEWEST, _("newest first")), (OLDEST, _("oldest first")), (BY_NAME, _("by name"))],
        "searchable": total > SEARCH_FROM,
        "trashed": _trashed(user),
    }
    return render(request, "projects/list.html", context)


def cards(user: Any, shown: list[Project]) -> list[dict[str, Any]]:
    """One card per project, in their order: five queries, however many projects there are."""
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
    open_threads = Thread.objects.filter(project__in=ids, closed_at=None).order_by().values_list("project_id")
    questions = dict(open_threads.annotate(n=Count("id")))
    return [
        _card(user, project, counts[project.pk], own.get(project.pk))
        | {
            "people": people.get(project.pk, 0),
            "model": models.get(project.pk),
            "questions": questions.get(project.pk, 0),
        }
        for project in shown
    ]


def _card(user: User, project: Project, counts: dict[str, int], member: Membership | None) -> dict[str, Any]:
    role = access.role_of(user, member.role if member else None)
    images, settled = sum(counts.values()), counts.get(Status.SETTLED, 0)
    return {
        "project": project,
        "images": images,
        "settled": settled,
        "share": settled / images if images else None,
        "disputed": counts.get(Status.DISPUTED, 0),
        "to_label": counts.get(Status.UNLABELED, 0) + counts.get(Status.PARTLY, 0),
        "is_member": member is not None,
        "role": member.get_role_display() if member else None,
        "may_review": role is not None and role.reaches(Role.REVIEWER),
        "may_lead": role is not None and role.reaches(Role.LEAD),
    }


def _trashed(user: Any) -> list[dict[str, Any]]:
    """What the person may still bring back, the newest first."""
    now = timezone.now()
    rows = access.trash_of(user).filter(trashed_at__gt=now - verbs.IN_TRASH_FOR).order_by("-trashed_at")
    return [
        {"project": row, "until": row.trashed_at + verbs.IN_TRASH_FOR} for row in rows[:TRASH_SHOWN] if row.trashed_at
    ]


@login_required
@require_POST
def restore(request: HttpRequest, project_id: int) -> HttpResponse:
    """Out of the trash. Its leads and admins may; for everybody else it is not there."""
    user = person(request)
    rows = access.trash_of(user).filter(pk=project_id)
    project = first_or_404(rows, _("There is no such project in the trash."))
    with refusal_as_message(request):
        verbs.restore(project=project, by=user)
        messages.success(request, _("“%(name)s” is back, with everything in it.") % {"name": project.name})
        return redirect("project", project.pk)
    return redirect("projects")


@login_required
@require_http_methods(["GET", "POST"])
def new_project(request: HttpRequest) -> HttpResponse:
    if not access.administers(person(request)):
        raise PermissionDenied(_("Only an administrator may create projects. Ask one to make you its lead."))
    form = NewProject(request.POST or None)
    if request.method == "POST" and form.is_valid():
        wanted = dict(form.cleaned_data)
        with refusal_in(form):
            project = verbs.create(created_by=person(request), categories=wanted.pop("classes"), **wanted)
            messages.success(request, _("“%(name)s” is ready. Now bring in the images.") % {"name": project.name})
            return redirect("import", project.pk)
    return render(request, "projects/new.html", {"form": form})
