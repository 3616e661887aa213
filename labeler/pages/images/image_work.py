"""What a lead does with the images of the list: those that are ticked, or all that fit its filters.

Knows the form and the sentence afterwards. What is done is labeler/curation/work.py's.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from labeler.curation import image_list, work
from labeler.curation.actions import ACTIONS
from labeler.curation.filters import DELETED
from labeler.errors import LabelerError
from labeler.intake import tile_jobs
from labeler.models import Job, Project, Role
from labeler.models.job import UNFINISHED, Kind, State
from labeler.pages.asking import Access, person, project_action
from labeler.pages.images import filters as image_filters

MOST_TICKED = 1_000  # more than a page has


def choices(*, in_trash: bool) -> list[tuple[str, str]]:
    """What may be done, as the select has it."""
    if in_trash:
        return [("restore", _("Restore"))]
    return [
        ("first", _("Ask people first")),
        ("again", _("Send back for another round")),
        ("label", _("Label as myself")),
        ("gold", _("Make gold")),
        ("metadata", _("Set metadata")),
        ("delete", _("Delete")),
    ]


def under_way(project: Project) -> list[dict[str, Any]]:
    """Work on images that a worker has not finished, as a card shows it; and of the last hour what failed."""
    rows = Job.objects.filter(project=project, kind=Kind.IMAGES, state__in=UNFINISHED)
    rows = rows.exclude(params__do=tile_jobs.DO).order_by("id")[:5]  # nobody asked for tiles but their own zooming
    return [
        {"job": job, "words": work.sentence(job), "done": job.progress_done, "total": job.progress_total or 1}
        for job in rows
    ]


def to_undo(request: HttpRequest, project: Project) -> Job | None:
    """What the person deleted a moment ago, as the address says: a button takes it back."""
    wanted = image_filters.number(request.GET.get("deleted"))
    mine = Job.objects.filter(project=project, kind=Kind.IMAGES, requested_by=person(request), state=State.DONE)
    return mine.filter(pk=wanted, params__do="delete").first() if wanted else None


@project_action(Role.LEAD)
def image_work(request: HttpRequest, access: Access) -> HttpResponse:
    """Do it, say what happened, and show the list as it was."""
    project = access.project
    query = QueryDict(request.POST.get("filters", "").lstrip("?"))
    filters = image_list.Filters.read(project, query.dict(), may_lead=True)
    do = request.POST.get("do", "")
    undone = image_filters.number(request.POST.get("undo"))
    back = redirect(reverse("images", args=[project.pk]) + filters.link(page=query.get("page", "")))
    if do not in ACTIONS or (ACTIONS[do].of_trash != (filters.status == DELETED) and undone is None):
        messages.error(request, _("Choose what to do with the images."))
        return back
    try:
        if undone is not None:
            deleted = Job.objects.filter(project=project, kind=Kind.IMAGES, pk=undone, params__do="delete").first()
            do, ids = "restore", deleted.params["images"] if deleted else []
        elif request.POST.get("all") == "1":
            ids = list(filters.images().order_by("id").values_list("pk", flat=True)[: work.MOST + 1])
        else:
            ticked = [image_filters.number(pk) for pk in request.POST.getlist("images")[:MOST_TICKED]]
            ids = [pk for pk in ticked if pk is not None]
        asked = {
            "reason": request.POST.get("reason", ""),
            "categories": [pk for name in request.POST.getlist("categories") if (pk := image_filters.number(name))],
            "key": request.POST.get("key", ""),
            "value": request.POST.get("value", ""),
        }
        job = work.request(project=project, by=person(request), do=do, image_ids=ids, asked=asked)
    except LabelerError as error:
        messages.error(request, error.message)
        return back
    if do == "delete" and job.state == State.DONE and job.result["changed"]:
        back = redirect(f"{back.url}{'&' if '?' in back.url else '?'}deleted={job.pk}")
    (messages.success if job.state != State.DONE or job.result["changed"] else messages.warning)(
        request, work.sentence(job)
    )
    return back
