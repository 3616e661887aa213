"""What the frame around every page is told: the theme a person chose, so that no page flashes in the wrong one."""

from __future__ import annotations

from django.http import HttpRequest

from labeler.models.account import Theme


def theme(request: HttpRequest) -> dict[str, str]:
    """`person_theme`: light, dark or auto of whoever is logged in; empty for others, whose browser remembers it."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"person_theme": ""}
    # Joined by labeler/accounts/backends.py; without a row everything is the default.
    preference = getattr(user, "preference", None)
    return {"person_theme": preference.theme if preference else Theme.AUTO}
