"""The forms of a project's settings: what may be typed, what each setting does and costs, one form per section.

Shares are typed in percent, times in minutes. Knows units and words; what a change entails is labeler/projects.py's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler import markers
from labeler.economy import BORNE_OUT
from labeler.models import Category, Project
from labeler.models.project import ConsensusMethod, Ordered
from labeler.pages.forms import first_twin, names_in

_PERCENT, _MINUTES = 100.0, 1 / 60
LONGEST_GUIDELINE, LONGEST_DESCRIPTION = 200_000, 10_000
MOST_WANTED = 2_147_483_647  # what the column holds


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


def seen(values: Mapping[str, Any]) -> str:
    """A fingerprint of what a form showed: tells whether somebody saved the same settings in between."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]


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
    show_file_names = forms.BooleanField(
        label=gettext_lazy("Show file names to annotators"),
        required=False,
        help_text=gettext_lazy("A path like rust/0001.jpg gives the class away: labels are then worth less."),
    )


class Model(Section):
    units = {"review_percent": ("review_confidence", _PERCENT), "planted_percent": ("planted_share", _PERCENT)}

    show_prelabels = forms.BooleanField(
        label=gettext_lazy("Show the model's suggestion"),
        required=False,
        help_text=gettext_lazy(
            "Saves time; people tend to follow it, right or wrong. Blind images never show one, so that this is "
            "measured."
        ),
    )
    ask_uncertain_first = forms.BooleanField(
        label=gettext_lazy("Ask first where the model is unsure"),
        required=False,
        help_text=gettext_lazy(
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


# ---------------------------------------------------------------- quality


class Quality(Section):
    """What is mixed in among the images to learn about the people."""

    units = {"gold_percent": ("gold_share", _PERCENT), "repeat_percent": ("repeat_share", _PERCENT)}

    gold_percent = forms.FloatField(
        label=gettext_lazy("Gold images, in percent"),
        min_value=0,
        max_value=50,
        help_text=gettext_lazy(
            "Of what each person is given: images whose answer is known, without a sign. They tell how often the "
            "person is right. Costs everybody that share of their time: of 1,000 answers, 5 % are 50, enough to know "
            "“90 % right” to about 9 points."
        ),
    )
    gold_feedback = forms.BooleanField(
        label=gettext_lazy("Say at once what a gold image was"),
        required=False,
        help_text=gettext_lazy(
            "Teaches people while they label. They then know which images were gold, so their scores count for less: "
            "good in the first days, off when you want to measure."
        ),
    )
    repeat_percent = forms.FloatField(
        label=gettext_lazy("Repeated images, in percent"),
        min_value=0,
        max_value=20,
        help_text=gettext_lazy(
            "Of what each person is given: images they judged at least 50 answers ago, without a sign. They tell how "
            "often a person agrees with themselves: nobody agrees with others more than that. Costs that share of "
            "their time; the second answer is no vote."
        ),
    )


class Accepting(Section):
    """What the model may settle without a person, and what is promised of it."""

    units = {
        "precision_percent": ("accept_precision", _PERCENT),
        "confidence_percent": ("accept_confidence", _PERCENT),
        "audited_percent": ("audited_share", _PERCENT),
    }

    auto_accept = forms.BooleanField(
        label=gettext_lazy("Let the model accept what it is sure of"),
        required=False,
        help_text=gettext_lazy(
            "Only as far as the promise below holds, and only images that nobody was given. They leave the queue; they "
            "never count as labels, and an export has them only where you ask for it. Off: all of them go back to "
            "people."
        ),
    )
    precision_percent = forms.FloatField(
        label=gettext_lazy("Right at least, in percent"),
        min_value=80,
        max_value=99,
        help_text=gettext_lazy(
            "Of the accepted images. Higher: fewer are accepted, and more calibration images are needed. On our "
            "clothing photographs, with 500 of them: 83 % of the images at 90, 68 % at 95, 38 % at 98."
        ),
    )
    confidence_percent = forms.FloatField(
        label=gettext_lazy("With this confidence, in percent"),
        min_value=80,
        max_value=99,
        help_text=gettext_lazy(
            "Of a hundred projects with this setting, at least so many keep the promise. 95 is what papers use."
        ),
    )
    audited_percent = forms.FloatField(
        label=gettext_lazy("Audited, in percent"),
        min_value=1,
        max_value=50,
        help_text=gettext_lazy(
            "Of the accepted images, by a draw: two people judge them all the same, first and without seeing what the "
            "model says. They find a broken promise: 15 % wrong within some 50 answers, 10 % within 150. Costs two "
            "labels each."
        ),
    )
    accept_per_class = forms.BooleanField(
        label=gettext_lazy("A threshold for each class"),
        required=False,
        help_text=gettext_lazy(
            "The promise then holds in each class that has enough calibration images, and the others share one. With "
            "several classes per image: in each set of classes. Dear: 40 % of the clothing photographs instead of 68 %."
        ),
    )


class Consensus(Section):
    """How several answers become one, and how many answers an image gets."""

    units = {"enough_percent": ("enough_confidence", _PERCENT), "goal_percent": ("goal_right", _PERCENT)}

    consensus_method = forms.ChoiceField(
        label=gettext_lazy("How several answers become one"),
        choices=ConsensusMethod.choices,
        widget=forms.RadioSelect,
        help_text=gettext_lazy(
            "A reviewer's decision stands above every method. Another method changes no label, and can be taken back; "
            "a worker weighs all images anew."
        ),
    )
    adaptive_overlap = forms.BooleanField(
        label=gettext_lazy("As many labels as an image needs"),
        required=False,
        help_text=gettext_lazy(
            "Stops where the answers are clear, and asks more people where they are not; takes the place of “Labels "
            "per image”. Saves labels on clear images; when the work ends is harder to tell."
        ),
    )
    fewest_labels = forms.IntegerField(
        label=gettext_lazy("Fewest labels"),
        min_value=1,
        max_value=50,
        help_text=gettext_lazy(
            "Every image gets these, and agreement is counted on them. With 1, it rests on the images that judge the "
            "model: they always get two."
        ),
    )
    most_labels = forms.IntegerField(
        label=gettext_lazy("Most labels"),
        min_value=1,
        max_value=50,
        help_text=gettext_lazy("After these a reviewer decides. Bounds what a hard image can cost."),
    )
    enough_percent = forms.FloatField(
        label=gettext_lazy("Sure enough, in percent"),
        min_value=50,
        max_value=99.9,
        help_text=gettext_lazy(
            "How probable the answer must be for nobody else to be asked. Higher: fewer wrong images, and more labels."
        ),
    )
    ask_by_gain = forms.BooleanField(
        label=gettext_lazy("Ask where one more answer gains most"),
        required=False,
        help_text=gettext_lazy(
            "A new image or one more opinion, whichever makes more labels right, by what people and model say; never "
            "twice the same person, and at most “Most labels” per image. Takes the place of “Labels per image”. Fewest "
            "answers for right labels; answers given with a suggestion on the screen cannot be weighed with the model, "
            "so it saves most with suggestions off."
        ),
    )
    goal_percent = forms.FloatField(
        label=gettext_lazy("Goal, in percent of labels right"),
        min_value=50,
        max_value=99.9,
        help_text=format_lazy(
            gettext_lazy(
                "When so many are estimated right, and {checks}, nobody is asked any more but for the blind images. "
                "Raise it to go on."
            ),
            checks=BORNE_OUT,
        ),
    )
    model_fills = forms.BooleanField(
        label=gettext_lazy("The model answers for images nobody has labeled"),
        required=False,
        help_text=gettext_lazy(
            "In lists, marked as the model's alone; in exports only where you ask for it, marked too. It is no label: "
            "nothing is trained on it, and no figure about people or the model counts it. Only where people and model "
            "decide together, and never on images that are judged blind."
        ),
    )
    ordered = forms.ChoiceField(
        label=gettext_lazy("Do the classes have an order?"),
        choices=Ordered.choices,
        widget=forms.RadioSelect,
        help_text=gettext_lazy(
            "Healthy, mild, severe have one, and a near miss is then worth something: agreement is also given with "
            "weights, by the classes' places in the row. Costs nothing; only where an image has one class."
        ),
    )


# What each method is good for, and when it is worse than counting votes (bench/trust.py, docs/agreement.md).
METHODS = {
    ConsensusMethod.MAJORITY: gettext_lazy(
        "What most people said; a tie goes to a reviewer. Everybody can check it. A careless answer counts like a "
        "careful one."
    ),
    ConsensusMethod.ONE_COIN: gettext_lazy(
        "Who is right more often counts more, as all answers together tell. Better where people differ, and settles "
        "ties; with few labels per person it is the majority, hardly ever worse."
    ),
    ConsensusMethod.DAWID_SKENE: gettext_lazy(
        "Also weighs what each person mixes up with what. Best with some hundred labels per person, 30 of each class; "
        "with fewer it was worse than the majority in published comparisons."
    ),
    ConsensusMethod.WITH_MODEL: gettext_lazy(
        "The model is one more voter, where people answered without its suggestion. Best with one or two labels per "
        "image; worse where the model errs as the people do, and no fair test of that model any more."
    ),
}


# ---------------------------------------------------------------- what is wanted


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


# ---------------------------------------------------------------- classes


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

    def __init__(self, category: Category, place: int, *args: Any, **kwargs: Any):
        self.by_place = markers.at(place)
        fields = ("name", "description", "key", "colour", "shape", "wanted", "variety")
        kwargs["initial"] = {name: getattr(category, name) for name in fields} | {"place": place + 1}
        super().__init__(*args, **kwargs)
        if category.retired_at is not None:
            del self.fields["place"]
        for name, names in (("colour", markers.COLOURS), ("shape", markers.SHAPES)):
            by_place = names[getattr(self.by_place, name)]
            automatic = format_lazy("{by_place} ({name})", by_place=gettext_lazy("by its place"), name=by_place)
            self.fields[name].choices = [(0, automatic), *names.items()]  # type: ignore[attr-defined]

    def changes(self) -> dict[str, Any]:
        """Of CATEGORY_FIELDS; the place is another verb's."""
        return {name: value for name, value in self.cleaned_data.items() if name != "place"}


class AddClasses(forms.Form):
    """More classes, typed like those of a new project."""

    classes = forms.CharField(
        label=gettext_lazy("Add classes"),
        max_length=20_000,
        help_text=gettext_lazy("Separated by commas. What is labeled already is not asked again for a new class."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_classes(self) -> list[str]:
        names = names_in(self.cleaned_data["classes"])
        if not names:
            raise ValidationError(_("Name at least one class."))
        if twin := first_twin(names):
            raise ValidationError(_("“%(name)s” stands there twice."), params={"name": twin})
        return names
