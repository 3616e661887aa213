"""The forms of classes and of the numbers of labels that are wanted of each."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.label_set import markers
from labeler.models import Category, Project
from labeler.models.project import Task
from labeler.pages.forms import different_names
from labeler.pages.settings.forms import LONGEST_DESCRIPTION, Typed, _long, switch

MOST_WANTED = 2_147_483_647  # what the column holds


class Wanted(Typed):
    """How many images the data set shall have, in all and of each class, and what they shall differ in."""

    wanted_images = forms.IntegerField(
        label=gettext_lazy("Images in all"),
        min_value=1,
        max_value=MOST_WANTED,
        required=False,
        help_text=gettext_lazy(
            "Images that have their answer. The overview counts and forecasts towards it. Empty: any number."
        ),
    )
    variety = forms.CharField(
        label=gettext_lazy("What they shall differ in"),
        max_length=LONGEST_DESCRIPTION,
        required=False,
        widget=_long(3),
        help_text=gettext_lazy("In words, for whoever takes the images: morning and evening, young and old plants."),
    )

    def __init__(self, project: Project, classes: list[Category], *args: Any, **kwargs: Any):
        self.classes = classes
        kwargs["initial"] = self.values_of(project, classes)
        super().__init__(*args, **kwargs)
        for category in classes:
            self.fields[f"wanted_{category.pk}"] = forms.IntegerField(
                label=_("Images at least"), min_value=1, max_value=MOST_WANTED, required=False
            )
            self.fields[f"variety_{category.pk}"] = forms.CharField(
                label=_("Differing in"), max_length=LONGEST_DESCRIPTION, required=False
            )

    @staticmethod
    def values_of(project: Project, classes: list[Category]) -> dict[str, Any]:
        values: dict[str, Any] = {"wanted_images": project.wanted_images, "variety": project.variety}
        for category in classes:
            values |= {f"wanted_{category.pk}": category.wanted, f"variety_{category.pk}": category.variety}
        return values

    def rows(self) -> list[tuple[Category, forms.BoundField, forms.BoundField]]:
        return [(c, self[f"wanted_{c.pk}"], self[f"variety_{c.pk}"]) for c in self.classes]

    def of_project(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("wanted_images", "variety")}

    def of_classes(self) -> dict[int, dict[str, Any]]:
        """What differs from the classes as they are: one of two hundred costs no two hundred locks."""
        typed = {
            c.pk: {name: self.cleaned_data[f"{name}_{c.pk}"] for name in ("wanted", "variety")} for c in self.classes
        }
        return {c.pk: typed[c.pk] for c in self.classes if typed[c.pk] != {"wanted": c.wanted, "variety": c.variety}}


class OneClass(Typed):
    """All that is said of one class."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=200,
        help_text=gettext_lazy("Renamed, it keeps its labels, and programs may go on using the former name."),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"),
        max_length=LONGEST_DESCRIPTION,
        required=False,
        widget=_long(3),
        help_text=gettext_lazy("Stands beside the image, under the guideline: how to know it, what it is not."),
    )
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=1,
        required=False,
        help_text=gettext_lazy(
            "Chooses it on the labeling screen. Empty: its number in the row. People may set their own."
        ),
    )
    place = forms.IntegerField(
        label=gettext_lazy("Place in the row"),
        min_value=1,
        max_value=100_000,
        help_text=gettext_lazy("Moves the answers of everybody who labels: better before work begins."),
    )
    colour = forms.TypedChoiceField(label=gettext_lazy("Colour"), coerce=int, widget=forms.RadioSelect)
    shape = forms.TypedChoiceField(label=gettext_lazy("Shape"), coerce=int, widget=forms.RadioSelect)
    wanted = forms.IntegerField(
        label=gettext_lazy("Images wanted, at least"),
        min_value=1,
        max_value=MOST_WANTED,
        required=False,
        help_text=gettext_lazy("Images that have this answer. Empty: any number."),
    )
    variety = forms.CharField(
        label=gettext_lazy("What they shall differ in"),
        max_length=LONGEST_DESCRIPTION,
        required=False,
        widget=_long(2),
        help_text=gettext_lazy("In words; stands on the import page while images are missing."),
    )

    smallest = forms.FloatField(
        label=gettext_lazy("Smallest size, in pixels"),
        min_value=0,
        max_value=100_000,
        required=False,
        help_text=gettext_lazy("Of the shorter side of an object. Smaller ones are refused. 0: any size."),
    )
    background = switch(
        gettext_lazy("This class is the background"),
        gettext_lazy("Pixels that nobody painted are of this class. Without one, they have none."),
    )

    def __init__(self, category: Category, place: int, *args: Any, **kwargs: Any):
        self.by_place = markers.at(place)
        fields = ("name", "description", "key", "colour", "shape", "wanted", "variety", "smallest", "background")
        kwargs["initial"] = {name: getattr(category, name) for name in fields} | {"place": place + 1}
        super().__init__(*args, **kwargs)
        if category.retired_at is not None:
            del self.fields["place"]
        if not category.project.draws:
            del self.fields["smallest"]
        if category.project.task != Task.SEMANTIC:
            del self.fields["background"]
        for name, names in (("colour", markers.COLOURS), ("shape", markers.SHAPES)):
            by_place = names[getattr(self.by_place, name)]
            automatic = format_lazy("{by_place} ({name})", by_place=gettext_lazy("by its place"), name=by_place)
            self.fields[name].choices = [(0, automatic), *names.items()]  # type: ignore[attr-defined]

    def changes(self) -> dict[str, Any]:
        """Of CATEGORY_FIELDS; the place is another verb's."""
        changes = {name: value for name, value in self.cleaned_data.items() if name != "place"}
        if "smallest" in changes:
            changes["smallest"] = changes["smallest"] or 0.0
        return changes


class AddClasses(forms.Form):
    """More classes, typed like those of a new project."""

    classes = forms.CharField(
        label=gettext_lazy("Add classes"),
        max_length=20_000,
        help_text=gettext_lazy("Separated by commas. What is labeled already is not asked again for a new class."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_classes(self) -> list[str]:
        return different_names(self.cleaned_data["classes"])
