"""A guideline as people read it: Markdown, rendered so that whoever wrote it can do nothing but write.

Raw HTML stays text; links lead to other sites, or to an address, and never run anything; images come from this
server alone, as the page's Content-Security-Policy wants it. Knows no page: headings begin where they are told to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.utils.html import escape
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

if TYPE_CHECKING:
    from labeler.models import Project

# The guideline stands below the question (h1) and its own title (h2).
FIRST_HEADING = 3
LAST_HEADING = 6
KEPT_SECONDS = 24 * 3600

_LEADS_AWAY = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)
# Renditions of images only: an address of ours that changed something on GET would be opened by every reader.
_IMAGE_OF_OURS = re.compile(r"/api/images/[0-9]{1,18}/(?:preview|thumb)/")


class _Markdown(MarkdownIt):
    """CommonMark with tables, without raw HTML, and with addresses that are asked for one by one."""

    def __init__(self) -> None:
        # breaks: most people who write a guideline expect a new line where they began one.
        super().__init__("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer)
        self.enable("table")

    def validateLink(self, url: str) -> bool:
        """Anything else is left as the text that was written."""
        return bool(_LEADS_AWAY.match(url) or _IMAGE_OF_OURS.fullmatch(url))


class _Renderer(RendererHTML):
    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        """Another site gets neither our window nor the address of our page."""
        token = tokens[idx]
        if _LEADS_AWAY.match(str(token.attrGet("href"))):
            token.attrSet("target", "_blank")
            token.attrSet("rel", "noopener noreferrer")
        return self.renderToken(tokens, idx, options, env)

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        """An image of this server; of any other only its description."""
        token = tokens[idx]
        description = escape(self.renderInlineAsText(token.children or [], options, env))
        source = str(token.attrGet("src"))
        if not _IMAGE_OF_OURS.fullmatch(source):
            return description
        return f'<img src="{source}" alt="{description}" loading="lazy">'


_markdown = _Markdown()


def rendered(project: Project) -> SafeString:
    """The project's guideline, rendered; kept per version, because it is read far more often than written."""
    # The text as well as its number: a version that was mended in the admin pages is another text.
    text = hashlib.sha256(project.guideline.encode()).hexdigest()[:16]
    key = f"guideline:{project.pk}:{project.guideline_version}:{text}"
    found = cache.get(key)
    if found is None:
        found = render(project.guideline)
        cache.set(key, found, KEPT_SECONDS)
    return SafeString(found)


def render(text: str, *, first_heading: int = FIRST_HEADING) -> SafeString:
    """HTML of a Markdown text. 200,000 characters take a few seconds at the very worst, and less than one as a rule."""
    env: dict[str, Any] = {}
    tokens = _markdown.parse(text, env)
    _order_headings(tokens, first_heading)
    _align_cells(tokens)
    # Safe by what _Markdown and _Renderer let through; tests/projects/test_guideline.py is what vouches for it.
    return SafeString(_markdown.renderer.render(tokens, _markdown.options, env))


def _order_headings(tokens: Iterable[Token], first: int) -> None:
    """Each heading one step below the one it belongs to, whatever signs its author took: readers jump by level."""
    above: list[int] = []
    for token in tokens:
        if token.type == "heading_open":
            written = int(token.tag[1])
            while above and above[-1] >= written:
                above.pop()
            above.append(written)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(LAST_HEADING, first + len(above) - 1)}"


def _align_cells(tokens: Iterable[Token]) -> None:
    """By class: the page's policy forbids the style attribute that says it otherwise."""
    for token in tokens:
        if token.type in ("th_open", "td_open") and (style := token.attrGet("style")):
            token.attrs = {"class": str(style).replace("text-align:", "at-")}
