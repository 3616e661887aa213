"""How training images are varied: a switch for each kind, and the images as the network would see them.

Knows the form and the grid; what the switches set, and how the images come about, is
labeler/training/augmentation_preview.py's.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.labeling import blindness
from labeler.models import Project, Role
from labeler.pages.asking import Access, person, project_form
from labeler.pages.refusals import refusal_as_message
from labeler.pages.settings import settings
from labeler.pages.settings.forms import Section, switch
from labeler.training import augmentation_preview
from labeler.training.augmentation_preview import LEVELS, Augmentation, Pictures

WORDS = {
    "off": gettext_lazy("off"),
    "gentle": gettext_lazy("gentle"),
    "normal": gettext_lazy("normal"),
    "strong": gettext_lazy("strong"),
}
AS_SET = "as_set"  # between two strengths: a program did that, and it stays


def _strength(label: Any, help_text: Any) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, help_text=help_text, choices=[*WORDS.items(), (AS_SET, gettext_lazy("as a program has set it"))]
    )


class Variations(Section):
    """Every field is a part of training_config."""

    flip = switch(
        gettext_lazy("Mirror left and right"),
        gettext_lazy("Off where it carries meaning: letters, digits, signs, left and right hands."),
    )
    flip_vertical = switch(
        gettext_lazy("Turn upside down"),
        gettext_lazy("On where nothing is up or down: cells, leaves on a table, views from above."),
    )
    rotation = _strength(gettext_lazy("Rotation"), gettext_lazy("Up to 6, 12 or 30 degrees either way."))
    zoom = _strength(gettext_lazy("Crop and zoom"), gettext_lazy("A part of 85, 65 or 40 % of the side, or more."))
    shift = _strength(gettext_lazy("Shift"), gettext_lazy("By up to 2, 5 or 12 % of the side."))
    shear = _strength(gettext_lazy("Shear"), gettext_lazy("Slanted by up to 2, 4 or 10 degrees."))
    colour = _strength(
        gettext_lazy("Colour and light"),
        gettext_lazy("Brightness, contrast and saturation. Gentle or off where the colour tells the class."),
    )
    grey = _strength(gettext_lazy("Without colour"), gettext_lazy("2, 5 or 25 % of the images are shown in grey."))
    noise = _strength(gettext_lazy("Noise"), gettext_lazy("Grain of 1, 2 or 6 % of the full range."))

    inside = frozenset({*augmentation_preview.FLIPS, *LEVELS})
    of_classes = frozenset(LEVELS) - {*augmentation_preview.WHERE_PEOPLE_DRAW}

    @classmethod
    def values_of(cls, project: Project) -> dict[str, Any]:
        return _typed(augmentation_preview.settings_of(project))

    def settings(self, project: Project) -> Augmentation:
        """Every setting, as it was typed; what a program has set between two strengths stays."""
        how = dict(augmentation_preview.settings_of(project))
        for name, value in self.cleaned_data.items():
            if name in augmentation_preview.FLIPS:
                how[name] = bool(value)
            elif value != AS_SET:
                how |= augmentation_preview.settings_for(name, value)
        return how

    def changes(self, project: Project) -> dict[str, Any]:
        how = self.settings(project)
        if how == augmentation_preview.settings_of(project):
            return {}
        config = {name: value for name, value in project.training_config.items() if name != "augmentation"}
        kept = augmentation_preview.beyond_default(how)
        return {"training_config": config | ({"augmentation": kept} if kept else {})}


def _typed(how: Augmentation) -> dict[str, Any]:
    """What the form shows of settings."""
    flips = {name: bool(how[name]) for name in augmentation_preview.FLIPS}
    return flips | {switch: augmentation_preview.strength_of(switch, how) or AS_SET for switch in LEVELS}


@project_form(Role.LEAD)
def variations(request: HttpRequest, access: Access) -> HttpResponse:
    """The switches and, for the settings that stand there, the images."""
    project, here = access.project, reverse("settings_variations", args=[access.project.pk])
    saved = Variations.values_of(project)
    if request.method == "POST":
        form = _form(project, request.POST, saved)
        if request.POST.get("do") == "show":
            if form.is_valid():
                _ask(request, project, form.settings(project))
                typed = {
                    name: "on" if value is True else str(value) for name, value in form.cleaned_data.items() if value
                }
                return redirect(f"{here}?{urlencode({'show': 1, **typed})}#seen")
        elif (changed := settings.save(request, project, form)) is not None:
            messages.success(request, _("Saved."))
            if augmentation_preview.sample(changed):
                _ask(request, changed, augmentation_preview.settings_of(changed))
            return redirect(here)
        how, tried = augmentation_preview.settings_of(project), False
    else:
        form, how, tried = _asked(request, project, saved)
    found = augmentation_preview.find(project, how)
    _remember(request, project, found)
    return settings.show(
        request, access, "settings_variations", "settings/variations.html", form=form, seen=settings.fingerprint(form),
        tried=tried, mirrored=bool(how["flip"] or how["flip_vertical"]),
        sides=augmentation_preview.orientation_matters(project),
        strengths=[form[name] for name in form.fields if name in LEVELS],
        **grid(project, found),
    )  # fmt: skip


def _asked(request: HttpRequest, project: Project, saved: dict[str, Any]) -> tuple[Variations, Augmentation, bool]:
    """The form and the settings of an address: those that are tried out with ?show=1, else those that are saved."""
    stored = augmentation_preview.settings_of(project)
    tried = _form(project, request.GET if "show" in request.GET else None, saved)
    if not tried.is_valid():
        return _form(project, None, saved), stored, False
    how = tried.settings(project)
    return tried, how, how != stored


def _form(project: Project, given: QueryDict | None, saved: dict[str, Any]) -> Variations:
    form = Variations(given, initial=saved)
    if project.draws:
        form.leave_out_of_classes()
    return form


def _remember(request: HttpRequest, project: Project, found: Pictures) -> None:
    """Where people draw, the pictures tell what they drew."""
    if project.draws and found.is_made:
        blindness.remember(request.user, others=found.rows)


def _ask(request: HttpRequest, project: Project, how: Augmentation) -> None:
    with refusal_as_message(request):
        augmentation_preview.ask(project, how, by=person(request))


def card(request: HttpRequest, project: Project) -> dict[str, Any]:
    """Context of templates/model/variations.html: what the next training will vary, in words and in images."""
    how = augmentation_preview.settings_of(project)
    found = augmentation_preview.find(project, how)
    _remember(request, project, found)
    shown = grid(project, found)
    return {"varied": {"words": _in_words(project, how)}, "rows": shown["rows"][:2], "side": shown["side"]}


def _in_words(project: Project, how: Augmentation) -> str:
    """mirrored, rotated, … of what is switched on."""
    said = {
        "flip": _("mirrored"), "flip_vertical": _("upside down"), "rotation": _("rotated"), "zoom": _("cropped"),
        "shift": _("shifted"), "shear": _("slanted"), "colour": _("recoloured"), "grey": _("grey"), "noise": _("noisy"),
    }  # fmt: skip
    on = [said[name] for name in augmentation_preview.switches(project) if _is_on(name, how)]
    return ", ".join(on) or _("as they are")


def _is_on(name: str, how: Augmentation) -> bool:
    return any(how[setting] for setting in LEVELS[name]) if name in LEVELS else bool(how[name])


def grid(project: Project, found: Pictures) -> dict[str, Any]:
    """Context of templates/model/views.html."""

    def address(row: int, column: int) -> str:
        return f"/api/projects/{project.pk}/augmentation/{found.key}/{row}/{column}/"

    return {
        "pictures": found,
        "rows": [
            {
                "image": pk,
                "original": address(row, 0),
                "views": [address(row, k + 1) for k in range(augmentation_preview.VIEWS)],
            }
            for row, pk in enumerate(found.rows)
        ]
        if found.is_made
        else [],
        "side": augmentation_preview.SIDE,
    }
