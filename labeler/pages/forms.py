"""The forms of the pages: what a person may type, and in which words it is refused.

Knows shapes and limits. What follows from a valid form is decided by the domain's verbs, whose own refusals
`refuse` puts back beside the fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from labeler.errors import LabelerError
from labeler.models import Project, Role, Task
from labeler.models.account import Scope, Theme
from labeler.projects import invitations

MOST_CLASSES = 200
TASKS = [
    (Task.SINGLE, _("exactly one class")),
    (Task.MULTI, _("any number of classes, or none")),
    (Task.BOXES, _("boxes around objects")),
    (Task.POLYGONS, _("outlines of objects")),
    (Task.MASKS, _("painted masks of objects")),
    (Task.SEMANTIC, _("a class for each pixel")),
]


# Where a page asks in other words than the domain.
FIELD_NAMES = {
    "categories": "classes",
    "blind_share": "blind_percent",
    "lease_seconds": "lease_minutes",
    "review_confidence": "review_percent",
    "planted_share": "planted_percent",
    "gold_share": "gold_percent",
    "repeat_share": "repeat_percent",
    "enough_confidence": "enough_percent",
    "config.min_labels": "min_labels",
    "config.time_limit_s": "time_limit_minutes",
}


@dataclass(frozen=True, slots=True)
class Input:
    """A line to type into, of a form whose values stand in the address."""

    name: str
    label: str
    value: str
    longest: int  # characters
    mode: str = ""  # the keyboard of a phone: numeric, decimal
    placeholder: str = ""
    template = "parts/input.html"


@dataclass(frozen=True, slots=True)
class Select:
    """One of several, of such a form. any: what no choice is called; empty where there must be one."""

    name: str
    label: str
    options: Sequence[tuple[Any, Any]]  # value and words
    chosen: Any
    any: str = ""
    template = "parts/select.html"


def refuse(form: forms.Form, error: LabelerError) -> None:
    """Put the domain's refusal into the form: beside the fields it names, or on top."""
    asked = (name if name in form.fields else FIELD_NAMES.get(name, name) for name in error.fields)
    named = [name for name in asked if name in form.fields]
    for name in named:
        form.add_error(name, error.message)
    if not named:
        form.add_error(None, error.message)


def names_in(line: str) -> list[str]:
    """Class names of a comma-separated line (or several lines), in order, empty ones left out."""
    return [name for part in line.splitlines() for name in (word.strip() for word in part.split(",")) if name]


def different_names(line: str) -> list[str]:
    """As names_in(). Raises ValidationError where there is none, or one twice, capitals aside."""
    names = names_in(line)
    if not names:
        raise ValidationError(_("Name at least one class."))
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise ValidationError(_("“%(name)s” stands there twice."), params={"name": name})
        seen.add(name.casefold())
    return names


class NewProject(forms.Form):
    """The few things a project needs to begin."""

    name = forms.CharField(label=_("Name"), max_length=200, widget=forms.TextInput(attrs={"autofocus": True}))
    question = forms.CharField(
        label=_("Question"),
        max_length=500,
        required=False,
        help_text=_("Stands above every image: What is wrong with this leaf?"),
    )
    classes = forms.CharField(
        label=_("Classes"),
        max_length=20_000,
        help_text=_("One line, separated by commas: rust, leaf spot, mildew, healthy"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    task = forms.ChoiceField(label=_("Each image gets"), choices=TASKS, initial=Task.SINGLE, widget=forms.RadioSelect)
    labels_per_image = forms.IntegerField(
        label=_("Labels per image"),
        min_value=1,
        max_value=50,
        initial=2,
        help_text=_("How many people judge each image. Agreement needs at least 2."),
    )

    def clean_classes(self) -> list[str]:
        names = different_names(self.cleaned_data["classes"])
        if len(names) > MOST_CLASSES:
            raise ValidationError(_("At most %(n)s classes fit on a labeling screen."), params={"n": MOST_CLASSES})
        if any(len(name) > 200 for name in names):
            raise ValidationError(_("A class name has at most 200 characters."))
        return names

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("task") == Task.SINGLE and len(cleaned.get("classes", ())) == 1:
            self.add_error(
                "task",
                _("With one class only, choose “any number”: each image then has it or not."),
            )
        return cleaned


class AddMember(forms.Form):
    """A person, by user name."""

    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR)


class Invite(forms.Form):
    """A link for one person who may have no account yet."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR)
    note = forms.CharField(
        label=_("For whom"), max_length=100, required=False, help_text=_("Only leads see it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    expires_in_days = forms.IntegerField(
        label=_("Days until it expires"), min_value=1, max_value=invitations.LONGEST_LIFE_DAYS,
        initial=invitations.LIFE_DAYS,
    )  # fmt: skip


class Join(forms.Form):
    """Name and password of a new account. The rules are labeler/accounts/people.py's."""

    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        help_text=_("The others see it. Letters, digits and @ . + - _"),
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=4096,
        strip=False,
        help_text=_("At least 8 characters, and none of the common ones."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("Password again"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "again" in cleaned and cleaned.get("password", cleaned["again"]) != cleaned["again"]:
            self.add_error("again", _("The two passwords differ."))
        return cleaned


class NewToken(forms.Form):
    """A credential for a REST client."""

    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("What will use it: laptop, nightly export …"))
    scopes = forms.MultipleChoiceField(
        label=_("May"),
        choices=[
            (Scope.READ, _("read what you may see")),
            (Scope.LABEL, _("label in your name")),
            (Scope.EXPORT, _("export")),
            (Scope.MANAGE, _("manage projects you lead")),
        ],
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple,
    )
    expires_in_days = forms.IntegerField(
        label=_("Days until it expires"),
        min_value=1,
        max_value=3650,
        initial=90,
        required=False,
        help_text=_("Empty: never."),
    )


class Appearance(forms.Form):
    """Light or dark, on every machine."""

    theme = forms.ChoiceField(label=_("Theme"), choices=Theme.choices, widget=forms.RadioSelect)


class ChoosesClasses(forms.Form):
    """One field for both tasks: checkboxes for any number of classes, radio buttons for exactly one."""

    def add_classes(self, project: Project, label: Any, label_of_several: Any) -> None:
        choices = [(c.pk, c.name) for c in project.categories.in_use()]
        if project.is_multi:
            self.fields["categories"] = forms.TypedMultipleChoiceField(
                label=label_of_several,
                choices=choices,
                coerce=int,
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )
        else:
            self.fields["categories"] = forms.TypedChoiceField(
                label=label, choices=choices, coerce=int, widget=forms.RadioSelect
            )

    def classes(self) -> list[int]:
        """Those that were chosen, of a valid form."""
        value = self.cleaned_data["categories"]
        return list(value) if isinstance(value, list) else [value]


class Settle(ChoosesClasses):
    """A reviewer's decision on one image."""

    # Several lines: Enter makes a new one, instead of deciding by surprise.
    reason = forms.CharField(
        label=_("Why"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2, "cols": 30})
    )
    undecidable = forms.BooleanField(required=False, widget=forms.HiddenInput())
    # Where people draw: a list of objects, written by static/js/adjudicate/objects.js.
    objects = forms.CharField(required=False, widget=forms.HiddenInput(), max_length=5_000_000)

    def __init__(self, project: Project, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.add_classes(project, _("The class is"), _("The classes are"))
        if self.is_bound and self.data.get("undecidable"):
            self.fields["categories"].required = False
        self.order_fields(["categories", "reason"])

    def chosen(self) -> list[int]:
        return [] if self.cleaned_data["undecidable"] else self.classes()
