"""Read the settings of a run as a worker gets them. The settings themselves are labeler.train_settings.

Adds what only a worker knows: how many stages the backbone has.
"""

from __future__ import annotations

from typing import Any

from labeler import train_settings
from labeler.train_settings import TrainConfig
from worker.ml.errors import ConfigError
from worker.ml.networks import backbones


def read_settings(given: dict[str, Any] | None) -> TrainConfig:
    """The config that `given` describes, defaults for the rest. Raises ConfigError naming every wrong setting."""
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise ConfigError({"config": ["Must be an object of settings."]})
    if wrong := train_settings.problems(given):
        raise ConfigError({name: [f"{text[0].upper()}{text[1:]}."] for name, text in wrong.items()})
    config = train_settings.read(given)
    n_stages, first_stage = backbones.get(config.backbone).n_stages, config.finetune.first_stage
    if first_stage is not None and first_stage >= n_stages:
        raise ConfigError({"finetune.first_stage": [f"Must be between 0 and {n_stages - 1}."]})
    return config
