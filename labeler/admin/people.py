"""People, their tokens, preferences and log-in attempts, and the audit table in the admin site."""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from labeler.accounts import people
from labeler.admin.kinds import Large, read_only
from labeler.models import (
    AuditEvent,
    Exposure,
    Invitation,
    LoginFailures,
    Preference,
    Token,
)

# Read-only: a token is made and revoked on its owner's account page, so that the audit knows of it.
read_only(
    Token,
    ["prefix", "name", "user", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at"],
    filters=[("revoked_at", admin.EmptyFieldListFilter), ("expires_at", admin.EmptyFieldListFilter)],
    search=["name", "prefix", "user__username"],
    exclude=["digest"],
)
read_only(
    Invitation,
    ["id", "project", "role", "note", "invited_by", "created_at", "expires_at", "accepted_by"],
    filters=["role", ("revoked_at", admin.EmptyFieldListFilter)],
    search=["project__name", "note"],
    exclude=["digest"],
)


class NewPassword(AdminPasswordChangeForm):
    """Django's; the person's tokens end with the old password."""

    def __init__(self, user: User, data: Any = None, *, by: Any = None):
        super().__init__(user, data)
        self.by = by

    def save(self, commit: bool = True) -> User:
        password = self.cleaned_data["password1"] if self.cleaned_data["set_usable_password"] else None
        people.change_password(user=self.user, password=password, by=self.by)
        return self.user


admin.site.unregister(User)  # Django registers its own


@admin.register(User)
class People(UserAdmin):
    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        of_request = copy(self)  # one of these serves all threads
        of_request.change_password_form = partial(NewPassword, by=request.user)
        return super(People, of_request).user_change_password(request, *args, **kwargs)


read_only(Exposure, ["image_id", "user", "round", "shown_at"], search=["user__username", "=image__id"])


@admin.register(LoginFailures)
class LoginFailuresAdmin(Large):
    """Deleting a row forgets what was counted there."""

    list_display = ["key", "forgotten_at", "turn_at", "known_until"]
    readonly_fields = ["key", "forgotten_at", "turn_at", "known_until", "kept_until"]
    search_fields = ["=key"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Preference)
class PreferenceAdmin(Large):
    list_display = ["user", "theme", "single_keys"]
    search_fields = ["user__username"]
    raw_id_fields = ["user"]


_EVENT = ("at", "actor_id", "actor_name", "project_id", "action", "subject", "details")

# actor and project have no foreign key in the database: the rows outlive them. So names are columns, not joins.
read_only(
    AuditEvent,
    ["at", "actor_name", "action", "subject", "project_id"],
    filters=["action"],
    search=["actor_name", "action", "subject"],
    fields=_EVENT,
    readonly_fields=_EVENT,
    date_hierarchy="at",
)
