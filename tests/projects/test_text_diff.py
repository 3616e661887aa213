"""What changed between two texts, line by line and word by word."""

from __future__ import annotations

import pytest

from labeler.projects.text_diff import CONTEXT, compare


def told(old: str, new: str) -> list[str]:
    """Lines as people read them: +new, -gone, ~changed with [-gone-]{+new+}, ~n left out."""
    marks = {"same": "{}", "gone": "[-{}-]", "new": "{{+{}+}}"}
    lines = []
    for line in compare(old, new):
        if line.kind == "hidden":
            lines.append(f"({line.hidden})")
        elif line.kind == "changed":
            lines.append("~" + "".join(marks[kind].format(text) for kind, text in line.pieces))
        else:
            lines.append({"same": " ", "gone": "-", "new": "+"}[line.kind] + line.pieces[0][1])
    return lines


def test_equal_texts_have_no_difference():
    assert compare("a\nb", "a\nb\n") == []


def test_a_line_came_and_a_line_went():
    assert told("one\ntwo", "one\ntwo\nthree") == [" one", " two", "+three"]
    assert told("one\ntwo", "two") == ["-one", " two"]
    assert told("", "first words") == ["+first words"]


def test_a_line_that_changed_a_little_is_one_line_with_its_words_marked():
    assert told("Rust is orange dust.", "Rust is brown dust, on both sides.") == [
        "~Rust is [-orange-]{+brown+} dust{+, on both sides+}."
    ]


def test_lines_with_little_in_common_are_two():
    assert told("Rust is orange.", "Look at the underside as well, always.") == [
        "-Rust is orange.",
        "+Look at the underside as well, always.",
    ]


def test_long_equal_stretches_are_left_out_but_for_some_lines_around_each_change():
    same = [f"line {n}" for n in range(30)]

    lines = told("\n".join(["a", *same, "b"]), "\n".join(["x1 y2 z3", *same, "b2 c3 d4"]))

    assert lines == [
        "-a", "+x1 y2 z3", *(f" line {n}" for n in range(CONTEXT)), f"({30 - 2 * CONTEXT})",
        *(f" line {n}" for n in range(30 - CONTEXT, 30)), "-b", "+b2 c3 d4",
    ]  # fmt: skip


def test_both_texts_can_be_read_back_from_what_is_shown():
    old = "# Rust\n\nOrange dust.\nOn the underside.\n\nNot: spots."
    new = "# Rust\n\nOrange or brown dust.\nAlso: stripes.\n\nNot: spots with a rim."

    lines = compare(old, new)

    for text, other in ((old, "new"), (new, "gone")):
        kept = ["".join(t for kind, t in line.pieces if kind != other) for line in lines if line.kind != other]
        assert "\n".join(kept) == text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a " * 50_000, "a " * 50_000 + "b"),
        ("\n".join(f"{n} one" for n in range(20_000)), "\n".join(f"{n} two" for n in range(20_000))),
    ],
)
def test_very_long_texts_are_compared_by_whole_lines(old, new):
    # Word by word would cost the square of their length: minutes of a web process.
    assert {line.kind for line in compare(old, new)} == {"gone", "new"}


def test_a_text_of_blank_lines_is_compared_too():
    assert "+x" in told("\n" * 100_000, "\n" * 50_000 + "x" + "\n" * 50_000)
