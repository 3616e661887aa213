"""Every way in which a drawn shape can be wrong has a sentence for its author."""

from __future__ import annotations

import pytest

from labeler.geometry.shapes import IMPOSSIBLE, MALFORMED
from labeler.wording import shapes


@pytest.mark.parametrize("code", [*MALFORMED, *IMPOSSIBLE])
def test_each_code_has_a_sentence(code):
    sentence = shapes.sentence(code)

    assert code in shapes.SENTENCES and sentence[0].isupper() and sentence.endswith(".")
