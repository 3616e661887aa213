"""A Chromium for the tests that look at pages, and a live server with real images.

Knows playwright. Where the browser is found, and what happens without one, stands in tests/helpers/chromium.py.
"""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test.testcases import LiveServerThread
from PIL import Image as Pixels

pytest.importorskip("playwright", reason="playwright is not installed (make test installs it)")

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from labeler.intake.store import MediaStore
from labeler.models import Image, Project
from tests.helpers.api import log_in
from tests.helpers.databases import wait_until_the_database_is_quiet
from tests.helpers.factories import add_images

# A loaded machine is slow, not wrong: playwright would give each expectation 5 s.
expect.set_options(timeout=15_000)

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class Server(ThreadedWSGIServer):
    """Django's live server, but threads take the next connection of a browser and keep theirs to the database.

    With a new thread for each, one test made some seven connections to PostgreSQL, and each had yet to read of every
    table what it is.
    """

    def __init__(self, *args: Any, **named: Any):
        super().__init__(*args, **named)
        self.threads = ThreadPoolExecutor(64, "live server")

    def process_request(self, request: Any, client_address: Any) -> None:
        self.threads.submit(self.process_request_thread, request, client_address)

    def _close_connections(self) -> None:
        """Not after each; a thread's connection ends with it."""

    def server_close(self) -> None:
        super().server_close()
        self.threads.shutdown(wait=False)


LiveServerThread.server_class = Server


@pytest.fixture(scope="session")
def browser(browser_path):
    """One Chromium for all tests; each test has a context, and so cookies and storage, of its own."""
    # Playwright's event loop runs in this thread, so Django takes our plain calls for calls from a coroutine.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def new_context(browser: Browser):
    """Make a context; an exception or a console error on one of its pages fails the test at its end."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def make(**options) -> BrowserContext:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(15_000)
        context.on("weberror", lambda error: troubles.append(str(error.error)))
        context.on(
            "console",
            # A request that a test makes fail is reported by the browser as an error of its own.
            lambda message: (
                troubles.append(message.text)
                if message.type == "error" and "Failed to load resource" not in message.text
                else None
            ),
        )
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert not troubles, troubles


@pytest.fixture
def page(new_context) -> Page:
    """A page of a context of its own, 1280 x 800."""
    return new_context().new_page()


@pytest.fixture
def plain_static_files(settings):
    """Names without a hash: the tests serve static/ as it is, nothing was collected."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def sign_in(client, live_server, plain_static_files):
    """`sign_in(page_or_context, person)`: a session for a person, without the login form."""
    signed_in: list[BrowserContext] = []

    def sign_in(where: Page | BrowserContext, person) -> None:
        context = where.context if isinstance(where, Page) else where
        signed_in.append(context)
        log_in(client, person)
        cookie = client.cookies["sessionid"]
        context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": live_server.url}])

    yield sign_in
    # A page that closes gives its images back. The tables are emptied after this: whatever the server is
    # still doing by then would meet that in a deadlock.
    for context in signed_in:
        context.close()
    wait_until_the_database_is_quiet()


def jpeg(seed: int, size: tuple[int, int] = (320, 240)) -> bytes:
    """A small image of one colour, another for each seed."""
    out = io.BytesIO()
    Pixels.new("RGB", size, ((seed * 53) % 256, (seed * 97) % 256, (seed * 31) % 256)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def add_photos(settings):
    """`add_photos(project, n)`: images in the queue whose files lie in the media store."""
    store = MediaStore(settings.MEDIA_DIR)

    def add_photos(project: Project, n: int, **fields) -> list[Image]:
        contents = [jpeg(project.pk * 1000 + number) for number in range(n)]
        hashes = [hashlib.sha256(content + str(k).encode()).hexdigest() for k, content in enumerate(contents)]
        with store.batch() as batch:
            for sha256, content in zip(hashes, contents, strict=True):
                batch.add(sha256=sha256, extension="jpg", original=content, preview=content, thumbnail=content)
            batch.keep()
        return add_images(project, n, hashes=hashes, **{"width": 320, "height": 240, **fields})

    return add_photos
