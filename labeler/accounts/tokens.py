"""Tokens of REST clients: made, found by their secret, revoked. The only module that writes Token.

A token is stored as a digest; its secret is shown once. Does not know what a scope allows (api/permissions.py).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.errors import Invalid, NotFound
from labeler.models import Token
from labeler.models.account import Scope
from labeler.models.statements import columns, fetch_one, partly, whole

# A fixed beginning, so that scanners of leaked secrets recognise one.
PREFIX = "lb_"
SHOWN_CHARACTERS = 11
LONGEST_LIFE_DAYS = 3650
# last_used_at is for people who clean up, so a minute is exact enough: a write per request would double the
# cost of a save.
USED_EVERY = timedelta(seconds=60)


def create_token(
    *, user: User, name: str = "", scopes: Iterable[str] | None = None, expires_in_days: int | None = None
) -> tuple[Token, str]:
    """A new token and its secret, which is not kept: show it once.

    scopes: of read, label, export, manage; None: all four. expires_in_days: 1 to 3650; None: never. Raises Invalid.
    """
    wanted = list(Scope.values) if scopes is None else list(dict.fromkeys(scopes))
    if unknown := [scope for scope in wanted if scope not in Scope.values]:
        raise Invalid(
            _("A token's scopes are of %(names)s.") % {"names": ", ".join(Scope.values)},
            fields={"scopes": [f"unknown: {s}" for s in unknown]},
        )
    if not wanted:
        raise Invalid(_("A token without a scope could do nothing."), fields={"scopes": ["name at least one"]})
    if expires_in_days is not None and not 1 <= expires_in_days <= LONGEST_LIFE_DAYS:
        raise Invalid(
            _("A token lives 1 to %(longest_life_days)s days.") % {"longest_life_days": LONGEST_LIFE_DAYS},
            fields={"expires_in_days": ["out of range"]},
        )
    secret = PREFIX + secrets.token_urlsafe(30)
    token = Token.objects.create(
        user=user,
        name=name.strip()[:100] or "token",
        prefix=secret[:SHOWN_CHARACTERS],
        digest=digest(secret),
        scopes=wanted,
        expires_at=None if expires_in_days is None else timezone.now() + timedelta(days=expires_in_days),
    )
    audit(user, "token.create", subject=token.name, token=token.pk, scopes=wanted)
    return token, secret


def digest(secret: str) -> str:
    """What is kept of a token, or of a link that invites. 240 random bits need no slow hash: nobody tries them all."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


_TOKEN = ("id", "user_id", "name", "scopes", "expires_at", "last_used_at")
_LIVE = f"""
    SELECT {", ".join(f"t.{name}" for name in _TOKEN)}, {columns(User, "u")}
    FROM labeler_token t JOIN auth_user u ON u.id = t.user_id
    WHERE t.digest = %s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
"""


def token_for(secret: str) -> Token | None:
    """The live token with this secret and its user, by one query; None for unknown, expired and revoked ones.

    By hand: every request of a client asks this, and the ORM takes 1.2 ms of processor time to build it.
    """
    if not secret.startswith(PREFIX):
        return None
    row = fetch_one(_LIVE, [digest(secret)])
    if row is None:
        return None
    token = partly(Token, dict(zip(_TOKEN, row, strict=False)))
    token.user = whole(User, row[len(_TOKEN) :])
    return token


def touch(token: Token) -> None:
    """Remember that the token was used, at most once a minute."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)


def revoke_token(*, user: User, token_id: int) -> Token:
    """End one of the person's own tokens at once. A second time changes nothing. Raises NotFound."""
    token = Token.objects.filter(pk=token_id, user=user).first()
    if token is None:
        raise NotFound(_("You have no such token."))
    if Token.objects.filter(pk=token_id, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        audit(user, "token.revoke", subject=token.name, token=token.pk)
        token.refresh_from_db()
    return token


def revoke_all(user: User) -> int:
    """End all tokens of a person at once; how many. The caller writes down why."""
    return Token.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=timezone.now())


def live_tokens(user: User) -> list[Token]:
    """The person's tokens that still work, newest first."""
    now = timezone.now()
    live = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    return list(Token.objects.filter(live, user=user, revoked_at__isnull=True))
