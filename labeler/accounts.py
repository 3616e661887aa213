"""Accounts that people make for themselves, their sessions and passwords, tokens of REST clients, and the audit table.

The only module that writes Token and AuditEvent. Does not know what a token is used for, who may do what in
a project, nor how guessing is slowed down (guessing.py).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import SESSION_KEY, authenticate, get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler import guessing
from labeler.errors import Conflict, Invalid, NotFound, WrongPassword
from labeler.models import AuditEvent, Project, Token
from labeler.models.account import Scope
from labeler.models.partial import partly

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# A fixed beginning, so that scanners of leaked secrets recognise one.
PREFIX = "lb_"
SHOWN_CHARACTERS = 11
LONGEST_LIFE_DAYS = 3650
# last_used_at is for people who clean up, so a minute is exact enough: a write per request would double the
# cost of a save.
USED_EVERY = timedelta(seconds=60)


# ---------------------------------------------------------------- audit


def audit(
    actor: User | None,
    action: str,
    *,
    project: Project | int | None = None,
    subject: str = "",
    **details: Any,
) -> AuditEvent:
    """Write down who did what that matters. Call it in the transaction of the deed: both happen, or neither.

    action: noun.verb ("token.create"); subject: what it was done to, for a person; details: JSON values.
    """
    return AuditEvent.objects.create(
        actor=actor,
        actor_name=actor.get_username() if actor else "",
        project_id=project.pk if isinstance(project, Project) else project,
        action=action,
        subject=subject[:200],
        details=details,
    )


# ---------------------------------------------------------------- tokens


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
    """What is kept of a token. 240 random bits need no slow hash: nobody can try them all."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


_TOKEN = ("id", "user_id", "name", "scopes", "expires_at", "last_used_at")


def token_for(secret: str) -> Token | None:
    """The live token with this secret and its user, by one query; None for unknown, expired and revoked ones.

    By hand: every request of a client asks this, and the ORM takes 1.2 ms of processor time to build it.
    """
    if not secret.startswith(PREFIX):
        return None
    user_model = get_user_model()
    user_columns = [field.attname for field in user_model._meta.concrete_fields]
    columns = ", ".join([f"t.{name}" for name in _TOKEN] + [f'u."{name}"' for name in user_columns])
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {columns} FROM labeler_token t JOIN {user_model._meta.db_table} u ON u.id = t.user_id
                WHERE t.digest = %s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())""",
            [digest(secret)],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    token = partly(Token, dict(zip(_TOKEN, row, strict=False)))
    token.user = partly(user_model, dict(zip(user_columns, row[len(_TOKEN) :], strict=True)))
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


def change_password(*, user: User, password: str | None, by: User | None, keep_tokens: bool = False) -> int:
    """Give a person a new password (None: none that works), and end their tokens with the old one; how many ended.

    Whoever changes a password often does so because somebody else knew it, and may have made a token with it. Checks
    nothing about the password. by: None from the command line.
    """
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        tokens = Token.objects.filter(user=user, revoked_at__isnull=True)
        ended = 0 if keep_tokens else tokens.update(revoked_at=timezone.now())
        audit(by, "password.change", subject=user.get_username(), tokens_revoked=ended)
    return ended


def live_tokens(user: User) -> list[Token]:
    """The person's tokens that still work, newest first."""
    now = timezone.now()
    live = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    return list(Token.objects.filter(live, user=user, revoked_at__isnull=True))


# ---------------------------------------------------------------- people and passwords


def create_person(*, username: str, password: str, **details: Any) -> User:
    """An account that is no administrator's, with a name and a password that its owner chose.

    details: for the audit event. Raises Invalid, with the fields' own sentences, for a name or a password that
    cannot be; Conflict for a name that somebody has, whatever its capitals: ann and Ann would be taken for one.
    """
    user_model = get_user_model()
    user = user_model(username=user_model.normalize_username(username.strip()))
    wrong: dict[str, list[str]] = {}
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        wrong |= error.message_dict
    try:
        validate_password(password, user)
    except ValidationError as error:
        wrong["password"] = error.messages
    if wrong:
        raise Invalid(next(iter(wrong.values()))[0], fields=wrong)
    user.set_password(password)
    try:
        with transaction.atomic():
            if user_model.objects.filter(username__iexact=user.get_username()).exists():
                raise IntegrityError
            user.save(force_insert=True)
            audit(user, "account.create", subject=user.get_username(), **details)
    except IntegrityError as error:
        raise Conflict(
            _("Somebody has the name “%(name)s” already: choose another one.") % {"name": user.get_username()},
            fields={"username": ["taken"]},
        ) from error
    return user


def check_password(*, username: str, password: str, address: str) -> User:
    """The account with this name and password. `address`: where the request came from.

    The one place where a password that somebody sent is judged: every address that takes one comes here, so that all
    count together. Raises WrongPassword (the same for a name nobody has, after the same time: nobody learns which
    exist), TooManyRequests as labeler/guessing.py says.
    """
    with guessing.trying(username=username, address=address) as attempt:
        if _storable(username) and _storable(password):
            user = authenticate(username=username, password=password)
        else:
            user = None
            make_password("")  # takes as long as judging one
        if user is None:
            raise WrongPassword(_("The user name or the password is wrong."))
        attempt.succeeded()
    return user


def _storable(text: str) -> bool:
    """Else the database would refuse to look for it."""
    return "\x00" not in text and text.encode("utf-8", "ignore").decode() == text


# ---------------------------------------------------------------- sessions


def end_other_sessions(*, user: User, keep: str | None) -> int:
    """Log a person out of every browser but the one with this session; how many there were.

    A session's owner stands inside of it, so all of them are read: 50,000 take about a second, and few ask.
    """
    ended = 0
    with transaction.atomic():
        for session in Session.objects.filter(expire_date__gt=timezone.now()).exclude(session_key=keep).iterator():
            if session.get_decoded().get(SESSION_KEY) == str(user.pk):
                ended += session.delete()[0]
        audit(user, "session.end_others", subject=user.get_username(), ended=ended)
    return ended
