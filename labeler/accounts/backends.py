"""Load the user of a request together with their preferences, in one query.

Every page needs the theme before its first byte; a read of its own would be one more query on each page. Written by
hand, like the session (sessions.py), because every request of a browser does it.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User

from labeler.models import Preference
from labeler.models.statements import columns, fetch_one, whole

_PERSON = f"""
    SELECT {columns(User, "u")}, {columns(Preference, "p")}
    FROM auth_user u LEFT JOIN labeler_preference p ON p.user_id = u.id WHERE u.id = %s
"""
_OF_USER = len(User._meta.concrete_fields)


class WithPreference(ModelBackend):
    """Django's own, with the preference joined."""

    def get_user(self, user_id: Any) -> User | None:
        row = fetch_one(_PERSON, [user_id])
        if row is None:
            return None
        user = whole(User, row[:_OF_USER])
        if row[_OF_USER] is None:
            User.preference.related.set_cached_value(user, None)
        else:
            whole(Preference, row[_OF_USER:]).user = user  # known from both sides
        return user if self.user_can_authenticate(user) else None
