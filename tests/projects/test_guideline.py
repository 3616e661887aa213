"""The guideline's Markdown: what leads write, and what somebody hostile would."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from labeler.projects import guideline
from tests.helpers.factories import make_project

KNOWN_TAGS = {
    *("p", "br", "strong", "em", "code", "pre", "blockquote", "ul", "ol", "li", "hr", "a", "img"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
KNOWN_ATTRIBUTES = {"href", "title", "target", "rel", "src", "alt", "loading", "start", "class"}


class Reader(HTMLParser):
    """Every tag, and every attribute with its value, as a browser would take them."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.text += data


def values(html: str, name: str) -> list[str]:
    return [value for _, attribute, value in Reader(html).attributes if attribute == name]


def test_what_leads_write():
    html = guideline.render(
        "# Leaves\n\nLook at the **underside** too.\nBoth sides count.\n\n- rust\n- spot\n\n1. first\n\n"
        "> a remark\n\n| class | size |\n|---|---|\n| rust | 3 mm |\n\n---\n\n`code`"
    )

    assert "<h3>Leaves</h3>" in html
    assert "<strong>underside</strong> too.<br" in html
    wanted = ("<li>rust</li>", "<ol>", "<blockquote>", "<th>class</th>", "<td>3 mm</td>", "<hr", "<code>code</code>")
    assert [part for part in wanted if part not in html] == []


def test_a_tables_columns_are_aligned_without_a_style_attribute():
    html = guideline.render("| a | b | c | d |\n|:--|:-:|--:|---|\n| 1 | 2 | 3 | 4 |")

    assert values(html, "class") == ["at-left", "at-center", "at-right"] * 2
    assert values(html, "style") == []


def test_plain_words_stay_as_they_are():
    assert guideline.render("") == ""
    assert guideline.render("Rust < 3 mm & raised") == "<p>Rust &lt; 3 mm &amp; raised</p>\n"


def test_links_lead_away_without_our_window_or_address():
    html = guideline.render("[atlas](https://example.org/a?b=1&c=2 'Atlas') <mailto:lena@example.org> <http://x.org>")

    assert values(html, "href") == ["https://example.org/a?b=1&c=2", "mailto:lena@example.org", "http://x.org"]
    assert values(html, "target") == ["_blank"] * 3
    assert values(html, "rel") == ["noopener noreferrer"] * 3


@pytest.mark.parametrize(
    "address",
    [
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "&#106;avascript:alert(1)"),
        *("javascript&colon;alert(1)", "\x01javascript:alert(1)", "data:text/html;base64,PHNjcmlwdD4=", "vbscript:x"),
        *("data:image/svg+xml;base64,PHN2Zz4=", "file:///etc/passwd", "//evil.example/x", "/account/logout/", "#top"),
        *("ftp://example.org/x", "blob:https://x/1", "https:", "http://", "mailto:", "about:blank", "../settings/"),
    ],
)
def test_no_other_address_becomes_a_link_or_an_image(address):
    html = guideline.render(f"[a]({address}) <{address}> [b][r] ![c]({address})\n\n[r]: {address}\n")

    assert values(html, "href") == [] and values(html, "src") == []


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a <b onclick=x>b</b>", "<style>*{}</style>",
        "<!-- --><svg/onload=x>", "<?php ?>", "<![CDATA[<script>]]>", "```<script>\n<script>\n```", "    <iframe>",
        '[x](https://a.org "\\" onmouseover=alert(1) ")', '![" onerror="x](/api/images/1/thumb/)',
        "| <script> |\n|---|\n| <img onerror=x> |", "&lt;script&gt;alert(1)&lt;/script&gt;",
        "```js\" onclick=\"x\n1\n```",
        "[a](<https://x.org/\"onclick=\"x>)", "# <h1 style=x>", "\x00<script>\x00", "[![<script>](https://x)](https://y)",
    ],
)  # fmt: skip
def test_whatever_is_written_only_known_tags_and_attributes_come_out(text):
    read = Reader(guideline.render(text))

    assert read.tags <= KNOWN_TAGS
    assert {name for _, name, _ in read.attributes} <= KNOWN_ATTRIBUTES
    assert not any(name.startswith("on") for _, name, _ in read.attributes)


def test_images_come_from_this_server_alone():
    html = guideline.render("![rust](/api/images/31/preview/) ![far *away*](https://example.org/x.png)")

    assert values(html, "src") == ["/api/images/31/preview/"]
    assert values(html, "alt") == ["rust"]
    assert "far away" in Reader(html).text
    for other in ("/api/images/31/file/", "/api/images/31/claim/", "/api/images/3/preview/../../x/", "/logout/"):
        assert values(guideline.render(f"![x]({other})"), "src") == []


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        ("# a\n## b\n### c\n# d", [3, 4, 5, 3]),
        ("## a\n#### b\n## c\n# d\n## e", [3, 4, 3, 3, 4]),
        ("###### a\n# b", [3, 3]),
        ("# a\n## b\n### c\n#### d\n##### e\n###### f", [3, 4, 5, 6, 6, 6]),
        ("a\n===\nb\n---", [3, 4]),
    ],
)
def test_headings_keep_the_pages_order_whatever_signs_their_author_took(written, rendered):
    html = guideline.render(written)

    assert [int(level) for level in re.findall(r"<h(\d)>", html)] == rendered
    assert [int(level) for level in re.findall(r"</h(\d)>", html)] == rendered


LONG = 200_000  # what the REST API takes


@pytest.mark.parametrize(
    "pattern",
    [
        *("[", "![", "![[]()", "*a ", "**a *b", "_a__b", ">", "`", "<", "<a ", "&", "\\", "# a\n", "[a]: /u\n"),
        *("[x]:\n", "[a](b \"", "|a|\n|-|\n", "- ", "1. ", "\n", "a  \n", "~", "&#0;", "<http://a", "[a](<b"),
        *("\t", "]("),
    ],
)  # fmt: skip
def test_no_text_of_the_longest_length_takes_more_than_linear_work(pattern):
    # Counted, not timed: a clock would measure the machine. Twice the text may make twice the output and tokens.
    short, long = ((pattern * LONG)[:n] for n in (LONG // 40, LONG // 20))
    few, many = (calls(text) for text in (short, long))

    assert many <= 2.6 * few + 20_000
    assert len(guideline.render(long)) < 40 * len(long)


def calls(text: str) -> int:
    """How many functions rendering calls, those written in C too."""
    import sys

    counted = 0

    def count(_frame, event, _argument):
        nonlocal counted
        if event in ("call", "c_call"):
            counted += 1

    sys.setprofile(count)
    try:
        guideline.render(text)
    finally:
        sys.setprofile(None)
    return counted


def test_deep_nesting_ends():
    html = guideline.render("> " * 5000 + "deep\n\n" + "\n".join("  " * n + "- x" for n in range(600)))

    assert html.count("<blockquote>") < 50 and html.count("<ul>") < 2000
    assert Reader(html).tags <= KNOWN_TAGS


@pytest.mark.django_db
def test_it_is_rendered_once_per_version(ann, monkeypatch):
    project = make_project(ann, guideline="# One")
    first = guideline.rendered(project)
    monkeypatch.setattr(guideline, "render", lambda text: f"again: {text}")

    assert guideline.rendered(project) == first == "<h3>One</h3>\n"
    project.guideline, project.guideline_version = "# Two", 2
    assert guideline.rendered(project) == "again: # Two"
    assert hasattr(guideline.rendered(project), "__html__")
