"""A small XML as a tree, without document types: so no entity is ever expanded. For files of one image each."""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from django.utils.translation import gettext as _

DEEPEST = 50
MOST_ELEMENTS = 200_000


class BrokenXml(ValueError):
    """What is wrong, in a sentence."""


class _Builder(TreeBuilder):
    """Builds no tree that is too large."""

    def __init__(self) -> None:
        super().__init__()
        self._n = self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> Element:
        self._n += 1
        self._depth += 1
        if self._depth > DEEPEST or self._n > MOST_ELEMENTS:
            raise BrokenXml(_("The XML has too many elements, or they lie too deep in each other."))
        return super().start(name, attributes)

    def end(self, name: str) -> Element:
        self._depth -= 1
        return super().end(name)


def parse(content: bytes) -> Element:
    """The root element. Raises BrokenXml."""
    builder, parser = _Builder(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = builder.data, _refuse_doctype
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError) as error:  # the latter: an encoding that nobody knows
        raise BrokenXml(_("The XML is broken: %(error)s.") % {"error": str(error)[:200]}) from error
    return builder.close()


def said(element: Element, path: str) -> str:
    """The text of the element below another one; "" without one."""
    return element.findtext(path, "").strip()


def _refuse_doctype(*_names: object) -> None:
    raise BrokenXml(_("The XML declares a document type, which is not read here: take that line out."))
