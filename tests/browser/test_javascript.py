"""The modules that need no page, tested in the browser itself (tests/js/*.test.js): no Node for anybody."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = sorted((ROOT / "tests" / "js").glob("*.test.js"))
ORIGIN = "http://modules.test"


def _serve(route) -> None:
    """/static/… and /js/… from the checkout, an empty page for the rest."""
    path = route.request.url.removeprefix(ORIGIN)
    if path == "/":
        route.fulfill(body="<!doctype html><title>modules</title>", content_type="text/html")
        return
    file = ROOT / path.lstrip("/") if path.startswith("/static/") else ROOT / "tests" / path.lstrip("/")
    if file.is_file():
        route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0] or "text/plain")
    else:
        route.fulfill(status=404)


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_module(page, file):
    page.route("**/*", _serve)
    page.goto(f"{ORIGIN}/")

    results = page.evaluate(
        """async (name) => {
            await import(`/js/${name}`);
            return (await import("/js/harness.js")).results();
        }""",
        file.name,
    )

    failed = [f"{r['name']}\n    {r['error']}" for r in results if r["error"]]
    assert results, "no test was found"
    assert not failed, f"{len(failed)} of {len(results)} failed:\n" + "\n".join(failed)
