"""Load the person of a request together with how they want the screens: one query, as before.

Every page needs the theme before its first byte; asked for by itself it would be a query on each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.backends import ModelBackend

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class WithPreference(ModelBackend):
    """Django's own, with the preference joined."""

    def get_user(self, user_id: Any) -> User | None:
        from django.contrib.auth.models import User

        user = User.objects.select_related("preference").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
