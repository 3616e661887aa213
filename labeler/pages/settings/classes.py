"""The classes of a project: their row, and one class with everything that is said of it.

Knows forms; what becomes of labels when a class is renamed, merged or retired is labeler/projects/classes.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.curation.image_list import number
from labeler.label_set import categories as label_set
from labeler.label_set import examples, markers, targets
from labeler.labeling import blindness
from labeler.models import Category, CategoryExample, Project, Role
from labeler.pages.asking import Access, person, project_form
from labeler.pages.refusals import first_or_404, refusal_as_message, refusal_in
from labeler.pages.settings import settings
from labeler.pages.settings.class_forms import AddClasses, OneClass
from labeler.pages.settings.examples import strip
from labeler.projects import classes as project_classes

LISTED_TWINS = 3  # beyond 72 classes markers repeat: a list of all of them helps nobody
UP, DOWN = "up", "down"


@project_form(Role.LEAD)
def classes(request: HttpRequest, access: Access) -> HttpResponse:
    """The row of classes: order, additions, and those that are out of use."""
    project = access.project
    form = AddClasses()
    if request.method == "POST":
        if (moved := _move(request, project)) is not None:
            return moved
        if "restore" in request.POST:
            return _restore(request, access, request.POST["restore"])
        form = AddClasses(request.POST)
        if form.is_valid():
            _add(request, project, form.cleaned_data["classes"])
            return redirect("categories", project.pk)
    in_use = list(project.categories.in_use())
    shown, settled = _examples(project), targets.settled_images(project)[1]
    rows = [
        {
            "category": c,
            "settled": settled[c.pk],
            "examples": shown.get(c.pk, [])[:3],
            "n_examples": len(shown.get(c.pk, [])),
        }
        for c in in_use
    ]
    return settings.show(
        request,
        access,
        "categories",
        "settings/classes.html",
        rows=rows,
        retired=list(project.categories.filter(retired_at__isnull=False).select_related("merged_into")),
        alike=classes_drawn_alike(in_use),
        form=form,
        # The same button again after the page came back: moving three places up is three times Enter.
        moved=(request.GET.get("moved"), request.GET.get("to")),
    )


def _examples(project: Project) -> dict[int, list[int]]:
    """The example images of each class, oldest first: with hundreds of classes, their ids are enough."""
    found: dict[int, list[int]] = {}
    rows = CategoryExample.objects.filter(category__project=project, image__project=project).order_by("id")
    for category_id, image_id in rows.values_list("category_id", "image_id"):
        found.setdefault(category_id, []).append(image_id)
    return found


def classes_drawn_alike(classes: Iterable[Category], only: Category | None = None) -> list[str]:
    """A sentence for each marker that several classes share: allowed, but never silently."""
    shared = markers.alike((c, label_set.marker_of(c)) for c in classes)
    sentences = [
        _("%(names)s look the same (%(marker)s): only the name tells them apart.")
        % {"names": _(" and ").join(f"“{c.name}”" for c in twins), "marker": marker}
        for marker, twins in shared
        if only is None or only in twins
    ]
    if (more := len(sentences) - LISTED_TWINS) > 0:
        words = ngettext("The same holds of %(n)s other marker.", "The same holds of %(n)s other markers.", more)
        sentences[LISTED_TWINS:] = [words % {"n": more}]
    return sentences


def _move(request: HttpRequest, project: Project) -> HttpResponse | None:
    for direction, step in ((UP, -1), (DOWN, 1)):
        if direction in request.POST:
            row = _find(project, request.POST[direction])
            in_use = [c.pk for c in project.categories.in_use()]
            if row.pk not in in_use:
                messages.error(request, _("“%(name)s” is not in use.") % {"name": row.name})
                return redirect("categories", project.pk)
            place = min(max(in_use.index(row.pk) + step, 0), len(in_use) - 1)
            project_classes.place_category(category=row, by=person(request), place=place)
            ends = {0: DOWN, len(in_use) - 1: UP}  # there the button that was pressed is gone
            back = urlencode({"moved": row.pk, "to": ends.get(place, direction)})
            # Without #class-…: where an address names a place, browsers leave autofocus out.
            return redirect(f"{reverse('categories', args=[project.pk])}?{back}")
    return None


def _add(request: HttpRequest, project: Project, names: Sequence[str]) -> None:
    added: list[str] = []
    for name in names:
        with refusal_as_message(request):
            project_classes.add_category(project=project, by=person(request), name=name)
            added.append(name)
    if added:
        messages.success(request, _("Added: %(names)s.") % {"names": ", ".join(added)})


def _restore(request: HttpRequest, access: Access, text: str) -> HttpResponse:
    row = _find(access.project, text)
    changes: dict[str, Any] = {"merged_into": None} if row.merged_into_id else {"retired": False}
    if _change(request, row, changes):
        messages.success(request, _("“%(name)s” can be chosen again.") % {"name": row.name})
    return redirect("categories", access.project.pk)


def _find(project: Project, text: str | int) -> Category:
    rows = project.categories.select_related("merged_into").filter(pk=number(str(text)) or 0)
    return first_or_404(rows, _("This project has no such class."))


def _change(request: HttpRequest, row: Category, changes: dict[str, Any]) -> bool:
    """Carry out what a button says; a refusal becomes a message."""
    with refusal_as_message(request):
        project_classes.change_category(category=row, by=person(request), changes=changes)
        return True
    return False


# ---------------------------------------------------------------- one class


@project_form(Role.LEAD)
def one(request: HttpRequest, access: Access, category_id: int) -> HttpResponse:
    """Everything that is said of one class, and the ways to take it out of use."""
    project, row = access.project, _find(access.project, category_id)
    in_use = list(project.categories.in_use())
    place = next((place for place, c in enumerate(in_use) if c.pk == row.pk), len(in_use))
    do = request.POST.get("do", "change") if request.method == "POST" else ""
    if do in ("retire", "merge"):
        return _take_out(request, access, row, in_use, do)
    if do == "restore":
        return _restore(request, access, str(row.pk))
    form = OneClass(row, place, request.POST if do else None)
    if do and form.is_valid() and settings.is_unchanged(request, form) and _save(request, row, place, form):
        messages.success(request, _("“%(name)s” is saved.") % {"name": form.cleaned_data["name"]})
        return redirect("category", project.pk, row.pk)
    shown = strip(row)
    blindness.remember(request.user, told=[sample["example"].image_id for sample in shown])
    return settings.show(
        request,
        access,
        "categories",
        "settings/class.html",
        category=row,
        marker=label_set.marker_of(row),
        form=form,
        seen=settings.fingerprint(form),
        others=[c for c in in_use if c.pk != row.pk],
        alike=classes_drawn_alike(in_use, only=row),
        examples=shown,
        most_examples=examples.MOST,
    )


def _save(request: HttpRequest, row: Category, place: int, form: OneClass) -> bool:
    wanted_place = form.cleaned_data.get("place", place + 1) - 1
    with refusal_in(form):
        project_classes.change_category(
            category=row, by=person(request), changes=form.changes(), expected_version=row.version
        )
        if wanted_place != place:
            project_classes.place_category(category=row, by=person(request), place=wanted_place)
        return True
    return False


def _take_out(request: HttpRequest, access: Access, row: Category, in_use: list[Category], do: str) -> HttpResponse:
    changes: dict[str, Any] = {"retired": True}
    said = _("“%(name)s” is retired: it can no longer be chosen. Its labels stay.") % {"name": row.name}
    if do == "merge":
        into = next((c for c in in_use if str(c.pk) == request.POST.get("into") and c.pk != row.pk), None)
        if into is None:
            messages.error(request, _("Choose the class it becomes part of."))
            return redirect("category", access.project.pk, row.pk)
        changes = {"merged_into": into.pk}
        said = _("“%(name)s” counts as “%(into)s” from now on.") % {"name": row.name, "into": into.name}
    if not _change(request, row, changes):
        return redirect("category", access.project.pk, row.pk)
    messages.success(request, said)
    return redirect("categories", access.project.pk)
