"""Who is asking: a token in the Authorization header, or the browser's session with its CSRF token."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from labeler.accounts import tokens
from labeler.models import Token

KEYWORD = "Token"


class CsrfFailed(PermissionDenied):
    """A browser's request without its CSRF token."""

    default_code = "csrf_failed"


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token lb_…`. One query finds token and user; request.auth is the token."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != KEYWORD.lower().encode():
            return None
        if len(words) != 2:
            raise AuthenticationFailed("The header must read: Authorization: Token <token>.")
        token = tokens.token_for(words[1].decode("latin-1"))
        if token is None or not token.user.is_active:
            raise AuthenticationFailed("This token is unknown, revoked or expired.")
        tokens.touch(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return KEYWORD


class Session(SessionAuthentication):
    """The login of the pages. Every request that changes something needs the CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        # Its token comes in the header. Looked for in the body, that would be read before anybody has looked whether
        # this person may send it. The check sees an empty form; the view reads what was sent.
        sent = request._request
        sent._post, sent._files = QueryDict(), MultiValueDict()  # type: ignore[attr-defined]
        try:
            super().enforce_csrf(sent)  # type: ignore[arg-type]
        except PermissionDenied as error:
            raise CsrfFailed("The page is older than your login: reload it, then try again.") from error
        finally:
            del sent._post, sent._files  # type: ignore[attr-defined]
