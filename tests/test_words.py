"""Figures and charts know no language: each code has a sentence, made where people read, in the reader's language."""

from __future__ import annotations

import ast
import json
import string
from pathlib import Path

import numpy as np
import pytest
from django.utils import translation
from django.utils.translation import trans_real

from labeler.charts import PairCell, Series, bars, confusion_matrix, line_chart, pair_matrix
from labeler.stats.agreement import summarize
from labeler.stats.kappa import kappa_from_table
from labeler.stats.results import TOO_FEW_IMAGES, Reason
from labeler.wording.sentences import SENTENCES, chart_words, in_words, sentence

ROOT = Path(__file__).resolve().parent.parent
PURE = sorted(path for package in ("charts", "stats") for path in (ROOT / "labeler" / package).rglob("*.py"))
OURS = sorted(path for package in ("labeler", "worker", "api") for path in (ROOT / package).rglob("*.py"))


@pytest.fixture
def foreigner():
    """The language of the reader can be told from English, and keeps what is filled in."""

    class Catalogue:
        """As a loaded .mo file answers."""

        def gettext(self, text: str) -> str:
            return f"«{text}»"

        def ngettext(self, one: str, many: str, n: int) -> str:
            return f"«{one if n == 1 else many}»"

    with translation.override("en"):
        before = trans_real._active.value
        trans_real._active.value = Catalogue()
        yield
        trans_real._active.value = before


def reasons_in(path: Path) -> list[tuple[ast.Call, set[str] | None]]:
    """Every Reason(...) in a file, with the names of its numbers; None where they are not written there."""
    found, text = [], path.read_text()
    for call in ast.walk(ast.parse(text)) if "Reason(" in text else ():
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Reason":
            numbers = call.args[1] if len(call.args) > 1 else None
            names = {key.value for key in numbers.keys} if isinstance(numbers, ast.Dict) else None
            found.append((call, set() if numbers is None else names))
    return found


def test_every_code_has_a_sentence_and_every_sentence_a_code():
    codes = set()
    for path in OURS:
        for call, _numbers in reasons_in(path):
            assert isinstance(call.args[0], ast.Constant), f"{path.name}:{call.lineno}: a code is written out"
            codes.add(call.args[0].value)

    assert codes == set(SENTENCES)


def test_a_sentence_names_no_number_that_its_code_does_not_bring():
    for path in OURS:
        for call, numbers in reasons_in(path):
            words = SENTENCES[call.args[0].value]
            if callable(words) or numbers is None:
                continue
            wanted = {part.partition(")")[0] for part in str(words).split("%(")[1:]}
            assert wanted <= numbers, f"{path.name}:{call.lineno}"


@pytest.mark.parametrize("path", PURE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_charts_and_statistics_know_no_language(path):
    """No gettext, and no sentence: what is not a docstring or an error for programmers has no words to read."""
    tree = ast.parse(path.read_text())
    silent = {id(node) for error in ast.walk(tree) if isinstance(error, ast.Raise) for node in ast.walk(error)}
    silent |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert not any("django" in name or "gettext" in name or name.endswith("words") for name in names)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            text = node.value
            is_markup = "<" in text or "=" in text or "{" in text
            words = [word for word in text.split() if word.strip(string.punctuation).isalpha()]
            assert is_markup or len(words) < 3, f"{path.name}:{node.lineno} speaks: {text!r}"


def test_a_kept_report_holds_codes_and_is_said_in_the_language_of_who_reads_it(foreigner):
    summary = summarize([1, 1, 2, 2], [0, 1, 0, 1], [0, 0, 0, 0], 2, 2, "single")
    report = json.loads(json.dumps(summary.as_dict(["ann", "bea"], ["cat", "dog"])))

    assert report["alpha"]["reason"] == {"code": "one_class_only"}
    assert report["notes"][1] == {"code": "few_images_of_two_people", "n": 2}
    told = in_words(report)
    assert told["alpha"]["reason"] == "«everyone always chose the same class: agreement beyond chance is undefined»"
    assert "«Only 2 images have labels of two people: read the intervals, not the values.»" in told["notes"]
    assert report["alpha"]["reason"] == {"code": "one_class_only"}  # what is kept stays as it is


def test_what_is_no_code_stays_as_it_is():
    error = {"code": "unreadable", "message": "It cannot be read."}  # of a job, not of a figure
    assert in_words({"error": error, "rows": [[1, 2.5], "a"], "reason": None}) == {
        "error": error, "rows": [[1, 2.5], "a"], "reason": None,
    }  # fmt: skip
    assert in_words(None) is None


def test_a_row_of_before_codes_keeps_its_sentence():
    assert sentence("no image has labels of two people") == "no image has labels of two people"
    assert sentence(None) == sentence("") == ""
    assert sentence(TOO_FEW_IMAGES) == sentence({"code": "too_few_images"})


def test_reasons_are_said_in_the_language_of_who_reads_them(foreigner):
    assert sentence(kappa_from_table([[10, 3], [2, 9]]).reason) == (
        "«too few shared images: read the interval, not the value»"
    )
    assert sentence(Reason("too_few_for_promise", {"n": 1, "fewest": 59})) == (
        "«1 calibration label is there; 59 at least are needed for this promise»"
    )


def test_the_paradox_is_told_with_its_numbers_in_any_language(foreigner):
    answers = np.array([0] * 188 + [0, 1] * 6)
    images, people = np.repeat(np.arange(100), 2), np.tile([0, 1], 100)

    [note] = [n for n in summarize(images, people, answers, 2, 2, "single").notes if n.code == "one_class_dominates"]

    assert "«One class» holds 97% of the labels" in sentence(note)
    assert "%(" not in sentence(note)


def test_charts_say_what_they_are_handed(foreigner):
    words = chart_words()
    cells = {(0, 1): PairCell(0.71, 0.63, 0.79, 242)}
    matrix = pair_matrix(["Ann", "Bea", "Dora"], cells, 0.7, words=words, caption="c", few=30)
    confusion = confusion_matrix(["a", "b"], [[3, 1], [2, 4]], words=words, caption="c", row_name="r", column_name="c")
    line = line_chart("t", "s", [Series("a", [(1, 0.5)], band=[(1, 0.4, 0.6)])], words=words, x_name="x", y_name="y")

    assert "«Show as table»" in matrix and "«Show as table»" in line
    assert "«neutral at the project target, κ 0.70»" in matrix
    assert "«Ann and Bea»: κ 0.71 (95 % «0.63 to 0.79»), «242 shared images»" in matrix
    assert "«no shared images»" in matrix
    assert "«a called b: 1 image»" in confusion and "«b called a: 2 images»" in confusion
    assert "«0.5 (0.4 to 0.6)»" in line
    assert "Nobody yet." in bars([], empty="Nobody yet.")


def test_makemessages_can_find_every_sentence():
    """Only literals, and nothing translated while a module is imported."""
    tree = ast.parse((ROOT / "labeler" / "wording" / "sentences.py").read_text())
    inside = {id(node) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for node in ast.walk(f)}
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        if call.func.id in ("_", "ngettext", "gettext_lazy", "ngettext_lazy"):
            words = call.args[:2] if call.func.id.startswith("ngettext") else call.args[:1]
            assert all(isinstance(word, ast.Constant) for word in words), call.lineno
            assert call.func.id.endswith("_lazy") or id(call) in inside, call.lineno
