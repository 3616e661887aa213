"""The form of a training: what competes, on which network, for how long. Of the project, or of one run only.

Knows words and units; what a setting does is worker/ml/training/settings.py's, what may be set
training/run_settings.py's. Settings that only a program sets stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from labeler.errors import Invalid
from labeler.models import Project
from labeler.pages.settings.forms import Section
from labeler.training import networks, run_settings

SECONDS = 60  # of a minute
FOLDS, SEARCH_SETTINGS, SEARCH_SECONDS, IMAGE_SIZE = 5, 3, 20.0, 224  # what the worker takes where nothing is said

CANDIDATES: dict[str, Any] = {
    "frozen": gettext_lazy("Regression on the network's features: always there, seconds"),
    "finetuned": gettext_lazy("The network trained further: minutes on a CPU, pays from some hundred labels on"),
    "scratch": gettext_lazy("A small network from nothing: for drawings, signs and whatever looks like no photograph"),
    "svm": gettext_lazy("Support vector machines on the features: seconds"),
    "knn": gettext_lazy("The most similar labeled images vote: seconds"),
    "forest": gettext_lazy("Random forest on the features: seconds"),
    "boosting": gettext_lazy("Gradient boosting on the features: slow"),
    "dbn": gettext_lazy("Deep belief network on the features: slow"),
    "classic.logistic": gettext_lazy("Regression on colours, edges and texture: for who must explain it"),
    "classic.svm": gettext_lazy("Support vector machines on colours, edges and texture"),
    "classic.knn": gettext_lazy("Similar images by colours, edges and texture"),
    "classic.forest": gettext_lazy("Random forest on colours, edges and texture"),
    "classic.boosting": gettext_lazy("Gradient boosting on colours, edges and texture: slow"),
    "classic.dbn": gettext_lazy("Deep belief network on colours, edges and texture: slow"),
    "ensemble": gettext_lazy("The mean of the three best of those above"),
    "stacking": gettext_lazy("The same, weighed by a regression"),
}
IMBALANCE: dict[str, Any] = {
    "none": gettext_lazy("As the images come: honest percentages"),
    "auto": gettext_lazy("Let the run find out, on the labels it learns from"),
    "weights": gettext_lazy("Rare classes count more"),
    "oversample": gettext_lazy("Rare classes are shown more often"),
    "undersample": gettext_lazy("Frequent classes are shown less often"),
}


class Training(Section):
    """Every field but the first is a part of training_config."""

    train_automatically = forms.BooleanField(
        label=gettext_lazy("Train by itself when enough new labels are in"),
        required=False,
        help_text=gettext_lazy("At least 32 new ones, and 5 % more. Costs a worker some minutes each time."),
    )
    min_labels = forms.IntegerField(
        label=gettext_lazy("Settled images before the first model"),
        min_value=4,
        max_value=1_000_000,
        required=False,
        help_text=gettext_lazy("Empty: 20. Fewer: an earlier and weaker first model."),
    )
    candidates = forms.MultipleChoiceField(
        label=gettext_lazy("What competes"),
        choices=list(CANDIDATES.items()),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=gettext_lazy(
            "The best one by cross-validation is kept; the others are shown in a table. Each one more costs its time, "
            "and has to be better by more to win."
        ),
    )
    time_limit_minutes = forms.FloatField(
        label=gettext_lazy("Minutes for each network that is trained, at most"),
        min_value=0.1,
        max_value=10_080,
        required=False,
        help_text=gettext_lazy("Empty: 2 on a CPU, 10 on a GPU. Longer: perhaps a better model, and a later one."),
    )
    backbone = forms.ChoiceField(
        label=gettext_lazy("Pretrained network"),
        help_text=gettext_lazy(
            "Those whose weights are on this machine. Another one looks at every image anew, once. "
            "How others are added stands in the documentation of the model."
        ),
    )
    image_size = forms.IntegerField(
        label=gettext_lazy("Side of the image it sees, in pixels"),
        min_value=32,
        max_value=1024,
        required=False,
        help_text=gettext_lazy("Empty: 224. A multiple of 32. Larger: finer detail; time grows with the square."),
    )
    imbalance = forms.ChoiceField(
        label=gettext_lazy("When some classes are rare"),
        choices=list(IMBALANCE.items()),
        widget=forms.RadioSelect,
        help_text=gettext_lazy(
            "Balancing finds more of the rare ones, and calls more images so by mistake; percentages get less honest."
        ),
    )
    soft_labels = forms.BooleanField(
        label=gettext_lazy("Learn how sure people are"),
        required=False,
        help_text=gettext_lazy("An image that people differ on then teaches less. Off: each consensus counts alike."),
    )
    search_settings = forms.IntegerField(
        label=gettext_lazy("Settings each classical method tries"),
        min_value=1,
        max_value=20,
        required=False,
        help_text=gettext_lazy("Empty: 3. 1: none is looked for."),
    )
    search_seconds = forms.FloatField(
        label=gettext_lazy("Seconds it may look for them"),
        min_value=0,
        max_value=86_400,
        required=False,
        help_text=gettext_lazy("Empty: 20. The first setting is always tried."),
    )
    folds = forms.IntegerField(
        label=gettext_lazy("Parts in cross-validation"),
        min_value=2,
        max_value=20,
        required=False,
        help_text=gettext_lazy("Empty: 5. More: a little more honest with few labels, and so many times the work."),
    )
    seed = forms.IntegerField(
        label=gettext_lazy("Seed"),
        min_value=0,
        max_value=2**31 - 1,
        required=False,
        help_text=gettext_lazy("Empty: 0. The same labels, settings and seed give the same model on a CPU."),
    )
    inside = frozenset(
        {
            "min_labels", "candidates", "time_limit_minutes", "backbone", "image_size", "imbalance", "soft_labels",
            "search_settings", "search_seconds", "folds", "seed",
        }
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        # What is set stays choosable, also where this machine has no weights of it: another one may.
        set_already = {self.initial.get("backbone"), networks.DEFAULT} - {None}
        names = [name for name in networks.NETWORKS if name in set_already or name in networks.available()]
        self.fields["backbone"].choices = [(name, networks.NETWORKS[name]) for name in names]  # type: ignore[attr-defined]

    @classmethod
    def values_of(cls, project: Project) -> dict[str, Any]:
        config = project.training_config
        limit, search = config.get("time_limit_s"), config.get("search") or {}
        return super().values_of(project) | {
            "min_labels": config.get("min_labels"),
            "candidates": list(config.get("candidates") or run_settings.USUAL),
            "time_limit_minutes": None if limit is None else _short(limit / SECONDS),
            "backbone": config.get("backbone") or networks.DEFAULT,
            "image_size": config.get("image_size"),
            "imbalance": config.get("imbalance") or "none",
            "soft_labels": bool(config.get("soft_labels")),
            "search_settings": search.get("settings"),
            "search_seconds": search.get("time_limit_s"),
            "folds": config.get("folds"),
            "seed": config.get("seed"),
        }

    def clean_candidates(self) -> list[str]:
        # The regression is what the others are compared with: it is always there.
        ticked = {"frozen", *self.cleaned_data["candidates"]}
        return [name for name in run_settings.CANDIDATES if name in ticked]

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
        """The project's settings of a run with what was typed laid over."""
        return _laid_over(project.training_config, self.cleaned_data)

    def changes(self, project: Project) -> dict[str, Any]:
        changes, config = super().changes(project), self.config(project)
        return changes if config == project.training_config else changes | {"training_config": config}


class Once(Training):
    """The same for one run only: whether the project trains by itself is no question here."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        del self.fields["train_automatically"]


def _short(value: float) -> float | int:
    value = round(value, 4)
    return int(value) if value == int(value) else value


def _laid_over(config: Mapping[str, Any], typed: Mapping[str, Any]) -> dict[str, Any]:
    """What is empty, or as the worker has it anyway, is left out: should the worker's choice get better, it applies."""
    limit = typed["time_limit_minutes"]
    usual = {"backbone": networks.DEFAULT, "imbalance": "none", "soft_labels": False}
    made = dict(config)
    for name in ("min_labels", "image_size", "folds", "seed", *usual):
        _put(made, name, typed[name], usual.get(name))
    _put(made, "time_limit_s", limit and round(limit * SECONDS, 3))
    # In another order they are the same: a program's stays.
    before = list(config.get("candidates") or run_settings.USUAL)
    if set(typed["candidates"]) != set(before):
        _put(made, "candidates", typed["candidates"], list(run_settings.USUAL))
        if typed["candidates"] == list(run_settings.USUAL):
            made.pop("candidates", None)
    search = dict(config.get("search") or {})
    _put(search, "settings", typed["search_settings"])
    _put(search, "time_limit_s", typed["search_seconds"])
    _put(made, "search", search or None)
    return made


def _put(config: dict[str, Any], name: str, value: Any, usual: Any = None) -> None:
    if value is None:
        config.pop(name, None)
    elif name in config or value != usual:
        config[name] = value
