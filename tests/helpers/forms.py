"""The forms of a page, as a browser would send them."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from typing import Any


def text_of(response) -> str:
    return html.unescape(response.content.decode())


class Forms(HTMLParser):
    """The forms of a page, each as what a browser would send back untouched."""

    def __init__(self, page: str):
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.inside = ""  # the textarea or select whose end has not come
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        had = dict(attrs)
        if tag == "form":
            self.forms.append({})
        elif tag == "input" and had.get("type") == "checkbox" and "value" in had:
            if "checked" in had:  # one of several of this name
                self.forms[-1].setdefault(had["name"], []).append(had["value"])
        elif tag == "input" and had.get("type") in ("radio", "checkbox"):
            if "checked" in had:
                self.forms[-1][had["name"]] = had.get("value", "on")
        elif tag == "input":
            self.forms[-1][had["name"]] = had.get("value") or ""
        elif tag in ("textarea", "select"):
            self.inside = had["name"]
            self.forms[-1][self.inside] = ""
        elif tag == "option" and "selected" in had:
            self.forms[-1][self.inside] = had["value"]
        self.is_text = tag == "textarea"

    def handle_data(self, text):
        if self.inside and self.is_text:
            self.forms[-1][self.inside] += text.removeprefix("\n")

    def handle_endtag(self, tag):
        if tag in ("textarea", "select"):
            self.inside = ""


def form_of(client, address: str, having: str) -> dict[str, Any]:
    """What the form of a page that has a field of this name would send."""
    (form,) = [form for form in Forms(client.get(address).content.decode()).forms if having in form]
    return form


def fresh(row):
    return type(row).objects.get(pk=row.pk)
