"""Read a JSON list of any length one element at a time. Knows JSON, not what the elements are."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow

LARGEST = 32 * 2**20  # characters of one element
STEP = 256 * 1024
_SPACE = " \t\r\n\ufeff"


def elements(file: BinaryIO) -> Iterator[Any]:
    """The elements of a list; of anything else, that one value. Raises NotPossibleNow with the place of the error."""
    text = _Cursor(file, parse_constant=no_constant)
    with _json_said():
        first = text.sign()
        if not first:
            raise NotPossibleNow(_("The file is empty."))
        if first != "[":
            yield text.value(1)[0]
            return
        text.at += 1
        number = 1
        while (now := text.sign(_SPACE + ",")) and now != "]":
            yield text.value(number)[0]
            number += 1
        if not now:
            ended = _("The file ends in the middle: after %(n)s elements of its list.")
            raise NotPossibleNow(ended % {"n": number - 1})


def members(file: BinaryIO, most: int) -> Iterator[tuple[str, Any, str]]:
    """The elements of all lists that are members of one large object: (member, element, its JSON).

    Members that are no lists are passed over. NaN and infinity are read, as Python writes them. Raises NotPossibleNow:
    broken, no object, or longer than `most` characters.
    """
    text = _Cursor(file, most)
    with _json_said():
        if text.sign() != "{":
            raise NotPossibleNow(_("The file is no JSON object."))
        text.at += 1
        while (now := text.sign(_SPACE + ",")) and now != "}":
            name, _raw = text.value(0)
            if not isinstance(name, str) or text.sign() != ":":
                raise NotPossibleNow(_("The file is no JSON that can be read."))
            text.at += 1
            if text.sign() != "[":
                text.value(0)
                continue
            text.at += 1
            number = 1
            while (now := text.sign(_SPACE + ",")) and now != "]":
                found, raw = text.value(number)
                number += 1
                yield name, found, raw
            text.at += 1
        if not now:
            raise NotPossibleNow(_("The file ends in the middle."))


@contextmanager
def _json_said() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise NotPossibleNow(_("The file is not UTF-8 text: save it as UTF-8, then send it again.")) from error
    except RecursionError as error:
        raise NotPossibleNow(_("The file is no JSON that can be read: it is nested too deeply.")) from error


class _Cursor:
    """A place in a long text, which has at most `most` characters."""

    def __init__(
        self, file: BinaryIO, most: float = math.inf, parse_constant: Callable[[str], Any] | None = None
    ) -> None:
        self._text, self._most = codecs.getreader("utf-8")(file), most
        self._decoder = json.JSONDecoder(parse_constant=parse_constant)
        self._buffer, self._seen, self.at = "", 0, 0

    def sign(self, passed_over: str = _SPACE) -> str:
        """The next character that is none of these; "" at the end."""
        while True:
            while self.at < len(self._buffer) and self._buffer[self.at] in passed_over:
                self.at += 1
            if self.at < len(self._buffer):
                return self._buffer[self.at]
            self._buffer, self.at = self._text.read(STEP), 0
            self._count(len(self._buffer))
            if not self._buffer:
                return ""

    def value(self, number: int) -> tuple[Any, str]:
        """The value that begins at the next character, and how it is written; the place is then behind it."""
        self.sign()
        found, end, buffer = _next(self._decoder, self._buffer, self.at, self._text, number)
        if buffer is not self._buffer:
            self._count(len(buffer) - (len(self._buffer) - self.at))
            self._buffer, self.at = buffer, 0
        raw = buffer[self.at : end]
        self.at = end
        return found, raw

    def _count(self, n: int) -> None:
        self._seen += n
        if self._seen > self._most:
            most = f"{self._most / 2**20:,.0f}"
            raise NotPossibleNow(_("Such a file has at most %(most)s MB: split it.") % {"most": most})


def _next(
    decoder: json.JSONDecoder, buffer: str, at: int, text: codecs.StreamReader, number: int
) -> tuple[Any, int, str]:
    """One value, the place behind it, and the buffer it lies in: filled up until the value is whole."""
    step = STEP
    while True:
        try:
            value, end = decoder.raw_decode(buffer, at)
            if end < len(buffer) or not isinstance(value, int | float):  # a number may go on
                return value, end, buffer
        except ValueError as error:
            problem: ValueError | None = error
        else:
            problem = None
        more = text.read(step)
        if not more and problem is None:
            return value, end, buffer
        if not more or len(buffer) - at > LARGEST:
            raise NotPossibleNow(
                _("Element %(n)s of the list is no JSON: %(error)s.") % {"n": number, "error": str(problem)[:200]}
            ) from problem
        buffer, at, step = buffer[at:] + more, 0, step * 2


def no_constant(name: str) -> None:
    """For parse_constant: NaN and infinity are no JSON."""
    raise ValueError(f"{name} is no value")
