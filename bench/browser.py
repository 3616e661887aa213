"""A Chromium for measurements and screenshots, signed in without the form.

Knows playwright and Django's sessions; what is looked at is the caller's business.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from tests.helpers.chromium import find_browser

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextlib.contextmanager
def chromium(*more: str) -> Iterator[Any]:
    """A headless Chromium, started with `more` arguments. Raises RuntimeError, with what to do, where there is none."""
    from playwright.sync_api import sync_playwright

    path = find_browser()
    if path is None:
        raise RuntimeError(
            "no Chromium here (Debian: apt-get install chromium-headless-shell; or name one with LABELER_BROWSER)"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *more])
        try:
            yield browser
        finally:
            browser.close()


def session_of(user: Any) -> str:
    """The key of a new session of this person. Call it before `chromium()`, whose event loop keeps Django's ORM out."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session.session_key


def sign_in(context: Any, url: str, session: str) -> None:
    """Give a browser context the session of session_of()."""
    context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
