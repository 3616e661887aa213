"""How templates are laid out, and what of that layout is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.template import engines

from labeler.web.templates import without_layout

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
WIDEST = 120


def test_no_line_of_a_template_is_wider_than_120_characters():
    too_wide = [
        f"{path.relative_to(TEMPLATES)}:{number} has {len(line)}"
        for path in sorted(TEMPLATES.rglob("*.*"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > WIDEST
    ]
    assert too_wide == []


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("\n<p>\n  one\n  two\n</p>\n", "<p>one two</p>"),
        ("<ul>\n  <li>a</li>\n  <li>b</li>\n</ul>", "<ul><li>a</li><li>b</li></ul>"),
        # between words and inline elements
        ("<p>see\n  <a>this</a>\n  and that</p>", "<p>see <a>this</a> and that</p>"),
        ("<p>a <b>b</b>  c</p>", "<p>a <b>b</b>  c</p>"),
        ("<b>a</b>{% if x %}<i>b</i>{% endif %}.", "<b>a</b>{% if x %}<i>b</i>{% endif %}."),
        # at the edge of a block-level element, whatever the conditions say
        ("<p>\n {% if x %}\n a\n {% else %}\n b\n {% endif %}\n</p>", "<p>{% if x %}a{% else %}b{% endif %}</p>"),
        ("<i>a</i>\n{% if x %}\n<p>b</p>\n{% endif %}\n<i>c</i>", "<i>a</i> {% if x %}<p>b</p>{% endif %}<i>c</i>"),
        ("<p>{% for x in y %}\n {{ x }}\n{% endfor %}\n</p>", "<p>{% for x in y %} {{ x }} {% endfor %}</p>"),
        ("a,\n{% if x %}\n <i>b</i>\n{% else %}\n c\n{% endif %}\nd", "a, {% if x %}<i>b</i> {% else %}c {% endif %}d"),
        # in a tag
        ("<input\n  {% if x %}checked{% endif %}\n  name='a'\n>", "<input{% if x %} checked{% endif %} name='a'>"),
        ('<path d="m 0 0" />', '<path d="m 0 0"/>'),
        ('<p class="\n  a\n  b\n" title="a  b">', '<p class="a b" title="a  b">'),
        # beside template tags that write nothing
        ("{% load i18n %}\n{# a #}\n<b>a</b>", "{% load i18n %}{# a #}<b>a</b>"),
        ("<b>a</b>\n{% with x=y %}\n<b>b</b>", "<b>a</b>{% with x=y %} <b>b</b>"),
        # what is shown as it is written
        ("<pre>\n a\n  b</pre>\n<p>", "<pre>\n a\n  b</pre><p>"),
        ("<textarea>\n a\n</textarea>\n<b>", "<textarea>\n a\n</textarea> <b>"),
        ("<script>\n a\n</script>", "<script>\n a\n</script>"),
        (
            "{% blocktranslate %}\n a\n{% endblocktranslate %}\n a",
            "{% blocktranslate %}\n a\n{% endblocktranslate %} a",
        ),
    ],
)
def test_what_is_sent_has_no_layout(source, sent):
    assert without_layout(source) == sent


def test_what_has_no_layout_stays_as_it_is():
    for path in sorted(TEMPLATES.rglob("*.html")):
        once = without_layout(path.read_text(encoding="utf-8"))
        assert without_layout(once) == once, path


def test_the_pages_are_compiled_without_layout():
    source = engines["django"].get_template("base.html").template.source
    assert source == without_layout((TEMPLATES / "base.html").read_text(encoding="utf-8"))
    assert "\n  " not in source
