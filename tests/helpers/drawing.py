"""A page with nothing but the drawing board on it, served from the checkout without a server.

Knows playwright's routes. What is drawn on the board is the caller's business.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "http://board.test"
PAGE = """<!doctype html>
<html lang="en">
<title>board</title>
<link rel="stylesheet" href="/static/css/tokens.css">
<link rel="stylesheet" href="/static/css/draw.css">
<style>body { margin: 0 } #stage { width: 100vw; height: 100vh }</style>
<div id="stage"></div>
"""

# A picture of coloured bars, so that the wrong place would show, and three classes.
_BEGIN = """async ({width, height, objects}) => {
    const { Board } = await import("/static/js/draw/board.js");
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    for (let n = 0; n < 20; n += 1) {
        context.fillStyle = `hsl(${n * 18} 40% ${n % 2 ? 40 : 55}%)`;
        context.fillRect((n * width) / 20, 0, width / 20, height);
    }
    const img = new Image();
    img.draggable = false;
    img.src = URL.createObjectURL(await canvas.convertToBlob());
    await img.decode();
    window.said = [];
    window.changes = [];
    window.board = new Board(document.getElementById("stage"), {
        onSay: (text) => said.push(text),
        onChange: (scene, what) => changes.push(what),
        onBefore: () => window.before ?? null,
    });
    board.setClasses([
        { id: 11, name: "Car", colour: 1, shape: 1 },
        { id: 12, name: "Person", colour: 3, shape: 2 },
        { id: 13, name: "Dog", colour: 5, shape: 3 },
    ]);
    window.picture = { id: 1, width, height, img };
    board.show(picture, objects);
    await new Promise((done) => setTimeout(done, 60));
}"""


def open_board(page: Any, *, width: int = 800, height: int = 600, objects: list[dict[str, Any]] | None = None) -> None:
    """A board on the whole page, as `board` there, showing an image of this size with these objects."""
    page.route("**/*", _serve)
    page.goto(f"{ORIGIN}/")
    page.evaluate(_BEGIN, {"width": width, "height": height, "objects": objects or []})


def _serve(route: Any) -> None:
    path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
    if path == "/":
        route.fulfill(body=PAGE, content_type="text/html")
        return
    file = ROOT / path.lstrip("/")
    if path.startswith("/static/") and file.is_file():
        route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0] or "text/plain")
    else:
        route.fulfill(status=404)
