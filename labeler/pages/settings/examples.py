"""Choose the images that show what a class means: a picker with settled images, and a form on the page of one image.

Knows what is listed and how; which images may serve is labeler/label_set/examples.py's.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.consensus import snapshots
from labeler.curation.image_list import number
from labeler.label_set import categories as label_set
from labeler.label_set import examples
from labeler.labeling import blindness
from labeler.models import Category, CategoryExample, Consensus, Image, Project, Role
from labeler.pages.asking import Access, person, project_action, project_form
from labeler.pages.images import known_objects
from labeler.pages.refusals import first_or_404, refusal_as_message
from labeler.pages.settings import settings

PER_PAGE = 48
LAST_PAGE = 500
KINDS = {
    examples.UNANIMOUS: gettext_lazy("Everybody agreed"),
    examples.DECIDED: gettext_lazy("A reviewer decided"),
    examples.MOSTLY: gettext_lazy("Most agreed"),
}


def strip(category: Category) -> list[dict[str, Any]]:
    """The examples of a class as a page lists them. Three queries, five where people draw."""
    rows = list(category.examples.filter(image__trashed_from=None).select_related("image").order_by("id"))
    images = [row.image for row in rows]
    prefetch_related_objects(images, snapshots.standing_decisions())
    outcomes = snapshots.shown_consensus(images)
    index = label_set.index(category.project)
    drawn = known_objects.of_examples(category.project, rows) if category.project.draws else {}
    return [
        {
            "example": row,
            "drawn": known_objects.overlay(row.image, drawn.get(row.pk, ()), index.names),
            "url": reverse("image", args=[category.project_id, row.image_id]),
            "thumb": reverse("api:thumb", args=[row.image_id]),
            "taken_for": _taken_for(category, outcomes[row.image_id].categories, index),
        }
        for row in rows
    ]


def _taken_for(category: Category, outcome: list[int] | None, index: label_set.CategoryIndex) -> str:
    """What the image is taken to be now, where that is not the class it shows; empty otherwise."""
    if outcome is None:
        return ""
    present = index.present(outcome)
    if category.pk in present or category.retired_at is not None:
        return ""
    return ", ".join(index.label(present)) or _("none of these")


@project_form(Role.LEAD)
def picker(request: HttpRequest, access: Access, category_id: int) -> HttpResponse:
    category = _category(access.project, category_id)
    if request.method == "POST":
        _carry_out(request, category)
        return redirect(_back(request, category))
    kind, page = request.GET.get("of"), _page(request.GET.get("page"))
    if kind not in KINDS:
        # The surest kind that has any.
        kind = next((name for name in KINDS if examples.offer(category, name).exists()), examples.UNANIMOUS)
    start = (page - 1) * PER_PAGE
    found = list(examples.offer(category, kind)[start : start + PER_PAGE + 1])
    here = reverse("examples", args=[access.project.pk, category.pk])

    def link(**query: Any) -> str:
        return f"{here}?{urlencode({'of': kind, **query})}"

    chosen = strip(category)
    offered = [image.pk for image in found[:PER_PAGE]]
    blindness.remember(request.user, others=offered, told=[row["example"].image_id for row in chosen])
    return settings.show(
        request,
        access,
        "categories",
        "settings/examples.html",
        category=category,
        examples=chosen,
        most_examples=examples.MOST,
        is_full=len(chosen) >= examples.MOST,
        kinds=[{"url": link(of=name), "label": label, "on": name == kind} for name, label in KINDS.items()],
        kind=kind,
        page=page,
        offers=[{"image": image, "thumb": reverse("api:thumb", args=[image.pk])} for image in found[:PER_PAGE]],
        before=link(page=page - 1) if page > 1 else "",
        after=link(page=page + 1) if len(found) > PER_PAGE and page < LAST_PAGE else "",
    )


def _category(project: Project, category_id: int) -> Category:
    return first_or_404(project.categories.filter(pk=category_id), _("This project has no such class."))


def _page(text: str | None) -> int:
    return min(max(1, number(text) or 1), LAST_PAGE)


def _back(request: HttpRequest, category: Category) -> str:
    """Where the form was: the class's page, or the same page of the picker."""
    if request.POST.get("from") == "class":
        return reverse("category", args=[category.project_id, category.pk]) + "#examples"
    kind, page = request.POST.get("of", ""), _page(request.POST.get("page"))
    query = urlencode({"of": kind, "page": page}) if kind in KINDS else ""
    return f"{reverse('examples', args=[category.project_id, category.pk])}?{query}#offers"


def _carry_out(request: HttpRequest, category: Category) -> None:
    """Add an image, give an example another caption, or remove one: each is a button of its own."""
    with refusal_as_message(request):
        if "add" in request.POST:
            image = _image(category.project, request.POST["add"])
            _row, is_new = examples.add(category=category, image=image, by=person(request))
            if is_new:
                said = _("Image %(n)s is an example of “%(name)s” now.")
                messages.success(request, said % {"n": image.pk, "name": category.name})
            return
        row = category.examples.select_related("image").filter(pk=number(request.POST.get("example")) or 0).first()
        if row is None:
            messages.error(request, _("This example has been removed meanwhile."))
        elif request.POST.get("do") == "remove":
            examples.remove(example=row, by=person(request))
            messages.success(request, _("Image %(n)s is no example any more.") % {"n": row.image_id})
        else:
            caption = request.POST.get("caption", "")
            examples.add(category=category, image=row.image, by=person(request), caption=caption)
            messages.success(request, _("The caption is saved."))


def _image(project: Project, text: str | None) -> Image:
    return first_or_404(project.images.filter(pk=number(text) or 0), _("This project has no such image."))


# ---------------------------------------------------------------- from the page of one image


def use_as_example(access: Access, image: Image, outcome: Consensus) -> dict[str, Any] | None:
    """What the page of an image needs to offer it as an example; None for people who may not choose any."""
    if not access.may_lead:
        return None
    index = label_set.index(access.project)
    present = index.present(outcome.categories or ())
    return {
        "choices": [(pk, index.names[pk]) for pk in index.markers],
        "suggested": present[0] if present else None,
        "shows": list(
            CategoryExample.objects.filter(image=image, category__retired_at=None).select_related("category")
        ),
        "is_held_out": image.is_held_out,
        "longest": examples.LONGEST_CAPTION,
    }


@project_action(Role.LEAD)
def from_image(request: HttpRequest, access: Access, image_id: int) -> HttpResponse:
    """Use this image as an example of the class that was chosen."""
    image = _image(access.project, str(image_id))
    category = _category(access.project, number(request.POST.get("class")) or 0)
    with refusal_as_message(request):
        caption = request.POST.get("caption", "")
        _row, is_new = examples.add(category=category, image=image, by=person(request), caption=caption)
        said = _("This image is an example of “%(name)s” now.") if is_new else _("It is one of “%(name)s” already.")
        messages.success(request, said % {"name": category.name})
    return redirect("image", access.project.pk, image.pk)
