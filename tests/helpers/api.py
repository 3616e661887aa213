"""Speak to the REST API like a client: sign in, send JSON, read the answer."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.test import Client
from rest_framework.response import Response
from rest_framework.test import APIClient

from labeler.accounts.sessions import SessionStore
from labeler.accounts.tokens import create_token


def log_in(client: Client, user: Any) -> None:
    """Give the client a session of this person, as Client.force_login does, in two queries instead of nine.

    It makes a session, then another in its place, and notes the time at the person. Tests log in some thousand times.
    """
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key


def as_person(user: Any) -> APIClient:
    """A browser's session. CSRF is enforced as in production; the client sends what a page would."""
    client = APIClient(enforce_csrf_checks=True)
    log_in(client, user)
    token = "X" * 32  # of the letters that tokens are made of in tests (conftest.py)
    client.cookies["csrftoken"] = token
    client.credentials(HTTP_X_CSRFTOKEN=token)
    return client


def with_token(user: Any, *scopes: str) -> APIClient:
    """A program with a token of these scopes; all of them when none is named."""
    _, secret = create_token(user=user, name="tests", scopes=scopes or None)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
    return client


def key() -> dict[str, str]:
    """Headers with a new idempotency key."""
    return {"Idempotency-Key": str(uuid4())}


def error_of(response: Response) -> str:
    """The code of an error answer, whose shape is checked on the way."""
    body = response.json()
    assert set(body) == {"error"}, body
    assert {"code", "message", "fields"} <= set(body["error"])
    assert body["error"]["message"]
    return body["error"]["code"]


def body_of(response: Any) -> bytes:
    """All of a streamed answer."""
    return b"".join(response.streaming_content)
