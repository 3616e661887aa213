"""A link that logs the first administrator in once, for the terminal of whoever starts Labeler.

Nothing is stored: the link is signed, and what ends it stands in the account. It is good while its owner has never
logged in, so the first login, by link or by password, is its end; another password ends it too. Writes nothing but the
moment of that login.
"""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core import signing
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.errors import Gone

SALT = "labeler.accounts.login_link"
LIFE_SECONDS = 24 * 3600


def make(user: User) -> str | None:
    """The secret of a new link; None for somebody who has logged in before, or may not."""
    if user.last_login is not None or not user.is_active:
        return None
    return signing.dumps([user.pk, _fingerprint(user)], salt=SALT)


def use(secret: str) -> User:
    """Whom the link logs in; from now on it is worthless. Raises Gone, in the same words for every reason but age."""
    try:
        pk, fingerprint = signing.loads(secret, salt=SALT, max_age=LIFE_SECONDS)
    except signing.SignatureExpired as error:
        raise Gone(_("This link was good for 24 hours. Start Labeler again for a new one.")) from error
    except (signing.BadSignature, ValueError) as error:
        raise Gone(_over()) from error
    users = get_user_model().objects.filter(pk=pk, is_active=True, last_login__isnull=True)
    user = users.first()
    # Whoever asks second, at the same moment or later, finds nobody who never logged in.
    if (
        user is None
        or not constant_time_compare(fingerprint, _fingerprint(user))
        or not users.update(last_login=timezone.now())
    ):
        raise Gone(_over())
    audit(user, "login.link", subject=user.get_username())
    user.refresh_from_db()
    return user


def _over() -> str:
    return _("This link has been used, or something else ended it. Log in with your password.")


def _fingerprint(user: User) -> str:
    """Tells one password from the next, and nothing about either."""
    return salted_hmac(SALT, user.password, algorithm="sha256").hexdigest()[:32]
