"""Projects, classes and members in the admin site."""

from __future__ import annotations

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from labeler.admin.kinds import Large, Undeletable, read_only
from labeler.models import (
    Category,
    CategoryExample,
    GuidelineVersion,
    Membership,
    Project,
    Question,
)


class Categories(admin.TabularInline):
    """The label set of a project, to look at: changes raise its version, so they go through the settings page."""

    model = Category
    fields = readonly_fields = ("position", "name", "key", "retired_at", "merged_into")
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class Members(admin.TabularInline):
    model = Membership
    fields = ["user", "role", "created_at"]
    readonly_fields = ["created_at"]
    raw_id_fields = ["user"]
    extra = 0


@admin.register(Project)
class ProjectAdmin(Undeletable):
    list_display = ["name", "task", "labels_per_image", "created_by", "created_at", "trashed_at"]
    list_filter = ["task", "trashed_at", "train_automatically"]
    search_fields = ["name", "question"]
    raw_id_fields = ["created_by"]
    date_hierarchy = "created_at"
    # Each has a verb that does more than set it: a new version, seats brought in line, work cancelled.
    readonly_fields = [
        "task", "guideline", "guideline_version", "label_set_version", "labels_per_image", "blind_share",
        "trashed_at", "version", "created_at",
    ]  # fmt: skip
    inlines = [Members, Categories]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Project]:
        """Without those that only hold deleted images (docs/decisions/0017)."""
        return super().get_queryset(request).filter(trash_of=None)


read_only(
    Category,
    ["name", "project", "position", "key", "retired_at", "merged_into"],
    filters=["retired_at"],
    search=["name", "project__name"],
)
read_only(
    Question,
    ["name", "project", "kind", "required", "position", "retired_at"],
    filters=["kind", "retired_at"],
    search=["name", "project__name"],
)
read_only(
    GuidelineVersion,
    ["project", "number", "author", "created_at"],
    search=["project__name", "text"],
    date_hierarchy="created_at",
)


@admin.register(Membership)
class MembershipAdmin(Large):
    list_display = ["user", "project", "role", "created_at"]
    list_filter = ["role"]
    search_fields = ["user__username", "project__name"]
    raw_id_fields = ["user", "project"]


read_only(
    CategoryExample, ["category", "image_id", "caption", "added_by", "created_at"], search=["category__name", "caption"]
)
