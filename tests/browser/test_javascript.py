"""The modules that need no page, tested in the browser itself (tests/js/*.test.js): no Node for anybody."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path

import pytest

from labeler.web.staticfiles import minified

ROOT = Path(__file__).resolve().parents[2]
TESTS = sorted((ROOT / "tests" / "js").glob("*.test.js"))
ORIGIN = "http://modules.test"


def _serve(route) -> None:
    _answer(route, lambda _name, text: text)


def _serve_lean(route) -> None:
    _answer(route, minified)


def _answer(route, change: Callable[[str, str], str]) -> None:
    """/static/… and /js/… from the checkout, an empty page for the rest. `change`: what becomes of a module of ours."""
    path = route.request.url.removeprefix(ORIGIN)
    if path == "/":
        route.fulfill(body="<!doctype html><title>modules</title>", content_type="text/html")
        return
    file = ROOT / path.lstrip("/") if path.startswith("/static/") else ROOT / "tests" / path.lstrip("/")
    if file.is_file():
        body = file.read_bytes()
        if path.startswith("/static/"):
            body = change(path.removeprefix("/static/"), body.decode()).encode()
        route.fulfill(body=body, content_type=mimetypes.guess_type(file.name)[0] or "text/plain")
    else:
        route.fulfill(status=404)


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_module(page, file):
    page.route("**/*", _serve)
    _check(page, file)


def _check(page, file: Path) -> None:
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


def test_modules_do_the_same_when_they_are_minified(page):
    page.route("**/*", _serve_lean)
    for file in TESTS:
        _check(page, file)


def test_no_module_is_broken_when_it_is_minified(page):
    page.route("**/*", _serve)
    page.goto(f"{ORIGIN}/")
    broken = {}
    for file in sorted((ROOT / "static" / "js").rglob("*.js")):
        text = minified(f"js/{file.name}", file.read_text(encoding="utf-8"))
        # What it imports cannot be found from here; whether it can be read at all is found out before that.
        error = page.evaluate(
            "source => import('data:text/javascript,' + encodeURIComponent(source)).then(() => '', (e) => e.name)", text
        )
        if error == "SyntaxError":
            broken[file.name] = error
    assert broken == {}


@pytest.mark.parametrize("name", sorted(file.name for file in (ROOT / "static" / "css").glob("*.css")))
def test_a_style_sheet_says_the_same_when_it_is_minified(page, name):
    page.route("**/*", _serve)
    page.goto(f"{ORIGIN}/")
    text = (ROOT / "static" / "css" / name).read_text(encoding="utf-8")
    rules = """text => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(text);
        // In values with var() the browser keeps white space as it was written.
        return [...sheet.cssRules].map(({cssText}) => cssText.replace(/([,:])\\s+/g, "$1"));
    }"""

    assert page.evaluate(rules, minified(f"css/{name}", text)) == page.evaluate(rules, text)
