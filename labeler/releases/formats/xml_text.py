"""Text that XML can hold: it has no way to write most control characters, not even escaped."""

from __future__ import annotations

import re

_UNKNOWN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """The same text with a replacement character for each that XML 1.0 does not know."""
    return _UNKNOWN.sub("\N{REPLACEMENT CHARACTER}", text)
