"""How a project asks: settings, guideline, classes, trash. Knows forms; what a change entails is projects.py's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from labeler import categories as label_set
from labeler import markers, projects
from labeler.errors import LabelerError
from labeler.models import Category, Role
from labeler.pages.access import Access, person, project_page
from labeler.pages.forms import AddClasses, ClassChange, Settings, refuse

LISTED_TWINS = 10  # beyond 72 classes markers repeat: a list of all of them helps nobody


@project_page(Role.LEAD)
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    form = Settings(request.POST or None, initial=Settings.values_of(project))
    if request.method == "POST" and form.is_valid():
        try:
            changed = projects.update(
                project=project,
                by=person(request),
                changes=form.changes(project),
                expected_version=_version(request),
            )
        except LabelerError as error:
            refuse(form, error)
        else:
            if changed.guideline_version != project.guideline_version:
                saved = _("Saved. The guideline is now version %(n)s.") % {"n": changed.guideline_version}
            else:
                saved = _("Saved.")
            messages.success(request, saved)
            return redirect("settings", project.pk)
    return _page(request, access, form=form)


def _page(
    request: HttpRequest,
    access: Access,
    *,
    form: Settings | None = None,
    add_form: AddClasses | None = None,
    class_forms: dict[int, ClassChange] | None = None,
) -> HttpResponse:
    """The whole page, with the one form that was refused as it was sent."""
    project, class_forms = access.project, class_forms or {}
    in_use = list(project.categories.in_use())
    classes = [
        {"category": c, "form": class_forms.get(c.pk) or _class_form(c), "open": c.pk in class_forms} for c in in_use
    ]
    return render(
        request,
        "project/settings.html",
        access.context(
            "settings",
            form=form or Settings(initial=Settings.values_of(project)),
            add_form=add_form or AddClasses(),
            classes=classes,
            alike=_look_alike(in_use),
            retired=list(project.categories.filter(retired_at__isnull=False).select_related("merged_into")),
            guidelines=list(project.guideline_versions.select_related("author")[:20]),
        ),
    )


def _look_alike(classes: Iterable[Category]) -> list[str]:
    """A sentence for each marker that several classes share: allowed, but never silently."""
    shared = markers.alike((c, label_set.marker_of(c)) for c in classes)
    return [
        _("%(names)s look the same (%(marker)s): only the name tells them apart.")
        % {"names": _(" and ").join(f"“{c.name}”" for c in twins), "marker": marker}
        for marker, twins in shared[:LISTED_TWINS]
    ]


def _class_form(category: Category, data: Any = None) -> ClassChange:
    # A prefix of its own: the page holds as many of these forms as there are classes.
    values = {"name": category.name, "description": category.description, "key": category.key}
    return ClassChange(data, initial=values, prefix=f"class{category.pk}")


def _version(request: HttpRequest) -> int | None:
    """The version of what was on screen, so that two people do not overwrite each other unseen."""
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


@project_page(Role.LEAD)
@require_POST
def categories(request: HttpRequest, access: Access) -> HttpResponse:
    """Add classes at the end of the row."""
    form = AddClasses(request.POST)
    if not form.is_valid():
        return _page(request, access, add_form=form)
    added: list[str] = []
    for name in form.cleaned_data["classes"]:
        try:
            projects.add_category(project=access.project, by=person(request), name=name)
            added.append(name)
        except LabelerError as error:
            messages.error(request, error.message)
    if added:
        messages.success(request, _("Added: %(names)s.") % {"names": ", ".join(added)})
    return redirect("settings", access.project.pk)


@project_page(Role.LEAD)
@require_POST
def category(request: HttpRequest, access: Access, category_id: int) -> HttpResponse:
    """Rename, describe or retire one class."""
    row = access.project.categories.filter(pk=category_id).first()
    if row is None:
        raise Http404(_("This project has no such class."))
    form = _class_form(row, request.POST)
    retire = request.POST.get("do") == "retire"
    if not retire and not form.is_valid():
        return _page(request, access, class_forms={row.pk: form})
    changes = {"retired": True} if retire else form.cleaned_data
    try:
        projects.change_category(category=row, by=person(request), changes=changes, expected_version=_version(request))
    except LabelerError as error:
        if retire:
            messages.error(request, error.message)
            return redirect("settings", access.project.pk)
        refuse(form, error)
        return _page(request, access, class_forms={row.pk: form})
    if retire:
        done = _("“%(name)s” is retired. Its labels stay.") % {"name": row.name}
    else:
        done = _("“%(name)s” is saved.") % {"name": form.cleaned_data["name"]}
    messages.success(request, done)
    return redirect("settings", access.project.pk)


@project_page(Role.LEAD)
@require_POST
def trash(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    if request.POST.get("confirm", "").strip() != project.name:
        messages.error(request, _("Type the project's name exactly to move it to the trash. Nothing was changed."))
        return redirect("settings", project.pk)
    projects.trash(project=project, by=person(request))
    messages.success(
        request,
        _("“%(name)s” is in the trash. An admin can bring it back for 30 days.") % {"name": project.name},
    )
    return redirect("projects")
