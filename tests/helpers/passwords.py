"""Passwords and the fast hasher of tests about them."""

from __future__ import annotations

PASSWORD = "correct horse battery"
MD5 = ["django.contrib.auth.hashers.MD5PasswordHasher"]
