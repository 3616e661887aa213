"""What proves to another program that a message is from this server: HMAC-SHA-256 over time and body.

The secret is made of the server's key and the webhook's salt. Knows no addresses.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

from django.conf import settings

from labeler.models import Webhook

PREFIX = "lbwh_"


def make_secret(key: str, salt: str) -> str:
    """The secret of a webhook; 256 bits."""
    made = hmac.new(key.encode(), f"labeler.webhooks:{salt}".encode(), hashlib.sha256).digest()
    return PREFIX + base64.urlsafe_b64encode(made).decode().rstrip("=")


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_of(webhook: Webhook) -> str | None:
    """The secret that was shown; None when neither SECRET_KEY nor any of SECRET_KEY_FALLBACKS is the key it is of."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        secret = make_secret(key, webhook.salt)
        if hmac.compare_digest(digest(secret), webhook.digest):
            return secret
    return None


def signature(secret: str, body: bytes, at: int | None = None) -> str:
    """The header Labeler-Signature: `t=<unix>,v1=<hex>`, the HMAC of "t.body". at: now, unless given."""
    t = int(time.time()) if at is None else at
    return f"t={t},v1={hmac.new(secret.encode(), f'{t}.'.encode() + body, hashlib.sha256).hexdigest()}"
