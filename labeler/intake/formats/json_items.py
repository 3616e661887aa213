"""Read a JSON list of any length one element at a time. Knows JSON, not what the elements are."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow

LARGEST = 32 * 2**20  # characters of one element
STEP = 256 * 1024
_SPACE = " \t\r\n\ufeff"


def elements(file: BinaryIO) -> Iterator[Any]:
    """The elements of a list; of anything else, that one value. Raises NotPossibleNow with the place of the error."""
    text = codecs.getreader("utf-8")(file)
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    buffer, at, is_list, number = "", 0, None, 1
    try:
        while True:
            while at < len(buffer) and buffer[at] in (_SPACE + "," if is_list else _SPACE):
                at += 1
            if at == len(buffer):
                buffer, at = text.read(STEP), 0
                if not buffer:
                    break
                continue
            if is_list is None:
                is_list = buffer[at] == "["
                at += is_list
                continue
            if is_list and buffer[at] == "]":
                return
            value, at, buffer = _next(decoder, buffer, at, text, number)
            yield value
            number += 1
            if not is_list:
                return
    except UnicodeDecodeError as error:
        raise NotPossibleNow(_("The file is not UTF-8 text: save it as UTF-8, then send it again.")) from error
    except RecursionError as error:
        raise NotPossibleNow(_("The file is no JSON that can be read: it is nested too deeply.")) from error
    if is_list is None:
        raise NotPossibleNow(_("The file is empty."))
    raise NotPossibleNow(_("The file ends in the middle: after %(n)s elements of its list.") % {"n": number - 1})


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


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value")
