"""A filter in words."""

from __future__ import annotations

from labeler.curation import filters as curated
from labeler.models import Finding
from labeler.wording import filters


def test_a_filter_reads_as_a_sentence():
    sent = {"status": ["settled", "disputed"], "category": ["cat", "7"], "search": ["leaf"], "metadata.site": ["north"]}

    assert filters.sentence(sent, {7: "1984"}) == (
        "Settled or disputed, and somebody said cat, and somebody said 1984, and name has “leaf”, and site is north."
    )
    assert filters.sentence({}, {}) == ""


def test_every_filter_has_its_words_and_the_last_value_counts():
    for name in curated.NAMES:
        assert filters.told(name, "settled" if name == "status" else "tiny")
    assert filters.phrases({"min_confidence": ["0.5", "0.9"]}, {}) == ["model at least 0.9 sure"]
    assert {filters.told("finding", code) for code in Finding.values} == {str(one) for one in Finding.labels}
