"""Charts and statistics speak the language they are handed, and English without one; neither knows Django."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from django.utils import translation
from django.utils.translation import gettext, ngettext

from labeler.charts import PairCell, Series, bars, confusion_matrix, line_chart, pair_matrix
from labeler.charts import words as chart_words
from labeler.stats import words as figure_words
from labeler.stats.agreement import summarize
from labeler.stats.kappa import kappa_from_table

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("charts", "stats")


def foreign(text: str) -> str:
    """A language that can be told from English and keeps what is filled in."""
    return f"«{text}»"


@pytest.fixture
def foreigner():
    """Charts and figures speak it; afterwards again what the application speaks."""
    for words in (chart_words, figure_words):
        words.speak(foreign, lambda one, many, n: foreign(one if n == 1 else many))
    yield
    for words in (chart_words, figure_words):
        words.speak(gettext, ngettext)


def heat() -> str:
    return pair_matrix(["Ann", "Bea", "Dora"], {(0, 1): PairCell(0.71, 0.63, 0.79, 242)}, 0.7)


def test_the_words_of_charts_are_translated(foreigner):
    matrix = heat()
    confusion = confusion_matrix(["a", "b"], [[3, 1], [2, 4]], caption="c", row_name="r", column_name="c")
    line = line_chart("t", "s", [Series("a", [(1, 0.5)], band=[(1, 0.4, 0.6)])], x_name="x", y_name="y")

    assert "«Show as table»" in matrix and "«Show as table»" in line
    assert "«neutral at the project target, κ 0.70»" in matrix
    assert "«Ann and Bea»: κ 0.71 (95 % «0.63 to 0.79»), «242 shared images»" in matrix
    assert "«no shared images»" in matrix
    assert "«a called b: 1 image»" in confusion and "«b called a: 2 images»" in confusion
    assert "«0.5 (0.4 to 0.6)»" in line
    assert "«Nothing to show yet.»" in bars([])


def test_notes_and_reasons_of_figures_are_translated(foreigner):
    nothing = summarize([], [], [], 2, 2, "single")
    few = summarize([1, 1, 2, 2], [0, 1, 0, 1], [0, 0, 0, 0], 2, 2, "single")

    assert nothing.notes == ("«There are no labels yet.»",)
    assert nothing.alpha.reason == "«no image has labels of two people»"
    assert "«Only 2 images have labels of two people: read the intervals, not the values.»" in few.notes
    assert few.alpha.reason == "«everyone always chose the same class: agreement beyond chance is undefined»"
    assert kappa_from_table([[10, 3], [2, 9]]).reason == "«too few shared images: read the interval, not the value»"


def test_the_paradox_is_told_with_its_numbers_in_any_language(foreigner):
    answers = np.array([0] * 188 + [0, 1] * 6)
    images, people = np.repeat(np.arange(100), 2), np.tile([0, 1], 100)

    [note] = [n for n in summarize(images, people, answers, 2, 2, "single").notes if "PABAK" in n]

    assert "«One class» holds 97% of the labels" in note
    assert "%(" not in note


def test_without_anybody_who_translates_it_is_english():
    for words in (chart_words, figure_words):
        words.speak()
    try:
        assert "Show as table" in heat()
        assert summarize([], [], [], 2, 2, "single").notes == ("There are no labels yet.",)
    finally:
        for words in (chart_words, figure_words):
            words.speak(gettext, ngettext)


def test_the_application_hands_them_its_gettext():
    class Catalogue:
        """As a loaded .mo file answers."""

        def gettext(self, text: str) -> str:
            return {"Show as table": "Als Tabelle zeigen"}.get(text, text)

        def ngettext(self, one: str, many: str, n: int) -> str:
            return one if n == 1 else many

    from django.utils.translation import trans_real

    with translation.override("en"):
        before = trans_real._active.value
        trans_real._active.value = Catalogue()
        try:
            assert "Als Tabelle zeigen" in heat()
        finally:
            trans_real._active.value = before


@pytest.mark.parametrize("package", PACKAGES)
def test_makemessages_can_find_every_sentence(package):
    """Only literals, marked by names that makemessages knows, and nothing translated while a module is imported."""
    for path in sorted((ROOT / "labeler" / package).glob("*.py")):
        if path.name == "words.py":
            continue
        tree = ast.parse(path.read_text())
        inside = {id(node) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for node in ast.walk(f)}
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            if call.func.id in ("_", "ngettext", "gettext_noop"):
                words = call.args[:1] if call.func.id != "ngettext" else call.args[:2]
                # A constant marked by gettext_noop is translated by its name.
                constant = call.func.id == "_" and isinstance(words[0], ast.Name | ast.IfExp)
                assert constant or all(isinstance(word, ast.Constant) for word in words), (path.name, call.lineno)
                assert call.func.id == "gettext_noop" or id(call) in inside, (path.name, call.lineno)
