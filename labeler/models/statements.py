"""Statements by hand, and model instances from rows that were read so: what was not read is fetched when asked for.

Building a query with the ORM takes ten times the processor time of running one that finds a row by its key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

M = TypeVar("M", bound=Model)
Params = Sequence[Any] | Mapping[str, Any]


def fetch(sql: str, params: Params | None = None) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def fetch_one(sql: str, params: Params | None = None) -> Any:
    """The first row of a query, a tuple; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()


def execute(sql: str, params: Params | None = None) -> int:
    """Run a statement; how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


def partly(model: type[M], row: dict[str, Any]) -> M:
    """An instance that knows only the columns of `row` (by column name), handed over in the order from_db wants."""
    names = [field.attname for field in model._meta.concrete_fields if field.attname in row]
    return model.from_db("default", names, [row[name] for name in names])


def columns(model: type[Model], alias: str) -> str:
    """All columns of a table for the text of a query, where it is called `alias`. A row of them is for whole()."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def whole(model: type[M], row: Sequence[Any]) -> M:
    """An instance from a row of columns()."""
    names, converted = _fields(model)
    values = list(row)
    for place, convert in converted:
        values[place] = convert(values[place], None, connection)
    return model.from_db("default", names, values)


@cache
def _fields(model: type[Model]) -> tuple[list[str], list[tuple[int, Callable[..., Any]]]]:
    """The fields of a row of columns(), and what turns some of them into Python's values (JSON comes as text)."""
    fields = model._meta.concrete_fields
    converted = [(n, field.from_db_value) for n, field in enumerate(fields) if hasattr(field, "from_db_value")]
    return [field.attname for field in fields], converted
