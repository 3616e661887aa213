"""Images like one image, and images unlike anything labeled; a lead can move some to the front of the queue.

Knows how they are shown; which they are is labeler/training/image_index.py's, the queue's order
labeler/labeling/priorities.py's.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.acceptance import summary
from labeler.consensus import snapshots
from labeler.curation.image_list import number
from labeler.label_set import categories
from labeler.labeling import blindness, priorities
from labeler.models import Image, Project, Role
from labeler.pages.asking import Access, person, project_form
from labeler.pages.images.images import tile
from labeler.pages.refusals import first_or_404, page_asked_for
from labeler.templatetags.figures import figure
from labeler.training import image_index

PER_PAGE = 60


@project_form(Role.REVIEWER)
def similar(request: HttpRequest, access: Access, image_id: int) -> HttpResponse:
    """Find more like this."""
    project = access.project
    shown = first_or_404(project.images.filter(pk=image_id), _("This project has no such image."))
    if request.method == "POST":
        _put_first(request, access)
        return redirect("similar", project.pk, image_id)
    found = image_index.nearest(shown)
    near = [(one.image, _("similarity %(n)s") % {"n": figure(one.similarity)}) for one in found or []]
    rows = _tiles(request, project, near)
    (own,) = _tiles(request, project, [(shown, "")])
    return access.render(
        request,
        "images/similar.html",
        "images",
        image=shown,
        own=own,
        rows=rows,
        markers=categories.markers_by_name(project),
        heading=_("Images like image %(n)s") % {"n": number_format(image_id, force_grouping=True)},
        summary=_("by what the network sees in them, the most similar first; whatever people or models said of them"),
        not_yet="" if found is not None else _why_not(project),
        n_open=sum(row["may_go_first"] for row in rows),
    )


@project_form(Role.REVIEWER)
def unlike(request: HttpRequest, access: Access) -> HttpResponse:
    """Images unlike anything that is labeled."""
    project = access.project
    if request.method == "POST":
        _put_first(request, access)
        return redirect("unlike", project.pk)
    at = page_asked_for(request)
    found, n = image_index.novel(project, PER_PAGE, (at - 1) * PER_PAGE)
    by_id = {row.pk: row for row in project.images.filter(pk__in=[pk for pk, _novelty in found])}
    index = image_index.index_of(project)
    rows = _tiles(
        request,
        project,
        [(by_id[pk], _("novelty %(n)s") % {"n": figure(novelty)}) for pk, novelty in found if pk in by_id],
    )
    known = index.known if index else 0
    return access.render(
        request,
        "images/similar.html",
        "images",
        rows=rows,
        markers=categories.markers_by_name(project),
        heading=_("Unlike what is known"),
        summary=ngettext(
            "held against %(n)s labeled image; 0: it looks like one, 1: like none",
            "held against %(n)s labeled images; 0: it looks like one of them, 1: like none",
            known,
        )
        % {"n": number_format(known, force_grouping=True)},
        not_yet="" if index is not None else _why_not(project),
        nothing=_("Every image that a worker has looked at has a label, or none has one yet."),
        n_open=sum(row["may_go_first"] for row in rows),
        before=f"?page={at - 1}" if at > 1 else "",
        after=f"?page={at + 1}" if n > at * PER_PAGE else "",
    )


def _tiles(request: HttpRequest, project: Project, found: list[tuple[Image, str]]) -> list[dict[str, Any]]:
    """As on the wall, with what each is taken to be and how like it is."""
    index = categories.index(project)
    images = [image for image, _words in found]
    outcomes = snapshots.shown_consensus(images)
    unseen = summary.of_images(project, [image.pk for image in images])
    blindness.remember(request.user, others=[image.pk for image in images], told=unseen)
    open_ids = set(priorities.may_go_first(project, [image.pk for image in images]).values_list("pk", flat=True))
    return [
        {
            **tile(image, index),
            "like": words,
            "taken": None if (named := outcomes[image.pk].categories) is None else index.label(index.resolve(named)),
            "accepted": unseen.get(image.pk),
            "by_model": outcomes[image.pk].method == snapshots.MODEL,
            "may_go_first": image.pk in open_ids,
            "like_url": reverse("similar", args=[project.pk, image.pk]),
        }
        for image, words in found
    ]


def _why_not(project: Project) -> str:
    if not project.runs.active().exists():
        return _("Images are looked at once there is a model: none is trained yet.")
    if not project.runs.own().exclude(checkpoint="").exists():
        return _("Images are looked at once a model was trained here: one of another program sees none of them.")
    return _("A worker has not looked at this image yet. New images are looked at soon after they came in.")


def _put_first(request: HttpRequest, access: Access) -> None:
    if not access.may_lead:
        raise PermissionDenied(_("Only leads of this project change the order of the queue."))
    chosen = [pk for text in request.POST.getlist("images") if (pk := number(text)) is not None]
    moved = priorities.put_first(project=access.project, by=person(request), image_ids=chosen[: priorities.MOST_FIRST])
    words = ngettext("%(n)s image comes first now.", "%(n)s images come first now.", moved) % {"n": moved}
    if left := len(chosen) - moved:
        words += " " + ngettext(
            "%(n)s stays where it is: it is judged blind, or has its labels.",
            "%(n)s stay where they are: they are judged blind, or have their labels.",
            left,
        ) % {"n": left}
    (messages.success if moved else messages.warning)(request, words)
