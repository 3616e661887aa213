"""Refuse settings of a run that cannot be used, while the person who typed them is still there.

The settings and their limits are labeler.train_settings. What a project wants of its runs is kept in
Project.training_config (changed by projects.update, over REST and on the settings page); runs.request lays what one run
is asked for over it.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from labeler import train_settings
from labeler.errors import Invalid


def check(config: Any) -> dict[str, Any]:
    """The settings as given, or Invalid that names each one which cannot be used. null: the worker chooses."""
    if not isinstance(config, dict):
        text = "The settings of a run are an object of names and values."
        raise Invalid(text, fields={"config": ["not an object"]})
    if wrong := train_settings.problems(config):
        listed = "; ".join(f"{name} {problem}" for name, problem in wrong.items())
        raise Invalid(
            _("Some settings of the run cannot be used: %(listed)s.") % {"listed": listed},
            fields={f"config.{name}": [problem] for name, problem in wrong.items()},
        )
    return config
