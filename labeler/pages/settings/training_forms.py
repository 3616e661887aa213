"""The form of a training: what competes, on which network, for how long. Of the project, or of one run only.

Knows words and units; limits, defaults and help are labeler.train_settings. Settings that only a program sets stay as
they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import Invalid
from labeler.models import Project
from labeler.models.project import Task
from labeler.pages.settings.forms import Section, _short, switch
from labeler.train_settings import (
    BACKBONES,
    CANDIDATES,
    DEFAULT_CANDIDATES,
    DRAWN_CANDIDATES,
    IMBALANCE,
    PIXEL_CANDIDATES,
    SETTINGS,
    WISHES,
)
from labeler.training import networks, run_settings

SECONDS = 60  # of a minute


def _labels(texts: Mapping[str, str]) -> list[tuple[str, Any]]:
    return [(name, gettext_lazy(text)) for name, text in texts.items()]


def _number(path: str, label: Any) -> Any:
    """A field that may stay empty, with the limits, the default and the help of a setting."""
    setting = SETTINGS[path]
    made: Any = forms.IntegerField if setting.kind is int else forms.FloatField
    empty = format_lazy(gettext_lazy("Empty: {default}."), default=f"{setting.default:g}")
    return made(
        label=label, min_value=setting.low, max_value=setting.high, required=False,
        help_text=format_lazy("{empty} {help}", empty=empty, help=gettext_lazy(setting.help)),
    )  # fmt: skip


class OfRun(Section):
    """What every training has. All fields but train_automatically are parts of training_config."""

    time_limit_minutes = forms.FloatField(
        label=gettext_lazy("Minutes for each network that is trained, at most"),
        min_value=0.1,
        max_value=SETTINGS["time_limit_s"].high // SECONDS,
        required=False,
        help_text=gettext_lazy("Empty: 2 on a CPU, 10 on a GPU. Longer: perhaps a better model, and a later one."),
    )
    seed = _number("seed", gettext_lazy("Seed"))

    @classmethod
    def values_of(cls, project: Project) -> dict[str, Any]:
        limit = project.training_config.get("time_limit_s")
        return {
            "train_automatically": project.train_automatically,
            "time_limit_minutes": None if limit is None else _short(limit / SECONDS),
            "seed": project.training_config.get("seed"),
        }

    def config(self, project: Project) -> dict[str, Any]:
        """The project's settings of a run with what was typed laid over.

        What is empty, or as the worker has it anyway, is left out: should the worker's choice get better, it applies.
        """
        made, limit = dict(project.training_config), self.cleaned_data["time_limit_minutes"]
        _put(made, "time_limit_s", limit and round(limit * SECONDS, 3))
        _put(made, "seed", self.cleaned_data["seed"])
        return made

    def changes(self, project: Project) -> dict[str, Any]:
        automatic = self.cleaned_data["train_automatically"]
        wanted = {"train_automatically": automatic, "training_config": self.config(project)}
        return {name: value for name, value in wanted.items() if value != getattr(project, name)}


class Training(OfRun):
    """Where classes are named."""

    train_automatically = switch(
        gettext_lazy("Train by itself when enough new labels are in"),
        gettext_lazy("At least 32 new ones, and 5 % more. Costs a worker some minutes each time."),
    )
    min_labels = _number("min_labels", gettext_lazy("Settled images before the first model"))
    candidates = forms.MultipleChoiceField(
        label=gettext_lazy("What competes"),
        choices=_labels(CANDIDATES),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=gettext_lazy(SETTINGS["candidates"].help),
    )
    backbone = forms.ChoiceField(
        label=gettext_lazy("Pretrained network"),
        help_text=gettext_lazy(
            "Those whose weights are on this machine. Another one looks at every image anew, once. "
            "How others are added stands in the documentation of the model."
        ),
    )
    image_size = _number("image_size", gettext_lazy("Side of the image it sees, in pixels"))
    imbalance = forms.ChoiceField(
        label=gettext_lazy("When some classes are rare"),
        choices=_labels(IMBALANCE),
        widget=forms.RadioSelect,
        help_text=gettext_lazy(SETTINGS["imbalance"].help),
    )
    soft_labels = switch(
        gettext_lazy("Learn how sure people are"),
        gettext_lazy(SETTINGS["soft_labels"].help),
    )
    search_settings = _number("search.settings", gettext_lazy("Settings each classical method tries"))
    search_network = _number("search.network_settings", gettext_lazy("Settings the network trained further tries"))
    search_seconds = _number("search.time_limit_s", gettext_lazy("Seconds each may look for them"))
    folds = _number("folds", gettext_lazy("Parts in cross-validation"))

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        # What is set stays choosable, also where this machine has no weights of it: another one may.
        set_already = {self.initial.get("backbone"), SETTINGS["backbone"].default} - {None}
        names = [name for name in BACKBONES if name in set_already or name in networks.available()]
        self.fields["backbone"].choices = _labels({name: BACKBONES[name] for name in names})  # type: ignore[attr-defined]

    @classmethod
    def values_of(cls, project: Project) -> dict[str, Any]:
        config = project.training_config
        search = config.get("search") or {}
        return super().values_of(project) | {
            "min_labels": config.get("min_labels"),
            "candidates": list(config.get("candidates") or DEFAULT_CANDIDATES),
            "backbone": config.get("backbone") or SETTINGS["backbone"].default,
            "image_size": config.get("image_size"),
            "imbalance": config.get("imbalance") or "none",
            "soft_labels": bool(config.get("soft_labels")),
            "search_settings": search.get("settings"),
            "search_network": search.get("network_settings"),
            "search_seconds": search.get("time_limit_s"),
            "folds": config.get("folds"),
        }

    def clean_candidates(self) -> list[str]:
        # The regression is what the others are compared with: it is always there.
        ticked = {"frozen", *self.cleaned_data["candidates"]}
        return [name for name in CANDIDATES if name in ticked]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name in ("candidates", "image_size"):
            value = cleaned.get(name)
            if value is None:
                continue
            try:
                run_settings.check({name: value})
            except Invalid as error:
                # "must name …": the sentence begins with what the field is called.
                self.add_error(name, _("It %(problem)s.") % {"problem": error.fields[f"config.{name}"][0]})
        return cleaned

    def config(self, project: Project) -> dict[str, Any]:
        made, typed = super().config(project), self.cleaned_data
        usual = {"backbone": SETTINGS["backbone"].default, "imbalance": "none", "soft_labels": False}
        for name in ("min_labels", "image_size", "folds", *usual):
            _put(made, name, typed[name], usual.get(name))
        # In another order they are the same: a program's stays.
        if set(typed["candidates"]) != set(made.get("candidates") or DEFAULT_CANDIDATES):
            is_usual = typed["candidates"] == list(DEFAULT_CANDIDATES)
            _put(made, "candidates", None if is_usual else typed["candidates"])
        search = dict(made.get("search") or {})
        _put(search, "settings", typed["search_settings"])
        _put(search, "network_settings", typed["search_network"])
        _put(search, "time_limit_s", typed["search_seconds"])
        _put(made, "search", search or None)
        return made


class DrawnTraining(OfRun):
    """Where people draw objects."""

    train_automatically = switch(
        gettext_lazy("Train by itself when enough new answers are in"),
        gettext_lazy("At least 32 new ones, and 5 % more. Costs a worker some minutes each time."),
    )
    candidates = forms.MultipleChoiceField(
        label=gettext_lazy("What competes"),
        choices=_labels(DRAWN_CANDIDATES),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(SETTINGS["drawing.candidates"].help),
    )
    size = _number("drawing.size", gettext_lazy("Long side of the image it sees, in pixels"))
    wish = forms.ChoiceField(
        label=gettext_lazy("What its pre-labels should be"),
        choices=_labels(WISHES),
        widget=forms.RadioSelect,
        help_text=gettext_lazy(SETTINGS["drawing.wish"].help),
    )
    outline_tolerance = _number(
        "drawing.outline_tolerance", gettext_lazy("How exact outlines of polygons are, in pixels")
    )
    template = "drawntraining"
    # the setting that the candidates are stored as, and the candidates there are
    of_candidates: ClassVar[tuple[str, Mapping[str, str]]] = ("candidates", DRAWN_CANDIDATES)

    @classmethod
    def values_of(cls, project: Project) -> dict[str, Any]:
        drawing = project.training_config.get("drawing") or {}
        return super().values_of(project) | {
            "candidates": list(drawing.get(cls.of_candidates[0]) or cls.of_candidates[1]),
            "size": drawing.get("size"),
            "wish": drawing.get("wish") or SETTINGS["drawing.wish"].default,
            "outline_tolerance": drawing.get("outline_tolerance"),
        }

    def clean_size(self) -> int | None:
        size: int | None = self.cleaned_data["size"]
        if size is not None and size % SETTINGS["drawing.size"].multiple_of:
            raise forms.ValidationError(_("It must be a multiple of 32, or empty."))
        return size

    def config(self, project: Project) -> dict[str, Any]:
        made, typed = super().config(project), self.cleaned_data
        drawing = dict(made.get("drawing") or {})
        setting, candidates = self.of_candidates
        _put(drawing, setting, [name for name in candidates if name in typed["candidates"]], list(candidates))
        _put(drawing, "size", typed["size"])
        if "wish" in typed:
            _put(drawing, "wish", typed["wish"], SETTINGS["drawing.wish"].default)
            _put(drawing, "outline_tolerance", typed["outline_tolerance"])
        _put(made, "drawing", drawing, {})
        return made


class PixelTraining(DrawnTraining):
    """Where every pixel gets a class: other candidates, and nothing of objects."""

    of_candidates: ClassVar[tuple[str, Mapping[str, str]]] = ("pixel_candidates", PIXEL_CANDIDATES)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["candidates"].choices = _labels(PIXEL_CANDIDATES)  # type: ignore[attr-defined]
        for name in ("wish", "outline_tolerance"):
            del self.fields[name]


def form_of(project: Project, *, once: bool = False) -> type[OfRun]:
    """The form of a project's task; `once`: for one run only, whether it trains by itself is no question there."""
    of_objects: type[OfRun] = PixelTraining if project.task == Task.SEMANTIC else DrawnTraining
    shape = of_objects if project.draws else Training
    return type(f"{shape.__name__}Once", (OnlyOnce, shape), {}) if once else shape


class OnlyOnce:
    """The same for one run only."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        del self.fields["train_automatically"]


def _put(config: dict[str, Any], name: str, value: Any, usual: Any = None) -> None:
    if value is None:
        config.pop(name, None)
    elif name in config or value != usual:
        config[name] = value
