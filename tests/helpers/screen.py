"""The labeling screen in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic

from playwright.sync_api import BrowserContext, Page, expect

from labeler.models import Category, Label

LABEL_CALL = re.compile(r"/api/images/\d+/label/$")


class Screen:
    """What a person sees and does, in few words."""

    def __init__(self, page: Page, url: str):
        self.page = page
        self.url = url

    def open(self) -> Screen:
        self.page.goto(self.url)
        self.image()
        return self

    def image(self) -> int:
        """The id of the image that is painted; waits for one."""
        self.page.wait_for_selector("html[data-painted]", state="attached")
        return int(self.page.locator("html").get_attribute("data-painted"))

    def press(self, *keys: str) -> None:
        """Each key once an image is there for it, as a person would."""
        for key in keys:
            self.image()
            self.page.keyboard.press(key)

    def says(self, text: str) -> None:
        expect(self.page.locator("#saving")).to_have_text(text)

    def button(self, name: str):
        # Not those of the guideline, which explain a class and answer nothing.
        return self.page.get_by_role("button", name=name).and_(self.page.locator(":not(.rail .text *)"))


def names(label: Label) -> list[str]:
    return sorted(Category.objects.filter(pk__in=label.categories).values_list("name", flat=True))


def answers(person) -> dict[int, object]:
    """Image id -> names of the classes, or the word for no class; what counts now, in the order it came."""
    current = Label.objects.current().filter(annotator=person).order_by("id")
    return {row.image_id: names(row) if row.answer == "labeled" else row.answer for row in current}


def intercept(where: Page | BrowserContext, pattern, handler: Callable, **options) -> None:
    """`route`, in force when this returns.

    Chromium hands the new way of its requests to the pages that are open a moment after it has said that it
    stands: on a loaded machine the next request of such a page still passed by the handler.
    """
    where.route(pattern, handler, **options)
    where.route("**/is-intercepted", lambda route: route.fulfill(body="yes"))
    for page in getattr(where, "pages", [where]):
        if page.url.startswith("http"):
            page.wait_for_function("fetch('/is-intercepted').then((a) => a.text()).then((text) => text === 'yes')")
    where.unroute("**/is-intercepted")


def eventually(page: Page, holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for the database to say so."""
    end = monotonic() + seconds
    while not holds():
        assert monotonic() < end, "it never came true"
        page.wait_for_timeout(50)
