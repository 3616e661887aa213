"""Checks on the data set: what is wrong with single images, and how classes, people and groups are spread.

For reviewers and leads. Knows how findings are told; what is found is labeler/data_checks' business. Nothing here says
what a model says of an image.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.data_checks import check, findings, found
from labeler.models import Finding, Project, Role
from labeler.pages.asking import Access, person, project_form, project_page
from labeler.pages.images import check_charts
from labeler.pages.images.filters import number
from labeler.pages.images.images import thumbnail_url
from labeler.progress import cached_reports

SHOWN = 12  # thumbnails of a finding
PER_PAGE = 60

# What it means, and what to do.
WORDS: dict[str, tuple[Promise, Promise]] = {
    Finding.GONE: (
        gettext_lazy("A file of the image is missing on the server: nobody can look at it."),
        gettext_lazy("Import the same images again: files that are missing are put back, and nothing is there twice."),
    ),
    Finding.DAMAGED: (
        gettext_lazy("The small picture cannot be read, or the original is not what came in."),
        gettext_lazy("Check the disk, then import the image again from its source, or delete it."),
    ),
    Finding.NEAR_DUPLICATE: (
        gettext_lazy(
            "The same picture is there more than once: saved anew, resized, cropped. The very same bytes are never "
            "taken twice. A group is trained on or judged by, never both."
        ),
        gettext_lazy("Delete what you do not need; where labels in a group differ, one of them is wrong."),
    ),
    Finding.TINY: (
        gettext_lazy("The shorter side is below 64 pixels: a network reads 224, so most of what it sees is made up."),
        gettext_lazy("Look for larger originals; thumbnails often come in by mistake."),
    ),
    Finding.EXTREME_ASPECT: (
        gettext_lazy("One side is more than four times the other: cut to a square, three quarters are lost."),
        gettext_lazy("Cut such images into parts before the import, or leave them out."),
    ),
    Finding.BLURRED: (
        gettext_lazy("Blurring the small picture again changes little of it: it was blurred before."),
        gettext_lazy(
            "Delete them if nobody could tell what they show; keep them if the pictures that the model will meet are "
            "like them."
        ),
    ),
    Finding.DARK: (
        gettext_lazy("Even its lightest parts are in the darkest quarter of the range."),
        gettext_lazy("See whether a person can still tell the class; lens caps and failed exposures go."),
    ),
    Finding.OVEREXPOSED: (
        gettext_lazy("Even its darkest parts are nearly white: what was there is burnt out."),
        gettext_lazy("See whether a person can still tell the class; delete empty pages and failed exposures."),
    ),
    Finding.ONE_COLOUR: (
        gettext_lazy("Nothing stands out from its ground: an empty page, a blank tile, a failed conversion."),
        gettext_lazy("Delete them unless an empty image is one of your cases, and then give it a class."),
    ),
    Finding.ODD_COLOURS: (
        gettext_lazy(
            "Its brightness or its colours lie far from those of the other images: more than six times the usual "
            "distance from the median."
        ),
        gettext_lazy("Look for another camera, a wrong colour space, drawings among photographs."),
    ),
}


@project_form(Role.REVIEWER)
def checks(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    if request.method == "POST":
        if not access.may_lead:
            raise PermissionDenied(_("Only leads of this project can ask for a check."))
        check.request(project, by=person(request))
        messages.success(request, _("A worker looks at the images now."))
        return redirect("checks", project.pk)
    counts, newest = found.counts(project), found.newest(project, SHOWN)
    standing = found.standing(project)
    figures = cached_reports.figures(project, "checks")
    cards = [
        _card(project, code, counts[code], newest[code], standing.measured) for code in Finding.values if counts[code]
    ]
    return access.render(
        request,
        "checks/checks.html",
        _tab(access),
        cards=cards,
        clean=[Finding(code).label for code in Finding.values if not counts[code]],
        standing=standing,
        waiting=max(0, standing.images - standing.measured),
        failed=(standing.last.error or {}).get("message", "") if standing.last else "",
        as_of=figures.as_of if figures.is_kept else None,
        **check_charts.context(project, figures.value),
    )


def _tab(access: Access) -> str:
    """Leads find it in their menu, reviewers from the images."""
    return "checks" if access.may_lead else "images"


def _card(project: Project, code: str, n: int, images: list[int], measured: int) -> dict[str, Any]:
    meaning, advice = WORDS[code]
    return {
        "code": code,
        "name": Finding(code).label,
        "n": n,
        "meaning": meaning,
        "advice": advice,
        "is_common": measured > 0 and n / measured > findings.COMMON,
        "images": _tiles(project, images),
        "url": reverse("finding", args=[project.pk, code]),
    }


def _tiles(project: Project, images: list[int]) -> list[dict[str, Any]]:
    return [{"pk": pk, "url": reverse("image", args=[project.pk, pk]), "thumb": thumbnail_url(pk)} for pk in images]


@project_page(Role.REVIEWER)
def finding(request: HttpRequest, access: Access, code: str) -> HttpResponse:
    """All images of one finding, the newest first."""
    if code not in Finding.values:
        raise Http404(_("There is no such finding."))
    project = access.project
    images = found.page(project, code, before=number(request.GET.get("before")), size=PER_PAGE + 1)
    meaning, advice = WORDS[code]
    return access.render(
        request,
        "checks/finding.html",
        _tab(access),
        name=Finding(code).label,
        code=code,
        meaning=meaning,
        advice=advice,
        n=found.counts(project)[code],
        images=_tiles(project, images[:PER_PAGE]),
        after=f"?before={images[PER_PAGE - 1]}" if len(images) > PER_PAGE else "",
    )
