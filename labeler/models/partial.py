"""Model instances from rows that were read by hand. For hot paths only: what was not read is fetched when asked for."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model

M = TypeVar("M", bound=Model)


def partly(model: type[M], row: dict[str, Any]) -> M:
    """An instance that knows only the columns of `row` (by column name), handed over in the order from_db wants."""
    names = [field.attname for field in model._meta.concrete_fields if field.attname in row]
    return model.from_db("default", names, [row[name] for name in names])
