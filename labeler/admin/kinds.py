"""The kinds of tables in the admin site: large ones, read-only ones, and those from which nothing is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest


class Large(admin.ModelAdmin):
    """A table that may have millions of rows: no counting of all of them, no drop-downs of them."""

    show_full_result_count = False
    list_per_page = 50

    def get_list_select_related(self, request: HttpRequest) -> bool | list[str] | tuple[str, ...]:
        """The rows that columns name are read with the list, unless the class says which."""
        named = [field.name for field in self.opts.fields if field.is_relation and field.name in self.list_display]
        return self.list_select_related or named


class ReadOnly(Large):
    """A table that is history or is computed: to be looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


def read_only(
    model: type[models.Model],
    columns: Sequence[str],
    *,
    filters: Sequence[Any] = (),
    search: Sequence[str] = (),
    **more: Any,
) -> None:
    """Register a table that can only be read. more: what else Django's ModelAdmin knows."""
    admin.site.register(model, ReadOnly, list_display=columns, list_filter=filters, search_fields=search, **more)


class Undeletable(admin.ModelAdmin):
    """Rows that others point to: retired or moved to the trash, never deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False
