"""What a person may set for a training run, checked while they still look.

The worker knows what each setting does (worker/ml/training/settings.py, docs/model.md) and checks again; a test holds
the two lists together. Settings are nested objects; here they are named by their path: "finetune.batch".

What a project wants of its runs is kept in Project.training_config (changed by projects.update, over REST and on the
settings page); runs.request lays what one run is asked for over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from labeler.errors import Invalid
from labeler.training import networks

Rule = tuple[type, float, float]  # type, lowest, highest

NUMBERS: dict[str, Rule] = {
    "image_size": (int, 32, 1024),
    "folds": (int, 2, 20),
    "seed": (int, 0, 2**31 - 1),
    "min_labels": (int, 4, 10**6),
    "time_limit_s": (float, 0, 7 * 86_400),
    "soft_labels": (bool, False, True),
    "finetune.min_labels": (int, 4, 10**6),
    "finetune.epochs": (int, 1, 500),
    "finetune.first_stage": (int, 0, 100),
    "finetune.views": (int, 0, 32),
    "finetune.batch": (int, 1, 4096),
    "finetune.learning_rate": (float, 1e-7, 1.0),
    "finetune.weight_decay": (float, 0, 10),
    "finetune.label_smoothing": (float, 0, 0.5),
    "finetune.dropout": (float, 0, 0.9),
    "finetune.patience": (int, 1, 500),
    "finetune.stop_share": (float, 0, 0.5),
    "scratch.min_labels": (int, 4, 10**6),
    "scratch.size": (int, 32, 256),
    "scratch.epochs": (int, 1, 500),
    "scratch.batch": (int, 2, 4096),
    "scratch.learning_rate": (float, 1e-7, 1.0),
    "scratch.weight_decay": (float, 0, 10),
    "scratch.label_smoothing": (float, 0, 0.5),
    "scratch.dropout": (float, 0, 0.9),
    "search.settings": (int, 1, 20),
    "search.time_limit_s": (float, 0, 86_400),
    "augmentation.flip": (bool, False, True),
    "augmentation.flip_vertical": (bool, False, True),
    "augmentation.zoom": (float, 0, 0.9),
    "augmentation.stretch": (float, 0, 1),
    "augmentation.rotate_degrees": (float, 0, 180),
    "augmentation.shift": (float, 0, 0.5),
    "augmentation.shear_degrees": (float, 0, 45),
    "augmentation.brightness": (float, 0, 1),
    "augmentation.contrast": (float, 0, 1),
    "augmentation.saturation": (float, 0, 1),
    "augmentation.grey_share": (float, 0, 1),
    "augmentation.noise": (float, 0, 0.5),
}
# How training images are varied where nothing else is said, as worker/ml/images/tensors.py has it.
AUGMENTATION: dict[str, bool | float] = {
    "flip": True, "flip_vertical": False, "zoom": 0.35, "stretch": 0.15, "rotate_degrees": 12.0, "shift": 0.05,
    "shear_degrees": 4.0, "brightness": 0.25, "contrast": 0.25, "saturation": 0.25, "grey_share": 0.05, "noise": 0.02,
}  # fmt: skip
# In the order in which they compete: what is made of others comes last.
LEARNERS = ("svm", "knn", "forest", "boosting", "dbn")
ENSEMBLES = ("ensemble", "stacking")
CANDIDATES = (
    "frozen", "finetuned", "scratch", *LEARNERS, *(f"classic.{name}" for name in ("logistic", *LEARNERS)), *ENSEMBLES
)  # fmt: skip
USUAL = ("frozen", "finetuned")  # the candidates where nothing else is said
IMBALANCE = ("none", "auto", "weights", "oversample", "undersample")
TEXTS = {"backbone": tuple(networks.NETWORKS), "imbalance": IMBALANCE}
LISTS = frozenset({"candidates", "penalties"})
GROUPS = frozenset({"finetune", "augmentation", "scratch", "search"})
LONGEST = 100  # characters of a text, items of a list


def check(config: Any) -> dict[str, Any]:
    """The settings as given, or Invalid that names each one which cannot be used. null: the worker chooses."""
    if not isinstance(config, dict):
        text = "The settings of a run are an object of names and values."
        raise Invalid(text, fields={"config": ["not an object"]})
    wrong = {name: problem for name, value in flat(config) if (problem := _problem(name, value))}
    if wrong:
        listed = "; ".join(f"{name} {problem}" for name, problem in wrong.items())
        raise Invalid(
            _("Some settings of the run cannot be used: %(listed)s.") % {"listed": listed},
            fields={f"config.{name}": [problem] for name, problem in wrong.items()},
        )
    return config


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` where it says something, `below` elsewhere, group by group."""
    both = {**below, **above}
    for name in GROUPS & below.keys() & above.keys():
        if isinstance(below[name], dict) and isinstance(above[name], dict):
            both[name] = {**below[name], **above[name]}
    return both


def flat(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each setting by its path with its value."""
    for name, value in config.items():
        if name in GROUPS and isinstance(value, dict):
            yield from ((f"{name}.{inner}"[:LONGEST], v) for inner, v in value.items())
        else:
            yield str(name)[:LONGEST], value


def _problem(name: str, value: Any) -> str | None:
    if name in TEXTS:
        allowed = TEXTS[name]
        return None if isinstance(value, str) and value in allowed else f"must be one of {', '.join(allowed)}"
    if name in LISTS:
        if not isinstance(value, list) or len(value) > LONGEST:
            return "must be a list"
        return _of_candidates(value) if name == "candidates" else _of_penalties(value)
    if name not in NUMBERS:
        return "must be an object of settings" if name in GROUPS else "is not a setting"
    if name == "image_size" and _whole(value) and value % 32:
        return "must be a multiple of 32"
    if name == "scratch.size" and _whole(value) and value % 16:
        return "must be a multiple of 16"
    if value is None:
        return None
    kind, low, high = NUMBERS[name]
    if kind is bool:
        return None if isinstance(value, bool) else "must be true or false"
    # bool is an int to Python, and true epochs would be one epoch.
    fits = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
    return None if fits and low <= value <= high else f"must be between {low:g} and {high:g}"


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _of_candidates(names: list[Any]) -> str | None:
    if not names or any(not isinstance(name, str) or name not in CANDIDATES for name in names):
        return f"must name some of {', '.join(CANDIDATES)}"
    if names[0] != "frozen":
        return "must begin with frozen: the others are compared with it"
    if len(set(names)) < len(names):
        return "must name each candidate once"
    first = next((k for k, name in enumerate(names) if name in ENSEMBLES), len(names))
    if first < len(names) and (first < 2 or not set(names[first:]) <= set(ENSEMBLES)):
        return f"must name {names[first]} after the two or more that it is made of"
    return None


def _of_penalties(values: list[Any]) -> str | None:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if not values or len(numbers) < len(values) or any(not 1e-8 <= value <= 1e8 for value in numbers):
        return "must be one or more numbers between 1e-8 and 1e8"
    return None if numbers == sorted(set(numbers)) else "must be in rising order, each once"
