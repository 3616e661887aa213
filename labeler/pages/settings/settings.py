"""The settings of a project, one page for each section: saving one loses nothing typed in another.

Knows the sections and how a change is refused without losing what was typed. Classes, guideline versions and examples
have modules beside this one; what a change entails is labeler/projects/projects.py's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.acceptance import summary
from labeler.label_set import targets
from labeler.models import Gold, Project, Role
from labeler.pages.asking import Access, person, project_form
from labeler.pages.refusals import refusal_in
from labeler.pages.settings import class_forms, quality_forms, training_forms
from labeler.pages.settings import forms as section_forms
from labeler.projects import projects

# The in-page navigation, in the order in which a lead meets the questions.
SECTIONS = {
    "settings": gettext_lazy("The question"),
    "settings_guideline": gettext_lazy("Guideline"),
    "categories": gettext_lazy("Classes"),
    "settings_objects": gettext_lazy("Drawn objects"),
    "settings_wanted": gettext_lazy("What is wanted"),
    "settings_judging": gettext_lazy("Who judges what"),
    "settings_quality": gettext_lazy("Quality"),
    "settings_consensus": gettext_lazy("Consensus and overlap"),
    "settings_model": gettext_lazy("Model and review"),
    "settings_training": gettext_lazy("Training"),
    "settings_variations": gettext_lazy("Variants to learn from"),
    "settings_accepting": gettext_lazy("Accepting by itself"),
    "settings_webhooks": gettext_lazy("Webhooks"),
    "trash_project": gettext_lazy("Move to the trash"),
}
NOT_WHERE_PEOPLE_DRAW = ("settings_accepting",)
NOT_WHERE_CLASSES_ARE_NAMED = ("settings_objects",)
LONGEST_SHOWN = 60  # characters of a value that somebody else saved


def show(request: HttpRequest, access: Access, section: str, template: str, **more: Any) -> HttpResponse:
    """A page of the settings, with the navigation between its sections."""
    hidden = NOT_WHERE_PEOPLE_DRAW if access.project.draws else NOT_WHERE_CLASSES_ARE_NAMED
    links = [
        {"url": reverse(name, args=[access.project.pk]), "text": text, "on": name == section}
        for name, text in SECTIONS.items()
        if name not in hidden or name == section
    ]
    return access.render(request, template, "settings", sections=links, heading=SECTIONS[section], **more)


def _section(
    name: str,
    shape: type[section_forms.Section] | None,
    more: Callable[[Project], dict[str, Any]] = lambda _project: {},
) -> Callable[..., HttpResponse]:
    """The page of one section. shape: None where it depends on the task. more: what it shows besides the form."""

    @project_form(Role.LEAD)
    def page(request: HttpRequest, access: Access) -> HttpResponse:
        project = access.project
        if project.draws and name in NOT_WHERE_PEOPLE_DRAW:
            return show(request, access, name, "settings/classes_only.html")
        of_task = shape or training_forms.form_of(project)
        form = of_task(request.POST or None, initial=of_task.values_of(project))
        if project.draws:
            form.leave_out_of_classes()
        if request.method == "POST" and save(request, project, form) is not None:
            messages.success(request, _("Saved."))
            return redirect(name, project.pk)
        template = f"settings/{of_task.template or of_task.__name__.lower()}.html"
        return show(request, access, name, template, form=form, seen=fingerprint(form), **more(project))

    return page


question = _section("settings", section_forms.Question)
judging = _section("settings_judging", section_forms.Judging)
model = _section("settings_model", section_forms.Model)
training = _section("settings_training", None)
quality = _section(
    "settings_quality",
    quality_forms.Quality,
    lambda project: {"n_gold": Gold.objects.filter(project=project, retired_at=None).count()},
)
consensus = _section(
    "settings_consensus",
    quality_forms.Consensus,
    lambda _project: {"methods": {str(method): words for method, words in quality_forms.METHODS.items()}},
)
accepting = _section("settings_accepting", quality_forms.Accepting, lambda project: {"found": summary.figures(project)})


def fingerprint(form: forms.Form) -> str:
    """Of what a form showed. Goes with it, comes back with what was typed, and tells whether somebody saved the same
    settings in between.
    """
    return hashlib.sha256(json.dumps(form.initial, sort_keys=True, default=str).encode()).hexdigest()[:16]


def save(request: HttpRequest, project: Project, form: section_forms.Section) -> Project | None:
    """Carry out what was typed; None when the form has something to say about it."""
    if not form.is_valid() or not is_unchanged(request, form):
        return None
    changes = form.changes(project)
    with refusal_in(form):
        # The version of this moment: what was on screen has been compared above, setting by setting, so that another
        # lead's work on another section is no reason to refuse.
        return projects.update(project=project, by=person(request), changes=changes, expected_version=project.version)
    return None


def is_unchanged(request: HttpRequest, form: forms.Form) -> bool:
    """Are these settings what they were when the person began to type? If not, the form says what they are now.

    The page that says so carries the fingerprint of the present values: saving again overwrites them knowingly.
    """
    sent = request.POST.get("seen")
    if not sent or sent == fingerprint(form):
        return True
    form.add_error(
        None, _("Somebody saved these settings while you typed. Nothing was changed: save again to have yours instead.")
    )
    for name, value in form.initial.items():
        if name in form.cleaned_data and form.cleaned_data[name] != value:
            form.add_error(name, _now(value))
    return False


def _now(value: Any) -> str:
    if isinstance(value, bool):
        return _("It is switched on now.") if value else _("It is switched off now.")
    if value in (None, ""):
        return _("It is empty now.")
    if len(str(value)) > LONGEST_SHOWN:
        return _("It holds another text now.")
    return _("It says “%(value)s” now.") % {"value": value}


# ---------------------------------------------------------------- what is wanted


@project_form(Role.LEAD)
def wanted_numbers(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    classes = list(project.categories.in_use())
    form = class_forms.Wanted(project, classes, request.POST or None)
    if request.method == "POST" and form.is_valid() and is_unchanged(request, form):
        with refusal_in(form):
            projects.want(project=project, by=person(request), changes=form.of_project(), of_classes=form.of_classes())
            messages.success(request, _("Saved."))
            return redirect("settings_wanted", project.pk)
    found = targets.targets_of(project)
    settled = {row["id"]: row["settled"] for row in found["categories"]}
    rows = [
        {"category": category, "settled": settled.get(category.pk, 0), "wanted": number, "variety": words}
        for category, number, words in form.rows()
    ]
    more = {"form": form, "seen": fingerprint(form), "rows": rows, "settled": found["settled"]}
    return show(request, access, "settings_wanted", "settings/wanted.html", **more)


# ---------------------------------------------------------------- the end


@project_form(Role.LEAD)
def trash(request: HttpRequest, access: Access) -> HttpResponse:
    project = access.project
    wrong = ""
    if request.method == "POST":
        if request.POST.get("confirm", "").strip() == project.name:
            projects.trash(project=project, by=person(request))
            said = _("“%(name)s” is in the trash. An admin can bring it back for 30 days.") % {"name": project.name}
            messages.success(request, said)
            return redirect("projects")
        wrong = _("That is not the project's name. Nothing was changed.")
    typed = request.POST.get("confirm", "")
    return show(request, access, "trash_project", "settings/trash.html", wrong=wrong, typed=typed)
