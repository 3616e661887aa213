"""Refused files by their reason: each reason there is has something to do about it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from labeler.intake import advice

INTAKE = Path(advice.__file__).parent
# Two sentences that say all there is to say.
ENOUGH = ("neither a zip nor a tar", "cannot be read:")


def sentence(node: ast.AST) -> str:
    """The sentence of an argument: a string, _() of one, or _() % {...}, with … for what is filled in."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return re.sub(r"%\(\w+\)[sd]", "…", sentence(node.left))
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
        return sentence(node.args[0])
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def reasons() -> list[str]:
    """Every sentence that the intake refuses a file with: arguments of Refused, and what their functions return."""
    found = set()
    for name in ("check.py", "archives.py"):
        for node in ast.walk(ast.parse((INTAKE / name).read_text())):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused"
            parts = node.args if called else [node.value] if isinstance(node, ast.Return) and node.value else []
            found |= {text for text in map(sentence, parts) if " " in text}
    return sorted(found)


def test_the_sentences_are_found():
    assert len(reasons()) > 20
    assert "The file is empty." in reasons()


@pytest.mark.parametrize("reason", reasons())
def test_every_reason_has_something_to_do(reason):
    assert advice.advice_for(reason) or any(piece in reason for piece in ENOUGH), reason


def test_files_are_sorted_by_reason_and_the_most_frequent_comes_first():
    refused = [{"name": f"{n}.jpg", "reason": "The file is empty."} for n in range(150)]
    refused += [{"name": "a.svg", "reason": "This is an SVG drawing, not an image made of pixels."}]
    refused += [{"name": "", "reason": "… and 3 more files."}]

    empty, drawing, remark = advice.grouped(refused)

    assert (empty.n, len(empty.names), empty.more) == (150, 100, 50)
    assert (drawing.n, drawing.names, drawing.advice) == (1, ["a.svg"], "Save the drawing as PNG.")
    assert (remark.n, remark.names) == (0, [])
