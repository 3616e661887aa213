"""Template files are laid out for people; a browser gets them without the layout.

The loader takes line breaks and indentation out of a file once, when Django compiles it, so a request costs nothing and
a page weighs no more than its words and its tags. It follows what a browser shows: white space beside a block-level
element is dropped, elsewhere it is a space. It does not know what stands in a variable or an included file.
"""

from __future__ import annotations

import re

from django.template import Origin
from django.template.base import tag_re
from django.template.loaders import filesystem

# Elements that begin and end a line, or hold no text of their own. No style sheet may show one of them inline.
_BLOCKS = (
    "!doctype address article aside blockquote body br caption col colgroup dd details dialog div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html legend li link main meta nav ol optgroup"
    " option p pre script section style summary table tbody td template tfoot th thead title tr ul"
    " circle defs ellipse g line path polygon polyline rect symbol use"
)
BLOCKS = frozenset(_BLOCKS.split())
AS_IT_IS = frozenset(["pre", "script", "style", "textarea"])
BLOCKS_AS_THEY_ARE = frozenset(["blocktranslate", "blocktrans", "comment", "verbatim"])
SILENT = frozenset(["extends", "load", "comment", "with", "endwith"])  # they write nothing, on every path
CONDITIONS = frozenset(["if", "elif", "else", "endif", "for", "empty", "endfor"])

LINE_BREAK = "\n"  # stands for each run of white space that holds one, until it is written as a space or dropped

_pieces = re.compile(r"<!--.*?-->|</?[a-zA-Z!][^\s<>/]*|[<>\"']|\s+|[^\s<>\"']+", re.DOTALL)


class Loader(filesystem.Loader):
    """Files of templates/, each without its layout."""

    def get_contents(self, origin: Origin) -> str:
        return without_layout(super().get_contents(origin))


def without_layout(source: str) -> str:
    """The template without the line breaks and the indentation that only its file needs.

    A run of white space that holds a line break is dropped at both ends of the file and where a block-level element
    begins or ends, whatever the conditions around it say; elsewhere, and between attributes, it is one space. Nothing
    changes in pre, textarea, script and style, nor in blocktranslate, comment and verbatim.
    """
    reader = _Reader()
    for number, token in enumerate(tag_re.split(source)):
        if number % 2:
            reader.template_tag(token)
        else:
            reader.text(token)
    return "".join(reader.out)


class _Reader:
    """Reads a template once, piece by piece, and writes what is sent."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.gap = ""  # white space that is read and not yet written
        self.at_edge = True  # whatever the conditions say, here is a space, or begins or ends a block-level element
        self.late: list[int] = []  # where in out white space stands that a block-level tag would make needless
        # of each open if and for: does it begin at an edge, did each branch end at one, and the late of these ends
        self.branches: list[tuple[bool, bool, list[int]]] = []
        self.tag = ""  # the tag that is being read, as "<p" or "</p"; "" between tags
        self.tag_gaps: list[str] = []  # of each open if and for in a tag: the white space before it
        self.quote = ""  # what ends the attribute's value that is being read
        self.end_tag = ""  # what ends an element whose text stays as it is
        self.end_block = ""  # what ends a template block that stays as it is

    def template_tag(self, token: str) -> None:
        words = token[2:-2].split() if token.startswith("{%") else []
        name = words[0] if words else ""
        if self.end_block or self.end_tag:
            self.out.append(token)
            self.end_block = "" if name == self.end_block else self.end_block
        elif name in SILENT or token.startswith("{#") or words[-2:-1] == ["as"] or "asvar" in words:
            self.out.append(token)  # the gap goes on behind it
        elif name not in CONDITIONS or self.quote:
            self._write(token)
        elif self.tag:
            self._condition_in_tag(token, name)
        else:
            self._condition(token, name)
        if name in BLOCKS_AS_THEY_ARE and not self.end_tag:
            self.end_block = f"end{name}"

    def _condition(self, token: str, name: str) -> None:
        before = self.at_edge or bool(self.gap)  # a second space behind the first is as needless
        late = [*self.late, len(self.out)] if self.gap == LINE_BREAK else self.late
        self._write(token)
        if name in ("if", "for"):
            self.branches.append((before, before, []))
            self.at_edge = before and name == "if"  # a loop's body follows its own end, too
            return
        began, ended, late_before = self.branches.pop()
        if name.startswith("end"):
            self.at_edge = ended and before
            self.late = late_before + late if name == "endif" else []
        else:
            self.branches.append((began, ended and before, late_before + late))
            self.at_edge = began

    def _condition_in_tag(self, token: str, name: str) -> None:
        """A condition holds whole attributes: the space before it moves into its branches."""
        if name in ("if", "for"):
            self.tag_gaps.append(self.gap)
        self.out.append(token)
        self.gap = self.tag_gaps[-1]
        if name.startswith("end"):
            self.tag_gaps.pop()
            self.gap = " "

    def text(self, text: str) -> None:
        if self.end_block:
            self.out.append(text)
            return
        for piece in _pieces.findall(text):
            if self.end_tag:
                self.out.append(piece)
                if piece.lower() == self.end_tag:
                    self.tag, self.end_tag = self.end_tag, ""
            elif piece.isspace():
                self._read_gap(piece)
            elif self.quote:
                if piece == self.quote:
                    self.quote = self.gap = ""
                self._write(piece)
            elif self.tag:
                self._in_tag(piece)
            else:
                self._between_tags(piece)

    def _read_gap(self, space: str) -> None:
        if "\n" in space or self.gap == LINE_BREAK:
            opened = bool(self.quote) and self.out[-1] == self.quote
            self.gap = "" if opened or (self.at_edge and not self.tag) else LINE_BREAK
        else:
            self.gap = space if self.quote or not self.tag else " "

    def _in_tag(self, piece: str) -> None:
        if piece in (">", "/"):
            self.gap = ""
        if piece == ">":
            self._write(piece)
            name = self.tag.lstrip("</").lower()
            self.at_edge = name in BLOCKS
            self.end_tag = f"</{name}" if name in AS_IT_IS and not self.tag.startswith("</") else ""
            self.tag = ""
            return
        self._write(piece)
        if piece in ('"', "'"):
            self.quote = piece

    def _between_tags(self, piece: str) -> None:
        if piece[0] == "<" and len(piece) > 1 and not piece.startswith("<!--"):
            self.tag = piece
            if piece.lstrip("</").lower() in BLOCKS:
                for place in self.late:
                    self.out[place] = ""
                self.gap = "" if self.gap == LINE_BREAK else self.gap
        self._write(piece)

    def _write(self, piece: str) -> None:
        if self.gap:
            self.out.append(" " if self.gap == LINE_BREAK else self.gap)
        self.out.append(piece)
        self.gap = ""
        self.late = []
        self.at_edge = False
