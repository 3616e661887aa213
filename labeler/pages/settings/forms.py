"""The forms of a project's settings: what may be typed, what each setting does and costs, one form per section.

Shares are typed in percent, times in minutes. Knows units and words; what a change entails is
labeler/projects/projects.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy

from labeler.models import Project

_PERCENT, _MINUTES = 100.0, 1 / 60
LONGEST_GUIDELINE, LONGEST_DESCRIPTION = 200_000, 10_000


def _short(value: float) -> float | int:
    """15.0 is typed as 15, and so is 15.000000000000002."""
    value = round(value, 4)
    return int(value) if value == int(value) else value


class Typed(forms.Form):
    """Texts as they were typed, whatever a browser makes of the ends of lines."""

    def clean(self) -> dict[str, Any]:
        # A textarea sends CRLF: without this every save would be a change, and a new version of the guideline.
        cleaned = super().clean() or self.cleaned_data
        return {name: v.replace("\r\n", "\n") if isinstance(v, str) else v for name, v in cleaned.items()}


class Section(Typed):
    """Settings of a project that are saved together."""

    # field of the form -> (setting of the project, how many of the form's units one of the project's is)
    units: ClassVar[Mapping[str, tuple[str, float]]] = {}
    # fields that are no setting by themselves: the section's own business
    inside: ClassVar[frozenset[str]] = frozenset()
    # of the page, where it is not the name of the form
    template: ClassVar[str] = ""
    # fields about classes: not offered where people draw objects
    of_classes: ClassVar[frozenset[str]] = frozenset()

    def leave_out_of_classes(self) -> None:
        """Offer only what works where people draw objects."""
        for name in self.of_classes:
            del self.fields[name]

    @classmethod
    def values_of(cls, project: Project) -> dict[str, Any]:
        """What the form shows of a project as it is."""
        values = {}
        for name in cls.base_fields.keys() - cls.inside:
            setting, factor = cls.units.get(name, (name, None))
            value = getattr(project, setting)
            values[name] = value if factor is None else _short(factor * value)
        return values

    def changes(self, project: Project) -> dict[str, Any]:
        """What differs from the project, in the project's own words and units."""
        wanted = {}
        for name, value in self.cleaned_data.items():
            if name in self.inside:
                continue
            setting, factor = self.units.get(name, (name, None))
            if factor is not None:
                # Whole seconds stay whole, and what was only shown in other units stays what it was.
                value = round(value / factor, None if isinstance(getattr(project, setting), int) else 6)
            wanted[setting] = value
        return {name: value for name, value in wanted.items() if value != getattr(project, name)}


def switch(label: Any, help_text: Any) -> forms.BooleanField:
    return forms.BooleanField(label=label, help_text=help_text, required=False)


def _long(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class Question(Section):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=200,
        help_text=gettext_lazy("On the list of projects and on top of every page. Costs nothing to change."),
    )
    question = forms.CharField(
        label=gettext_lazy("Question"),
        max_length=500,
        required=False,
        help_text=gettext_lazy("Stands above every image. Another question asks for other answers: labels stay."),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"),
        max_length=LONGEST_DESCRIPTION,
        required=False,
        widget=_long(4),
        help_text=gettext_lazy("For people who open the project: what it is for. Annotators do not need it to label."),
    )


class Guideline(Section):
    guideline = forms.CharField(
        label=gettext_lazy("Guideline"),
        max_length=LONGEST_GUIDELINE,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "true"}),
        help_text=gettext_lazy(
            "Markdown: # heading, - list, **bold**. Stands beside every image. Another text is a new version; each "
            "label remembers which one its author worked by."
        ),
    )


class Judging(Section):
    units = {"blind_percent": ("blind_share", _PERCENT), "lease_minutes": ("lease_seconds", _MINUTES)}

    labels_per_image = forms.IntegerField(
        label=gettext_lazy("Labels per image"),
        min_value=1,
        max_value=50,
        help_text=gettext_lazy(
            "How many people judge each image. Each one more is that much more work; with 1, agreement is unknown."
        ),
    )
    blind_percent = forms.FloatField(
        label=gettext_lazy("Blind share, in percent"),
        min_value=0,
        max_value=100,
        help_text=gettext_lazy(
            "Of images that come from now on: judged without a suggestion, so that people and models are measured "
            "fairly. Costs the time a suggestion would save there; under 5 the figures stay vague for long."
        ),
    )
    target_agreement = forms.FloatField(
        label=gettext_lazy("Target agreement"),
        min_value=0,
        max_value=1,
        help_text=gettext_lazy("Kappa from 0 to 1. Colours and hints turn at it; it changes no label."),
    )
    lease_minutes = forms.FloatField(
        label=gettext_lazy("Minutes an image is kept for a person"),
        min_value=0.5,
        max_value=1440,
        help_text=gettext_lazy(
            "Then others may get it. Longer: images of somebody who left wait longer. A late answer is kept all the "
            "same."
        ),
    )
    show_file_names = switch(
        gettext_lazy("Show file names to annotators"),
        gettext_lazy("A path like rust/0001.jpg gives the class away: labels are then worth less."),
    )


class Model(Section):
    units = {"review_percent": ("review_confidence", _PERCENT), "planted_percent": ("planted_share", _PERCENT)}
    of_classes = frozenset({"ask_uncertain_first", "review_percent", "planted_percent"})

    show_prelabels = switch(
        gettext_lazy("Show the model's suggestion"),
        gettext_lazy(
            "Saves time; people tend to follow it, right or wrong. Blind images never show one, so that this is "
            "measured."
        ),
    )
    ask_uncertain_first = switch(
        gettext_lazy("Ask first where the model is unsure"),
        gettext_lazy(
            "The model learns more from each label; these images are harder than the rest, so they are left out of "
            "the figures that speak for the project. Before there is a model, fifty images that cover the data come "
            "first. Off: random order."
        ),
    )
    review_percent = forms.FloatField(
        label=gettext_lazy("Suggestions to review at once, from percent"),
        min_value=0,
        max_value=100,
        help_text=gettext_lazy(
            "How sure the model must be before its suggestions come to the review page. Lower: more images at once, "
            "and more wrong ones among them."
        ),
    )
    planted_percent = forms.FloatField(
        label=gettext_lazy("Known answers on a review page, in percent"),
        min_value=0,
        max_value=50,
        help_text=gettext_lazy(
            "Images with a known answer under a wrong suggestion: they tell whether reviewers look. Costs the "
            "reviewers that share of their time."
        ),
    )
