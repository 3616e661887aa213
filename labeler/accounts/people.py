"""Accounts: make one, check and change its password, end its other sessions.

Does not know tokens (tokens.py), who may do what in a project, nor how failed log-ins are limited (guessing.py).
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import SESSION_KEY, authenticate, get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.accounts import guessing, tokens
from labeler.accounts.audit import audit
from labeler.errors import Conflict, Invalid, WrongPassword


def change_password(*, user: User, password: str | None, by: User | None, keep_tokens: bool = False) -> int:
    """Give a person a new password (None: none that works), and end their tokens with the old one; how many ended.

    Whoever changes a password often does so because somebody else knew it, and may have made a token with it. Checks
    nothing about the password. by: None from the command line.
    """
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        ended = 0 if keep_tokens else tokens.revoke_all(user)
        audit(by, "password.change", subject=user.get_username(), tokens_revoked=ended)
    return ended


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


def add_account(*, username: str, password: str, is_administrator: bool = False) -> User:
    """An account from the command line, with whatever password its owner wants.

    Raises ValidationError for a name that cannot be or that somebody has, IntegrityError where they got it just now.
    """
    # is_staff opens /admin/, is_superuser sees every project: one switch, so that nobody has half of it.
    user = get_user_model()(username=username, is_staff=is_administrator, is_superuser=is_administrator)
    user.set_password(password)
    user.full_clean()
    with transaction.atomic():
        user.save()
    return user


def without_password(username: str, email: str = "", **names: str) -> User:
    """The account of a person who cannot log in: named in an import, or simulated. Raises IntegrityError."""
    return get_user_model().objects.create_user(username, email, password=None, **names)


def check_password(*, username: str, password: str, address: str) -> User:
    """The account with this name and password. `address`: where the request came from.

    The one place where a password that somebody sent is judged: every address that takes one comes here, so that all
    count together. Raises WrongPassword (the same for a name nobody has, after the same time: nobody learns which
    exist), TooManyRequests as labeler/accounts/guessing.py says.
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
