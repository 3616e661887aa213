"""The words in charts: English, until somebody says how to translate them.

Knows no Django and no language. labeler/apps.py hands Django's gettext in; without it, and in tests of a chart
alone, a text is its own translation. Nothing is translated at import: the language is that of each request.
"""

from __future__ import annotations

from collections.abc import Callable


def _as_it_is(text: str) -> str:
    return text


def _in_english(one: str, many: str, n: int) -> str:
    return one if n == 1 else many


_translate: Callable[[str], str] = _as_it_is
_translate_number: Callable[[str, str, int], str] = _in_english


def speak(
    translate: Callable[[str], str] = _as_it_is, translate_number: Callable[[str, str, int], str] = _in_english
) -> None:
    """Take every text from these from now on; without arguments: English again."""
    global _translate, _translate_number
    _translate, _translate_number = translate, translate_number


def gettext(text: str) -> str:
    return _translate(text)


def ngettext(one: str, many: str, n: int) -> str:
    return _translate_number(one, many, n)
