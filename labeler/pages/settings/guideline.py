"""The guideline of a project: its text with a preview, its versions, what changed between two, and the way back.

Knows pages. A new version is made by labeler/projects/projects.py, Markdown is rendered by
labeler/projects/guideline.py, what changed is told by labeler/projects/text_diff.py.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from labeler.curation.image_list import number
from labeler.models import GuidelineVersion, Project, Role
from labeler.pages.asking import Access, person, project_form, project_page
from labeler.pages.refusals import first_or_404
from labeler.pages.settings import settings
from labeler.pages.settings.forms import Guideline
from labeler.projects import guideline as markdown
from labeler.projects import projects, text_diff

LISTED = 100


@project_form(Role.LEAD)
def guideline(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    form = Guideline(request.POST or None, initial=Guideline.values_of(project))
    text = project.guideline
    if request.method == "POST":
        text = request.POST.get("guideline", "")
        if request.POST.get("do") != "preview" and (changed := settings.save(request, project, form)) is not None:
            if changed.guideline_version == project.guideline_version:
                messages.success(request, _("Nothing was changed: the text is the same."))
            else:
                number = changed.guideline_version
                messages.success(request, _("Saved. The guideline is now version %(n)s.") % {"n": number})
            return redirect("settings_guideline", project.pk)
    return settings.show(
        request,
        access,
        "settings_guideline",
        "settings/guideline.html",
        form=form,
        # A preview is of what is typed, and keeps what was there when the person began.
        seen=request.POST.get("seen") if request.POST.get("do") == "preview" else settings.fingerprint(form),
        rendered=markdown.render(text),
        is_preview=request.POST.get("do") == "preview",
        versions=list(project.guideline_versions.select_related("author")[:LISTED]),
    )


def _version(project: Project, number: int) -> GuidelineVersion:
    rows = project.guideline_versions.select_related("author")
    if number >= 2**31:
        rows = rows.none()  # beyond what the column holds
    return first_or_404(rows.filter(number=number), _("This project has no such version of its guideline."))


@project_form(Role.LEAD)
def version(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """One version to read; to post to it makes its text the guideline again, as a new version."""
    project, shown = access.project, _version(access.project, number)
    if request.method == "POST":
        changes = {"guideline": shown.text}
        changed = projects.update(project=project, by=person(request), changes=changes)
        words: dict[str, Any] = {"old": shown.number, "new": changed.guideline_version}
        said = _("The text of version %(old)s is the guideline again, as version %(new)s.") % words
        messages.success(request, said)
        return redirect("settings_guideline", project.pk)
    return settings.show(
        request,
        access,
        "settings_guideline",
        "settings/guideline_version.html",
        shown=shown,
        rendered=markdown.render(shown.text),
        is_present=shown.number == project.guideline_version,
        before=shown.number - 1 if shown.number > 1 else None,
    )


@project_page(Role.LEAD)
def compare(request: HttpRequest, access: Access) -> HttpResponse:
    """What changed from one version to another: `?from=1&to=3`, the older one first whichever way they were chosen."""
    numbers = sorted(number(request.GET.get(name)) or 0 for name in ("from", "to"))
    old, new = (_version(access.project, one) for one in numbers)
    return settings.show(
        request,
        access,
        "settings_guideline",
        "settings/guideline_compare.html",
        old=old,
        new=new,
        lines=text_diff.compare(old.text, new.text),
    )
