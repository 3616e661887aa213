"""A small XML as a tree, without document types: so no entity is ever expanded. For files of one image each."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from django.utils.translation import gettext as _

DEEPEST = 50
MOST_ELEMENTS = 200_000


class BrokenXml(ValueError):
    """What is wrong, in a sentence."""


@dataclass(slots=True)
class Element:
    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def find(self, name: str) -> Element | None:
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> list[Element]:
        return [child for child in self.children if child.name == name]

    def said(self, name: str) -> str:
        """The text of a child; "" without one."""
        found = self.find(name)
        return found.text.strip() if found is not None else ""


class _Builder:
    def __init__(self) -> None:
        self.open: list[Element] = []
        self.root: Element | None = None
        self.n = 0

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self.n += 1
        if len(self.open) >= DEEPEST or self.n > MOST_ELEMENTS:
            raise BrokenXml(_("The XML has too many elements, or they lie too deep in each other."))
        one = Element(name)
        if self.open:
            self.open[-1].children.append(one)
        elif self.root is None:
            self.root = one
        self.open.append(one)

    def end(self, _name: str) -> None:
        self.open.pop()

    def text(self, text: str) -> None:
        if self.open:
            self.open[-1].text += text


def parse(content: bytes) -> Element:
    """The root element. Raises BrokenXml."""
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError) as error:  # the latter: an encoding that nobody knows
        raise BrokenXml(_("The XML is broken: %(error)s.") % {"error": str(error)[:200]}) from error
    if builder.root is None:
        raise BrokenXml(_("The XML is empty."))
    return builder.root


def _refuse_doctype(*_names: object) -> None:
    raise BrokenXml(_("The XML declares a document type, which is not read here: take that line out."))
