"""The documentation that came with this version, as pages: so that it is there without the internet, and fits.

Knows which pages there are. They are ours, so their Markdown is rendered as it is, but for links between them.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

# In the order in which people meet them.
TITLES = {
    "annotator": gettext_lazy("Labeling images"),
    "lead": gettext_lazy("Leading a project"),
    "agreement": gettext_lazy("Reading agreement"),
    "model": gettext_lazy("The model"),
    "formats": gettext_lazy("Formats out"),
    "rest": gettext_lazy("The REST interface"),
    "operator": gettext_lazy("Running Labeler"),
}


class _Renderer(RendererHTML):
    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        """lead.md#settings leads to the page of it; what is no page here loses its link in _without_dead_links()."""
        target = _page_of(str(tokens[idx].attrGet("href")))
        tokens[idx].attrSet("href", target or "")
        return self.renderToken(tokens, idx, options, env)

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        """Wide tables scroll inside of the page."""
        return '<div class="scroll-x" tabindex="0" role="group"><table class="tbl">'

    def table_close(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]
    ) -> str:
        return "</table></div>"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        """Code scrolls too, so the keyboard must reach it."""
        return super().fence(tokens, idx, options, env).replace("<pre>", '<pre tabindex="0">', 1)

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        return super().code_block(tokens, idx, options, env).replace("<pre>", '<pre tabindex="0">', 1)


def _page_of(href: str) -> str | None:
    """The address of a link between documents; None where it leads to none of them."""
    name, mark, place = href.partition("#")
    if name.removesuffix(".md") in TITLES:
        return reverse("document", args=[name.removesuffix(".md")]) + mark + place
    return href if not name and place else None


def _without_dead_links(tokens: list[Token]) -> None:
    """CONTRIBUTING.md and other hosts stay in the text: this page leads nowhere it cannot."""
    for block in tokens:
        children, kept, dead = block.children or [], [], False
        for token in children:
            if token.type == "link_open" and _page_of(str(token.attrGet("href"))) is None:
                dead = True
            elif token.type == "link_close" and dead:
                dead = False
            else:
                kept.append(token)
        if block.children is not None:
            block.children = kept


_markdown = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")


@lru_cache(maxsize=len(TITLES))
def rendered(name: str) -> SafeString:
    """HTML of one document. Kept: the files change with the program alone."""
    env: dict[str, Any] = {}
    text = (Path(settings.BASE_DIR) / "docs" / f"{name}.md").read_text(encoding="utf-8")
    tokens = _markdown.parse(text, env)
    _without_dead_links(tokens)
    _mend_cells(tokens)
    _name_headings(tokens)
    return SafeString(_markdown.renderer.render(tokens, _markdown.options, env))


def _mend_cells(tokens: list[Token]) -> None:
    """Alignment by class, as the page's policy forbids the style attribute; an empty corner is no heading."""
    for place, token in enumerate(tokens):
        if token.type in ("th_open", "td_open") and (style := token.attrGet("style")):
            token.attrs = {"class": re.sub(r".*:\s*", "at-", str(style))}
        if token.type == "th_open" and not tokens[place + 1].content:
            token.tag = tokens[place + 2].tag = "td"


def _name_headings(tokens: list[Token]) -> None:
    """A link to #a-heading finds it, by the name that forges give it, too."""
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            words = "".join(child.content for child in tokens[place + 1].children or [])
            token.attrSet("id", re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-"))


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    return redirect("document", "annotator")


@login_required
@require_GET
def document(request: HttpRequest, name: str) -> HttpResponse:
    if name not in TITLES:
        raise Http404(_("There is no such page."))
    pages = [
        {"title": title, "url": reverse("document", args=[key]), "on": key == name} for key, title in TITLES.items()
    ]
    return render(request, "document.html", {"title": TITLES[name], "text": rendered(name), "pages": pages})
