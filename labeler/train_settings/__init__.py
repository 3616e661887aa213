"""The settings of a training run: names, defaults, limits and help, for the web and the workers alike.

Pure: the standard library only. `settings` lists every setting, one line each. `check` names what cannot be used and
turns JSON into a `TrainConfig`. The web checks what a person types, its forms and the OpenAPI description show the same
limits, and a worker reads its run with them.

Writes no table. Does not know what a setting does to a network (worker.ml, docs/model.md), nor where a project keeps
its settings (Project.training_config).
"""

from labeler.train_settings.check import flat, json_schema, laid_over, problems, read
from labeler.train_settings.settings import (
    BACKBONES,
    CANDIDATES,
    CLASSIC,
    DEFAULT_CANDIDATES,
    DRAWN_CANDIDATES,
    ENSEMBLES,
    HIDDEN_FROM,
    IMBALANCE,
    LEARNERS,
    PIXEL_CANDIDATES,
    SETTINGS,
    SMALL,
    WISHES,
    Augmentation,
    Scratch,
    Setting,
    TrainConfig,
)

__all__ = [
    "BACKBONES",
    "CANDIDATES",
    "CLASSIC",
    "DEFAULT_CANDIDATES",
    "DRAWN_CANDIDATES",
    "ENSEMBLES",
    "HIDDEN_FROM",
    "IMBALANCE",
    "LEARNERS",
    "PIXEL_CANDIDATES",
    "SETTINGS",
    "SMALL",
    "WISHES",
    "Augmentation",
    "Scratch",
    "Setting",
    "TrainConfig",
    "flat",
    "json_schema",
    "laid_over",
    "problems",
    "read",
]
