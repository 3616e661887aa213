"""The password of tests about passwords."""

from __future__ import annotations

PASSWORD = "correct horse battery"
