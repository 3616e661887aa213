"""The settings of a training run: names, defaults, limits, and the check of what a person asks for.

Knows names and ranges. Does not know what a setting does to a network. `TrainConfig.from_json` is the only way in from
outside; `to_json` is what a run's row keeps. Each setting is explained in docs/model.md.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from worker.ml.errors import ConfigError
from worker.ml.images.tensors import Augmentation
from worker.ml.networks import backbones

# "classic.…": on colours, edges and texture instead of the backbone's features (ml/candidates/classical.py)
LEARNERS = ("svm", "knn", "forest", "boosting", "dbn")
CLASSIC = tuple(f"classic.{name}" for name in ("logistic", *LEARNERS))
ENSEMBLES = ("ensemble", "stacking")  # made of those before them
CANDIDATES = ("frozen", "finetuned", "scratch", *LEARNERS, *CLASSIC, *ENSEMBLES)
DEFAULT_CANDIDATES = ("frozen", "finetuned")


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """How long the classical candidates look for their settings, each by itself, inside the images they learn from."""

    settings: int = 3  # most that are tried, the most sensible first; 1: no search
    time_limit_s: float = 20.0  # the first setting is always tried


@dataclass(frozen=True, slots=True)
class FinetuneConfig:
    """Settings of the candidate "finetuned". None: chosen from the labels and the time there is."""

    min_labels: int = 100
    epochs: int | None = None
    first_stage: int | None = None  # first stage of the backbone that is trained
    views: int | None = None  # augmented views per image computed once and kept; 0: fresh ones for every batch
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.02
    dropout: float = 0.2
    patience: int = 5  # epochs without a smaller validation loss
    stop_share: float = 0.12  # share of the training images that only decide when to stop


@dataclass(frozen=True, slots=True)
class ScratchConfig:
    """Settings of the candidate "scratch"."""

    min_labels: int = 100
    size: int = 64  # side of what the network sees, in pixels, a multiple of 16
    epochs: int | None = None  # None: as many as fit into the time limit
    batch: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    dropout: float = 0.1


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything that decides a run. The same config, labels and seed give the same model on a CPU."""

    candidates: tuple[str, ...] = DEFAULT_CANDIDATES
    backbone: str = "efficientnet_lite0"
    image_size: int = 224  # side in pixels, a multiple of 32
    folds: int = 5
    seed: int = 0
    min_labels: int = 20
    time_limit_s: float | None = None  # for each candidate that trains a network; None: 120 on a CPU, 600 on a GPU
    imbalance: Literal["none", "auto", "weights", "oversample", "undersample"] = "none"  # auto: balancing.choose
    soft_labels: bool = False  # learn from how sure the consensus is, not only from what it says
    penalties: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # C of the regression, small = strong
    augmentation: Augmentation = field(default_factory=Augmentation)
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)
    scratch: ScratchConfig = field(default_factory=ScratchConfig)
    search: SearchConfig = field(default_factory=SearchConfig)

    @classmethod
    def from_json(cls, given: dict[str, Any] | None) -> TrainConfig:
        """The config that `given` describes, defaults for the rest.

        Raises ConfigError naming every wrong field ("finetune.batch"), unknown names included: a misspelt
        setting that is silently ignored would make a person compare two equal runs.
        """
        problems: dict[str, list[str]] = {}
        config = _build(cls, {} if given is None else given, "", problems)
        if config is not None and not problems:
            problems = _limits(config)
        if problems or config is None:
            raise ConfigError(problems)
        return config

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that from_json reads back to an equal config."""
        plain = asdict(self)
        return plain | {"candidates": list(self.candidates), "penalties": list(self.penalties)}


def _build(cls: type, given: Any, prefix: str, problems: dict[str, list[str]]) -> Any:
    if not isinstance(given, dict):
        problems[prefix.rstrip(".") or "config"] = ["Must be an object of settings."]
        return None
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}
    for name in given.keys() - known:
        problems[prefix + str(name)] = [f"There is no such setting; there are {', '.join(sorted(known))}."]
    values = {}
    for name in given.keys() & known:
        wanted, value = hints[name], given[name]
        if dataclasses.is_dataclass(wanted):
            values[name] = _build(typing.cast(type, wanted), value, f"{prefix}{name}.", problems)
        else:
            converted = _convert(wanted, value)
            if converted is _WRONG:
                problems[prefix + name] = [f"Must be {_in_words(wanted)}."]
            else:
                values[name] = converted
    return None if problems else cls(**values)


_WRONG = object()


def _convert(wanted: Any, value: Any) -> Any:
    options = typing.get_args(wanted)
    if typing.get_origin(wanted) is Literal:
        return value if isinstance(value, str) and value in options else _WRONG
    if typing.get_origin(wanted) is tuple:
        if not isinstance(value, list | tuple):
            return _WRONG
        items = [_convert(options[0], item) for item in value]
        return _WRONG if _WRONG in items else tuple(items)
    if type(None) in options:
        return None if value is None else _convert(next(o for o in options if o is not type(None)), value)
    if wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    # bool is an int in Python: `true` epochs would pass as 1
    return value if type(value) is wanted else _WRONG


def _in_words(wanted: Any) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    options = typing.get_args(wanted)
    if typing.get_origin(wanted) is Literal:
        return "one of " + ", ".join(options)
    if typing.get_origin(wanted) is tuple:
        return f"a list, each item {words[options[0]]}"
    if options:
        return " or ".join("null" if o is type(None) else words[o] for o in options)
    return words[wanted]


def _limits(config: TrainConfig) -> dict[str, list[str]]:
    tune, scratch, how = config.finetune, config.scratch, config.augmentation
    ranges: list[tuple[str, float | None, float, float]] = [
        ("folds", config.folds, 2, 20),
        ("image_size", config.image_size, 32, 1024),
        ("seed", config.seed, 0, 2**31 - 1),
        ("min_labels", config.min_labels, 4, 10**6),
        ("time_limit_s", config.time_limit_s, 0, 7 * 86400),
        ("finetune.min_labels", tune.min_labels, 4, 10**6),
        ("finetune.epochs", tune.epochs, 1, 500),
        ("finetune.views", tune.views, 0, 32),
        ("finetune.batch", tune.batch, 1, 4096),
        ("finetune.learning_rate", tune.learning_rate, 1e-7, 1.0),
        ("finetune.weight_decay", tune.weight_decay, 0, 10),
        ("finetune.label_smoothing", tune.label_smoothing, 0, 0.5),
        ("finetune.dropout", tune.dropout, 0, 0.9),
        ("finetune.patience", tune.patience, 1, 500),
        ("finetune.stop_share", tune.stop_share, 0, 0.5),
        ("scratch.min_labels", scratch.min_labels, 4, 10**6),
        ("scratch.size", scratch.size, 32, 256),
        ("scratch.epochs", scratch.epochs, 1, 500),
        ("scratch.batch", scratch.batch, 2, 4096),
        ("scratch.learning_rate", scratch.learning_rate, 1e-7, 1.0),
        ("scratch.weight_decay", scratch.weight_decay, 0, 10),
        ("scratch.label_smoothing", scratch.label_smoothing, 0, 0.5),
        ("scratch.dropout", scratch.dropout, 0, 0.9),
        ("search.settings", config.search.settings, 1, 20),
        ("search.time_limit_s", config.search.time_limit_s, 0, 86_400),
        ("augmentation.zoom", how.zoom, 0, 0.9),
        ("augmentation.stretch", how.stretch, 0, 1),
        ("augmentation.rotate_degrees", how.rotate_degrees, 0, 180),
        ("augmentation.shift", how.shift, 0, 0.5),
        ("augmentation.shear_degrees", how.shear_degrees, 0, 45),
        ("augmentation.brightness", how.brightness, 0, 1),
        ("augmentation.contrast", how.contrast, 0, 1),
        ("augmentation.saturation", how.saturation, 0, 1),
        ("augmentation.grey_share", how.grey_share, 0, 1),
        ("augmentation.noise", how.noise, 0, 0.5),
    ]
    problems = {
        name: [f"Must be between {low:g} and {high:g}."]
        for name, value, low, high in ranges
        if value is not None and not low <= value <= high
    }
    unknown = [name for name in config.candidates if name not in CANDIDATES]
    if unknown or not config.candidates:
        problems["candidates"] = [f"Must name some of {', '.join(CANDIDATES)}."]
    elif config.candidates[0] != "frozen":
        problems["candidates"] = ["Must begin with frozen: the others are compared with it."]
    elif len(set(config.candidates)) < len(config.candidates):
        problems["candidates"] = ["Must name each candidate once."]
    elif any(name in ENSEMBLES for name in config.candidates):
        first = min(config.candidates.index(name) for name in ENSEMBLES if name in config.candidates)
        if first < 2 or not set(config.candidates[first:]) <= set(ENSEMBLES):
            problems["candidates"] = [f"{config.candidates[first]} must come after the two or more that it is made of."]
    if config.backbone not in backbones.names():
        problems["backbone"] = [f"Must be one of {', '.join(backbones.names())}."]
    elif tune.first_stage is not None:
        n_stages = backbones.get(config.backbone).n_stages
        if not 0 <= tune.first_stage < n_stages:
            problems["finetune.first_stage"] = [f"Must be between 0 and {n_stages - 1}."]
    if scratch.size % 16 and "scratch.size" not in problems:
        problems["scratch.size"] = ["Must be a multiple of 16."]
    if config.image_size % 32:
        problems["image_size"] = ["Must be a multiple of 32."]
    if not config.penalties or any(not 1e-8 <= c <= 1e8 for c in config.penalties):
        problems["penalties"] = ["Must be one or more numbers between 1e-8 and 1e8."]
    elif list(config.penalties) != sorted(set(config.penalties)):
        problems["penalties"] = ["Must be in rising order, each once."]
    return problems
