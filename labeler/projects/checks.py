"""Checks that projects, classes and members share. Knows rows, not what they mean."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from labeler.errors import Invalid, StaleVersion


def check_row(row: models.Model, fields: Iterable[str]) -> None:
    """Have the model's own rules look at these fields of an unsaved row. Raises Invalid with the sentences by field."""
    names = set(fields)
    try:
        row.clean_fields(exclude=[f.name for f in row._meta.concrete_fields if f.name not in names])
    except ValidationError as error:
        texts = error.message_dict
        first_field, first_texts = next(iter(texts.items()))
        raise Invalid(
            _("%(first_field)s: %(value)s") % {"first_field": first_field, "value": first_texts[0]}, fields=texts
        ) from error


def check_version(current: int, expected: int | None, noun: str) -> None:
    if expected is not None and expected != current:
        raise StaleVersion(
            _("Somebody changed this %(noun)s meanwhile. Look at the present one, then change it again.")
            % {"noun": noun},
            current=current,
        )
